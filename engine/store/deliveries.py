"""Deliveries that were taken: what was answered to them, for as long as senders may send them again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, text

from engine.domain import Receipt
from engine.store.database import Write
from engine.store.tables import DeliveryRow
from engine.store.writing import chunks, upsert

_KNOWN = select(DeliveryRow.id, DeliveryRow.receipts).where(DeliveryRow.id.in_(bindparam("ids", expanding=True)))


def known(link: Connection, ids: Collection[str]) -> dict[str, list[Receipt]]:
    """What was answered to those among `ids` that were taken before."""
    rows = (row for part in chunks(ids) for row in link.execute(_KNOWN, {"ids": part}))
    return {
        row.id: [Receipt(alert_id=alert_id, incident_id=home, outcome=how) for alert_id, home, how in row.receipts]
        for row in rows
    }


def note(tx: Write, taken: Mapping[str, Sequence[Receipt]], at: datetime) -> None:
    """These were taken, with these answers."""
    told = {
        one: [[receipt.alert_id, receipt.incident_id, receipt.outcome] for receipt in receipts]
        for one, receipts in taken.items()
    }
    upsert(tx.link, DeliveryRow, [{"id": one, "at": at, "receipts": receipts} for one, receipts in told.items()])


def in_order(link: Connection) -> list[str]:
    """The ids of those that were taken, in the order in which they were committed."""
    place = "rowid" if link.dialect.name == "sqlite" else "xmin::text::bigint, ctid"  # one writer at a time
    return list(link.execute(select(DeliveryRow.id).order_by(text(place))).scalars())


def forget(tx: Write, before: datetime) -> int:
    """Drop those that were taken before then; returns how many."""
    return tx.link.execute(delete(DeliveryRow).where(DeliveryRow.at < before)).rowcount

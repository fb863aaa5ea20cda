"""Deliveries that are on disk and still to be grouped, in the order received."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, select

from engine.domain import Alert, AlertStatus, Severity
from engine.store.database import Write
from engine.store.tables import DeliveryRow, InboxRow
from engine.store.writing import add, chunks

_OLDEST = select(InboxRow.name, InboxRow.alerts, InboxRow.payload).order_by(InboxRow.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """One delivery in the inbox."""

    name: str  # the delivery's
    alerts: Sequence[Alert]


def put(tx: Write, named: Sequence[tuple[str, Sequence[Alert]]]) -> None:
    """Keep these deliveries, each with its name, behind those that are there."""
    rows = [{"name": name, "alerts": len(alerts), "payload": _told(alerts)} for name, alerts in named]
    add(tx.link, InboxRow, ("name", "alerts", "payload"), rows)


def oldest(link: Connection, most: int) -> list[Kept]:
    """The oldest deliveries, of `most` alerts together; at least one, if there is any."""
    found: list[Kept] = []
    with link.execute(_OLDEST.limit(most)) as rows:
        for row in rows:
            most -= row.alerts
            if found and most < 0:
                break
            found.append(Kept(name=row.name, alerts=_read(row.payload)))
    return found


def drop(tx: Write, names: Collection[str]) -> None:
    """These deliveries are grouped. By name: an id is given again once the inbox is empty."""
    for part in chunks(names):
        tx.link.execute(delete(InboxRow).where(InboxRow.name.in_(part)))


def size(link: Connection) -> int:
    """Alerts that are still to be grouped."""
    return int(link.execute(select(func.coalesce(func.sum(InboxRow.alerts), 0))).scalar_one())


def told(link: Connection) -> Counter[str]:
    """How often each alert is told in what is not grouped yet, by the alert's id: to be counted."""
    new = select(InboxRow.payload).where(InboxRow.name.not_in(select(DeliveryRow.id)))
    return Counter(one["id"] for payload in link.execute(new).scalars() for one in orjson.loads(payload))


def _told(alerts: Sequence[Alert]) -> str:
    return orjson.dumps([dict(_fields(alert)) for alert in alerts]).decode()


def _fields(alert: Alert) -> list[tuple[str, Any]]:
    return [(name, getattr(alert, name)) for name in Alert.__dataclass_fields__]


def _read(payload: str) -> list[Alert]:
    return [_alert(told) for told in orjson.loads(payload)]


def _alert(told: dict[str, Any]) -> Alert:
    told["status"], told["severity"] = AlertStatus(told["status"]), Severity(told["severity"])
    for name in ("starts_at", "received_at", "ends_at"):
        told[name] = datetime.fromisoformat(told[name]) if told[name] else None
    return Alert(**told)

"""Deliveries that are on disk and still to be grouped, in the order received."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, select

from engine.domain import Alert, AlertStatus, Severity
from engine.store.database import Write
from engine.store.tables import InboxRow
from engine.store.writing import add, chunks

_OLDEST = select(InboxRow.id, InboxRow.name, InboxRow.alerts, InboxRow.payload).order_by(InboxRow.id)
_OWN = "inbox/"  # how names begin that no sender gave


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """One delivery in the inbox."""

    id: int  # given again once the inbox is empty
    name: str  # the delivery's; never given again
    alerts: Sequence[Alert]

    @property
    def sent_as(self) -> str:
        """The id that its sender gave, "" if none."""
        return "" if self.name.startswith(_OWN) else self.name


def put(tx: Write, named: Sequence[tuple[str, Sequence[Alert]]]) -> None:
    """Keep these deliveries, each with its sender's id or "", behind those that are there."""
    rows = [
        {"name": name or f"{_OWN}{tx.revision}/{place}", "alerts": len(alerts), "payload": _told(alerts)}
        for place, (name, alerts) in enumerate(named)
    ]
    add(tx.link, InboxRow, ("name", "alerts", "payload"), rows)


def oldest(link: Connection, most: int) -> list[Kept]:
    """The oldest deliveries, of `most` alerts together; at least one, if there is any."""
    found: list[Kept] = []
    with link.execute(_OLDEST.limit(most)) as rows:
        for row in rows:
            most -= row.alerts
            if found and most < 0:
                break
            found.append(Kept(id=row.id, name=row.name, alerts=_read(row.payload)))
    return found


def drop(tx: Write, grouped: Sequence[Kept]) -> set[tuple[int, str]]:
    """These deliveries are grouped in this transaction; those that were there, by id and name: others took the rest."""
    wanted, found = {(one.id, one.name) for one in grouped}, set()
    for part in chunks([one.id for one in grouped]):
        rows = tx.link.execute(select(InboxRow.id, InboxRow.name).where(InboxRow.id.in_(part))).all()
        found |= {(row.id, row.name) for row in rows} & wanted
    for part in chunks([key for key, _ in found]):
        tx.link.execute(delete(InboxRow).where(InboxRow.id.in_(part)))
    return found


def size(link: Connection) -> int:
    """Alerts that are still to be grouped."""
    return int(link.execute(select(func.coalesce(func.sum(InboxRow.alerts), 0))).scalar_one())


def told(link: Connection) -> Counter[str]:
    """How often each alert is told in what is not grouped yet, by the alert's id: to be counted."""
    waiting = link.execute(select(InboxRow.payload)).scalars()
    return Counter(one["id"] for payload in waiting for one in orjson.loads(payload))


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

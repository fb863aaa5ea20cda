"""Operators' words that models keep to: incidents that are apart, and what corrections have taught."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select

from engine.domain import IncidentStatus
from engine.store.database import Write
from engine.store.tables import IncidentRow, PartingRow, StateRow
from engine.store.writing import upsert

_LESSONS = "lessons"
_PAIRS = select(PartingRow.one_id, PartingRow.other_id).order_by(PartingRow.one_id, PartingRow.other_id)


def part(tx: Write, pairs: Iterable[tuple[str, str]]) -> None:
    """Note that the two incidents of each pair are not one."""
    rows = [dict(zip(("one_id", "other_id"), sorted(pair), strict=True), revision=tx.revision) for pair in pairs]
    upsert(tx.link, PartingRow, rows)


def parted_from(link: Connection, incident_id: str) -> set[str]:
    """The incidents that this one is not one with."""
    return {other for pair in link.execute(_PAIRS.where(_touching(incident_id))) for other in pair} - {incident_id}


def inherit(tx: Write, source_id: str, target_id: str) -> set[str]:
    """What is apart from the source is apart from the target, which got alerts of it; returns what newly is."""
    new = parted_from(tx.link, source_id) - parted_from(tx.link, target_id) - {target_id}
    part(tx, [(target_id, other) for other in new])
    return new


def forget(tx: Write, incident_id: str) -> None:
    """An incident without alerts is apart from nothing."""
    tx.link.execute(delete(PartingRow).where(_touching(incident_id)))


def partings_remembered(link: Connection, since: datetime) -> list[tuple[str, str]]:
    """Pairs of incidents that are both open or were closed at `since` or later: those that could become one."""
    lasting = select(IncidentRow.id).where(
        or_(IncidentRow.status == IncidentStatus.OPEN.value, IncidentRow.closed_at >= since)
    )
    both = and_(PartingRow.one_id.in_(lasting), PartingRow.other_id.in_(lasting))
    return [(row.one_id, row.other_id) for row in link.execute(_PAIRS.where(both))]


def keep_lessons(tx: Write, taught: Mapping[str, float]) -> None:
    """Store what corrections have taught, in place of what was known before."""
    value = {name: float(number) for name, number in taught.items()}
    if value != lessons(tx.link):
        upsert(tx.link, StateRow, [{"name": _LESSONS, "value": value, "revision": tx.revision}])


def lessons(link: Connection) -> dict[str, float]:
    """What corrections have taught."""
    return dict(link.execute(select(StateRow.value).where(StateRow.name == _LESSONS)).scalar_one_or_none() or {})


def _touching(incident_id: str) -> ColumnElement[bool]:
    return or_(PartingRow.one_id == incident_id, PartingRow.other_id == incident_id)

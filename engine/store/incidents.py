"""Incidents, what fixed them, and their timelines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, exists, func, or_, select

from engine.domain import IncidentStatus, Resolution
from engine.errors import NotFound
from engine.store.database import Write
from engine.store.records import Event, IncidentRecord, Origin
from engine.store.rows import record_of_row, row_of_incident
from engine.store.tables import EventRow, IncidentRow, ResolutionRow
from engine.store.writing import add, chunks, upsert

_ALL: Select[Any] = select(
    *IncidentRow.__table__.columns,
    ResolutionRow.text.label("fix_text"),
    ResolutionRow.resolver.label("fix_resolver"),
    ResolutionRow.team.label("fix_team"),
    ResolutionRow.resolved_at.label("fix_at"),
).join_from(IncidentRow, ResolutionRow, ResolutionRow.incident_id == IncidentRow.id, isouter=True)
_OPEN = IncidentRow.status == IncidentStatus.OPEN.value
_BY_IDS = _ALL.where(IncidentRow.id.in_(bindparam("ids", expanding=True)))


def save(tx: Write, records: Iterable[IncidentRecord]) -> None:
    """Insert or replace, as changed in this transaction; resolutions are saved by `set_resolution`."""
    upsert(tx.link, IncidentRow, [row_of_incident(record, tx.revision) for record in records])


def set_resolution(tx: Write, incident_id: str, resolution: Resolution) -> None:
    """Store what fixed a stored incident, in place of an earlier word."""
    row = {
        "incident_id": incident_id,
        "text": resolution.text,
        "resolver": resolution.resolver,
        "team": resolution.team,
        "resolved_at": resolution.resolved_at,
        "revision": tx.revision,
    }
    upsert(tx.link, ResolutionRow, [row])


def by_ids(link: Connection, ids: Collection[str]) -> dict[str, IncidentRecord]:
    """The stored ones among `ids`."""
    rows = (row for part in chunks(ids) for row in link.execute(_BY_IDS, {"ids": part}))
    return {row.id: record_of_row(row) for row in rows}


def by_id(link: Connection, incident_id: str) -> IncidentRecord:
    """One of them. Raises NotFound."""
    found = by_ids(link, [incident_id])
    if not found:
        raise NotFound("there is no incident of this id")
    return found[incident_id]


def leading(link: Connection, incident_id: str) -> IncidentRecord:
    """The incident of this id, or the one that it was merged into. Raises NotFound."""
    record = by_id(link, incident_id)
    while record.incident.merged_into is not None:
        record = by_id(link, record.incident.merged_into)
    return record


def page(  # one parameter per filter of the list
    link: Connection,
    status: IncidentStatus | None,
    service: str,
    since: datetime | None,
    limit: int,
    before: str | None,
    muted: bool | None = None,
) -> list[IncidentRecord]:
    """Newest opened first, without those that became part of another; `before` is the last id of the page before.

    Raises NotFound for an unknown `before`.
    """
    query = (
        _ALL.where(IncidentRow.merged_into.is_(None))
        .order_by(IncidentRow.opened_at.desc(), IncidentRow.id.desc())
        .limit(limit)
    )
    if status is not None:
        query = query.where(IncidentRow.status == status.value)
    if service:
        query = query.where(IncidentRow.service == service)
    if since is not None:
        query = query.where(IncidentRow.opened_at >= since)
    if muted is not None:
        query = query.where(IncidentRow.muted.is_(muted))
    if before is not None:
        last = by_id(link, before).incident
        same = and_(IncidentRow.opened_at == last.opened_at, IncidentRow.id < last.id)
        query = query.where(or_(IncidentRow.opened_at < last.opened_at, same))
    return [record_of_row(row) for row in link.execute(query)]


def closed_since(link: Connection, revision: int) -> list[tuple[str, datetime]]:
    """Ids and ends of incidents that changed after `revision` and are resolved."""
    query = select(IncidentRow.id, IncidentRow.closed_at).where(
        IncidentRow.revision > revision, IncidentRow.status == IncidentStatus.RESOLVED.value
    )
    return [(row.id, row.closed_at) for row in link.execute(query) if row.closed_at is not None]


def reopened_since(link: Connection, revision: int) -> list[str]:
    """Ids of incidents that changed after `revision`, are open, and were resolved at some time before."""
    again = exists().where(EventRow.incident_id == IncidentRow.id, EventRow.kind == "reopened")
    query = select(IncidentRow.id).where(
        IncidentRow.revision > revision, IncidentRow.status == IncidentStatus.OPEN.value, again
    )
    return list(link.execute(query).scalars())


def closed_after(link: Connection, since: datetime) -> list[tuple[str, datetime]]:
    """Ids and ends of incidents that ended at `since` or later."""
    query = select(IncidentRow.id, IncidentRow.closed_at).where(
        IncidentRow.closed_at >= since, IncidentRow.status == IncidentStatus.RESOLVED.value
    )
    return [(row.id, row.closed_at) for row in link.execute(query)]


def fixed_since(link: Connection, revision: int) -> Iterator[IncidentRecord]:
    """Incidents whose resolution was stored after `revision`, in the order in which they became known."""
    known_from = func.coalesce(IncidentRow.closed_at, IncidentRow.opened_at)
    query = _ALL.where(ResolutionRow.revision > revision).order_by(ResolutionRow.revision, known_from, IncidentRow.id)
    return map(record_of_row, link.execute(query))


def last_resolvers(link: Connection, service: str, limit: int) -> list[str]:
    """Who ended the latest incidents (of `service`, where it is given), latest first, each once."""
    query = (
        select(ResolutionRow.resolver)
        .join(IncidentRow, IncidentRow.id == ResolutionRow.incident_id)
        .where(ResolutionRow.resolver != "")
        .order_by(func.coalesce(IncidentRow.closed_at, IncidentRow.opened_at).desc())
        .limit(limit * 20)
    )
    if service:
        query = query.where(IncidentRow.service == service)
    return list(dict.fromkeys(link.execute(query).scalars()))[:limit]


def revisions(link: Connection, ids: Collection[str]) -> dict[str, int]:
    """The revision that last changed each incident."""
    query = select(IncidentRow.id, IncidentRow.revision)
    return {row.id: row.revision for part in chunks(ids) for row in link.execute(query.where(IncidentRow.id.in_(part)))}


def opened_between(link: Connection, since: datetime, until: datetime) -> Iterator[IncidentRecord]:
    """Incidents opened in `[since, until)`, oldest first, without those that became part of another."""
    whole = IncidentRow.merged_into.is_(None)
    query = _ALL.where(whole, IncidentRow.opened_at >= since, IncidentRow.opened_at < until)
    query = query.order_by(IncidentRow.opened_at)
    return map(record_of_row, link.execute(query))


def merged_before(link: Connection, until: datetime) -> Iterator[IncidentRecord]:
    """Incidents that became part of another one before `until`, oldest first."""
    query = _ALL.where(IncidentRow.merged_into.is_not(None), IncidentRow.closed_at < until)
    return map(record_of_row, link.execute(query.order_by(IncidentRow.opened_at)))


def unjudged(link: Connection) -> list[str]:
    """Open incidents of alerts whose probable roots were never judged: the process ended before it came to it."""
    never = and_(IncidentRow.roots_at == 0, IncidentRow.alerts > 0, IncidentRow.origin == Origin.ALERTS.value)
    return list(link.execute(select(IncidentRow.id).where(_OPEN, never)).scalars())


def counts(link: Connection) -> dict[str, int]:
    """How many incidents have each status."""
    query = select(IncidentRow.status, func.count()).group_by(IncidentRow.status)
    return {row[0]: row[1] for row in link.execute(query)}


def add_events(tx: Write, events: Iterable[Event]) -> None:
    """Add lines to timelines."""
    rows = [
        {"incident_id": e.incident_id, "at": e.at, "kind": e.kind, "actor": e.actor, "detail": dict(e.detail)}
        for e in events
    ]
    add(tx.link, EventRow, ("incident_id", "at", "kind", "actor", "detail"), rows)


def timeline(link: Connection, incident_id: str) -> list[Event]:
    """The lines of one incident, in the order in which they were added."""
    query = select(*EventRow.__table__.columns).where(EventRow.incident_id == incident_id).order_by(EventRow.id)
    return [
        Event(incident_id=row.incident_id, at=row.at, kind=row.kind, actor=row.actor, detail=row.detail)
        for row in link.execute(query)
    ]

"""What routing keeps: the firm's rules and lists as named values, who worked on what, and what people have on hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from engine.domain import IncidentStatus, Work
from engine.store.database import Write
from engine.store.records import Event
from engine.store.tables import EventRow, IncidentRow, StateRow
from engine.store.writing import chunks, upsert

POLICY, ROTAS, RENAMES, OWNERSHIP, WATCH = (
    f"routing.{name}" for name in ("policy", "rotas", "renames", "ownership", "watch")
)
TAKEN = ("acknowledged", "assigned")  # kinds of events by which somebody gets an incident
SAID = (*TAKEN, "commented")  # kinds of events that tell who worked on one
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


def value(link: Connection, name: str) -> dict[str, Any]:
    """What is kept under `name`, {} if nothing is."""
    found = link.execute(select(StateRow.value).where(StateRow.name == name)).scalar_one_or_none()
    return dict(found or {})


def put(tx: Write, name: str, told: Mapping[str, Any]) -> None:
    """Keep `told` under `name`."""
    upsert(tx.link, StateRow, [{"name": name, "value": dict(told), "revision": tx.revision}])


def changed_since(link: Connection, revision: int, names: Collection[str]) -> bool:
    """Whether any of `names` was put after `revision`."""
    query = select(StateRow.name).where(StateRow.name.in_(names), StateRow.revision > revision)
    return link.execute(query).first() is not None


def work(link: Connection, at: datetime) -> dict[str, Work]:
    """What each responder has on hand at `at`: open incidents, and those given in the last day and week."""
    open_query = (
        select(IncidentRow.assignee, func.count())
        .where(IncidentRow.status == IncidentStatus.OPEN.value, IncidentRow.assignee != "")
        .group_by(IncidentRow.assignee)
    )
    is_open = {row[0]: int(row[1]) for row in link.execute(open_query)}
    given = select(EventRow.actor, EventRow.incident_id, func.max(EventRow.at).label("at")).where(
        EventRow.kind.in_(TAKEN), EventRow.at > at - _WEEK, EventRow.at <= at, EventRow.actor != ""
    )
    rows = list(link.execute(given.group_by(EventRow.actor, EventRow.incident_id)))
    week, day = Counter(row.actor for row in rows), Counter(row.actor for row in rows if row.at > at - _DAY)
    return {who: Work(open=is_open.get(who, 0), pages_day=day[who], pages_week=week[who]) for who in {*is_open, *week}}


def said(link: Connection, ids: Collection[str]) -> dict[str, list[Event]]:
    """Who took, was given or commented on each incident, in order."""
    found: dict[str, list[Event]] = defaultdict(list)
    for part in chunks(ids):
        query = select(*EventRow.__table__.columns).where(EventRow.incident_id.in_(part), EventRow.kind.in_(SAID))
        for row in link.execute(query.order_by(EventRow.id)):
            event = Event(incident_id=row.incident_id, at=row.at, kind=row.kind, actor=row.actor, detail=row.detail)
            found[row.incident_id].append(event)
    return dict(found)


def last_of(link: Connection, incident_id: str, kind: str) -> Event | None:
    """The latest line of this kind in a timeline."""
    query = select(*EventRow.__table__.columns).where(EventRow.incident_id == incident_id, EventRow.kind == kind)
    row = link.execute(query.order_by(EventRow.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return Event(incident_id=row.incident_id, at=row.at, kind=row.kind, actor=row.actor, detail=row.detail)


def waiting(link: Connection, limit: int) -> list[str]:
    """Ids of the latest open incidents that nobody has and that are not all muted, newest first."""
    query = (
        select(IncidentRow.id)
        .where(
            IncidentRow.status == IncidentStatus.OPEN.value,
            IncidentRow.assignee == "",
            IncidentRow.merged_into.is_(None),
            IncidentRow.muted.is_(False),
        )
        .order_by(IncidentRow.opened_at.desc(), IncidentRow.id.desc())
        .limit(limit)
    )
    return list(link.execute(query).scalars())

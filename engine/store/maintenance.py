"""Maintenance windows, the incidents that hold their alerts, and whether a change of plans has been applied."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select

from engine.domain import IncidentStatus
from engine.errors import NotFound
from engine.lifecycle.maintenance import Window
from engine.lifecycle.matchers import Matcher, Op
from engine.lifecycle.recurrence import Weekly
from engine.store.database import Write
from engine.store.tables import IncidentRow, StateRow, WindowIncidentRow, WindowRow
from engine.store.writing import upsert

_PLANS = "plans"  # the state row that tells which change of windows and rules was last, and which last applied
_ALL = select(*WindowRow.__table__.columns)
_WEEK = timedelta(days=7)  # a weekly stretch is no longer


def add(tx: Write, window: Window) -> Window:
    """Insert, under an id that is given here."""
    window = replace(window, id=f"MW-{tx.revision}")
    put(tx, window)
    return window


def end(tx: Write, window_id: str, at: datetime) -> None:
    """Nothing of it counts from `at` on; one that has not begun is taken out. Raises NotFound."""
    window = by_id(tx.link, window_id)
    if window.starts_at > at and not _is_used(tx.link, window_id):
        remove(tx, window_id)
    elif window.ended_at is None:
        put(tx, replace(window, ended_at=max(at, window.starts_at)))


def put(tx: Write, window: Window) -> None:
    """Insert or replace; the next transaction that decides on alerts applies it."""
    upsert(tx.link, WindowRow, [_row(window)])
    plans_changed(tx)


def remove(tx: Write, window_id: str) -> None:
    """Take out a window that no alert names. Raises NotFound."""
    if tx.link.execute(delete(WindowRow).where(WindowRow.id == window_id)).rowcount == 0:
        raise NotFound("there is no maintenance window of this id")
    plans_changed(tx)


def by_id(link: Connection, window_id: str) -> Window:
    """One of them. Raises NotFound."""
    row = link.execute(_ALL.where(WindowRow.id == window_id)).one_or_none()
    if row is None:
        raise NotFound("there is no maintenance window of this id")
    return _window(row)


def windows(link: Connection, since: datetime | None = None) -> list[Window]:
    """All of them, or those that were not over at `since`; in the order of their first beginnings."""
    query = _ALL.order_by(WindowRow.starts_at, WindowRow.id)
    if since is not None:
        query = query.where(or_(WindowRow.over_at.is_(None), WindowRow.over_at > since))
    return [_window(row) for row in link.execute(query)]


def incident_of(link: Connection, window_id: str, starts_at: datetime) -> str | None:
    """The incident that holds the alerts of the stretch that began then."""
    query = select(WindowIncidentRow.incident_id).where(
        WindowIncidentRow.window_id == window_id, WindowIncidentRow.starts_at == starts_at
    )
    return link.execute(query).scalar_one_or_none()


def add_incident(tx: Write, window_id: str, starts_at: datetime, incident_id: str) -> None:
    """Note which incident holds the alerts of a stretch."""
    upsert(tx.link, WindowIncidentRow, [{"window_id": window_id, "starts_at": starts_at, "incident_id": incident_id}])


def open_incidents(link: Connection) -> list[tuple[str, datetime, str]]:
    """Window, beginning of the stretch and incident, of the incidents of windows that are open."""
    is_open = and_(IncidentRow.id == WindowIncidentRow.incident_id, IncidentRow.status == IncidentStatus.OPEN.value)
    query = select(WindowIncidentRow.window_id, WindowIncidentRow.starts_at, WindowIncidentRow.incident_id)
    return [(row[0], row[1], row[2]) for row in link.execute(query.join(IncidentRow, is_open))]


def _is_used(link: Connection, window_id: str) -> bool:
    """Whether an incident holds alerts of it."""
    query = select(WindowIncidentRow.incident_id).where(WindowIncidentRow.window_id == window_id).limit(1)
    return link.execute(query).first() is not None


def plans_changed(tx: Write) -> None:
    """Note that windows or rules changed: what is firing has to be judged again."""
    upsert(tx.link, StateRow, [{"name": _PLANS, "value": {"pending": True}, "revision": tx.revision}])


def plans_applied(tx: Write) -> None:
    """Note that it was."""
    upsert(tx.link, StateRow, [{"name": _PLANS, "value": {"pending": False}, "revision": tx.revision}])


def plans_pending(link: Connection) -> bool | None:
    """Whether that is still to be done; None where there never was a window or rule."""
    value = link.execute(select(StateRow.value).where(StateRow.name == _PLANS)).scalar_one_or_none()
    return None if value is None else bool(value["pending"])


def matchers_to_json(matchers: tuple[Matcher, ...]) -> list[list[str]]:
    """As they are stored."""
    return [[one.field, one.op.value, one.value] for one in matchers]


def matchers_of_json(stored: list[list[str]]) -> tuple[Matcher, ...]:
    """As they were."""
    return tuple(Matcher(field=field, op=Op(op), value=value) for field, op, value in stored)


def _row(window: Window) -> dict[str, Any]:
    weekly = window.weekly
    return {
        "id": window.id,
        "matchers": matchers_to_json(window.matchers),
        "starts_at": window.starts_at,
        "ends_at": window.ends_at,
        "weekdays": list(weekly.weekdays) if weekly else [],
        "timezone": weekly.timezone if weekly else "",
        "repeat_until": weekly.until if weekly else None,
        "comment": window.comment,
        "created_by": window.created_by,
        "ended_at": window.ended_at,
        "over_at": _over_at(window),
    }


def _window(row: Any) -> Window:
    weekly = None
    if row.weekdays:
        weekly = Weekly(weekdays=tuple(row.weekdays), timezone=row.timezone, until=row.repeat_until)
    return Window(
        id=row.id,
        matchers=matchers_of_json(row.matchers),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        weekly=weekly,
        comment=row.comment,
        created_by=row.created_by,
        ended_at=row.ended_at,
    )


def _over_at(window: Window) -> datetime | None:
    """When nothing of it can come any more, at the latest; None if it comes back for ever."""
    if window.ended_at is not None:
        return window.ended_at
    if window.weekly is None:
        return window.ends_at
    return None if window.weekly.until is None else window.weekly.until + _WEEK

"""Alerts and their place in incidents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, not_, or_, select, update

from engine.domain import AlertStatus, IncidentStatus, Severity
from engine.store.columns import moment_for
from engine.store.database import Write
from engine.store.driver import run_many
from engine.store.records import Churn, Origin, StoredAlert
from engine.store.rows import alert_of_row, row_of_alert, row_of_told
from engine.store.tables import AlertRow, CounterRow, IncidentRow, ToldRow
from engine.store.writing import chunks, upsert


@dataclass(slots=True)
class Tally:
    """What the alerts of one incident add up to; moments in UTC."""

    alerts: int = 0
    firing: int = 0
    began_at: datetime | None = None
    detected_at: datetime | None = None
    ended_at: datetime | None = None  # the latest end of any of them
    severities: frozenset[Severity] = frozenset()


# Alerts that are grouped by what they have in common, and not by the planned work that they began in.
GROUPED = not_(
    exists()
    .where(IncidentRow.id == AlertRow.incident_id, IncidentRow.origin == Origin.MAINTENANCE.value)
    .correlate(AlertRow)
)
# Alerts whole: the columns of their own table, in its order, and how often they were told again, and when last.
WHOLE = select(*AlertRow.__table__.columns, ToldRow.repeats, ToldRow.last_seen_at).join(
    ToldRow, ToldRow.alert_id == AlertRow.id
)
_TOLD_AGAIN = "UPDATE told SET repeats = ?, last_seen_at = ? WHERE alert_id = ?"
_BY_IDS = WHOLE.where(AlertRow.id.in_(bindparam("ids", expanding=True)))


def save(tx: Write, stored: Iterable[StoredAlert]) -> None:
    """Insert or replace, as changed in this transaction."""
    every = list(stored)
    upsert(tx.link, AlertRow, [row_of_alert(one, tx.revision) for one in every])
    upsert(tx.link, ToldRow, [row_of_told(one) for one in every])


def save_repeats(tx: Write, told: Iterable[tuple[str, int, datetime | None]]) -> None:
    """Write of known alerts, by id, how often they were told again, and when last.

    Nothing else is touched, so that storms of repeats are cheap.
    """
    moment = moment_for(tx.link.dialect.name)
    rows = [(repeats, moment(last_seen_at), alert_id) for alert_id, repeats, last_seen_at in told]
    if rows:
        run_many(tx.link, _TOLD_AGAIN, rows)


def by_ids(link: Connection, ids: Collection[str]) -> dict[str, StoredAlert]:
    """The stored ones among `ids`."""
    rows = (row for part in chunks(ids) for row in link.execute(_BY_IDS, {"ids": part}))
    return {row[0]: alert_of_row(row) for row in rows}


def window(link: Connection, since: datetime) -> Iterator[StoredAlert]:
    """What a correlator has to remember, in order of arrival.

    These are the alerts of incidents that are open or were closed after `since`, as far as they still fire or were
    seen after `since`.
    """
    lately = or_(IncidentRow.status == IncidentStatus.OPEN.value, IncidentRow.closed_at >= since)
    homes = select(IncidentRow.id).where(lately, IncidentRow.origin != Origin.MAINTENANCE.value)
    seen = or_(AlertRow.status == AlertStatus.FIRING.value, ToldRow.last_seen_at >= since)
    query = WHOLE.where(AlertRow.incident_id.in_(homes), seen).order_by(AlertRow.arrival)
    return map(alert_of_row, link.execute(query))


def of_incident(link: Connection, incident_id: str, limit: int) -> list[StoredAlert]:
    """The first `limit` alerts of an incident, in order of arrival."""
    query = WHOLE.where(AlertRow.incident_id == incident_id).order_by(AlertRow.arrival).limit(limit)
    return [alert_of_row(row) for row in link.execute(query)]


def history(link: Connection, since: datetime, until: datetime) -> Iterator[StoredAlert]:
    """Everything received in `[since, until)`, in order of arrival: what a retrain of the correlator reads."""
    during = (AlertRow.received_at >= since, AlertRow.received_at < until)
    query = WHOLE.where(*during, GROUPED).order_by(AlertRow.arrival)
    return map(alert_of_row, link.execute(query))


def told(link: Connection) -> dict[str, int]:
    """How often every stored alert that is in an incident was told, by the alert's id: to be counted."""
    query = select(ToldRow.alert_id, ToldRow.repeats).join(AlertRow, AlertRow.id == ToldRow.alert_id)
    query = query.join(IncidentRow, AlertRow.incident_id == IncidentRow.id)
    return {row[0]: 1 + row[1] for row in link.execute(query)}


def places(link: Connection) -> dict[str, tuple[str, str, int]]:
    """Where every stored alert stands, by its id: its incident, its status, how often it was told again."""
    query = select(AlertRow.id, AlertRow.incident_id, AlertRow.status, ToldRow.repeats)
    query = query.join(ToldRow, ToldRow.alert_id == AlertRow.id)
    return {row[0]: (row[1], row[2], row[3]) for row in link.execute(query)}


def newest(link: Connection) -> datetime | None:
    """When the latest stored alert arrived; None in an empty store."""
    return link.execute(select(AlertRow.received_at).order_by(AlertRow.arrival.desc()).limit(1)).scalar()


def churn(link: Connection) -> Churn:
    """How often alerts changed their incident, over everything ever stored."""
    row = link.execute(select(CounterRow.alerts, CounterRow.changed, CounterRow.changes, CounterRow.corrected)).one()
    return Churn(alerts=row.alerts, changed=row.changed, changes=row.changes, corrected=row.corrected)


def tallies(link: Connection, incident_ids: Collection[str]) -> dict[str, Tally]:
    """What the stored alerts of each of these incidents add up to."""
    found = {incident_id: Tally() for incident_id in incident_ids}
    kinds = (AlertRow.incident_id, AlertRow.status, AlertRow.severity)
    sums = (
        func.count().label("alerts"),
        func.min(AlertRow.starts_at).label("began_at"),
        func.min(AlertRow.received_at).label("detected_at"),
        func.max(AlertRow.ends_at).label("ended_at"),
    )
    for part in chunks(incident_ids):
        for row in link.execute(select(*kinds, *sums).where(AlertRow.incident_id.in_(part)).group_by(*kinds)):
            _add(found[row.incident_id], row)
    return found


def _add(tally: Tally, row: Any) -> None:
    """One kind of alerts more."""
    tally.alerts += row.alerts
    tally.firing += row.alerts if row.status == AlertStatus.FIRING.value else 0
    tally.began_at = min(tally.began_at or row.began_at, row.began_at)
    tally.detected_at = min(tally.detected_at or row.detected_at, row.detected_at)
    tally.ended_at = max((at for at in (tally.ended_at, row.ended_at) if at is not None), default=None)
    tally.severities |= {Severity(row.severity)}


def ids_of_incident(link: Connection, incident_id: str) -> list[str]:
    """The ids of its alerts, in order of arrival."""
    query = select(AlertRow.id).where(AlertRow.incident_id == incident_id).order_by(AlertRow.arrival)
    return list(link.execute(query).scalars())


def move_all(tx: Write, source_id: str, target_id: str) -> None:
    """Put all alerts of one incident into another, where they stay: an operator's word."""
    values = {"incident_id": target_id, "moved": tx.revision, **_held(tx)}
    tx.link.execute(update(AlertRow).where(AlertRow.incident_id == source_id).values(values))


def pin_all(tx: Write, incident_id: str) -> None:
    """Keep all alerts of an incident where they are: an operator's word."""
    loose = update(AlertRow).where(AlertRow.incident_id == incident_id, AlertRow.pinned.is_(False))
    tx.link.execute(loose.values(_held(tx)))


def _held(tx: Write) -> dict[str, object]:
    return {"pinned": True, "provisional": False, "runner_up": None, "margin": 0.0, "revision": tx.revision}

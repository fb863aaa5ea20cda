"""Alerts and their place in incidents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from sqlalchemy import Connection, bindparam, or_, select

from engine.domain import AlertStatus, IncidentStatus
from engine.store.database import Write
from engine.store.records import StoredAlert
from engine.store.rows import alert_of_row, row_of_alert
from engine.store.tables import AlertRow, IncidentRow
from engine.store.writing import chunks, upsert

_ALL = select(*AlertRow.__table__.columns)
_BY_IDS = _ALL.where(AlertRow.id.in_(bindparam("ids", expanding=True)))


def save(tx: Write, stored: Iterable[StoredAlert]) -> None:
    """Insert or replace, as changed in this transaction."""
    upsert(tx.link, AlertRow, [row_of_alert(one, tx.revision) for one in stored])


def by_ids(link: Connection, ids: Collection[str]) -> dict[str, StoredAlert]:
    """The stored ones among `ids`."""
    rows = (row for part in chunks(ids) for row in link.execute(_BY_IDS, {"ids": part}))
    return {row.id: alert_of_row(row) for row in rows}


def changed_since(link: Connection, revision: int) -> Iterator[StoredAlert]:
    """What was stored or changed after `revision`, in order of arrival."""
    query = _ALL.where(AlertRow.revision > revision).order_by(AlertRow.arrival)
    return map(alert_of_row, link.execute(query))


def window(link: Connection, since: datetime) -> Iterator[StoredAlert]:
    """What a correlator has to remember, in order of arrival.

    These are the alerts of incidents that are open or were closed after `since`, as far as they still fire or were
    seen after `since`.
    """
    query = (
        _ALL.join(IncidentRow, IncidentRow.id == AlertRow.incident_id)
        .where(or_(IncidentRow.status == IncidentStatus.OPEN.value, IncidentRow.closed_at >= since))
        .where(or_(AlertRow.status == AlertStatus.FIRING.value, AlertRow.last_seen_at >= since))
        .order_by(AlertRow.arrival)
    )
    return map(alert_of_row, link.execute(query))


def of_incident(link: Connection, incident_id: str, limit: int) -> list[StoredAlert]:
    """The first `limit` alerts of an incident, in order of arrival."""
    query = _ALL.where(AlertRow.incident_id == incident_id).order_by(AlertRow.arrival).limit(limit)
    return [alert_of_row(row) for row in link.execute(query)]


def history(link: Connection, since: datetime, until: datetime) -> Iterator[StoredAlert]:
    """Everything received in `[since, until)`, in order of arrival: what a retrain of the correlator reads."""
    query = _ALL.where(AlertRow.received_at >= since, AlertRow.received_at < until).order_by(AlertRow.arrival)
    return map(alert_of_row, link.execute(query))


def newest(link: Connection) -> datetime | None:
    """When the latest stored alert arrived; None in an empty store."""
    return link.execute(select(AlertRow.received_at).order_by(AlertRow.arrival.desc()).limit(1)).scalar()

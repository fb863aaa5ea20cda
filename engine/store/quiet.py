"""Which alerts are muted or flapping, and when that ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, delete, exists, func, insert, not_, select, text, update

from engine.domain import IncidentStatus
from engine.store.alerts import WHOLE
from engine.store.database import Write
from engine.store.maintenance import plans_pending
from engine.store.records import StoredAlert
from engine.store.rows import alert_of_row
from engine.store.tables import AlertRow, DoubtRow, IncidentRow
from engine.store.writing import chunks, upsert

_FIRING = text("alerts.status = 'firing'")  # as the index over firing alerts has it
_IS_LOUD = text("NOT alerts.muted")  # as the index over loud alerts has it
_LOUD_ONE = exists(select(AlertRow.id).where(AlertRow.incident_id == IncidentRow.id, _IS_LOUD))
_QUIET = and_(IncidentRow.alerts > 0, not_(_LOUD_ONE)).label("quiet")
_STATES = select(IncidentRow.id, IncidentRow.muted, _QUIET).where(IncidentRow.id.in_(bindparam("ids", expanding=True)))
_BY_ARRIVAL = WHOLE.where(AlertRow.arrival.in_(bindparam("places", expanding=True)))
_LATEST = (
    select(func.max(AlertRow.arrival))
    .where(AlertRow.fingerprint.in_(bindparam("fingerprints", expanding=True)))
    .group_by(AlertRow.source, AlertRow.fingerprint)
)


@dataclass(frozen=True, kw_only=True)
class Quietness:
    """How much is kept quiet at a moment."""

    muted_alerts: int = 0  # firing
    muted_incidents: int = 0  # open
    flapping: int = 0  # symptoms


def latest(link: Connection, fingerprints: Collection[str]) -> list[int]:
    """The place in the order of arrival of the latest alert of each symptom with one of these fingerprints."""
    return [place for part in chunks(fingerprints) for place in link.execute(_LATEST, {"fingerprints": part}).scalars()]


def by_arrival(link: Connection, places: Collection[int]) -> Iterator[StoredAlert]:
    """The alerts at these places in the order of arrival."""
    for part in chunks(sorted(places)):
        yield from map(alert_of_row, link.execute(_BY_ARRIVAL, {"places": part}))


def calm(link: Connection, now: datetime) -> list[StoredAlert]:
    """The alerts whose symptoms have stopped flapping by `now`, in order of arrival."""
    query = WHOLE.where(AlertRow.calm_at <= now).order_by(AlertRow.arrival)
    return [alert_of_row(row) for row in link.execute(query)]


def due(link: Connection, now: datetime, limit: int) -> list[str]:
    """The first `limit` firing alerts whose mutes have ended by `now`, in order of event time."""
    query = select(AlertRow.id).where(AlertRow.unmute_at <= now).order_by(AlertRow.starts_at, AlertRow.id)
    return list(link.execute(query.limit(limit)).scalars())


def many_due(link: Connection, now: datetime, limit: int) -> bool:
    """Whether more than `limit` are due, or any is still to be judged again."""
    return len(due(link, now, limit + 1)) > limit or bool(doubted(link, 1))


def doubt(tx: Write, alert_ids: Collection[str]) -> None:
    """These are to be judged again, later."""
    upsert(tx.link, DoubtRow, [{"alert_id": one} for one in alert_ids])


def doubt_all(tx: Write) -> None:
    """All that fires is to be judged again, later."""
    known = select(DoubtRow.alert_id)
    missing = select(AlertRow.id).where(_FIRING, AlertRow.id.not_in(known))
    tx.link.execute(insert(DoubtRow).from_select(["alert_id"], missing))


def doubted(link: Connection, limit: int) -> list[str]:
    """The first `limit` of those, in order of event time."""
    query = select(AlertRow.id).join(DoubtRow, DoubtRow.alert_id == AlertRow.id)
    return list(link.execute(query.order_by(AlertRow.starts_at, AlertRow.id).limit(limit)).scalars())


def no_doubt(tx: Write, alert_ids: Collection[str]) -> None:
    """These were."""
    for part in chunks(alert_ids):
        tx.link.execute(delete(DoubtRow).where(DoubtRow.alert_id.in_(part)))


def anything_due(link: Connection, now: datetime) -> bool:
    """Whether the passing of time has ended anything by `now`, or windows and rules changed."""
    ends = (AlertRow.calm_at <= now, AlertRow.unmute_at <= now)
    if any(link.execute(select(AlertRow.id).where(end).limit(1)).first() for end in ends):
        return True
    if link.execute(select(DoubtRow.alert_id).limit(1)).first():
        return True
    return bool(plans_pending(link))


def refresh_incidents(tx: Write, incident_ids: Collection[str]) -> dict[str, bool]:
    """Judge again whether these incidents are muted: whether all their alerts are. Returns those that changed."""
    changed: dict[str, bool] = {}
    for part in chunks(incident_ids):
        rows = tx.link.execute(_STATES, {"ids": part})
        changed.update({row.id: bool(row.quiet) for row in rows if bool(row.quiet) is not bool(row.muted)})
    for value in (True, False):
        ids = [key for key, muted in changed.items() if muted is value]
        if ids:
            tx.link.execute(update(IncidentRow).where(IncidentRow.id.in_(ids)).values(muted=value))
    return changed


def counts(link: Connection) -> Quietness:
    """How many alerts, incidents and symptoms are kept quiet now."""
    muted = select(func.count()).select_from(AlertRow).where(_FIRING, AlertRow.muted)
    flapping = select(func.count()).select_from(AlertRow).where(AlertRow.calm_at.is_not(None))
    is_open = IncidentRow.status == IncidentStatus.OPEN.value
    incidents = select(func.count()).select_from(IncidentRow).where(is_open, IncidentRow.muted)
    return Quietness(
        muted_alerts=link.execute(muted).scalar_one(),
        muted_incidents=link.execute(incidents).scalar_one(),
        flapping=link.execute(flapping).scalar_one(),
    )

"""What batch jobs put into the database and take out of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from engine.answering.register import Register
from engine.domain import (
    Alert,
    AlertStatus,
    Edge,
    Incident,
    IncidentStatus,
    Membership,
    Responder,
    alert_id_of,
)
from engine.handling.live import as_fired
from engine.patterns import EventSeries, Series
from engine.store import alerts as alert_rows
from engine.store import incidents as incident_rows
from engine.store import metrics as metric_rows
from engine.store import reference, runbooks
from engine.store.records import IncidentRecord, Sample, StoredAlert
from engine.store.store import Store
from training.patterns import event_series
from training.progress import Track, quiet

_CHUNK = 500  # rows per transaction: few commits, and intake never waits long for the write lock
_START = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything a retrain learns from, as known at `until`."""

    until: datetime  # UTC
    incidents: list[Incident]  # with a resolution, by the moment they became known
    alerts: list[Alert]  # as they first fired, in order of arrival ...
    incident_ids: list[str]  # ... and the incident of each
    edges: list[Edge]
    responders: list[Responder]
    series: list[Series]
    events: list[EventSeries]
    accepted: Mapping[str, set[str]] = field(default_factory=dict)  # incident id -> past ones whose fix helped it
    merged: Sequence[Incident] = ()  # those that became part of another one: `merged_into` says of which


def read(store: Store, until: datetime) -> Snapshot:
    """The store's content that was known before `until`."""
    with store.read() as link:
        known = [record.incident for record in incident_rows.fixed_since(link, -1)]
        merged = [record.incident for record in incident_rows.merged_before(link, until)]
        placed = [one.membership for one in alert_rows.history(link, _START, until)]
        samples = list(metric_rows.series(link, None, until))
        edges, people = reference.edges(link), reference.responders(link)
        accepted: dict[str, set[str]] = {}
        for opinion in runbooks.opinions_after(link, 0):
            if opinion.helped and opinion.at < until:
                accepted.setdefault(opinion.incident_id, set()).add(opinion.fix_of)
    end, fired = until.timestamp(), [as_fired(place.alert) for place in placed]
    return Snapshot(
        until=until,
        incidents=sorted((one for one in known if one.known_from < until), key=lambda one: (one.known_from, one.id)),
        alerts=fired,
        incident_ids=[place.incident_id for place in placed],
        edges=edges,
        responders=people,
        series=[
            Series(service=names[0], host=names[1], metric=names[2], ts=ts[ts < end], values=values[ts < end])
            for names, ts, values in samples
        ],
        events=event_series(fired),
        accepted=accepted,
        merged=merged,
    )


def save_incidents(register: Register, incidents: Sequence[Incident], progress: Track = quiet) -> int:
    """Store past incidents of elsewhere; one of the same id is replaced. Returns how many.

    Raises
    ------
    Conflict
        If an id belongs to an incident that PathFinder opened itself.
    """
    parts = [incidents[start : start + _CHUNK] for start in range(0, len(incidents), _CHUNK)]
    return sum(register.import_incidents(part) for part in progress(parts, "incidents", len(parts)))


def save_alerts(store: Store, alerts: Sequence[Alert], incident_of: Mapping[str, str], progress: Track = quiet) -> int:
    """Store past alerts whose incidents are known: `incident_of` maps alert ids to incident ids.

    Deliveries of one episode become one alert with its repeats. Incidents that are not stored yet are made, resolved,
    without a fix. Returns the number of episodes.
    """
    episodes: dict[str, Membership] = {}
    for alert in alerts:
        key = alert_id_of(alert.source, alert.fingerprint, alert.starts_at)
        episodes[key] = _told_again(episodes.get(key), replace(alert, id=key), incident_of[alert.id])
    by_incident: dict[str, list[Membership]] = defaultdict(list)
    for place in episodes.values():
        by_incident[place.incident_id].append(place)
    groups = sorted(by_incident.values(), key=lambda group: group[0].alert.received_at)
    parts = [groups[start : start + _CHUNK] for start in range(0, len(groups), _CHUNK)]
    for part in progress(parts, "alerts", len(parts)):
        _save_groups(store, part)
    return len(episodes)


def save_samples(store: Store, samples: Sequence[Sample], progress: Track = quiet) -> None:
    """Store metric samples, a chunk a transaction."""
    size = 100_000
    parts = [samples[start : start + size] for start in range(0, len(samples), size)]
    for part in progress(parts, "metric samples", len(parts)):
        with store.write() as tx:
            metric_rows.record(tx, part)


def _told_again(place: Membership | None, alert: Alert, incident_id: str) -> Membership:
    if place is None:
        return Membership(
            alert=alert, incident_id=incident_id, probability=1.0, score=0.0, last_seen_at=alert.received_at
        )
    if alert.status is AlertStatus.RESOLVED:
        over = replace(place.alert, status=alert.status, ends_at=alert.ends_at or alert.received_at)
        return replace(place, alert=over, last_seen_at=alert.received_at)
    return replace(place, repeats=place.repeats + 1, last_seen_at=alert.received_at)


def _save_groups(store: Store, groups: Sequence[Sequence[Membership]]) -> None:
    with store.write() as tx:
        known = incident_rows.by_ids(tx.link, [group[0].incident_id for group in groups])
        records = [_record(group, known.get(group[0].incident_id)) for group in groups]
        incident_rows.save(tx, records)
        alert_rows.save(
            tx, [StoredAlert(membership=_over(place), arrival=tx.next_arrival()) for group in groups for place in group]
        )


def _over(place: Membership) -> Membership:
    """What is history does not fire any longer."""
    end = place.alert.ends_at or place.last_seen_at
    return replace(place, alert=replace(place.alert, status=AlertStatus.RESOLVED, ends_at=end))


def _record(group: Sequence[Membership], known: IncidentRecord | None) -> IncidentRecord:
    first = min(group, key=lambda place: place.alert.starts_at).alert
    ends = max(place.alert.ends_at or place.alert.received_at for place in group)
    record = known or IncidentRecord(
        incident=Incident(
            id=group[0].incident_id,
            opened_at=first.starts_at,
            title=first.title,
            service=first.service or first.host,
            status=IncidentStatus.RESOLVED,
            closed_at=ends,
        )
    )
    record.incident = replace(record.incident, root_alert_id=first.id)
    record.alerts, record.detected_at, record.ended_at = len(group), min(p.alert.received_at for p in group), ends
    return record

"""One write transaction's decisions: where each alert goes, and what that makes of its incident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.domain import Alert, AlertStatus, Evidence, Incident, IncidentStatus, Match, Membership, Receipt
from engine.lifecycle.severity import raised, worse
from engine.live import as_fired
from engine.ports import CorrelatorPort, Revised
from engine.store import alerts, incidents
from engine.store.database import Write
from engine.store.records import Event, IncidentRecord, Origin, StoredAlert
from engine.store.rows import storable_alert

ROOTS_KEPT = 20  # probable roots remembered with an incident
_JUDGED_ALWAYS = 20  # alerts up to which each new one has the roots judged again; later, each tenth part more


class Apart:
    """Stands in for a correlator that stumbles over an alert: joins it to nothing, learns nothing."""

    def predict_one(self, alert: Alert) -> Match:  # noqa: ARG002 - the port's form
        """Into an incident of its own."""
        reason = Evidence(signal="apart", weight=0.0, detail="the correlator could not judge it")
        return Match(incident_id=None, probability=0.0, score=0.0, evidence=(reason,))

    def learn_one(self, alert: Alert, incident_id: str, *, alert_of: str | None = None) -> None:
        """Nothing."""

    def close(self, incident_id: str, at: datetime) -> None:
        """Nothing."""

    def roots(self, incident_id: str) -> tuple[tuple[str, float], ...]:  # noqa: ARG002 - the port's form
        """None known."""
        return ()

    def revise(self, now: datetime) -> tuple[Revised, ...]:  # noqa: ARG002 - the port's form
        """None."""
        return ()

    def move(self, alert_id: str, incident_id: str) -> None:
        """Nothing."""

    def correct(self, alert_ids: Sequence[str], incident_id: str) -> None:
        """Nothing."""

    def merge(self, source_id: str, target_id: str) -> None:
        """Nothing."""

    def pin(self, alert_ids: Iterable[str]) -> None:
        """Nothing."""

    def unpin(self, alert_ids: Iterable[str]) -> None:
        """Nothing."""

    def part(self, one_id: str, other_id: str) -> None:
        """Nothing."""

    def lessons(self) -> Mapping[str, float]:
        """None."""
        return {}

    def take_lessons(self, lessons: Mapping[str, float]) -> None:
        """Nothing."""


class Grouping:
    """Decides alert by alert; nothing is written before `save`."""

    def __init__(self, tx: Write, correlator: CorrelatorPort, ids: Sequence[str]) -> None:
        """In `tx`, with a correlator level with the store; `ids` are of the alerts to come, read in one go."""
        self._tx = tx
        self.correlator: CorrelatorPort = correlator
        self._alerts = alerts.by_ids(tx.link, set(ids))
        self._records = incidents.by_ids(tx.link, {one.membership.incident_id for one in self._alerts.values()})
        self._touched_alerts: dict[str, None] = {}
        self._touched_incidents: dict[str, None] = {}
        self._events: list[Event] = []

    def place(self, alert: Alert) -> Receipt:
        """Put `alert` where it belongs: a known episode, an open incident, or a new one."""
        alert = storable_alert(alert)
        known = self._alerts.get(alert.id)
        if known is not None:
            return self._again(known, alert)
        match = self.correlator.predict_one(alert)
        earlier = self._alert(match.repeat_of) if match.repeat_of else None
        if earlier is not None and _same_episode(earlier.membership.alert, alert):
            return self._again(earlier, alert)
        return self._new(alert, match)

    def place_apart(self, alert: Alert) -> Receipt:
        """Put an alert that the correlator cannot take in into an incident of its own."""
        self.correlator = Apart()
        return self.place(alert)

    def move(self, revised: Revised, now: datetime) -> bool:
        """Put a stored alert into another stored incident; False if either is not (any longer) as `revised` says."""
        stored = self._alert(revised.alert_id)
        to, source = self._record(revised.to_incident), self._record(revised.from_incident)
        if stored is None or to is None or source is None or stored.membership.incident_id != source.incident.id:
            return False
        self.correlator.move(revised.alert_id, to.incident.id)
        place = replace(stored.membership, incident_id=to.incident.id)
        self._put(replace(stored, membership=place, moved=self._tx.revision))
        self._leave(source, place.alert)
        self._join(to, place.alert)
        detail = {"alert": revised.alert_id, "from": source.incident.id, "to": to.incident.id, "why": revised.reason}
        for record in (source, to):
            self._tell(record, now, "moved", detail)
            self._settle(record)
        return True

    def save(self) -> None:
        """Judge the roots of touched incidents and write everything."""
        self._judge([record for key in self._touched_incidents if _due(record := self._records[key])])
        incidents.save(self._tx, [self._records[key] for key in self._touched_incidents])
        alerts.save(self._tx, [self._alerts[key] for key in self._touched_alerts])
        incidents.add_events(self._tx, self._events)

    def _again(self, known: StoredAlert, alert: Alert) -> Receipt:
        place = known.membership
        if place.alert.status is AlertStatus.RESOLVED:
            return _receipt(place, "duplicate")
        if alert.status is AlertStatus.RESOLVED:
            return self._end(known, alert)
        another_start = known.membership.alert.starts_at != alert.starts_at
        if another_start:
            self.correlator.learn_one(as_fired(alert), place.incident_id, alert_of=place.alert.id)
        worst = worse(place.alert.severity, alert.severity)
        if worst is not place.alert.severity:
            record = self._touch(place.incident_id)
            _raise_priority(record, alert)
            place = replace(place, alert=replace(place.alert, severity=worst))
        seen = max(place.last_seen_at or alert.received_at, alert.received_at)
        place = replace(place, repeats=place.repeats + 1, last_seen_at=seen)
        self._put(
            replace(known, membership=place, repeated_at=_later(known, alert) if another_start else known.repeated_at)
        )
        return _receipt(place, "repeat")

    def _end(self, known: StoredAlert, alert: Alert) -> Receipt:
        place = known.membership
        ended = max(alert.ends_at or alert.received_at, place.alert.starts_at)
        over = replace(place.alert, status=AlertStatus.RESOLVED, ends_at=ended)
        place = replace(place, alert=over, last_seen_at=max(place.last_seen_at or ended, alert.received_at))
        self._put(replace(known, membership=place))
        self.correlator.learn_one(over, place.incident_id, alert_of=over.id)
        record = self._touch(place.incident_id)
        record.firing -= 1
        record.ended_at = max(record.ended_at or ended, ended)
        self._settle(record)
        return _receipt(place, "resolved")

    def _new(self, alert: Alert, match: Match) -> Receipt:
        record = self._record(match.incident_id) if match.incident_id else None
        opened = record is None
        record = record or self._open(alert)
        if alert.status is AlertStatus.RESOLVED and alert.ends_at is None:
            alert = replace(alert, ends_at=max(alert.received_at, alert.starts_at))
        place = Membership(
            alert=alert,
            incident_id=record.incident.id,
            probability=match.probability,
            score=match.score,
            evidence=match.evidence,
            last_seen_at=alert.received_at,
        )
        self._put(StoredAlert(membership=place, arrival=self._tx.next_arrival()))
        self.correlator.learn_one(as_fired(alert), record.incident.id)
        self._join(record, alert)
        if alert.is_heartbeat:
            # Kept and counted, but nobody has to act on it.
            record.incident = replace(record.incident, status=IncidentStatus.RESOLVED, closed_at=alert.received_at)
        if alert.status is AlertStatus.RESOLVED:
            self.correlator.learn_one(alert, record.incident.id, alert_of=alert.id)
            self._settle(record)
            return _receipt(place, "resolved")
        return _receipt(place, "opened" if opened else "joined")

    def _open(self, alert: Alert) -> IncidentRecord:
        incident = Incident(
            id=self._tx.next_incident_id(),
            opened_at=alert.starts_at,
            title=alert.title,
            service=alert.service or alert.host,
            root_alert_id=alert.id,
        )
        record = self._records[incident.id] = IncidentRecord(incident=incident)
        self._tell(record, alert.received_at, "opened", {"alert": alert.id})
        return record

    def _join(self, record: IncidentRecord, alert: Alert) -> None:
        self._touch(record.incident.id)
        record.alerts += 1
        record.detected_at = min(record.detected_at or alert.received_at, alert.received_at)
        if alert.starts_at < record.incident.opened_at and record.origin is Origin.ALERTS:
            record.incident = replace(record.incident, opened_at=alert.starts_at)
        _raise_priority(record, alert)
        if alert.status is AlertStatus.FIRING:
            record.firing += 1
            self._reopen(record, alert)
        elif alert.ends_at is not None:
            record.ended_at = max(record.ended_at or alert.ends_at, alert.ends_at)

    def _leave(self, record: IncidentRecord, alert: Alert) -> None:
        self._touch(record.incident.id)
        record.alerts -= 1
        record.firing -= alert.status is AlertStatus.FIRING
        record.roots_at = -1  # its roots may have left

    def _reopen(self, record: IncidentRecord, alert: Alert) -> None:
        """A symptom of then that is still there: nobody ended that incident, its other alerts did."""
        incident = record.incident
        if incident.status is IncidentStatus.RESOLVED and incident.resolution is None:
            record.incident = replace(incident, status=IncidentStatus.OPEN, closed_at=None)
            self._tell(record, alert.received_at, "reopened", {"alert": alert.id})

    def _settle(self, record: IncidentRecord) -> None:
        """Close an incident of alerts whose last alert has ended."""
        incident = record.incident
        if record.firing > 0 or incident.status is IncidentStatus.RESOLVED or record.origin is not Origin.ALERTS:
            return
        closed = max(record.ended_at or incident.opened_at, incident.opened_at)
        record.incident = replace(incident, status=IncidentStatus.RESOLVED, closed_at=closed)
        self.correlator.close(incident.id, closed)
        self._tell(record, closed, "resolved", {"why": "every alert has ended" if record.alerts else "merged"})

    def _judge(self, due: Sequence[IncidentRecord]) -> None:
        """Ask for the probable roots, and let the first one name its incident unless a person has."""
        for record in due:
            record.roots = tuple(self.correlator.roots(record.incident.id))[:ROOTS_KEPT]
            record.roots_at = record.alerts
        wanted = {r.roots[0][0] for r in due if r.roots} - self._alerts.keys()
        self._alerts.update(alerts.by_ids(self._tx.link, wanted))
        for record in due:
            root = self._alerts.get(record.roots[0][0]) if record.roots else None
            if root is not None and not record.edited and record.origin is Origin.ALERTS:
                record.incident = _named_after(record.incident, root.membership.alert)

    def _alert(self, alert_id: str) -> StoredAlert | None:
        if alert_id not in self._alerts:
            self._alerts.update(alerts.by_ids(self._tx.link, [alert_id]))
        return self._alerts.get(alert_id)

    def _record(self, incident_id: str) -> IncidentRecord | None:
        if incident_id not in self._records:
            self._records.update(incidents.by_ids(self._tx.link, [incident_id]))
        return self._records.get(incident_id)

    def _put(self, stored: StoredAlert) -> None:
        self._alerts[stored.membership.alert.id] = stored
        self._touched_alerts[stored.membership.alert.id] = None

    def _touch(self, incident_id: str) -> IncidentRecord:
        if incident_id not in self._records:
            self._records.update(incidents.by_ids(self._tx.link, [incident_id]))
        self._touched_incidents[incident_id] = None
        return self._records[incident_id]

    def _tell(self, record: IncidentRecord, at: datetime, kind: str, detail: dict[str, str]) -> None:
        self._events.append(Event(incident_id=record.incident.id, at=at, kind=kind, detail=detail))


def _same_episode(earlier: Alert, alert: Alert) -> bool:
    """Whether `alert` is about `earlier`, which the correlator named: not if it fires again after that one ended."""
    ended = earlier.status is AlertStatus.RESOLVED
    return not ended or alert.status is AlertStatus.RESOLVED or earlier.starts_at == alert.starts_at


def _receipt(place: Membership, outcome: str) -> Receipt:
    return Receipt(alert_id=place.alert.id, incident_id=place.incident_id, outcome=outcome)


def _later(known: StoredAlert, alert: Alert) -> datetime:
    return max(known.repeated_at or alert.starts_at, alert.starts_at)


def _due(record: IncidentRecord) -> bool:
    grown = record.alerts - record.roots_at
    return grown != 0 and (record.alerts <= _JUDGED_ALWAYS or grown * 10 >= record.alerts or record.roots_at < 0)


def _raise_priority(record: IncidentRecord, alert: Alert) -> None:
    priority = raised(record.incident.priority, alert.severity)
    if priority != record.incident.priority and not record.edited and record.origin is Origin.ALERTS:
        record.incident = replace(record.incident, priority=priority)


def _named_after(incident: Incident, root: Alert) -> Incident:
    if incident.root_alert_id == root.id:
        return incident
    return replace(incident, root_alert_id=root.id, title=root.title, service=root.service or root.host)

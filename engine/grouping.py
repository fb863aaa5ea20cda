"""One write transaction's decisions: where each alert goes, and what that makes of its incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.apart import Apart
from engine.domain import Alert, AlertStatus, IncidentStatus, Match, Membership, Receipt
from engine.ledger import Ledger, raise_priority
from engine.lifecycle.severity import worse
from engine.live import as_fired
from engine.store.records import StoredAlert
from engine.store.rows import storable_alert


class Grouping(Ledger):
    """Decides alert by alert; nothing is written before `save`."""

    def place(self, alert: Alert) -> Receipt:
        """Put `alert` where it belongs: a known episode, an open incident, or a new one."""
        alert = storable_alert(alert)
        known = self._alerts.get(alert.id)
        if known is not None:
            return self._again(known, alert)
        match = self.correlator.predict_one(alert)
        earlier = self.alert(match.repeat_of) if match.repeat_of else None
        if earlier is not None and _same_episode(earlier.membership.alert, alert):
            return self._again(earlier, alert)
        return self._new(alert, match)

    def place_apart(self, alert: Alert) -> Receipt:
        """Put an alert that the correlator cannot take in into an incident of its own."""
        self.correlator = Apart()
        return self.place(alert)

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
            record = self.touch(place.incident_id)
            raise_priority(record, alert)
            place = replace(place, alert=replace(place.alert, severity=worst))
        seen = max(place.last_seen_at or alert.received_at, alert.received_at)
        place = replace(place, repeats=place.repeats + 1, last_seen_at=seen)
        self.put(
            replace(known, membership=place, repeated_at=_later(known, alert) if another_start else known.repeated_at)
        )
        return _receipt(place, "repeat")

    def _end(self, known: StoredAlert, alert: Alert) -> Receipt:
        place = known.membership
        ended = max(alert.ends_at or alert.received_at, place.alert.starts_at)
        over = replace(place.alert, status=AlertStatus.RESOLVED, ends_at=ended)
        place = replace(place, alert=over, last_seen_at=max(place.last_seen_at or ended, alert.received_at))
        self.put(replace(known, membership=place))
        self.correlator.learn_one(over, place.incident_id, alert_of=over.id)
        record = self.touch(place.incident_id)
        record.firing -= 1
        record.ended_at = max(record.ended_at or ended, ended)
        self.settle(record)
        return _receipt(place, "resolved")

    def _new(self, alert: Alert, match: Match) -> Receipt:
        record = self.leading(match.incident_id) if match.incident_id else None
        opened = record is None
        if record is None:
            record = self.open(alert)
            self.tell(record, alert.received_at, "opened", {"alert": alert.id})
        if alert.status is AlertStatus.RESOLVED and alert.ends_at is None:
            alert = replace(alert, ends_at=max(alert.received_at, alert.starts_at))
        place = Membership(
            alert=alert,
            incident_id=record.incident.id,
            probability=match.probability,
            score=match.score,
            evidence=match.evidence,
            last_seen_at=alert.received_at,
            runner_up=match.runner_up,
            margin=match.margin,
            provisional=match.provisional,
        )
        self.put(StoredAlert(membership=place, arrival=self.tx.next_arrival()))
        self.correlator.learn_one(as_fired(alert), record.incident.id)
        self.join(record, alert)
        if alert.is_heartbeat:
            # Kept and counted, but nobody has to act on it.
            record.incident = replace(record.incident, status=IncidentStatus.RESOLVED, closed_at=alert.received_at)
        if alert.status is AlertStatus.RESOLVED:
            self.correlator.learn_one(alert, record.incident.id, alert_of=alert.id)
            self.settle(record)
            return _receipt(place, "resolved")
        return _receipt(place, "opened" if opened else "joined")


def _same_episode(earlier: Alert, alert: Alert) -> bool:
    """Whether `alert` is about `earlier`, which the correlator named: not if it fires again after that one ended."""
    ended = earlier.status is AlertStatus.RESOLVED
    return not ended or alert.status is AlertStatus.RESOLVED or earlier.starts_at == alert.starts_at


def _receipt(place: Membership, outcome: str) -> Receipt:
    return Receipt(alert_id=place.alert.id, incident_id=place.incident_id, outcome=outcome)


def _later(known: StoredAlert, alert: Alert) -> datetime:
    return max(known.repeated_at or alert.starts_at, alert.starts_at)

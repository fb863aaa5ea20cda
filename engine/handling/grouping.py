"""One write transaction's decisions: where each alert goes, and what that makes of its incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.domain import Alert, AlertStatus, IncidentStatus, Match, Membership, Receipt
from engine.handling.heard import Heard
from engine.handling.ledger import Ledger, Memory, raise_priority
from engine.handling.live import as_fired
from engine.handling.muting import Muting
from engine.handling.symptoms import Symptoms
from engine.lifecycle.severity import worse
from engine.ports import CorrelatorPort
from engine.store import quiet
from engine.store.database import Write
from engine.store.records import IncidentRecord, Origin, StoredAlert


class Grouping(Ledger):
    """Decides alert by alert; nothing is written before `save`."""

    remembers = True

    def __init__(self, tx: Write, correlator: CorrelatorPort) -> None:
        """In `tx`, with a correlator level with the store."""
        super().__init__(tx, correlator)
        self.symptoms = Symptoms(self)
        self.muting = Muting(self)

    def remember(self, memory: Memory) -> None:
        """Start from what the transaction before has left in `memory`."""
        super().remember(memory)
        self.symptoms.remember(memory.symptoms)
        self.muting.remember(memory)

    def expect(self, alerts: Sequence[Alert]) -> None:
        """These alerts, in a form that may be kept, are to be placed: what is stored of them is read in one go."""
        self.load([alert.id for alert in alerts])
        self.symptoms.foresee(alerts)

    def place(self, alert: Alert) -> Receipt:
        """Put `alert` where it belongs: a known episode or symptom, planned work, an open incident, a new one."""
        self.muting.hear(alert.received_at)
        if (heard := self._told_again(alert)) is not None:
            self.count(heard, alert)
            return heard.receipt
        latest = self._latest(alert)
        if latest is not None and self.symptoms.holds(latest, alert):
            return self._hold(latest, alert)
        known = self._by_now(alert.id)
        if known is None and (self.symptoms.has_heard(latest, alert) or self.muting.planned.keeps(latest)):
            known = latest
        if known is not None:
            return self._again(self.muting.catch_up(known, alert), alert)
        match = self.correlator.predict_one(alert)
        earlier = self.alert(match.repeat_of) if match.repeat_of else None
        if earlier is not None and _same_episode(earlier.membership.alert, alert):
            return self._again(earlier, alert)
        planned = self.muting.home(alert)
        if planned is not None:
            return self._new(alert, planned)
        return self._new(alert, self.muting.causes.beside(alert, self.symptoms.homecoming(alert, latest, match)))

    def quieten(self, now: datetime) -> None:
        """Let go what was kept quiet until some moment before `now`: symptoms that are calm, mutes that are over."""
        for stored in quiet.calm(self.tx.link, now):
            self._calm_down(self.take_in(stored))
        self.muting.doubt_what_time_ends(now)

    def save(self) -> None:
        """Judge what is muted, then the roots of touched incidents, and write everything."""
        self.muting.settle()
        if self.muting.any_plans:  # planned work gives alerts new places in the order of arrival
            self.symptoms.forget()
        super().save()

    def may_be_quiet(self, record: IncidentRecord) -> bool:
        """Only where anything mutes, or did."""
        return self.muting.any_plans or record.incident.muted

    def place_apart(self, alert: Alert) -> Receipt:
        """Put an alert that the correlator cannot take in into an incident of its own."""
        self.correlator.leave_out()
        return self.place(alert)

    def _told_again(self, alert: Alert) -> Heard | None:
        """What `alert` tells again, if it tells nothing else: most of any storm."""
        heard = self._heard.get(alert.id)
        if heard is not None and heard.alert.is_same(alert) and self.symptoms.is_latest(alert):
            return heard
        told = self._alerts.get(alert.id) if heard is None else heard.stored
        if told is None or not self._is_nothing_new(told, alert):
            return None
        return heard or Heard.of(told, _receipt(told.membership, "repeat"))

    def _is_nothing_new(self, told: StoredAlert, alert: Alert) -> bool:
        """Whether `alert` only says once more that it fires, of a symptom without a past."""
        place = told.membership
        same = place.alert.status is alert.status is AlertStatus.FIRING and place.alert.starts_at == alert.starts_at
        calm = told.calm_at is None and not told.changes and not place.mutes
        known = worse(place.alert.severity, alert.severity) is place.alert.severity
        return same and calm and known and self.symptoms.is_latest(alert)

    def _again(self, known: StoredAlert, alert: Alert) -> Receipt:
        place = known.membership
        if place.alert.status is AlertStatus.RESOLVED:
            return _receipt(place, "duplicate")
        if alert.status is AlertStatus.RESOLVED:
            return self._end(known, alert)
        another_start = known.membership.alert.starts_at != alert.starts_at
        if another_start:
            self._learn(_again(place.alert, alert), place.incident_id, alert_of=place.alert.id)
        before, worst = place.alert.severity, worse(place.alert.severity, alert.severity)
        if worst is not before:
            record = self.touch(place.incident_id)
            raise_priority(record, alert)
            place = replace(place, alert=replace(place.alert, severity=worst))
            self.muting.doubt(replace(known, membership=place))
        seen = max(place.last_seen_at or alert.received_at, alert.received_at)
        place = replace(place, repeats=place.repeats + 1, last_seen_at=seen)
        known = replace(known, membership=place)
        if another_start:
            self.put(replace(known, repeated_at=_later(known, alert)))
            self._note(alert)
        elif worst is not before:
            self.put(known)
        else:
            self.put_repeat(known)
        return _receipt(place, "repeat")

    def _end(self, known: StoredAlert, alert: Alert) -> Receipt:
        place = known.membership
        ended = max(alert.ends_at or alert.received_at, place.alert.starts_at)
        over = replace(place.alert, status=AlertStatus.RESOLVED, ends_at=ended)
        place = replace(place, alert=over, last_seen_at=max(place.last_seen_at or ended, alert.received_at))
        known = replace(known, membership=place)
        self.put(known)
        self._note(over)
        self.muting.doubt(known)
        self._learn(over, place.incident_id, alert_of=over.id)
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
        stored = StoredAlert(membership=place, arrival=self.tx.next_arrival())
        self.muting.doubt(self.symptoms.begin(stored, self.symptoms.latest(alert)))
        self._learn(as_fired(alert), record.incident.id)
        self.join(record, alert)
        if alert.is_heartbeat:
            # Kept and counted, but nobody has to act on it.
            record.incident = replace(record.incident, status=IncidentStatus.RESOLVED, closed_at=alert.received_at)
        if alert.status is AlertStatus.RESOLVED:
            self._learn(alert, record.incident.id, alert_of=alert.id)
            self.settle(record)
            return _receipt(place, "resolved")
        return _receipt(place, "opened" if opened else "joined")

    def _latest(self, alert: Alert) -> StoredAlert | None:
        """The latest episode of its symptom; one that flapped and was calm before `alert` has calmed down."""
        latest = self.symptoms.latest(alert)
        if latest is not None and self.symptoms.is_calm(latest, alert):
            self._calm_down(latest)
            return self.symptoms.latest(alert)
        return latest

    def _hold(self, latest: StoredAlert, alert: Alert) -> Receipt:
        """One more beginning or end of a flapping symptom: nothing new, and nothing is over."""
        stored = self.symptoms.hold(latest, alert)
        place = stored.membership
        self.muting.doubt(stored)
        if alert.status is AlertStatus.FIRING:
            self._learn(_again(place.alert, alert), place.incident_id, alert_of=place.alert.id)
        return _receipt(place, "repeat")

    def _calm_down(self, latest: StoredAlert) -> None:
        """The symptom has stopped flapping; if the tool said meanwhile that it is over, it is."""
        held, calm = latest.held, self.symptoms.calm_down(latest)
        if held:
            at = latest.changes[-1].at
            self._end(calm, replace(calm.membership.alert, status=AlertStatus.RESOLVED, ends_at=at))

    def _note(self, alert: Alert) -> None:
        """What happened to a known episode, for its symptom."""
        latest = self.symptoms.latest(alert)
        if latest is not None:
            self.symptoms.note(latest, alert)

    def _learn(self, alert: Alert, incident_id: str, *, alert_of: str | None = None) -> None:
        """Tell the correlator, unless planned work is all that its alerts have in common."""
        record = self.record(incident_id)
        if record is None or record.origin is not Origin.MAINTENANCE:
            self.correlator.learn_one(alert, incident_id, alert_of=alert_of)


def _same_episode(earlier: Alert, alert: Alert) -> bool:
    """Whether `alert` is about `earlier`, which the correlator named: not if it fires again after that one ended."""
    ended = earlier.status is AlertStatus.RESOLVED
    return not ended or alert.status is AlertStatus.RESOLVED or earlier.starts_at == alert.starts_at


def _again(known: Alert, alert: Alert) -> Alert:
    """`known`, as it is told again by `alert`: its texts are those that are stored."""
    return replace(as_fired(known), id=alert.id, starts_at=alert.starts_at, received_at=alert.received_at)


def _receipt(place: Membership, outcome: str) -> Receipt:
    return Receipt(alert_id=place.alert.id, incident_id=place.incident_id, outcome=outcome)


def _later(known: StoredAlert, alert: Alert) -> datetime:
    return max(known.repeated_at or alert.starts_at, alert.starts_at)

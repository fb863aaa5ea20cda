"""Symptoms over their episodes: which flap, where one that comes back belongs, when one is calm again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from engine.domain import Alert, AlertStatus, Evidence, Match
from engine.handling.ledger import Ledger
from engine.handling.live import as_fired
from engine.lifecycle.flapping import Change, Flap, Flapping, own_changes, remember
from engine.store import quiet
from engine.store.records import Origin, StoredAlert

Symptom = tuple[str, str]  # source and fingerprint


class Symptoms:
    """The latest episode of each symptom, in one transaction: it carries what is known of those before."""

    def __init__(self, ledger: Ledger, flapping: Flapping = Flapping()) -> None:  # noqa: B008 - frozen
        """Of the transaction's `ledger`."""
        self._ledger = ledger
        self._flapping = flapping
        self._latest: dict[Symptom, str | None] = {}

    def remember(self, latest: dict[Symptom, str | None]) -> None:
        """Start from what the transaction before has left: the ids of the latest alerts, None where there are none."""
        self._latest = latest

    def forget(self) -> None:
        """Read them anew at the next question, in this transaction and in the next."""
        self._latest.clear()

    def is_latest(self, alert: Alert) -> bool:
        """Whether it is known at once that `alert` tells of the latest episode of its symptom."""
        return self._latest.get(_symptom(alert)) == alert.id

    def foresee(self, alerts: Iterable[Alert]) -> None:
        """Read what is stored of the symptoms of `alerts` in one go."""
        wanted = {_symptom(alert) for alert in alerts} - self._latest.keys()
        if not wanted:
            return
        self._latest.update(dict.fromkeys(wanted))
        places = quiet.latest(self._ledger.tx.link, {fingerprint for _, fingerprint in wanted})
        for stored in quiet.by_arrival(self._ledger.tx.link, places):
            alert = self._ledger.take_in(stored).membership.alert
            if _symptom(alert) in wanted:
                self._latest[_symptom(alert)] = alert.id

    def latest(self, alert: Alert) -> StoredAlert | None:
        """The latest stored episode of its symptom; None if there is none. Signs of life are no symptoms."""
        if alert.is_heartbeat:
            return None
        if _symptom(alert) not in self._latest:
            self.foresee([alert])
        known = self._latest[_symptom(alert)]
        return self._ledger.alert(known) if known else None

    def has_heard(self, latest: StoredAlert | None, alert: Alert) -> bool:
        """Whether `alert` tells nothing new: an episode that the flapping `latest` one took in is told once more."""
        return latest is not None and _course(latest, alert) == latest.course

    def is_calm(self, latest: StoredAlert, alert: Alert) -> bool:
        """Whether the symptom flapped, and had stopped before what `alert` tells."""
        return latest.calm_at is not None and latest.calm_at <= own_changes(alert)[-1].at

    def holds(self, latest: StoredAlert, alert: Alert) -> bool:
        """Whether the symptom flaps, with `alert`: then it stays in the incident of its `latest` episode, and open."""
        over = AlertStatus.RESOLVED
        if latest.membership.alert.status is over and alert.status is over:
            return False  # there is nothing to keep open
        if latest.calm_at is None and not self._starts(latest, alert):
            return False
        if alert.id != latest.membership.alert.id and self._ledger.alert(alert.id) is not None:
            return False  # about an episode before the latest
        home = self._ledger.leading(latest.membership.incident_id)
        return alert.status is over or (home is not None and home.incident.resolution is None)

    def _starts(self, latest: StoredAlert, alert: Alert) -> bool:
        """Whether the symptom flaps from `alert` on; what is told late of earlier times starts nothing now."""
        course = _course(latest, alert)
        late = own_changes(alert)[-1].at < latest.course[-1].at
        return not late and course != latest.course and self._judge(latest, course).since is not None

    def hold(self, latest: StoredAlert, alert: Alert) -> StoredAlert:
        """The `latest` episode with one more beginning or end of its flapping symptom: it goes on firing."""
        place, held = latest.membership, latest.membership.alert
        record = self._ledger.touch(place.incident_id)
        if held.status is AlertStatus.RESOLVED:
            held = as_fired(held)
            record.firing += 1
            self._ledger.reopen(record, alert.received_at, {"alert": held.id, "why": "the symptom flaps"})
        seen = max(place.last_seen_at or alert.received_at, alert.received_at)
        place = replace(place, alert=held, last_seen_at=seen, repeats=place.repeats + 1)
        return self.note(replace(latest, membership=place), alert)

    def note(self, latest: StoredAlert, alert: Alert) -> StoredAlert:
        """The `latest` episode with what `alert` tells of its symptom, to be written."""
        return self._carry(latest, _course(latest, alert), alert.received_at)

    def begin(self, stored: StoredAlert, before: StoredAlert | None) -> StoredAlert:
        """A new episode, which carries what is known of those `before`, to be written."""
        alert = stored.membership.alert
        if before is None:
            return self._carry(stored, own_changes(alert), alert.received_at)
        since = before.membership.flapping_since
        if since is not None:
            calm = replace(before.membership, flapping_since=None)
            self._ledger.put(replace(before, membership=calm, calm_at=None))
        stored = replace(stored, membership=replace(stored.membership, flapping_since=since))
        return self._carry(stored, _course(before, alert), alert.received_at)

    def calm_down(self, stored: StoredAlert) -> StoredAlert:
        """An episode whose symptom has stopped flapping, to be written; where `held`, its end is now the tool's."""
        at = stored.calm_at or stored.membership.alert.received_at
        detail = {"alert": stored.membership.alert.id}
        self._ledger.tell(self._ledger.touch(stored.membership.incident_id), at, "flapping_stopped", detail)
        calm = replace(stored, membership=replace(stored.membership, flapping_since=None), calm_at=None)
        self._ledger.put(calm)
        return calm

    def homecoming(self, alert: Alert, before: StoredAlert | None, match: Match) -> Match:
        """`match`; but a symptom that would open an incident soon after it ended goes back to the one it was in.

        Not where a person ended that one with a fix: then it is news that the symptom is back.
        """
        if before is None or match.incident_id is not None:
            return match
        if not self._flapping.returns(before.course, alert.starts_at):
            return match
        home = self._ledger.leading(before.membership.incident_id)
        if home is None or home.origin is not Origin.ALERTS or home.incident.resolution is not None:
            return match
        reason = Evidence(signal="return", weight=0.0, detail="the same symptom ended moments before")
        return Match(incident_id=home.incident.id, probability=1.0, score=0.0, evidence=(reason,))

    def _judge(self, latest: StoredAlert, course: tuple[Change, ...]) -> Flap:
        return self._flapping.judge(course, latest.membership.flapping_since)

    def _carry(self, stored: StoredAlert, course: tuple[Change, ...], at: datetime) -> StoredAlert:
        if course == stored.course:  # nothing new: the verdict stands
            self._latest[_symptom(stored.membership.alert)] = stored.membership.alert.id
            self._ledger.put(stored)
            return stored
        flap = self._judge(stored, course)
        place = stored.membership
        since = (place.flapping_since or flap.since) if flap.since is not None else None
        if since is not None and place.flapping_since is None:
            why = f"{flap.changes} changes in {(course[-1].at - course[0].at).total_seconds() / 60:.0f} min"
            detail = {"alert": place.alert.id, "why": why}
            self._ledger.tell(self._ledger.touch(place.incident_id), at, "flapping_started", detail)
        place = replace(place, flapping_since=since)
        changes = course if course != own_changes(place.alert) else ()
        stored = replace(stored, membership=place, changes=changes, calm_at=flap.calm_at)
        self._ledger.put(stored)
        self._latest[_symptom(place.alert)] = place.alert.id
        return stored


def _symptom(alert: Alert) -> Symptom:
    return alert.source, alert.fingerprint


def _course(latest: StoredAlert, alert: Alert) -> tuple[Change, ...]:
    return remember(latest.course, *own_changes(alert))

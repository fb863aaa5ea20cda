"""Alerts between incidents: what later evidence moves, and what operators merge, split, move and pin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.apart import Apart
from engine.domain import Evidence, Incident, IncidentStatus
from engine.ledger import Ledger
from engine.lifecycle.severity import priority
from engine.ports import Revised
from engine.store import alerts, constraints
from engine.store.alerts import Tally
from engine.store.records import IncidentRecord, Origin, StoredAlert

MOVED_ENOUGH = 3  # times that later evidence may move one alert: after that it stays, whatever else is learned
_LISTED = 20  # alerts named in one line of a timeline


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """An operator's word: who says it, when, and why."""

    actor: str
    at: datetime
    reason: str = ""

    def detail(self, **more: str) -> dict[str, str]:
        """For the timeline."""
        return {**more, **({"why": self.reason} if self.reason else {})}

    def evidence(self, verb: str) -> Evidence:
        """Why an alert is where an operator put it: no weight, since nothing was weighed."""
        why = f": {self.reason}" if self.reason else ""
        return Evidence(signal="operator", weight=0.0, detail=f"{self.actor or 'an operator'} {verb}{why}")


class Regrouping(Ledger):
    """Moves alerts between stored incidents. Counters are taken anew from the alerts on `save`."""

    _taught = False

    # -- later evidence

    def revise(self, proposed: Iterable[Revised], now: datetime) -> list[Revised]:
        """Apply what the constraints allow; one line per pair of incidents in each timeline. Returns what was applied.

        A proposal without a target puts its alert into a new incident. Where all alerts of an incident are to go to
        one other, they all go or none does.
        """
        flows: dict[tuple[str, str], list[Revised]] = {}
        for (source_id, target_id), asked in _by_pair(proposed).items():
            for one in self._allowed(source_id, target_id, asked):
                target = self.touch(target_id) if target_id else self._opened(one, now)
                self._carry(one, target)
                flows.setdefault((source_id, target.incident.id), []).append(one)
        self.write()
        self._recount({key for pair in flows for key in pair}, now)
        self._end_emptied(Counter({pair: len(moved) for pair, moved in flows.items()}), now)
        for (source_id, target_id), moved in flows.items():
            self._apart_too(source_id, target_id)
            self._tell_flow(self.touch(source_id), self.touch(target_id), moved, now)
        return [one for moved in flows.values() for one in moved]

    def _allowed(self, source_id: str, target_id: str, asked: Sequence[Revised]) -> list[Revised]:
        """Those that no constraint and no later change of the store stands against.

        The correlator is told of a constraint it did not know: it need not propose the same again.
        """
        self.load([one.alert_id for one in asked])
        found = [one for one in asked if self._is_in(one.alert_id, source_id)]
        source, target = self.record(source_id), self.record(target_id) if target_id else None
        if source is None or source is target or (target_id and target is None) or not found:
            return []
        if fixed(source.incident) or (target is not None and self._are_apart(source, target)):
            self.correlator.part(source_id, target_id)
            return []
        if target is not None and len(found) >= source.alerts:
            return found if self._may_merge(found, source_id, target_id) else []
        held = [one.alert_id for one in found if self._stays(self._alerts[one.alert_id])]
        self.correlator.pin(held)
        return [one for one in found if one.alert_id not in held]

    def _is_in(self, alert_id: str, incident_id: str) -> bool:
        stored = self.alert(alert_id)
        return stored is not None and stored.membership.incident_id == incident_id

    def _are_apart(self, source: IncidentRecord, target: IncidentRecord) -> bool:
        return fixed(target.incident) or target.incident.id in constraints.parted_from(self.tx.link, source.incident.id)

    def _may_merge(self, found: Sequence[Revised], source_id: str, target_id: str) -> bool:
        pinned = [one.alert_id for one in found if self._alerts[one.alert_id].membership.pinned]
        if pinned:
            self.correlator.pin(pinned)
            self.correlator.part(source_id, target_id)
        return not pinned

    @staticmethod
    def _stays(stored: StoredAlert) -> bool:
        """Pinned, or moved so often that it is left in peace."""
        return stored.membership.pinned or stored.moves >= MOVED_ENOUGH

    def _opened(self, one: Revised, now: datetime) -> IncidentRecord:
        target = self.open(self._alerts[one.alert_id].membership.alert)
        self.tell(target, now, "opened", {"alert": one.alert_id, "from": one.from_incident})
        return target

    def _carry(self, one: Revised, target: IncidentRecord) -> None:
        stored = self._alerts[one.alert_id]
        self.correlator.move(one.alert_id, target.incident.id)
        self.touch(one.from_incident).gone += 1
        self.touch(target.incident.id).came += 1
        self.tx.changes += 1
        self.tx.changed += stored.moves == 0
        reason = Evidence(signal="later evidence", weight=0.0, detail=one.reason)
        self._place(replace(stored, moves=stored.moves + 1), target, reason, pinned=False)

    def _tell_flow(
        self, source: IncidentRecord, target: IncidentRecord, moved: Sequence[Revised], now: datetime
    ) -> None:
        """What went from one incident to the other, in one line each."""
        kind = "merged" if source.incident.merged_into == target.incident.id else "moved"
        detail = {
            "alert" if len(moved) == 1 else "alerts": _listed([one.alert_id for one in moved]),
            "from": source.incident.id,
            "to": target.incident.id,
            "why": moved[0].reason,
        }
        for record in (source, target):
            self.tell(record, now, kind, detail)

    # -- an operator's word

    def merge(self, source: IncidentRecord, target: IncidentRecord, word: Word) -> None:
        """All alerts of `source` go to `target`; these and those that are there stay there."""
        source_id, target_id = source.incident.id, target.incident.id
        count = source.alerts
        held = [key for one in (source_id, target_id) for key in alerts.ids_of_incident(self.tx.link, one)]
        self._teach(count)
        self.correlator.merge(source_id, target_id)
        self.correlator.pin(held)
        alerts.move_all(self.tx, source_id, target_id)
        alerts.pin_all(self.tx, target_id)
        self._apart_too(source_id, target_id)
        constraints.forget(self.tx, source_id)
        _hand_over(source, target)
        for record in (self.touch(source_id), self.touch(target_id)):
            detail = word.detail(**{"from": source_id, "to": target_id, "alerts": str(count)})
            self.tell(record, word.at, "merged", detail, actor=word.actor)
        self._recount({source_id, target_id}, word.at)
        self._end(source, target_id, word.at)

    def split(self, moved: Sequence[StoredAlert], source: IncidentRecord, word: Word) -> IncidentRecord:
        """These alerts of `source` become an incident of their own, for good."""
        first = min((one.membership.alert for one in moved), key=lambda one: (one.starts_at, one.id))
        target = self.open(first)
        self.tell(target, word.at, "opened", word.detail(**{"from": source.incident.id}), actor=word.actor)
        self._correct(moved, source, target, word, "split")
        return target

    def move(self, moved: StoredAlert, source: IncidentRecord, target: IncidentRecord, word: Word) -> None:
        """This alert of `source` belongs to `target`, for good."""
        self._correct([moved], source, target, word, "moved")

    def pin(self, stored: StoredAlert, word: Word) -> None:
        """This alert stays where it is."""
        self._hold(stored, word, pinned=True)

    def unpin(self, stored: StoredAlert, word: Word) -> None:
        """Later evidence may move this alert again."""
        self._hold(stored, word, pinned=False)

    def _hold(self, stored: StoredAlert, word: Word, *, pinned: bool) -> None:
        alert, record = stored.membership.alert, self.touch(stored.membership.incident_id)
        if stored.membership.pinned == pinned:
            return
        self._teach(0)
        (self.correlator.pin if pinned else self.correlator.unpin)([alert.id])
        provisional = stored.membership.provisional and not pinned
        self.put(replace(stored, membership=replace(stored.membership, pinned=pinned, provisional=provisional)))
        self.tell(record, word.at, "pinned" if pinned else "unpinned", word.detail(alert=alert.id), actor=word.actor)

    def _correct(
        self, moved: Sequence[StoredAlert], source: IncidentRecord, target: IncidentRecord, word: Word, kind: str
    ) -> None:
        source_id, target_id = source.incident.id, target.incident.id
        ids = [one.membership.alert.id for one in moved]
        self._teach(len(ids))
        self.correlator.correct(ids, target_id)
        for one in moved:
            self._place(one, target, word.evidence(f"put it here (from {source_id})"), pinned=True)
        detail = word.detail(**{"from": source_id, "to": target_id, "alerts": _listed(ids)})
        for record in (self.touch(source_id), self.touch(target_id)):
            self.tell(record, word.at, kind, detail, actor=word.actor)
        self.write()
        self._recount({source_id, target_id}, word.at)
        if source.alerts:
            constraints.part(self.tx, [(source_id, target_id)])
            self.correlator.part(source_id, target_id)
        else:
            self._end(source, target_id, word.at)

    def _teach(self, alerts_moved: int) -> None:
        self._taught = True
        self.tx.corrected += alerts_moved

    # -- what both do

    def _apart_too(self, source_id: str, target_id: str) -> None:
        """What operators told apart from the source stays apart from alerts that came from there."""
        for other in constraints.inherit(self.tx, source_id, target_id):
            self.correlator.part(target_id, other)

    def _place(self, stored: StoredAlert, target: IncidentRecord, reason: Evidence, *, pinned: bool) -> None:
        """Into `target`; what was weighed was weighed against another incident, so it no longer counts."""
        place = replace(
            stored.membership,
            incident_id=target.incident.id,
            probability=1.0 if pinned else stored.membership.probability,
            score=0.0,
            evidence=(reason,),
            runner_up=None,
            margin=0.0,
            provisional=False,
            pinned=pinned,
        )
        self.put(replace(stored, membership=place, moved=self.tx.revision))

    def _recount(self, incident_ids: Iterable[str], at: datetime) -> None:
        """Take counters, moments and priority anew from the stored alerts, and the status from the counters."""
        records = [self.touch(incident_id) for incident_id in incident_ids]
        found = alerts.tallies(self.tx.link, [record.incident.id for record in records])
        for record in records:
            tally = found[record.incident.id]
            _count(record, tally)
            record.roots_at = -1
            if record.firing:
                self.reopen(record, at, {"why": "alerts that still fire have come"})
            elif record.alerts:
                self.settle(record)

    def _end_emptied(self, flows: Counter[tuple[str, str]], now: datetime) -> None:
        """An incident without alerts is over: its id leads to where most of them went."""
        for (source_id, target_id), _ in flows.most_common():
            record = self.touch(source_id)
            if not record.alerts and record.incident.merged_into is None:
                self._end(record, target_id, now)

    def _end(self, record: IncidentRecord, target_id: str, at: datetime) -> None:
        incident = record.incident
        closed = incident.closed_at or max(at, incident.opened_at)
        record.roots, record.roots_at = (), record.alerts
        record.incident = replace(incident, status=IncidentStatus.RESOLVED, closed_at=closed, merged_into=target_id)
        self.correlator.close(incident.id, closed)

    def roots_of(self, record: IncidentRecord) -> tuple[tuple[str, float], ...]:
        """As the correlator has it; of incidents that it no longer remembers, the first alerts that are known."""
        judged = super().roots_of(record)
        inside = self._inside(record, [alert_id for alert_id, _ in judged])
        if inside:
            return tuple((alert_id, score) for alert_id, score in judged if alert_id in inside)
        inside = self._inside(record, [alert_id for alert_id, _ in record.roots])
        known = tuple((alert_id, score) for alert_id, score in record.roots if alert_id in inside)
        first = alerts.of_incident(self.tx.link, record.incident.id, 1)
        return known or tuple((one.membership.alert.id, 0.0) for one in first)

    def _inside(self, record: IncidentRecord, alert_ids: Sequence[str]) -> set[str]:
        found = alerts.by_ids(self.tx.link, alert_ids)
        return {key for key, one in found.items() if one.membership.incident_id == record.incident.id}

    def save(self) -> None:
        """Judge the roots, write everything, and keep what an operator's word has taught."""
        super().save()
        if self._taught and not isinstance(self.correlator, Apart):
            constraints.keep_lessons(self.tx, self.correlator.lessons())


def _by_pair(proposed: Iterable[Revised]) -> dict[tuple[str, str], list[Revised]]:
    pairs: dict[tuple[str, str], list[Revised]] = {}
    for one in proposed:
        pairs.setdefault((one.from_incident, one.to_incident), []).append(one)
    return pairs


def fixed(incident: Incident) -> bool:
    """Whether a person has had the last word: ended with a fix, or part of another incident. Nothing is moved then."""
    return incident.resolution is not None or incident.merged_into is not None


def _count(record: IncidentRecord, tally: Tally) -> None:
    record.alerts, record.firing = tally.alerts, tally.firing
    record.detected_at = tally.detected_at or record.detected_at
    record.ended_at = tally.ended_at
    if record.origin is Origin.ALERTS and tally.began_at is not None:
        record.incident = replace(record.incident, opened_at=tally.began_at)
        if not record.edited:
            record.incident = replace(record.incident, priority=priority(tally.severities))


def _hand_over(source: IncidentRecord, target: IncidentRecord) -> None:
    """Somebody who had taken the one has taken both."""
    taken = [at for at in (source.acknowledged_at, target.acknowledged_at) if at is not None]
    target.acknowledged_at = min(taken, default=None)
    target.assignee = target.assignee or source.assignee


def _listed(alert_ids: Sequence[str]) -> str:
    more = len(alert_ids) - _LISTED
    return ", ".join(alert_ids[:_LISTED]) + (f" and {more} more" if more > 0 else "")

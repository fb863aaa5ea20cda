"""An operator's word: incidents are one or apart, alerts belong elsewhere or stay. It is kept, and it teaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.domain import AlertStatus, Evidence, Match
from engine.handling.live import as_fired
from engine.handling.regrouping import Regrouping, listed
from engine.redaction import redact
from engine.store import alerts, constraints
from engine.store.records import IncidentRecord, Origin, StoredAlert


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """An operator's word: who says it, when, and why."""

    actor: str
    at: datetime
    reason: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", redact(self.reason))

    def detail(self, **more: str) -> dict[str, str]:
        """For the timeline."""
        return {**more, **({"why": self.reason} if self.reason else {})}

    def evidence(self, verb: str) -> Evidence:
        """Why an alert is where an operator put it: no weight, since nothing was weighed."""
        why = f": {self.reason}" if self.reason else ""
        return Evidence(signal="operator", weight=0.0, detail=f"{self.actor or 'an operator'} {verb}{why}")


class Correcting(Regrouping):
    """Does what an operator says; the correlator hears of it, and what that teaches is stored with it."""

    _taught = False

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
        self.apart_too(source_id, target_id)
        constraints.forget(self.tx, source_id)
        _hand_over(source, target)
        for record in (self.touch(source_id), self.touch(target_id)):
            detail = word.detail(**{"from": source_id, "to": target_id, "alerts": str(count)})
            self.tell(record, word.at, "merged", detail, actor=word.actor)
        self.recount({source_id, target_id}, word.at)
        self.end(source, target_id, word.at)

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
        if source.origin is Origin.MAINTENANCE:
            moved = [self._released(one, target_id) for one in moved]
        self.correlator.correct(ids, target_id)
        said = Match(incident_id=target_id, probability=1.0, score=0.0)
        for one in moved:
            held = replace(one, membership=replace(one.membership, pinned=True))
            self.place(held, target, word.evidence(f"put it here (from {source_id})"), said)
        detail = word.detail(**{"from": source_id, "to": target_id, "alerts": listed(ids)})
        for record in (self.touch(source_id), self.touch(target_id)):
            self.tell(record, word.at, kind, detail, actor=word.actor)
        self.write()
        self.recount({source_id, target_id}, word.at)
        if source.alerts:
            constraints.part(self.tx, [(source_id, target_id)])
            self.correlator.part(source_id, target_id)
        else:
            self.end(source, target_id, word.at)

    def _released(self, stored: StoredAlert, incident_id: str) -> StoredAlert:
        """An alert that planned work kept to itself: to the correlator it comes only now."""
        alert = stored.membership.alert
        self.correlator.learn_one(as_fired(alert), incident_id)
        if alert.status is AlertStatus.RESOLVED:
            self.correlator.learn_one(alert, incident_id, alert_of=alert.id)
        return replace(stored, arrival=self.tx.next_arrival())

    def _teach(self, alerts_moved: int) -> None:
        self._taught = True
        self.tx.corrected += alerts_moved

    def save(self) -> None:
        """Judge the roots, write everything, and keep what an operator's word has taught."""
        super().save()
        if self._taught and not self.correlator.rests:
            constraints.keep_lessons(self.tx, self.correlator.lessons())


def _hand_over(source: IncidentRecord, target: IncidentRecord) -> None:
    """Somebody who had taken the one has taken both."""
    taken = [at for at in (source.acknowledged_at, target.acknowledged_at) if at is not None]
    target.acknowledged_at = min(taken, default=None)
    target.assignee = target.assignee or source.assignee

"""What later evidence moves, as far as operators' words and what persons ended allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from engine.domain import Evidence
from engine.handling.regrouping import Regrouping, fixed, listed
from engine.ports import Revised
from engine.store import constraints
from engine.store.records import IncidentRecord, StoredAlert

MOVED_ENOUGH = 3  # times that later evidence may move one alert: after that it stays, whatever else is learned


class Revising(Regrouping):
    """Applies what a correlator proposes. The constraints in the store count, whatever the correlator knows of them."""

    def revise(self, proposed: Iterable[Revised], now: datetime) -> list[Revised]:
        """Apply what the constraints allow; one line per pair of incidents in each timeline. Returns what was applied.

        Proposals without a target put their alerts into a new incident: one for those that name the same alert to be
        beside. Where all alerts of an incident are to go to one other, they all go or none does.
        """
        flows: dict[tuple[str, str], list[Revised]] = {}
        for (source_id, target_id, beside), asked in _by_flow(proposed).items():
            allowed = self._allowed(source_id, target_id, asked)
            together = bool(target_id) and bool(allowed) and len(allowed) >= self.touch(source_id).alerts
            opened: IncidentRecord | None = None
            for one in allowed:
                target = self.touch(target_id) if target_id else opened or self._opened(one, now)
                opened = target if beside else None
                self._carry(one, target, together)
                flows.setdefault((source_id, target.incident.id), []).append(one)
        self.write()
        self.recount({key for pair in flows for key in pair}, now)
        self._end_emptied(Counter({pair: len(moved) for pair, moved in flows.items()}), now)
        for (source_id, target_id), moved in flows.items():
            self.apart_too(source_id, target_id)
            self._tell_flow(self.touch(source_id), self.touch(target_id), moved, now)
        for source_id in {source_id for source_id, _ in flows if self.touch(source_id).incident.merged_into}:
            constraints.forget(self.tx, source_id)
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
            self._refuse(source, target, found)
            return []
        if target is not None and len(found) >= source.alerts:
            return found if self._may_merge(found, source_id, target_id) else []
        held = [one.alert_id for one in found if self._stays(self._alerts[one.alert_id])]
        self.correlator.pin(held)
        return [one for one in found if one.alert_id not in held]

    def _refuse(self, source: IncidentRecord, target: IncidentRecord | None, found: Sequence[Revised]) -> None:
        if fixed(source.incident):
            self.correlator.pin([one.alert_id for one in found])
        if target is not None:
            self.correlator.part(source.incident.id, target.incident.id)

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

    def _carry(self, one: Revised, target: IncidentRecord, together: bool) -> None:
        stored = self._alerts[one.alert_id]
        self.correlator.move(one.alert_id, target.incident.id)
        self.touch(one.from_incident).gone += 1
        self.touch(target.incident.id).came += 1
        self.tx.changes += 1
        self.tx.changed += stored.moves == 0
        stored = replace(stored, moves=stored.moves + 1)
        reason = Evidence(signal="later evidence", weight=0.0, detail=one.reason)
        if together:  # what it has in common with the others of its incident still holds: they are all there
            self.put(_taken_along(stored, target, reason, self.tx.revision))
        else:
            self.place(stored, target, reason, self.correlator.explain(one.alert_id))

    def _tell_flow(
        self, source: IncidentRecord, target: IncidentRecord, moved: Sequence[Revised], now: datetime
    ) -> None:
        """What went from one incident to the other, in one line each."""
        kind = "merged" if source.incident.merged_into == target.incident.id else "moved"
        detail = {
            "alert" if len(moved) == 1 else "alerts": listed([one.alert_id for one in moved]),
            "from": source.incident.id,
            "to": target.incident.id,
            "why": moved[0].reason,
        }
        for record in (source, target):
            self.tell(record, now, kind, detail)

    def _end_emptied(self, flows: Counter[tuple[str, str]], now: datetime) -> None:
        """An incident without alerts is over: its id leads to where most of them went."""
        for (source_id, target_id), _ in flows.most_common():
            record = self.touch(source_id)
            if not record.alerts and record.incident.merged_into is None:
                self.end(record, target_id, now)


def _taken_along(stored: StoredAlert, target: IncidentRecord, reason: Evidence, revision: int) -> StoredAlert:
    evidence = (*(one for one in stored.membership.evidence if one.signal != reason.signal), reason)
    place = replace(stored.membership, incident_id=target.incident.id, evidence=evidence)
    if place.runner_up == target.incident.id:
        place = replace(place, runner_up=None, margin=0.0, provisional=False)
    return replace(stored, membership=place, moved=revision)


def _by_flow(proposed: Iterable[Revised]) -> dict[tuple[str, str, str], list[Revised]]:
    """What goes together: from which incident, to which one, beside which alert."""
    flows: dict[tuple[str, str, str], list[Revised]] = {}
    for one in proposed:
        flows.setdefault((one.from_incident, one.to_incident, one.beside), []).append(one)
    return flows

"""Giving incidents to people: many at once, again when more is known, and how well it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.answering import staffing
from engine.answering.experience import Experience
from engine.domain import Triage
from engine.handling.planning import Planning
from engine.route.watch import Watch
from engine.store import incidents, routing
from engine.store.database import Write
from engine.store.records import Event, IncidentRecord

_AT_ONCE = 200  # incidents given out, or looked at again, in one go


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """One incident of a joint assignment; `responder` is "" where it is left to its queue."""

    incident_id: str
    responder: str
    probability: float  # 0..1, that this one resolves it


class Dispatching(Planning):
    """What routing does beside answering."""

    experience: Experience
    _looked_at: dict[str, int]  # revision of each open incident when its routing was last looked at

    def triage(self, incident_id: str, at: datetime) -> Triage:
        """The answer for a stored incident."""
        raise NotImplementedError

    def assign(self, ids: Sequence[str], at: datetime, *, keep: bool = False) -> list[Given]:
        """Give out `ids` (empty: all open ones that nobody has) together; with `keep` it is noted, and counts as load.

        Raises NotFound.
        """
        with self.store.read() as link:
            chosen = list(ids) or routing.waiting(link, _AT_ONCE)
            records = [incidents.leading(link, one) for one in dict.fromkeys(chosen)]
            roster = staffing.roster(link, at)
        self.experience.catch_up()
        found = self.experience.assign([record.incident for record in records], roster, at)
        given = [Given(incident_id=key, responder=who, probability=chance) for key, (who, chance) in found.items()]
        if keep:
            with self.store.write() as tx:
                for one in given:
                    _give(tx, one, at)
        return given

    def rescore(self, at: datetime) -> list[str]:
        """Look again at open incidents that changed; where somebody else comes first now, the timeline says so."""
        with self.store.read() as link:
            waiting = incidents.by_ids(link, routing.waiting(link, _AT_ONCE))
            revisions = incidents.revisions(link, list(waiting))
        changed = [key for key in waiting if self._looked_at.get(key) != revisions[key]]
        self._looked_at = {key: revisions[key] for key in waiting}
        return [key for key in changed if self._look_again(key, at)]

    def _look_again(self, incident_id: str, at: datetime) -> bool:
        first, *rest = self.triage(incident_id, at).routing.candidates[:3] or (None,)
        with self.store.read() as link:
            last = routing.last_of(link, incident_id, "routed")
        before = last.detail.get("first", "") if last else ""
        if first is None or first.responder == before:
            return False
        why = max(first.because, key=lambda one: one.weight, default=None)
        detail = {
            "first": first.responder,
            "before": before,
            "probability": f"{first.probability:.2f}",
            "because": f"{why.signal}: {why.detail}" if why else "",
            **{place: one.responder for place, one in zip(("second", "third"), rest, strict=False) if one},
        }
        with self.store.write() as tx:
            incidents.add_events(tx, [Event(incident_id=incident_id, at=at, kind="routed", detail=detail)])
        return True

    def _judge(self, tx: Write, record: IncidentRecord, at: datetime) -> None:
        """Note whether who resolved it is whom routing named last; what it never looked at is not judged."""
        fix, said = record.incident.resolution, routing.last_of(tx.link, record.incident.id, "routed")
        if fix is None or not fix.resolver or said is None:
            return
        rest = [(said.detail[place], 0.0) for place in ("second", "third") if place in said.detail]
        named = [(said.detail["first"], float(said.detail["probability"])), *rest]
        watch = Watch.from_data(routing.value(tx.link, routing.WATCH))
        routing.put(tx, routing.WATCH, watch.judged(named, fix.resolver, at).to_data())


def _give(tx: Write, given: Given, at: datetime) -> None:
    record = incidents.leading(tx.link, given.incident_id)
    if not given.responder or record.assignee:
        return
    record.assignee = given.responder
    incidents.save(tx, [record])
    detail = {"probability": f"{given.probability:.2f}"}
    incidents.add_events(
        tx, [Event(incident_id=record.incident.id, at=at, kind="assigned", actor=given.responder, detail=detail)]
    )

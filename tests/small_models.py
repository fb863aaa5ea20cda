"""Small deterministic models that keep the ports' forms: what Pathfinder does around them can be foretold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from engine.domain import (
    Alert,
    AlertStatus,
    Candidate,
    Edge,
    Evidence,
    Incident,
    Match,
    Routing,
    Runbook,
    Rung,
    Severity,
    Suggestion,
    Suggestions,
    alert_id_of,
    fingerprint_of,
)
from engine.errors import ModelUnusable
from engine.ports import Models
from engine.route import Roster

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def moment(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def alert(  # one keyword per field that tests vary
    service: str = "db",
    title: str = "refuses writes",
    at: float = 0.0,
    *,
    start: float | None = None,
    resolved: bool = False,
    severity: Severity = Severity.WARNING,
    host: str = "",
    labels: Mapping[str, str] | None = None,
) -> Alert:
    """An alert received `at` seconds after noon, which began at `start` (same moment unless given)."""
    fingerprint = fingerprint_of("test", title, service, host, labels or {})
    begun = moment(at if start is None else start)
    return Alert(
        id=alert_id_of("test", fingerprint, begun),
        source="test",
        title=title,
        service=service,
        host=host,
        labels=labels or {},
        starts_at=begun,
        received_at=moment(at),
        ends_at=moment(at) if resolved else None,
        fingerprint=fingerprint,
        status=AlertStatus.RESOLVED if resolved else AlertStatus.FIRING,
        severity=severity,
    )


class ByService:
    """Same service within ten minutes of the last sign of life, unless ended before: one incident."""

    def __init__(self, topology: Sequence[Edge] = ()) -> None:
        self.same = {edge.source: edge.target for edge in topology}
        self.members: dict[str, dict[str, Alert]] = {}
        self.last: dict[str, datetime] = {}
        self.closed: dict[str, datetime] = {}
        self.proposed: list[Move] = []
        self.pinned: set[str] = set()
        self.parted: set[frozenset[str]] = set()
        self.taught: dict[str, float] = {}

    def predict_one(self, alert: Alert) -> Match:
        if alert.title == "stumble":
            raise KeyError("no such signal")
        for incident_id in reversed(self.members):
            if self._takes(incident_id, alert):
                evidence = (Evidence(signal="same service", weight=2.0, detail=alert.service),)
                repeat = self._repeat(incident_id, alert)
                return Match(incident_id=incident_id, probability=0.9, score=2.0, evidence=evidence, repeat_of=repeat)
        evidence = (Evidence(signal="background", weight=-1.0, detail="nothing of this service is open"),)
        return Match(incident_id=None, probability=0.8, score=-1.0, evidence=evidence)

    def learn_one(self, alert: Alert, incident_id: str, *, alert_of: str | None = None) -> None:
        if alert.title == "stumble":
            raise KeyError("no such signal")
        homes = [one for one, members in self.members.items() if alert_of in members]  # a repeat follows its alert
        incident_id = homes[0] if homes else incident_id
        members = self.members.setdefault(incident_id, {})
        known = members.get(alert_of or alert.id)
        members[known.id if known else alert.id] = alert if known is None or alert.ends_at else known
        seen = max(alert.starts_at, alert.ends_at or alert.starts_at)
        self.last[incident_id] = max(self.last.get(incident_id, seen), seen)

    def close(self, incident_id: str, at: datetime) -> None:
        self.closed[incident_id] = at

    def roots(self, incident_id: str) -> tuple[tuple[str, float], ...]:
        members = sorted(self.members.get(incident_id, {}).items(), key=lambda item: (item[1].starts_at, item[0]))
        return tuple((alert_id, 1.0 / rank) for rank, (alert_id, _) in enumerate(members, start=1))

    def revise(self, now: datetime) -> tuple[Move, ...]:
        return tuple(self.proposed)

    def move(self, alert_id: str, incident_id: str) -> None:
        for source, members in self.members.items():
            if alert_id in members:
                self.members.setdefault(incident_id, {})[alert_id] = members.pop(alert_id)
                self.last.setdefault(incident_id, self.last.get(source, NOON))
                return

    def explain(self, alert_id: str) -> Match | None:
        home = next((one for one, members in self.members.items() if alert_id in members), None)
        if home is None or len(self.members[home]) < 2:
            return None
        evidence = (Evidence(signal="company", weight=1.5, detail="in company"),)
        return Match(incident_id=home, probability=0.7, score=1.5, evidence=evidence, runner_up="INC-99", margin=0.5)

    def correct(self, alert_ids: Sequence[str], incident_id: str) -> None:
        for alert_id in alert_ids:
            source = next((one for one, members in self.members.items() if alert_id in members), incident_id)
            if source != incident_id:
                self.part(source, incident_id)
            self.move(alert_id, incident_id)
            self.last.setdefault(incident_id, self.last.get(source, NOON))
        self.pin(alert_ids)
        self.taught["corrected"] = self.taught.get("corrected", 0.0) + len(alert_ids)

    def merge(self, source_id: str, target_id: str) -> None:
        self.members.setdefault(target_id, {}).update(self.members.pop(source_id, {}))
        self.last[target_id] = max(self.last.pop(source_id, NOON), self.last.get(target_id, NOON))
        self.parted.discard(frozenset((source_id, target_id)))
        self.taught["merged"] = self.taught.get("merged", 0.0) + 1.0

    def pin(self, alert_ids: Iterable[str]) -> None:
        self.pinned.update(alert_ids)

    def unpin(self, alert_ids: Iterable[str]) -> None:
        self.pinned.difference_update(alert_ids)

    def part(self, one_id: str, other_id: str) -> None:
        self.parted.add(frozenset((one_id, other_id)))

    def lessons(self) -> Mapping[str, float]:
        return dict(self.taught)

    def take_lessons(self, lessons: Mapping[str, float]) -> None:
        self.taught = dict(lessons)

    def _takes(self, incident_id: str, alert: Alert) -> bool:
        first = next(iter(self.members[incident_id].values()), None)
        end = min(self.closed.get(incident_id, datetime.max.replace(tzinfo=UTC)), self.last[incident_id] + GAP)
        return first is not None and self._place(first) == self._place(alert) and alert.starts_at <= end

    def _place(self, alert: Alert) -> str:
        return self.same.get(alert.service, alert.service)

    def _repeat(self, incident_id: str, alert: Alert) -> str | None:
        for alert_id, member in self.members[incident_id].items():
            if member.fingerprint == alert.fingerprint and member.ends_at is None:
                return alert_id
        return None


GAP = timedelta(minutes=10)


class Move:
    """A proposed move."""

    def __init__(self, alert_id: str, from_incident: str, to_incident: str, beside: str = "") -> None:
        self.alert_id = alert_id
        self.from_incident = from_incident
        self.to_incident = to_incident
        self.beside = beside
        self.reason = "they share a cause"


class SameTitle:
    """Suggests past incidents of the same title, latest first."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.known: dict[str, Incident] = {}
        self.said: list[tuple[str, bool]] = []
        self.runbooks: tuple[Runbook, ...] = ()
        self.topology: tuple[Edge, ...] = ()
        self.ready = False

    def learn_opinion(self, incident_id: str, helped: bool) -> None:
        self.said = [*self.said, (incident_id, helped)]

    def take_runbooks(self, runbooks: Iterable[Runbook]) -> None:
        self.runbooks = tuple(runbooks)

    def take_topology(self, topology: Sequence[Edge]) -> None:
        self.topology = tuple(topology)

    def warm(self, lock: object = None) -> None:
        self.ready = True

    def fit(self, incidents: Iterable[Incident], alerts: Mapping[str, Sequence[Alert]] | None = None) -> SameTitle:
        self.known = {incident.id: incident for incident in incidents}
        return self

    def learn_one(self, incident: Incident, alerts: Sequence[Alert] = ()) -> None:
        self.known.pop(incident.id, None)
        self.known[incident.id] = incident

    def predict_one(self, incident: Incident, *, alerts: Sequence[Alert] = (), top: int = 10) -> Suggestions:
        if self.broken:
            raise ModelUnusable("the index is gone")
        assert incident.resolution is None
        assert incident.closed_at is None
        found = [
            Suggestion(incident=past, score=1.0, age_days=0.0)
            for past in reversed(self.known.values())
            if past.title == incident.title and past.id != incident.id and past.known_from < incident.opened_at
        ]
        return Suggestions(items=tuple(found[:top]), rung=Rung.FULL if self.ready else Rung.LEXICAL)


class LastResolver:
    """Names who ended similar incidents."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.known: list[str] = []
        self.asked_with: dict[str, object] = {}

    def fit(self, incidents: Iterable[Incident]) -> LastResolver:
        self.known = [incident.id for incident in incidents]
        return self

    def learned(self, incidents: Iterable[Incident]) -> LastResolver:
        return LastResolver(broken=self.broken).fit(incidents)

    def catch_up(self, incidents: Iterable[Incident]) -> LastResolver:
        self.known += [incident.id for incident in incidents if incident.id not in self.known]
        return self

    def assign(self, incidents: Sequence[Incident], roster: Roster) -> dict[str, str]:
        return {incident.id: roster.staff[0].id if roster.staff else "" for incident in incidents}

    def learn_one(self, incident: Incident) -> None:
        self.known.append(incident.id)

    def predict_one(
        self,
        incident: Incident,
        *,
        similar: Sequence[Suggestion] = (),
        roster: Roster | None = None,
        chosen: str = "",
        top: int = 10,
    ) -> Routing:
        if self.broken:
            raise ModelUnusable("nothing is learned")
        self.asked_with = {"staff": list(roster.staff) if roster else [], "work": dict(roster.work) if roster else {}}
        names = [past.incident.resolution.resolver for past in similar if past.incident.resolution]
        candidates = tuple(Candidate(responder=name, probability=0.5) for name in dict.fromkeys(names))
        return Routing(candidates=candidates[:top], automatic=False)


def small_models(*, broken: bool = False) -> Models:
    """A version `small` of the three."""
    return Models(
        version="small",
        correlator=ByService,
        recommender=SameTitle(broken=broken),
        router=LastResolver(broken=broken),
    )

"""A small deterministic engine in memory, for tests of what stands around the engine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from engine.answering.recurring import Crossing, JoinedPattern
from engine.domain import (
    Advice,
    Alert,
    AlertStatus,
    Candidate,
    Evidence,
    ExpectedLoad,
    Fix,
    FixKind,
    Incident,
    IncidentStatus,
    Membership,
    Occurrence,
    Pattern,
    Receipt,
    Resolution,
    Responder,
    Routing,
    Runbook,
    Rung,
    Suggestion,
    Suggestions,
    Suspect,
    Triage,
)
from engine.errors import InvalidInput, NotFound, Unavailable
from engine.handling.correcting import Word
from engine.pathfinder import Delivery, Health, Pathfinder, Upcoming
from engine.patterns.expected import ExpectedLevel
from engine.store.quarantine import Aside
from engine.store.records import Event, IncidentRecord, Key, NamedPattern, Sample, Scope

PATTERN = Pattern(
    service="payroll",
    host="batch-01",
    metric="cpu",
    kind="weekly",
    rule="FREQ=WEEKLY;BYDAY=FR",
    timezone="UTC",
    start_local="16:00",
    duration_minutes=50,
    level=84.0,
    baseline=31.0,
    hits=8,
    chances=8,
    q_value=0.001,
    last_seen_at=datetime(2026, 1, 2, tzinfo=UTC),
)
SOON = Occurrence(
    start=datetime(2026, 1, 9, 16, tzinfo=UTC), end=datetime(2026, 1, 9, 16, 50, tzinfo=UTC), probability=0.9
)
SENTENCE = "Fridays 16:00-16:50: cpu on batch-01 rises to 84"


class FakeEngine(Pathfinder):
    """Groups by service while open; `broken` and `poison` make storage fail."""

    def __init__(self) -> None:
        self.lock, self.timezone = threading.Lock(), "UTC"
        self.found: dict[str, Incident] = {}
        self.inside: dict[str, dict[str, Membership]] = {}
        self.people: dict[str, Responder] = {}
        self.samples: list[Sample] = []
        self.tokens: dict[str, Key] = {}
        self.calls: list[int] = []
        self.asides: list[Aside] = []
        self.broken = False  # storage does not answer
        self.poison = ""  # a title that makes a transaction fail
        self.refused = ""  # a title that the engine refuses by itself
        self.checks = 0
        self.closed = False
        self.pages: dict[str, Runbook] = {}
        self.tried: list[tuple[str, str, bool, str]] = []
        self.strange = False  # every incident is of a new kind

    def close(self) -> None:
        self.closed = True

    def put_down_count(self) -> int:
        return 0

    grouping_rests = False
    rung = Rung.LEXICAL
    unjudged: ClassVar[set[str]] = set()

    def take(self, sent: Sequence[Delivery], *, hurried: bool = False) -> list[list[Receipt]]:
        every = [alert for delivery in sent for alert in delivery.alerts]
        bad = [alert for alert in every if self.poison and alert.title == self.poison]
        good = iter(self.handle([alert for alert in every if alert not in bad]))
        aside = {id(alert): Receipt(alert_id=alert.id, incident_id="", outcome="quarantined") for alert in bad}
        return [[aside.get(id(alert)) or next(good) for alert in delivery.alerts] for delivery in sent]

    def rehearse(self, now: datetime) -> None:
        pass

    def put_aside(self, entries: Sequence[Aside]) -> None:
        self.asides += [replace(entry, id=len(self.asides) + n + 1) for n, entry in enumerate(entries)]

    def quarantined(self, *, limit: int = 50, before: int | None = None) -> list[Aside]:
        return self.asides[::-1][:limit]

    def aside(self, entry_id: int) -> Aside:
        raise NotFound("there is nothing of this id in quarantine")

    def throw_away(self, entry_id: int) -> None:
        self.aside(entry_id)

    def handle(self, alerts: Sequence[Alert]) -> list[Receipt]:
        with self.lock:
            self.calls.append(len(alerts))
            if self.broken:
                raise Unavailable("storage does not answer")
            if self.poison and any(alert.title == self.poison for alert in alerts):
                raise InvalidInput("a row that cannot be stored")
            return [self._one(alert) for alert in alerts]

    def _one(self, alert: Alert) -> Receipt:
        if self.refused and alert.title == self.refused:
            return Receipt(alert_id=alert.id, incident_id="", outcome="quarantined")
        for incident_id, members in self.inside.items():
            if alert.id in members:
                outcome = "resolved" if alert.status is AlertStatus.RESOLVED else "duplicate"
                members[alert.id] = replace(members[alert.id], alert=alert, repeats=members[alert.id].repeats + 1)
                return Receipt(alert_id=alert.id, incident_id=incident_id, outcome=outcome)
        home = next((i for i in self.found.values() if i.service == alert.service and i.closed_at is None), None)
        outcome = "joined" if home else "opened"
        home = home or self.report(
            Incident(id="", opened_at=alert.starts_at, title=alert.title, service=alert.service, root_alert_id=alert.id)
        )
        evidence = (Evidence(signal="service", weight=2.0, detail="same service"),) if outcome == "joined" else ()
        self.inside[home.id][alert.id] = Membership(
            alert=alert, incident_id=home.id, probability=0.9, score=2.0, evidence=evidence, root_rank=1
        )
        return Receipt(alert_id=alert.id, incident_id=home.id, outcome=outcome)

    def report(self, incident: Incident, *, actor: str = "") -> Incident:
        stored = replace(incident, id=f"INC-{len(self.found) + 1}")
        self.found[stored.id], self.inside[stored.id] = stored, {}
        return stored

    def incident(self, incident_id: str) -> Incident:
        if incident_id not in self.found:
            raise NotFound("there is no such incident")
        return self.found[incident_id]

    def record(self, incident_id: str) -> IncidentRecord:
        found = self.incident(incident_id)
        states = [member.alert.status for member in self.inside[incident_id].values()]
        firing = states.count(AlertStatus.FIRING)
        return IncidentRecord(incident=found, alerts=len(states), firing=firing)

    def acknowledge(self, incident_id: str, responder: str, at: datetime) -> Incident:
        return self.incident(incident_id)

    def resolve(self, incident_id: str, resolution: Resolution, at: datetime) -> Incident:
        closed = replace(
            self.incident(incident_id), status=IncidentStatus.RESOLVED, closed_at=at, resolution=resolution
        )
        self.found[incident_id] = closed
        return closed

    def incidents(
        self,
        *,
        status: IncidentStatus | None = None,
        service: str = "",
        since: datetime | None = None,
        limit: int = 50,
        before: str | None = None,
        muted: bool | None = None,
    ) -> list[Incident]:
        found = sorted(self.found.values(), key=lambda i: -int(i.id[4:]))
        if before:
            found = [i for i in found if int(i.id[4:]) < int(before[4:])]
        found = [i for i in found if (status is None or i.status is status) and service in ("", i.service)]
        found = [i for i in found if muted is None or i.muted is muted]
        return [i for i in found if since is None or i.opened_at >= since][:limit]

    def members(self, incident_id: str, *, limit: int = 500) -> list[Membership]:
        self.incident(incident_id)
        return list(self.inside[incident_id].values())[:limit]

    def suspects(self, members: Sequence[Membership]) -> list[Suspect]:
        return [Suspect(name=member.alert.service, probability=0.5, score=0.0) for member in members[:1]]

    def timeline(self, incident_id: str) -> list[Event]:
        return [Event(incident_id=incident_id, at=self.incident(incident_id).opened_at, kind="opened")]

    def triage(self, incident_id: str, at: datetime) -> Triage:
        return self.triage_text(self.incident(incident_id), at)

    def triage_text(self, incident: Incident, at: datetime, *, chosen: str = "") -> Triage:
        past = [i for i in self.found.values() if i.resolution and i.id != incident.id]
        because = (Evidence(signal="words", weight=0.5, detail="same words"),)
        items = tuple(Suggestion(incident=i, score=0.8, age_days=1.0, because=because) for i in past)
        who = tuple(Candidate(responder=i.resolution.resolver, probability=0.7) for i in past if i.resolution)
        fixes = tuple(
            Fix(
                text=i.resolution.text,
                score=0.7,
                kind=FixKind.PERMANENT,
                incident_ids=(i.id,),
                last_at=i.known_from,
                commands=("lvextend -L +5G data",),
                resolvers=(i.resolution.resolver,),
                minutes=30.0,
                used=6,
                helped=5,
            )
            for i in past
            if i.resolution
        )
        advice = tuple(Advice(runbook=page, score=0.5, because="both say disk") for page in self.pages.values())
        suggestions = Suggestions(
            items=items,
            rung=Rung.LEXICAL,
            note="the encoder is loading",
            fixes=() if self.strange else fixes,
            runbooks=advice,
            probability=0.1 if self.strange else 0.8,
            new_kind=self.strange or not items,
        )
        return Triage(
            suggestions=suggestions,
            routing=Routing(candidates=who, automatic=False, queue="service-desk"),
            expected=(ExpectedLoad(pattern=PATTERN, occurrence=SOON, sentence=SENTENCE),),
            rung=Rung.LEXICAL,
            model_version="fake",
        )

    def merge(self, sources: Sequence[str], into: str, word: Word) -> list[IncidentRecord]:
        return [self.record(one) for one in (into, *sources)]

    def split(self, incident_id: str, alert_ids: Sequence[str], word: Word) -> list[IncidentRecord]:
        return [self.record(incident_id)]

    def move(self, alert_id: str, incident_id: str | None, word: Word) -> list[IncidentRecord]:
        return [self.record(incident_id or "")]

    def pin(self, alert_id: str, word: Word) -> list[IncidentRecord]:
        return [self.record(next((i for i, inside in self.inside.items() if alert_id in inside), ""))]

    unpin = pin

    def patterns(self) -> list[NamedPattern]:
        return [NamedPattern(id="p1", pattern=PATTERN)]

    def upcoming(self, at: datetime, days: int = 7) -> list[Upcoming]:
        return [Upcoming(id="p1", pattern=PATTERN, occurrence=SOON, sentence=SENTENCE)]

    def joined(self, at: datetime, days: int = 90) -> list[JoinedPattern]:
        told = {"with_pattern": 9, "incidents": 12, "expected": 0.6, "lift": 14.0, "p_value": 1e-6}
        return [JoinedPattern(id="p1", what="incidents", advice="scale up before it starts", **told)]

    def crossings(self, at: datetime, weeks: float = 26.0, limit: float | None = None) -> list[Crossing]:
        return [Crossing(id="p1", pattern=PATTERN, limit=95.0, weeks=5.0, at=SOON.start, sentence=SENTENCE)]

    def expected_levels(
        self, names: tuple[str, str, str], timezone: str, at: datetime, hours: int = 0
    ) -> list[ExpectedLevel]:
        if names != ("a", "h", "cpu"):
            raise NotFound("there are too few samples")
        starts = [at + timedelta(hours=hour) for hour in range(hours + 1)]
        told = {"level": 31.0, "low": 25.0, "high": 40.0, "chance_high": 0.1, "days": 56}
        return [ExpectedLevel(start=one, end=one + timedelta(minutes=5), **told) for one in starts]

    def record_metrics(self, samples: Sequence[Sample]) -> int:
        self.samples += samples
        return len(samples)

    def responders(self) -> list[Responder]:
        return sorted(self.people.values(), key=lambda person: person.id)

    def responder(self, responder_id: str) -> Responder:
        if responder_id not in self.people:
            raise NotFound("there is no such responder")
        return self.people[responder_id]

    def put_responder(self, responder: Responder) -> Responder:
        self.people[responder.id] = responder
        return responder

    def delete_responder(self, responder_id: str) -> None:
        self.responder(responder_id)
        del self.people[responder_id]

    def issue_key(self, name: str, scopes: frozenset[Scope], at: datetime) -> tuple[Key, str]:
        key_id = str(len(self.tokens) + 1)
        token = f"pf_{key_id}_{hashlib.sha256(name.encode()).hexdigest()[:24]}"
        self.tokens[token] = Key(id=key_id, name=name, scopes=scopes, created_at=at)
        return self.tokens[token], token

    def check_key(self, token: str) -> Key | None:
        self.checks += 1
        if self.broken:
            raise Unavailable("storage does not answer")
        return self.tokens.get(token)

    def keys(self) -> list[Key]:
        return list(self.tokens.values())

    def revoke_key(self, key_id: str, at: datetime) -> None:
        self.tokens = {token: key for token, key in self.tokens.items() if key.id != key_id}

    def warm(self) -> None:
        return

    def refresh(self) -> bool:
        return False

    def quieten(self, now: datetime) -> None:
        return

    def rescore(self, at: datetime) -> list[str]:
        return []

    def comment(self, incident_id: str, text: str, actor: str, at: datetime) -> Incident:
        return self.incident(incident_id)

    def revise(self, now: datetime) -> list[object]:  # type: ignore[override]
        return []

    def health(self) -> Health:
        return Health(
            readable=not self.broken, writable=not self.broken, rung=Rung.LEXICAL, model_version="fake", note="fake"
        )

    def key(self, *scopes: Scope) -> str:
        """A token with `scopes`."""
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=len(self.tokens))
        return self.issue_key("-".join(scopes) or "nothing", frozenset(scopes), at)[1]

    def runbooks(self) -> list[Runbook]:
        return list(self.pages.values())

    def put_runbook(self, runbook: Runbook) -> Runbook:
        self.pages[runbook.id] = runbook
        return runbook

    def delete_runbook(self, runbook_id: str) -> None:
        if self.pages.pop(runbook_id, None) is None:
            raise NotFound("there is no such runbook")

    def note_tried(self, incident_id: str, fix_of: str, helped: bool, at: datetime, actor: str = "") -> None:
        self.tried.append((self.incident(incident_id).id, self.incident(fix_of).id, helped, actor))

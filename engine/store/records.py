"""What the store holds beside the domain's nouns, as plain values without SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from engine.domain import AlertStatus, Incident, Membership, Pattern
from engine.lifecycle.flapping import Change, own_changes


class Origin(StrEnum):
    """Where an incident came from."""

    ALERTS = "alerts"
    PERSON = "person"
    MAINTENANCE = "maintenance"  # holds the alerts of one stretch of a maintenance window
    IMPORT = "import"


class Scope(StrEnum):
    """What an API key may do."""

    INGEST = "ingest"
    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


@dataclass(kw_only=True, slots=True)
class IncidentRecord:
    """An incident with what is counted beside it. Changed inside one write transaction only."""

    incident: Incident
    origin: Origin = Origin.ALERTS
    edited: bool = False  # a person's title, service and priority stand; alerts no longer change them
    alerts: int = 0  # distinct alerts in it
    firing: int = 0  # of these, how many still fire
    detected_at: datetime | None = None  # UTC, arrival of its first alert
    ended_at: datetime | None = None  # UTC, latest end of any of its alerts
    acknowledged_at: datetime | None = None  # UTC
    assignee: str = ""  # a responder's id
    roots: tuple[tuple[str, float], ...] = ()  # probable root alerts with scores, best first, the first few only
    roots_at: int = 0  # `alerts` when the roots were last judged
    came: int = 0  # alerts that later evidence brought from other incidents ...
    gone: int = 0  # ... and took to other incidents

    @property
    def churn(self) -> float:
        """Share 0..1 of the memberships it ever had that later evidence changed after they were first shown."""
        return min(1.0, (self.came + self.gone) / max(1, self.alerts + self.gone))


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredAlert:
    """A membership with its place in the order of arrival (1 = the first alert ever stored)."""

    membership: Membership
    arrival: int
    repeated_at: datetime | None = None  # UTC, event time of the latest repeat that carried another start
    moved: int = 0  # store revision at which it was moved between incidents, 0 if never
    moves: int = 0  # times that later evidence moved it
    changes: tuple[Change, ...] = ()  # latest beginnings and ends of its symptom, where there are more than its own
    calm_at: datetime | None = None  # UTC: when its symptom stops flapping if nothing more happens

    def told_again(self, repeats: int, last_seen_at: datetime | None) -> StoredAlert:
        """The same, told so often by now and last then."""
        return replace(self, membership=replace(self.membership, repeats=repeats, last_seen_at=last_seen_at))

    @property
    def course(self) -> tuple[Change, ...]:
        """The latest beginnings and ends of its symptom, oldest first."""
        return self.changes or own_changes(self.membership.alert)

    @property
    def held(self) -> bool:
        """Whether the tool says that it has ended, and it is kept open until its symptom is calm."""
        over = bool(self.changes) and not self.changes[-1].firing
        return over and self.calm_at is not None and self.membership.alert.status is AlertStatus.FIRING


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One line of an incident's timeline; lines are only ever added."""

    incident_id: str
    at: datetime  # UTC
    kind: str  # opened | acknowledged | resolved | reopened | edited | moved | merged | split | pinned | unpinned
    actor: str = ""  # a responder's id or a key's name; "" is PathFinder itself
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Churn:
    """How often alerts changed their incident after it was first shown, over everything ever stored."""

    alerts: int = 0  # stored
    changed: int = 0  # of these, moved by later evidence at least once
    changes: int = 0  # moves by later evidence
    corrected: int = 0  # moves by operators

    @property
    def share(self) -> float:
        """Share 0..1 of memberships that later evidence changed."""
        return self.changed / self.alerts if self.alerts else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One value of one metric series."""

    ts: datetime  # UTC
    service: str
    host: str
    metric: str
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedPattern:
    """A stored pattern; the id stays the same when a later retrain finds it again."""

    id: str
    pattern: Pattern


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """An API key as the store knows it: never the secret."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime  # UTC
    revoked_at: datetime | None = None  # UTC

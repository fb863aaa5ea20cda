"""The nouns of PathFinder, each defined once. Frozen, keyword-only, no third-party imports at run time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from engine.clock import require_aware
from engine.frozen import copier

if TYPE_CHECKING:
    import numpy as np


class Severity(StrEnum):
    """How bad an alert says it is, worst first (the words of PagerDuty's Events API v2)."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @classmethod
    def from_word(cls, word: str) -> Severity:
        """The severity that a tool's own word stands for; a word nobody knows counts as a warning.

        Examples
        --------
        >>> [Severity.from_word(word).value for word in ("page", "Sev2", "High", "P5", "??")]
        ['critical', 'warning', 'error', 'info', 'warning']
        """
        return _SEVERITY_WORDS.get(word.strip().lower(), cls.WARNING)


_SEVERITY_WORDS = {
    word: severity
    for severity, words in {
        Severity.CRITICAL: "critical crit page disaster fatal emergency emerg alert blocker highest p1 sev0 down",
        Severity.ERROR: "error err high major severe average p2 sev1 failure",
        Severity.WARNING: "warning warn medium minor moderate p3 sev2 degraded",
        Severity.INFO: "info information informational low none ok debug notice trivial p4 p5 sev3 sev4 success",
    }.items()
    for word in words.split()
}


class AlertStatus(StrEnum):
    """Whether the symptom is there or gone."""

    FIRING = "firing"
    RESOLVED = "resolved"


class IncidentStatus(StrEnum):
    """Whether somebody still has to act."""

    OPEN = "open"
    RESOLVED = "resolved"


class Rung(StrEnum):
    """The step of the degrade ladder an answer was served from, best first."""

    FULL = "full"
    LEXICAL = "lexical"
    RULES = "rules"


def fingerprint_of(source: str, title: str, service: str, host: str, labels: Mapping[str, str]) -> str:
    """The symptom's identity for tools that send none: 16 hex digits over what names it, not over when.

    Examples
    --------
    >>> fingerprint_of("cron", "disk full", "", "db-1", {}) == fingerprint_of("cron", "disk full", "", "db-1", {})
    True
    """
    parts = [source, title, service, host, *(f"{k}={v}" for k, v in sorted(labels.items()))]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def alert_id_of(source: str, fingerprint: str, starts_at: datetime) -> str:
    """The id of one episode of one symptom: a second delivery of the same episode has the same id."""
    text = f"{source}\x1f{fingerprint}\x1f{starts_at.isoformat()}"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:20]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One notice from a tool about one symptom. `fingerprint` says which symptom; repeats share it."""

    id: str  # one episode of the symptom: `alert_id_of`, or the id of the file it was read from
    source: str  # the tool that sent it, a key of `SOURCES`
    title: str
    starts_at: datetime  # event time, UTC: when the symptom began
    received_at: datetime  # arrival, UTC
    fingerprint: str
    status: AlertStatus = AlertStatus.FIRING
    severity: Severity = Severity.WARNING
    description: str = ""
    service: str = ""
    host: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ends_at: datetime | None = None  # UTC; when the symptom ended, if the tool said so

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts_at", require_aware(self.starts_at, "starts_at"))
        object.__setattr__(self, "received_at", require_aware(self.received_at, "received_at"))
        if self.ends_at is not None:
            object.__setattr__(self, "ends_at", require_aware(self.ends_at, "ends_at"))

    def received(self, at: datetime) -> Alert:
        """The same, told again at `at`, an aware moment."""
        return _received(self, require_aware(at, "received_at"))

    def is_same(self, other: Alert) -> bool:
        """Whether `other` is it, told again: all that it says is not only equal, but the very same objects."""
        return (
            self.labels is other.labels
            and self.title is other.title
            and self.description is other.description
            and self.fingerprint is other.fingerprint
            and self.service is other.service
            and self.host is other.host
            and self.source is other.source
            and self.starts_at is other.starts_at
            and self.severity is other.severity
            and self.status is other.status
        )

    @property
    def is_heartbeat(self) -> bool:
        """Whether it says that monitoring is alive (it always fires) rather than that something is wrong."""
        return (self.labels.get("alertname") or self.title).lower() in HEARTBEATS


_received = copier(Alert, "received_at")  # storms of what is told again come through here

# The names under which Prometheus' common rule sets and the switches built on them send their sign of life.
HEARTBEATS = frozenset({"watchdog", "deadmansswitch", "deadmansnitch", "heartbeat", "alwaysfiring"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """A known relation of the topology: `source` depends on, runs on, or is part of `target`."""

    source: str
    target: str
    relation: str = "depends_on"  # depends_on | runs_on | part_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """What fixed an incident, and who did."""

    text: str = ""
    resolver: str = ""  # a responder's id
    team: str = ""
    resolved_at: datetime | None = None  # UTC
    involved: tuple[str, ...] = ()  # who worked on it before, in order: responders' ids, or teams

    def __post_init__(self) -> None:
        if self.resolved_at is not None:
            object.__setattr__(self, "resolved_at", require_aware(self.resolved_at, "resolved_at"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """One root problem. Its alerts are held beside it, as memberships."""

    id: str
    opened_at: datetime  # UTC
    title: str = ""
    description: str = ""
    service: str = ""
    category: str = ""
    priority: str = ""
    status: IncidentStatus = IncidentStatus.OPEN
    closed_at: datetime | None = None  # UTC
    root_alert_id: str | None = None
    resolution: Resolution | None = None  # the outcome: never an input when this incident is the question
    fields: Mapping[str, str] = field(default_factory=dict)  # further open-time fields of a ticket export
    merged_into: str | None = None  # id of the incident that all its alerts went to: this one is over
    muted: bool = False  # every alert in it is muted: nobody has to be called

    def __post_init__(self) -> None:
        object.__setattr__(self, "opened_at", require_aware(self.opened_at, "opened_at"))
        if self.closed_at is not None:
            object.__setattr__(self, "closed_at", require_aware(self.closed_at, "closed_at"))

    @property
    def known_from(self) -> datetime:
        """When others could learn from this incident: its closing, its opening where that is unknown."""
        return self.closed_at or self.opened_at

    def text(self) -> str:
        """Title and description in one string, as retrieval and routing read it."""
        return f"{self.title}\n{self.description}".strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One reason behind a score. `weight` is what it adds to that score (log-odds unless said otherwise)."""

    signal: str
    weight: float
    detail: str = ""  # for people: "same host", "12 s after"


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspect:
    """A service, host or other thing that may be the root of an incident; it need not have raised an alert itself."""

    name: str
    probability: float  # 0..1, among the suspects of the incident
    score: float  # log-odds up to a constant that all suspects share; the evidence weights sum to it
    because: tuple[Evidence, ...] = ()  # strongest first


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """Where an alert belongs: an open incident, or none of them (`incident_id` is None: open a new one)."""

    incident_id: str | None
    probability: float  # 0..1, that this decision is right
    score: float  # log-odds for joining the best open incident; the evidence weights sum to it
    evidence: tuple[Evidence, ...] = ()
    runner_up: str | None = None  # the second-best open incident
    margin: float = 0.0  # log-odds between the decision and its best alternative, >= 0
    provisional: bool = False  # the margin is low: later evidence may well move it
    repeat_of: str | None = None  # id of the alert that this one repeats or resolves, already in the incident


class MuteKind(StrEnum):
    """What keeps an alert quiet."""

    MAINTENANCE = "maintenance"
    INHIBITION = "inhibition"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mute:
    """Why an alert is nobody's worry for now. It is stored and shown like any other."""

    kind: MuteKind
    by: str  # id of the window or rule
    because: str  # for people
    until: datetime | None = None  # UTC; None: as long as `alert_id` fires
    alert_id: str = ""  # the alert that explains it, for inhibition


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership:
    """An alert's place in an incident, and why."""

    alert: Alert
    incident_id: str
    probability: float  # 0..1
    score: float
    evidence: tuple[Evidence, ...] = ()
    repeats: int = 0  # further deliveries of the same symptom while it was firing
    last_seen_at: datetime | None = None  # UTC, latest delivery
    root_rank: int | None = None  # 1 = probable root of its incident
    runner_up: str | None = None  # the second-best incident when it was placed
    margin: float = 0.0  # log-odds between its place and the best alternative, >= 0
    provisional: bool = False  # the margin is low: later evidence may well move it
    pinned: bool = False  # an operator put it here: no model moves it
    mutes: tuple[Mute, ...] = ()  # in force now, or at its end
    flapping_since: datetime | None = None  # UTC: it comes and goes, and is held open until that calms down

    @property
    def muted(self) -> bool:
        """Whether nobody has to be called for it."""
        return bool(self.mutes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """A past incident that resembles the one asked about, with the fix that ended it."""

    incident: Incident  # the past one, resolution included
    score: float  # 0..1, fused similarity, higher is closer
    age_days: float  # from its `known_from` to the moment of asking
    because: tuple[Evidence, ...] = ()


class FixKind(StrEnum):
    """Whether a fix removes the cause or only the symptom, as far as its words tell."""

    PERMANENT = "permanent"
    WORKAROUND = "workaround"
    UNCLEAR = "unclear"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fix:
    """What ended past incidents of the kind asked about, in the words of those who ended them."""

    text: str  # the resolution of the likeliest of its incidents, as written
    score: float  # 0..1, that it helps now: match x past usefulness x decay, over all incidents it ended
    kind: FixKind
    incident_ids: tuple[str, ...]  # those it ended, likeliest first
    last_at: datetime  # UTC, when it was last used
    steps: tuple[str, ...] = ()  # of `text`, as written
    commands: tuple[str, ...] = ()  # of all its incidents, as written, the likeliest one's first
    resolvers: tuple[str, ...] = ()  # who used it, latest first
    minutes: float | None = None  # median from opening to closing
    used: int = 0  # how often
    helped: int = 0  # of these, how often the problem stayed away (or somebody said that it helped)


@dataclass(frozen=True, kw_only=True, slots=True)
class Runbook:
    """A page that says what to do. It is named by an alert or kept in PathFinder."""

    id: str
    title: str
    url: str = ""
    text: str = ""  # what it says, or keywords; searched, not shown whole
    services: tuple[str, ...] = ()  # what it is about; empty: anything


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """A runbook that may help, and why it is shown."""

    runbook: Runbook
    score: float  # 0..1, higher is closer; 1 when an alert of the incident names it
    because: str  # for people


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestions:
    """Past incidents and the fixes that ended them, best first, and the rung of the ladder they were served from."""

    items: tuple[Suggestion, ...]
    rung: Rung
    note: str = ""  # why the rung is not the best one
    fixes: tuple[Fix, ...] = ()  # none for a new kind of incident
    runbooks: tuple[Advice, ...] = ()
    probability: float = 0.0  # 0..1, that any past incident is of the same kind
    new_kind: bool = False  # too improbable: `items` are merely the nearest, and no fix is offered


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeOff:
    """A stretch in which a responder cannot be asked, `[starts_at, ends_at)` in UTC."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Responder:
    """A person that can be asked, or a team's queue."""

    id: str
    name: str = ""
    team: str = ""
    skills: tuple[str, ...] = ()
    timezone: str = "UTC"  # IANA name
    workdays: tuple[int, ...] = (0, 1, 2, 3, 4)  # Monday is 0
    work_starts: time = time(9)  # local wall clock
    work_ends: time = time(17)  # local wall clock; before `work_starts` means over midnight
    time_off: tuple[TimeOff, ...] = ()
    on_call: bool = False
    max_open: int = 5  # open incidents at which the person counts as fully loaded
    left: bool = False  # does not work here any longer: kept for the record, never asked


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A responder who may take the incident."""

    responder: str  # a responder's id, or a team's name when routing to teams
    probability: float  # 0..1, that this one resolves it
    available: bool = True
    because: tuple[Evidence, ...] = ()


class Decision(StrEnum):
    """What to do with a routing."""

    ASSIGN = "assign"  # sure enough to assign the first candidate without asking
    CHOOSE = "choose"  # a person chooses among the first three
    ON_CALL = "on-call"  # nobody stands out: whoever is on call


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """What is thought of a choice that a person has made already."""

    chosen: str
    probability: float  # 0..1, that the chosen one resolves it
    better: str  # the best other one, "" if none is known
    better_probability: float
    looks_wrong: bool  # the chosen one is unlikely, and somebody else much likelier

    @property
    def sure(self) -> float:
        """0..1, that somebody else will have to take it."""
        return 1.0 - self.probability


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What somebody has on their hands at the moment of asking."""

    open: int = 0  # incidents they have taken and not ended
    pages_day: int = 0  # incidents they were given in the last 24 hours ...
    pages_week: int = 0  # ... and in the last 7 days


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    """Who should take an incident: candidates, first who is asked, then the likeliest of those who can be."""

    candidates: tuple[Candidate, ...]
    automatic: bool  # sure enough to assign the first one without asking
    queue: str = ""  # the team queue to use when not sure, "" if none is known
    rung: Rung = Rung.FULL
    note: str = ""
    decision: Decision = Decision.CHOOSE
    fallback: tuple[Candidate, ...] = ()  # whoever is on call, likeliest first: for when nobody of the others answers
    passed_over: tuple[Candidate, ...] = ()  # likelier than the first candidate, with what stands against them
    threshold: float = 1.01  # probability from which the first one would be assigned without asking
    review: Review | None = None  # of a choice made already


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """One coming (or running) stretch of a pattern, UTC."""

    start: datetime
    end: datetime
    probability: float  # 0..1


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """Load that recurs by the clock or the calendar, in local wall-clock time of `timezone`."""

    service: str
    host: str
    metric: str  # "" for patterns of events
    kind: str  # hourly | daily | weekdays | weekends | weekly | monthly ...: a key of the calendar's rules
    rule: str  # RFC 5545 RRULE, such as FREQ=WEEKLY;BYDAY=FR
    timezone: str  # IANA name
    start_local: str  # HH:MM
    duration_minutes: int
    level: float  # typical value inside the window (events: share of windows with an event)
    baseline: float  # typical value outside
    hits: int  # occurrences seen ...
    chances: int  # ... of so many possible ones
    q_value: float  # false-discovery-adjusted p, 0..1
    last_seen_at: datetime  # UTC, end of the data it was found in
    probability: float | None = (
        None  # 0..1, that the next one occurs, recent ones weighing more; None: from the support
    )
    state: str = "new"  # new | active | drifting | faded: see engine/patterns/life.py
    first_seen_at: datetime | None = None  # UTC, end of the data it was first found in
    shift_minutes: int = 0  # how much later it starts now than when it was first found
    growth_per_week: float = 0.0  # of its level, in units of the series
    except_holidays: str = ""  # country (ISO 3166) on whose public holidays it does not come; "": it comes on them too
    holiday_shift: int = 0  # 1: it comes on the next working day instead, -1: on the one before, 0: not at all
    of_events: bool = False  # a pattern of moments (alerts, incidents) rather than of a level
    is_peak: bool = False  # the crest of a course: when it is likely to be high, rather than work that is switched on
    chance_high: float | None = None  # 0..1, that the load is high in the next one: see engine/patterns/chances.py
    of_rate: bool = False  # levels are of the rate per second at which `metric`, a counter, rises

    @property
    def support(self) -> str:
        """In words: `11 of 12`."""
        return f"{self.hits} of {self.chances}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedLoad:
    """A pattern that is running at, or coming after, the moment asked about."""

    pattern: Pattern
    occurrence: Occurrence
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Triage:
    """Everything known about one incident, in one answer."""

    suggestions: Suggestions
    routing: Routing
    expected: tuple[ExpectedLoad, ...]
    rung: Rung  # the lowest of the parts' rungs
    model_version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What became of one delivered alert, after COMMIT."""

    alert_id: str
    incident_id: str
    outcome: str  # opened | joined | repeat | resolved | duplicate | refused (by storage, even alone)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPart:
    """What one estimator learned, as plain arrays and JSON: the form in which models are stored. No pickles."""

    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)  # JSON-able

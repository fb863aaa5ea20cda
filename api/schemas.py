"""The JSON shapes of requests and answers. The nouns are `engine.domain`'s; only what the wire needs is said here."""

from __future__ import annotations

from datetime import UTC, datetime, time
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from engine.clock import parse_time
from engine.domain import IncidentStatus, Severity

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_MOST_LABELS = 200


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or len(value) > 64:
        raise ValueError("is not an ISO 8601 moment: write it like 2026-01-31T12:00:00Z")
    moment = parse_time(value, "this")
    if not _FIRST <= moment < _LAST:
        raise ValueError("lies outside the years 1970 to 2199")
    return moment


def _labels(value: Any) -> Any:
    """Checked by hand: one problem for the whole, where pydantic would list one per wrong entry."""
    if not isinstance(value, dict) or len(value) > _MOST_LABELS:
        raise ValueError(f"is not an object of at most {_MOST_LABELS} texts")
    for key, item in value.items():
        if not isinstance(item, str) or len(key) > 200 or len(item) > 2_000:
            raise ValueError("holds something else than texts of at most 2,000 characters")
    return value


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(value: str) -> str:
    if value not in _zones():
        raise ValueError("is no IANA time zone: write it like Europe/Amsterdam")
    return value


Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Words = Annotated[str, StringConstraints(max_length=200)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Prose = Annotated[str, StringConstraints(max_length=20_000)]
Labels = Annotated[dict[str, str], BeforeValidator(_labels)]
Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@+-]{0,99}$")]
Share = Annotated[float, Field(ge=0, le=1)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class AlertIn(BaseModel):
    """One alert in PathFinder's own form: a title is enough. The `generic` source reads other spellings too."""

    title: Title
    source: Words = "generic"
    description: Prose = ""
    severity: Severity = Severity.WARNING
    status: str = Field(default="firing", description="firing | resolved")
    service: Words = ""
    host: Words = ""
    labels: Labels = {}
    fingerprint: Words = Field(default="", description="which symptom this is; made of the other fields if empty")
    starts_at: Moment | None = Field(default=None, description="when the symptom began; arrival if missing")
    ends_at: Moment | None = None


class RejectedOut(_Out):
    """An alert that was not taken, by its place in the body."""

    index: int
    field: str
    problem: str


class ReceiptOut(_Out):
    """An alert that is on disk and grouped."""

    alert_id: str
    incident_id: str
    outcome: str = Field(description="opened | joined | repeat | resolved | duplicate")


class Taken(_Out):
    """The answer to a delivery. All of `accepted` is on disk; `duplicates` of these had been delivered before."""

    accepted: int
    duplicates: int
    rejected: list[RejectedOut] = Field(description="the first of them; the others were taken all the same")
    rejected_count: int
    missing: int = Field(description="alerts that the tool says it left out of this delivery")
    incident_ids: list[str]
    receipts: list[ReceiptOut]


class EvidenceOut(_Out):
    """One reason; the weights of an alert's evidence sum to its score."""

    signal: str
    weight: float
    detail: str


class ResolutionOut(_Out):
    """What fixed an incident, and who did."""

    text: str
    resolver: str
    team: str
    resolved_at: datetime | None


class IncidentOut(_Out):
    """One root problem."""

    id: str
    status: IncidentStatus
    opened_at: datetime
    closed_at: datetime | None
    title: str
    description: str
    service: str
    category: str
    priority: str
    root_alert_id: str | None
    resolution: ResolutionOut | None


class AlertOut(_Out):
    """One alert as it was received."""

    id: str
    source: str
    title: str
    description: str
    severity: Severity
    status: str
    service: str
    host: str
    labels: dict[str, str]
    fingerprint: str
    starts_at: datetime
    ends_at: datetime | None
    received_at: datetime


class MemberOut(_Out):
    """An alert of an incident, and why it is there."""

    alert: AlertOut
    probability: Share
    score: float
    evidence: list[EvidenceOut]
    repeats: int
    last_seen_at: datetime | None
    root_rank: int | None = Field(description="1 = probable root of the incident")


class EventOut(_Out):
    """One line of the timeline."""

    at: datetime
    kind: str
    actor: str
    detail: dict[str, str]


class IncidentDetail(BaseModel):
    """An incident with its alerts, probable root first, and its timeline."""

    incident: IncidentOut
    root: AlertOut | None
    alerts: list[MemberOut]
    timeline: list[EventOut]


class IncidentPage(BaseModel):
    """Newest first; `next` is the `before` of the following page, None on the last."""

    items: list[IncidentOut]
    next: str | None


class SuggestionOut(_Out):
    """A past incident with its fix. `score` 0..1, higher is closer."""

    incident: IncidentOut
    score: float
    age_days: float
    because: list[EvidenceOut]


class CandidateOut(_Out):
    """Somebody who may take it. `probability` that this one resolves it."""

    responder: str
    probability: Share
    available: bool
    because: list[EvidenceOut]


class SuggestionsOut(_Out):
    """Past fixes, best first."""

    items: list[SuggestionOut]
    rung: str
    note: str


class RoutingOut(_Out):
    """Who should take it. `automatic`: sure enough to assign the first without asking; otherwise use `queue`."""

    candidates: list[CandidateOut]
    automatic: bool
    queue: str
    rung: str
    note: str


class OccurrenceOut(_Out):
    """One stretch, UTC."""

    start: datetime
    end: datetime
    probability: Share


class PatternOut(_Out):
    """Load that recurs by the clock or the calendar, in wall-clock time of `timezone`."""

    service: str
    host: str
    metric: str
    kind: str
    rule: str
    timezone: str
    start_local: str
    duration_minutes: int
    level: float
    baseline: float
    support: str
    q_value: float
    last_seen_at: datetime


class NamedPatternOut(_Out):
    """A pattern under its lasting id."""

    id: str
    pattern: PatternOut


class UpcomingOut(_Out):
    """A coming stretch of a pattern."""

    id: str
    pattern: PatternOut
    occurrence: OccurrenceOut
    sentence: str


class ExpectedOut(_Out):
    """A pattern that runs at, or soon after, the moment asked about."""

    pattern: PatternOut
    occurrence: OccurrenceOut
    sentence: str


class TriageOut(_Out):
    """Past fixes, people and expected load in one answer, with the rung of the ladder it came from."""

    suggestions: SuggestionsOut
    routing: RoutingOut
    expected: list[ExpectedOut]
    rung: str
    model_version: str


class QuestionIn(_In):
    """An incident in words."""

    title: Title
    description: Prose = ""
    service: Words = ""
    category: Words = ""
    priority: Words = ""
    opened_at: Moment | None = Field(default=None, description="now if missing")
    fields: Labels = Field(default={}, description="further fields of the ticket")


class ResolutionIn(_In):
    """What fixed it, and who did: what the next suggestion and the next routing learn from."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True)] = Field(
        validation_alias=AliasChoices("text", "fix")
    )
    resolver: Words = ""
    team: Words = ""
    resolved_at: Moment | None = Field(default=None, description="now if missing")


class AcknowledgementIn(_In):
    """Who has taken the incident."""

    responder: Id


class TimeOffIn(_In):
    """A stretch in which somebody cannot be asked."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, from_attributes=True)
    starts_at: Moment
    ends_at: Moment

    @model_validator(mode="after")
    def _in_order(self) -> TimeOffIn:
        if self.starts_at >= self.ends_at:
            raise ValueError("ends_at is not after starts_at")
        return self


class ResponderIn(_In):
    """A person that can be asked, or a team's queue."""

    name: Words = ""
    team: Words = ""
    skills: Annotated[list[Words], Field(max_length=100), FailFast()] = []
    timezone: Zone = "UTC"
    workdays: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(max_length=7), FailFast()] = [0, 1, 2, 3, 4]
    work_starts: time = time(9)
    work_ends: time = time(17)
    time_off: Annotated[list[TimeOffIn], Field(max_length=500), FailFast()] = []
    on_call: bool = False
    max_open: Annotated[int, Field(ge=1, le=1000)] = 5


class TimeOffOut(_Out):
    """A stretch in which somebody cannot be asked."""

    starts_at: datetime
    ends_at: datetime


class ResponderOut(_Out):
    """A person that can be asked, or a team's queue."""

    id: str
    name: str
    team: str
    skills: list[str]
    timezone: str
    workdays: list[int]
    work_starts: time
    work_ends: time
    time_off: list[TimeOffOut]
    on_call: bool
    max_open: int


class SampleIn(_In):
    """One value of one metric series."""

    ts: Moment
    service: Words = ""
    host: Words = ""
    metric: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    value: Annotated[float, Field(allow_inf_nan=False)]


class SamplesIn(_In):
    """Metric samples, any series and order."""

    samples: Annotated[list[SampleIn], Field(min_length=1, max_length=50_000), FailFast()]


class Stored(BaseModel):
    """How many were stored."""

    stored: int


class Ready(BaseModel):
    """Whether alerts can be stored, and the rung of the ladder that answers come from."""

    ready: bool
    readable: bool
    writable: bool
    rung: str
    model_version: str
    note: str
    waiting_alerts: int


class Problem(BaseModel):
    """Every answer that is not a success. `fields` names what is wrong and never repeats a value."""

    error: str
    message: str
    fields: list[dict[str, str]] | None = None


def field_names() -> frozenset[str]:
    """Every field name of every request shape: what an answer may repeat to its caller."""
    shapes: list[type[BaseModel]] = [AlertIn, QuestionIn, ResolutionIn, AcknowledgementIn, TimeOffIn, ResponderIn]
    shapes += [SampleIn, SamplesIn]
    names = {name for shape in shapes for name in shape.model_fields}
    return frozenset(
        names | {"source", "incident_id", "responder_id", "status", "since", "limit", "before", "days", "body"}
    )

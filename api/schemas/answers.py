"""What callers get. Each shape is filled from the attributes of the engine's own values."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.quiet import MuteOut
from engine.domain import IncidentStatus, Membership, Severity
from engine.lifecycle.explanation import explain
from engine.store.records import IncidentRecord

Share = Annotated[float, Field(ge=0, le=1)]


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class RejectedOut(_Out):
    """An alert that was not taken, by its place in the body."""

    index: int
    field: str
    problem: str


class ReceiptOut(_Out):
    """An alert that is on disk and grouped."""

    alert_id: str
    incident_id: str
    outcome: str = Field(description="opened | joined | repeat | resolved | duplicate | stored: grouping follows")


class Taken(_Out):
    """The answer to a delivery. All of `accepted` is on disk; `duplicates` of these had been delivered before."""

    accepted: int
    duplicates: int
    rejected: list[RejectedOut] = Field(description="the first of them; the others were taken all the same")
    rejected_count: int
    missing: int = Field(description="alerts that the tool says it left out of this delivery")
    incident_ids: list[str]
    receipts: list[ReceiptOut]
    quarantined: int = Field(description="what could not be taken and is kept to be looked at: `/v1/quarantine`")
    rung: str = Field(description="step of the degrade ladder: full | lexical | rules | apart | stored | read-only")


class AsideOut(_Out):
    """Something that was sent and could not be taken."""

    id: int
    at: datetime = Field(description="when it last came")
    source: str
    sender: str = Field(description="name of the key it came with")
    field: str
    problem: str
    payload: str = Field(description="JSON as it was sent, without its secrets")
    whole: bool = Field(description="false: it was too long, is cut off, and cannot be tried again")
    times: int = Field(description="how often it came")


class AsideList(BaseModel):
    """A page of quarantine; `before` leads to the next one."""

    items: list[AsideOut]
    before: int | None


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
    muted: bool = Field(default=False, description="every alert in it is muted: nobody has to be called")
    resolution: ResolutionOut | None
    merged_into: str | None = Field(default=None, description="the incident that all its alerts went to")


class IncidentNow(IncidentOut):
    """An incident with what is counted beside it."""

    alert_count: int
    firing: int = Field(description="how many of its alerts still fire")
    churn: Share = Field(description="share of its memberships that later evidence changed after they were shown")

    @classmethod
    def of(cls, record: IncidentRecord) -> IncidentNow:
        """As it is in `record`."""
        about = IncidentOut.model_validate(record.incident).model_dump()
        return cls(**about, alert_count=record.alerts, firing=record.firing, churn=record.churn)


class Regrouped(BaseModel):
    """The incidents that an operator's word changed, as they are now."""

    incident: IncidentNow = Field(description="the one that holds the alerts now")
    others: list[IncidentNow] = Field(description="where they came from")


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
    why: str = Field(default="", description="in one sentence, strongest reasons first")
    score: float = Field(description="log-odds; the weights of the evidence sum to it")
    evidence: list[EvidenceOut]
    runner_up: str | None = Field(description="the second-best incident when it was placed")
    margin: float = Field(description="log-odds between its place and the best alternative, >= 0")
    provisional: bool = Field(description="the margin is low: later evidence may well move it")
    pinned: bool = Field(description="an operator's word: no model moves it")
    repeats: int
    last_seen_at: datetime | None
    root_rank: int | None = Field(description="1 = probable root of the incident")
    muted: bool = Field(description="nobody has to be called for it")
    mutes: list[MuteOut] = Field(description="what mutes it now, or muted it when it ended")
    flapping_since: datetime | None = Field(description="it comes and goes, and is held open until that calms down")

    @classmethod
    def of(cls, place: Membership) -> MemberOut:
        """With the sentence."""
        return cls.model_validate(place).model_copy(update={"why": explain(place)})


class SuspectOut(_Out):
    """A thing that may have broken; it need not have raised an alert itself."""

    name: str
    probability: Share
    score: float = Field(description="log-odds among the suspects; the weights of `because` sum to it")
    because: list[EvidenceOut]


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
    suspects: list[SuspectOut] = Field(description="what may have broken, likeliest first")
    alert_count: int
    firing: int = Field(description="how many of its alerts still fire")
    churn: Share = Field(description="share of its memberships that later evidence changed after they were shown")
    acknowledged_at: datetime | None
    assignee: str
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


class FixOut(_Out):
    """What ended past incidents of this kind, as written then. `score` 0..1, that it helps now.

    `kind` is `permanent`, `workaround` or `unclear`; `minutes` the median from opening to closing; `helped` of `used`
    times the problem stayed away.
    """

    text: str
    score: Share
    kind: str
    steps: list[str]
    commands: list[str]
    incident_ids: list[str]
    resolvers: list[str]
    last_at: datetime
    minutes: float | None
    used: int
    helped: int


class RunbookOut(_Out):
    """A page that says what to do. `services` are those it is about; none: any."""

    id: str
    title: str
    url: str
    text: str
    services: list[str]


class AdviceOut(_Out):
    """A runbook that may help. `score` 0..1."""

    runbook: RunbookOut
    score: Share
    because: str


class SuggestionsOut(_Out):
    """The fixes that ended such incidents, the incidents themselves, and runbooks; best first.

    `probability` is that any past incident is of this kind. `new_kind`: none is likely to be; there is no fix then,
    and `items` are merely the nearest.
    """

    fixes: list[FixOut]
    runbooks: list[AdviceOut]
    probability: Share
    new_kind: bool
    items: list[SuggestionOut]
    rung: str
    note: str


class ReviewOut(_Out):
    """What is thought of a choice that a person has made."""

    chosen: str
    probability: Share
    better: str
    better_probability: Share
    looks_wrong: bool
    sure: Share = Field(description="that somebody else will have to take it")


class RoutingOut(_Out):
    """Who should take it. `automatic`: sure enough to assign the first without asking; otherwise use `queue`."""

    candidates: list[CandidateOut]
    automatic: bool
    queue: str
    rung: str
    note: str
    decision: str = Field(description="assign | choose (among the first three) | on-call")
    fallback: list[CandidateOut] = Field(description="whoever is on call, for when nobody of the others answers")
    passed_over: list[CandidateOut] = Field(description="likelier than the first, with what stands against them")
    threshold: float = Field(description="probability from which the first would be assigned without asking")
    review: ReviewOut | None = Field(description="of the choice that a person has made already")


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
    state: str = "new"
    first_seen_at: datetime | None = None
    shift_minutes: int = 0
    growth_per_week: float = 0.0
    except_holidays: str = ""
    holiday_shift: int = 0
    of_events: bool = False
    is_peak: bool = False


class JoinedOut(_Out):
    """How often incidents, alerts or changes came with a pattern, against chance, and what to do about it."""

    id: str
    what: str = Field(description="incidents | alerts | changes (maintenance windows)")
    with_pattern: int
    incidents: int
    expected: float
    lift: float
    p_value: float
    advice: str
    sentence: str


class CrossingOut(_Out):
    """When a growing load passes its limit, if it goes on growing as it does."""

    id: str
    pattern: PatternOut
    limit: float
    weeks: float
    at: datetime
    sentence: str


class SilenceOut(_Out):
    """A silence proposed for Alertmanager, in the form its API takes; nothing is silenced by asking."""

    matchers: list[dict[str, str | bool]]
    startsAt: datetime  # noqa: N815 - Alertmanager's own names
    endsAt: datetime  # noqa: N815
    createdBy: str  # noqa: N815
    comment: str


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
    left: bool


class ImportedOut(BaseModel):
    """How many people were stored, and what is wrong with rows that were left out."""

    stored: int
    problems: list[str]


class RotaOut(_Out):
    """Who takes turns on call."""

    id: str
    team: str
    members: list[str]
    starts_at: datetime
    turn_days: int
    timezone: str


class GivenOut(_Out):
    """One incident of a joint assignment; `responder` is empty where it is left to its queue."""

    incident_id: str
    responder: str
    probability: Share


class WeekOut(_Out):
    """How good routing was in one week, judged on what it said before each resolution was known."""

    begins: str
    asked: int
    first: int = Field(description="how often the first named resolved it")
    near: int = Field(description="how often one of the first three did")
    calibration_error: Share
    busiest_tenth: Share = Field(description="share of incidents that went to the busiest tenth of those named first")


class WatchOut(_Out):
    """The latest weeks, oldest first."""

    weeks: list[WeekOut]
    has_fallen: bool = Field(description="the first three are right less often than before, beyond chance")


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
    to_be_grouped: int = Field(default=0, description="alerts that are on disk and grouped later")
    quarantined: int = Field(default=0, description="what could not be taken and is kept to be looked at")


class Problem(BaseModel):
    """Every answer that is not a success. `fields` names what is wrong and never repeats a value."""

    error: str
    message: str
    fields: list[dict[str, str]] | None = None

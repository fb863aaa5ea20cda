"""What callers get asked what to do: past fixes, people, coming load."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from api.schemas.answers import Out, Share
from api.schemas.incidents import EvidenceOut, IncidentOut
from api.schemas.patterns import OccurrenceOut, PatternOut


class SuggestionOut(Out):
    """A past incident with its fix. `score` 0..1, higher is closer."""

    incident: IncidentOut
    score: float
    age_days: float
    because: list[EvidenceOut]


class CandidateOut(Out):
    """Somebody who may take it. `probability` that this one resolves it."""

    responder: str
    probability: Share
    available: bool
    because: list[EvidenceOut]


class FixOut(Out):
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


class RunbookOut(Out):
    """A page that says what to do. `services` are those it is about; none: any."""

    id: str
    title: str
    url: str
    text: str
    services: list[str]


class AdviceOut(Out):
    """A runbook that may help. `score` 0..1."""

    runbook: RunbookOut
    score: Share
    because: str


class SuggestionsOut(Out):
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


class ReviewOut(Out):
    """What is thought of a choice that a person has made."""

    chosen: str
    probability: Share
    better: str
    better_probability: Share
    looks_wrong: bool
    sure: Share = Field(description="that somebody else will have to take it")


class RoutingOut(Out):
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


class ExpectedOut(Out):
    """A pattern that runs at, or soon after, the moment asked about."""

    pattern: PatternOut
    occurrence: OccurrenceOut
    sentence: str


class TriageOut(Out):
    """Past fixes, people and expected load in one answer, with the rung of the ladder it came from."""

    suggestions: SuggestionsOut
    routing: RoutingOut
    expected: list[ExpectedOut]
    rung: str
    model_version: str

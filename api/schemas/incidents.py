"""What callers get of incidents and their alerts."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from api.schemas.answers import Out, Share
from api.schemas.quiet import MuteOut
from engine.domain import IncidentStatus, Membership, Severity
from engine.lifecycle.explanation import explain
from engine.store.records import IncidentRecord


class EvidenceOut(Out):
    """One reason; the weights of an alert's evidence sum to its score."""

    signal: str
    weight: float
    detail: str


class ResolutionOut(Out):
    """What fixed an incident, and who did."""

    text: str
    resolver: str
    team: str
    resolved_at: datetime | None


class IncidentOut(Out):
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


class AlertOut(Out):
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


class MemberOut(Out):
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


class SuspectOut(Out):
    """A thing that may have broken; it need not have raised an alert itself."""

    name: str
    probability: Share
    score: float = Field(description="log-odds among the suspects; the weights of `because` sum to it")
    because: list[EvidenceOut]


class EventOut(Out):
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

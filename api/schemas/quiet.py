"""Shapes of what keeps alerts quiet: maintenance windows and inhibition rules, as sent and as told."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field, StringConstraints, ValidationInfo, field_validator

from api.schemas.requests import Moment, Words, Zone
from engine.domain import MuteKind
from engine.lifecycle.inhibition import Rule
from engine.lifecycle.maintenance import Window, WindowState
from engine.lifecycle.matchers import Matcher, Op, require_selective
from engine.lifecycle.recurrence import Span, Weekly


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class MatcherIn(_In):
    """One condition, as in Alertmanager's silences; a field or label that is missing counts as empty."""

    field: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="source, title, service, host, severity, fingerprint, or a label's name"
    )
    op: Op = Op.IS
    value: Annotated[str, StringConstraints(max_length=500)] = Field(
        default="", description="of =~ and !~: a regular expression that has to match the whole"
    )

    @field_validator("value")
    @classmethod
    def _readable(cls, value: str, info: ValidationInfo) -> str:
        Matcher(field="any", op=info.data.get("op", Op.IS), value=value)
        return value

    def matcher(self) -> Matcher:
        """As the engine has it."""
        return Matcher(field=self.field, op=self.op, value=self.value)


Matchers = Annotated[list[MatcherIn], Field(min_length=1, max_length=20), FailFast()]


def _selective(matchers: list[MatcherIn], name: str) -> list[MatcherIn]:
    require_selective([one.matcher() for one in matchers], name)
    return matchers


class WeeklyIn(_In):
    """It comes back every week, at the same times of the clock on the wall."""

    weekdays: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(min_length=1, max_length=7)] = Field(
        description="0 is Monday"
    )
    timezone: Zone
    until: Moment | None = Field(default=None, description="none begins after it")


class WindowIn(_In):
    """Planned work: alerts that begin inside and meet all matchers are muted until it ends."""

    matchers: Matchers
    starts_at: Moment
    ends_at: Moment
    weekly: WeeklyIn | None = None
    comment: Annotated[str, StringConstraints(max_length=1_000)] = ""

    @field_validator("matchers")
    @classmethod
    def _some(cls, matchers: list[MatcherIn]) -> list[MatcherIn]:
        return _selective(matchers, "this")

    @field_validator("ends_at")
    @classmethod
    def _in_order(cls, ends_at: datetime, info: ValidationInfo) -> datetime:
        if "starts_at" in info.data and ends_at <= info.data["starts_at"]:
            raise ValueError("is not after starts_at")
        return ends_at

    @field_validator("weekly")
    @classmethod
    def _fits(cls, weekly: WeeklyIn | None, info: ValidationInfo) -> WeeklyIn | None:
        if weekly is not None and {"starts_at", "ends_at"} <= info.data.keys():
            first = Span(starts_at=info.data["starts_at"], ends_at=info.data["ends_at"])
            _weekly(weekly).require_fit(first)
        return weekly

    def window(self, window_id: str = "", created_by: str = "") -> Window:
        """As the engine has it."""
        return Window(
            id=window_id,
            matchers=tuple(one.matcher() for one in self.matchers),
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            weekly=_weekly(self.weekly) if self.weekly else None,
            comment=self.comment,
            created_by=created_by,
        )


def _weekly(told: WeeklyIn) -> Weekly:
    return Weekly(weekdays=tuple(sorted(set(told.weekdays))), timezone=told.timezone, until=told.until)


class RuleIn(_In):
    """While an alert that meets `source` fires, alerts that meet `target` and agree with it in `equal` are muted."""

    source: Matchers
    target: Matchers
    equal: Annotated[list[Annotated[Words, Field(min_length=1)]], Field(max_length=20)] = []
    linger_s: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=0.0, description="seconds for which targets stay muted after the source has ended"
    )
    comment: Annotated[str, StringConstraints(max_length=1_000)] = ""

    @field_validator("source", "target")
    @classmethod
    def _some(cls, matchers: list[MatcherIn]) -> list[MatcherIn]:
        return _selective(matchers, "this")

    def rule(self, rule_id: str = "", created_by: str = "") -> Rule:
        """As the engine has it."""
        return Rule(
            id=rule_id,
            source=tuple(one.matcher() for one in self.source),
            target=tuple(one.matcher() for one in self.target),
            equal=tuple(self.equal),
            linger_s=self.linger_s,
            comment=self.comment,
            created_by=created_by,
        )


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class MuteOut(_Out):
    """Why an alert is muted, and until when; without an end, as long as the alert that explains it fires."""

    kind: MuteKind
    by: str = Field(description="id of the maintenance window or inhibition rule")
    because: str
    until: datetime | None
    alert_id: str = Field(description="the alert that explains it, if one does")


class MatcherOut(_Out):
    """One condition."""

    field: str
    op: Op
    value: str


class WeeklyOut(_Out):
    """How it comes back."""

    weekdays: list[int]
    timezone: str
    until: datetime | None


class SpanOut(_Out):
    """One stretch, UTC."""

    starts_at: datetime
    ends_at: datetime


class WindowOut(_Out):
    """Planned work; `now` is the stretch that runs, `next` the one that comes."""

    id: str
    state: WindowState
    matchers: list[MatcherOut]
    starts_at: datetime
    ends_at: datetime
    weekly: WeeklyOut | None
    comment: str
    created_by: str
    ended_at: datetime | None = Field(description="a person ended it then")
    now: SpanOut | None
    next: SpanOut | None

    @classmethod
    def of(cls, window: Window, at: datetime) -> WindowOut:
        """As it stands at `at`."""
        told = {name: getattr(window, name) for name in cls.model_fields if hasattr(window, name) and name != "state"}
        stands = {"state": window.state(at), "now": window.at(at), "next": window.upcoming(at)}
        return cls.model_validate({**told, **stands})


class RuleOut(_Out):
    """Which alerts explain which others."""

    id: str
    source: list[MatcherOut]
    target: list[MatcherOut]
    equal: list[str]
    linger_s: float
    comment: str
    created_by: str


def field_names() -> frozenset[str]:
    """Every field name of these shapes: what an answer may repeat to its caller."""
    shapes: list[type[BaseModel]] = [MatcherIn, WeeklyIn, WindowIn, RuleIn]
    names = {name for shape in shapes for name in shape.model_fields}
    return frozenset(names | {"window_id", "rule_id", "state", "muted"})

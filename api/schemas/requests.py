"""What callers send: shapes, bounds, and the names that an answer may repeat."""

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

from api.schemas.answers import ClockTime
from engine.clock import parse_time
from engine.domain import Severity

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_MOST_LABELS = 200
_PROSE_READ = 20_000  # characters of a description


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


def _beginning(value: Any) -> Any:
    """Of a dump its first 20,000 characters: at night nobody shortens what a tool has sent."""
    return value[:_PROSE_READ] if isinstance(value, str) else value


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
Prose = Annotated[str, BeforeValidator(_beginning)]
Labels = Annotated[dict[str, str], BeforeValidator(_labels)]
Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@+-]{0,99}$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


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


class QuestionIn(_In):
    """An incident in words."""

    title: Title
    description: Prose = ""
    service: Words = ""
    category: Words = ""
    priority: Words = ""
    opened_at: Moment | None = Field(default=None, description="now if missing")
    fields: Labels = Field(default={}, description="further fields of the ticket")


class TriageIn(QuestionIn):
    """A question, and whom somebody would give it to."""

    chosen: Annotated[str, StringConstraints(max_length=100)] = Field(
        default="", description="a responder who was chosen already: the answer says whether that looks wrong"
    )


class CommentIn(_In):
    """What somebody says about an incident."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True)]
    responder: Words = Field(default="", description="who says so; the name of the key if missing")


class ResolutionIn(_In):
    """What fixed it, and who did: what the next suggestion and the next routing learn from."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True)] = Field(
        validation_alias=AliasChoices("text", "fix", "resolution", "fix_text")
    )
    resolver: Words = ""
    team: Words = ""
    resolved_at: Moment | None = Field(default=None, description="now if missing")


class TriedIn(_In):
    """The fix of which past incident was tried here, and whether it helped."""

    incident: Id
    helped: bool


class RunbookIn(_In):
    """A page that says what to do; its words are searched. `services` are those it is about; none: any."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
    url: Annotated[str, StringConstraints(max_length=2_000, pattern=r"^(https?://.*)?$")] = ""
    text: Annotated[str, StringConstraints(max_length=100_000)] = ""
    services: Annotated[list[Words], Field(max_length=200)] = []


class AcknowledgementIn(_In):
    """Who has taken the incident."""

    responder: Id


class ReasonIn(_In):
    """Why, for the timeline."""

    reason: Annotated[str, StringConstraints(max_length=2_000, strip_whitespace=True)] = ""


class MergeIn(ReasonIn):
    """Exactly one of `into` and `incidents`."""

    into: Id | None = Field(default=None, description="this incident becomes part of that one")
    incidents: Annotated[list[Id], Field(max_length=100), FailFast()] = Field(
        default=[], description="those become part of this one"
    )

    @model_validator(mode="after")
    def _one_way(self) -> MergeIn:
        if (self.into is None) == (not self.incidents):
            raise ValueError("send either into or incidents")
        return self


class SplitIn(ReasonIn):
    """What leaves."""

    alerts: Annotated[list[Id], Field(min_length=1, max_length=5_000), FailFast()] = Field(
        description="ids of the alerts that become an incident of their own"
    )


class MoveIn(ReasonIn):
    """Where it belongs."""

    incident: Id | None = Field(description="null: to an incident of its own")


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
    work_starts: ClockTime = time(9)
    work_ends: ClockTime = time(17)
    time_off: Annotated[list[TimeOffIn], Field(max_length=500), FailFast()] = []
    on_call: bool = False
    max_open: Annotated[int, Field(ge=1, le=1000)] = 5
    left: bool = Field(default=False, description="does not work here any longer: never asked")


class PeopleIn(_In):
    """People as a CSV with a header; only a column of ids is needed."""

    csv: Annotated[str, StringConstraints(min_length=1, max_length=2_000_000)]


class CalendarIn(_In):
    """Somebody's calendar in iCalendar form: what makes busy there is time off here."""

    ical: Annotated[str, StringConstraints(min_length=1, max_length=2_000_000)]


class RotaIn(_In):
    """Who takes turns on call."""

    members: Annotated[list[Id], Field(min_length=1, max_length=200), FailFast()]
    starts_at: Moment
    turn_days: Annotated[int, Field(ge=1, le=366)] = 7
    timezone: Zone = "UTC"
    team: Words = ""


class RequirementIn(_In):
    """Incidents whose `field` says `value` need `skill`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, from_attributes=True)
    field: Words
    value: Words
    skill: Words


class PolicyIn(_In):
    """Limits beyond which somebody is not asked, and what load costs."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, from_attributes=True)
    required: Annotated[list[RequirementIn], Field(max_length=1000), FailFast()] = []
    most_pages_day: Annotated[int, Field(ge=1, le=10_000)] = 8
    most_pages_week: Annotated[int, Field(ge=1, le=10_000)] = 30
    fair_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    fair_from: Annotated[int, Field(ge=1, le=10_000)] = 12
    load_cost: Annotated[list[Annotated[float, Field(ge=0, le=100)]], Field(min_length=4, max_length=4)] = Field(
        default=[0.0, 0.3, 0.7, 1.0], description="log-odds at full load, for P1 to P4"
    )
    tired_cost: Annotated[float, Field(ge=0, le=100)] = 0.5


class OwnedIn(_In):
    """Who looks after a service, a path, or what a runbook is about."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, from_attributes=True)
    about: Title
    owners: Annotated[list[Words], Field(min_length=1, max_length=100), FailFast()]
    text: Prose = ""


class OwnershipIn(_In):
    """Ownership entries, or a file in the form of CODEOWNERS, or both."""

    owned: Annotated[list[OwnedIn], Field(max_length=20_000), FailFast()] = []
    file: Annotated[str, StringConstraints(max_length=2_000_000)] = ""


class RenamesIn(_In):
    """New names of teams and people by their old ones."""

    names: Labels


class AssignmentIn(_In):
    """Which open incidents to give out together; all that nobody has if empty."""

    incidents: Annotated[list[Id], Field(max_length=200), FailFast()] = []
    keep: bool = Field(default=False, description="note it: each counts into the load of who gets it")


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


def field_names() -> frozenset[str]:
    """Every field name of every request shape: what an answer may repeat to its caller."""
    shapes: list[type[BaseModel]] = [AlertIn, QuestionIn, ResolutionIn, AcknowledgementIn, TimeOffIn, ResponderIn]
    shapes += [SampleIn, SamplesIn, MergeIn, SplitIn, MoveIn, TriageIn, CommentIn, PeopleIn, CalendarIn, RotaIn]
    shapes += [RequirementIn, PolicyIn, OwnedIn, OwnershipIn, RenamesIn, AssignmentIn, TriedIn, RunbookIn]
    names = {name for shape in shapes for name in shape.model_fields}
    return frozenset(
        names
        | {
            "source",
            "incident_id",
            "alert_id",
            "responder_id",
            "runbook_id",
            "status",
            "since",
            "limit",
            "before",
            "days",
            "weeks",
            "at",
            "hours",
            "body",
        }
    )

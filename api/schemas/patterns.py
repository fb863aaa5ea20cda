"""What callers get of recurring load."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from api.schemas.answers import Out, Share


class OccurrenceOut(Out):
    """One stretch, UTC."""

    start: datetime
    end: datetime
    probability: Share


class PatternOut(Out):
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
    chance_high: float | None = None
    of_rate: bool = Field(default=False, description="levels are of the rate per second at which a counter rises")


class JoinedOut(Out):
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


class CrossingOut(Out):
    """When a growing load passes its limit, if it goes on growing as it does."""

    id: str
    pattern: PatternOut
    limit: float
    weeks: float
    at: datetime
    sentence: str


class SilenceOut(Out):
    """A silence proposed for Alertmanager, in the form its API takes; nothing is silenced by asking."""

    matchers: list[dict[str, str | bool]]
    startsAt: datetime  # noqa: N815 - Alertmanager's own names
    endsAt: datetime  # noqa: N815
    createdBy: str  # noqa: N815
    comment: str


class NamedPatternOut(Out):
    """A pattern under its lasting id."""

    id: str
    pattern: PatternOut


class UpcomingOut(Out):
    """A coming stretch of a pattern."""

    id: str
    pattern: PatternOut
    occurrence: OccurrenceOut
    sentence: str


class LevelOut(Out):
    """What a series is expected to be in one slot of the local week, in units of the metric, of counters a second."""

    start: datetime
    end: datetime
    level: float
    low: float = Field(description="a tenth of what is measured then lies below")
    high: float = Field(description="and a tenth above")
    chance_high: Share
    days: int = Field(description="of the past, with samples")
    of_rate: bool = Field(default=False, description="levels are of the rate per second at which a counter rises")

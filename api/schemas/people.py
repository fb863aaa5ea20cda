"""What callers get of people, turns on call and the work given out."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from api.schemas.answers import ClockTime, Out, Share


class TimeOffOut(Out):
    """A stretch in which somebody cannot be asked."""

    starts_at: datetime
    ends_at: datetime


class ResponderOut(Out):
    """A person that can be asked, or a team's queue."""

    id: str
    name: str
    team: str
    skills: list[str]
    timezone: str
    workdays: list[int]
    work_starts: ClockTime
    work_ends: ClockTime
    time_off: list[TimeOffOut]
    on_call: bool
    max_open: int
    left: bool


class ImportedOut(BaseModel):
    """How many people were stored, and what is wrong with rows that were left out."""

    stored: int
    problems: list[str]


class RotaOut(Out):
    """Who takes turns on call."""

    id: str
    team: str
    members: list[str]
    starts_at: datetime
    turn_days: int
    timezone: str


class GivenOut(Out):
    """One incident of a joint assignment; `responder` is empty where it is left to its queue."""

    incident_id: str
    responder: str
    probability: Share


class WeekOut(Out):
    """How good routing was in one week, judged on what it said before each resolution was known."""

    begins: str
    asked: int
    first: int = Field(description="how often the first named resolved it")
    near: int = Field(description="how often one of the first three did")
    calibration_error: Share
    busiest_tenth: Share = Field(description="share of incidents that went to the busiest tenth of those named first")


class WatchOut(Out):
    """The latest weeks, oldest first."""

    weeks: list[WeekOut]
    has_fallen: bool = Field(description="the first three are right less often than before, beyond chance")

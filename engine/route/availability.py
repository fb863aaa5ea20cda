"""Whether a responder is there: the wall clock where they live, time off, on call. Constraints, not scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.domain import Evidence, Responder


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether somebody can be asked, and the reasons. An off-hours on-call is `available`."""

    available: bool
    reasons: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment (UTC) on the wall clocks of all zones; a zone is looked up once, however many people live there."""

    at: datetime
    _local: dict[str, datetime] = field(default_factory=dict)
    _works: dict[tuple[object, ...], bool] = field(default_factory=dict)  # by zone, days and hours

    def local(self, zone: str) -> datetime:
        """Wall-clock time, without a zone; UTC where the zone's name is unknown."""
        found = self._local.get(zone)
        if found is None:
            found = self._local[zone] = _local(zone, self.at)
        return found

    def works(self, responder: Responder) -> bool:
        """`is_working` at this moment."""
        own = (responder.timezone, responder.workdays, responder.work_starts, responder.work_ends)
        found = self._works.get(own)
        if found is None:
            found = self._works[own] = _in_hours(responder, self.local(responder.timezone))
        return found

    def finds(self, responder: Responder) -> bool:
        """Whether they can be asked: what `availability` tells, without its reasons."""
        if responder.left or not (responder.on_call or self.works(responder)):
            return False
        return not responder.time_off or not any(off.starts_at <= self.at < off.ends_at for off in responder.time_off)


def availability(responder: Responder, at: datetime) -> Availability:
    """Whether `responder` can be asked at `at` (UTC): employed, not away, and in working hours or on call."""
    return availability_in(Moment(at), responder)


def availability_in(moment: Moment, responder: Responder) -> Availability:
    """The same at a moment whose wall clocks are kept."""
    if responder.left:
        return Availability(False, (Evidence(signal="left", weight=0.0, detail="does not work here any longer"),))
    away = [off for off in responder.time_off if off.starts_at <= moment.at < off.ends_at]
    working = moment.works(responder)
    clock = f"{moment.local(responder.timezone):%a %H:%M} in {responder.timezone}"
    reasons = []
    if away:
        until = max(off.ends_at for off in away)
        reasons.append(Evidence(signal="time off", weight=0.0, detail=f"until {until:%d %b %H:%M} UTC"))
    if not working and responder.on_call:
        reasons.append(Evidence(signal="on call", weight=0.0, detail=f"outside working hours ({clock})"))
    elif not working:
        reasons.append(Evidence(signal="outside working hours", weight=0.0, detail=clock))
    return Availability(available=not away and (working or responder.on_call), reasons=tuple(reasons))


def is_working(responder: Responder, at: datetime) -> bool:
    """Whether `at` (UTC) lies in the responder's working hours on the wall clock of their zone.

    A shift over midnight belongs to the day on which it starts; equal start and end mean the whole day.

    Examples
    --------
    >>> from datetime import UTC
    >>> is_working(Responder(id="ann", timezone="Europe/Amsterdam"), datetime(2026, 7, 1, 7, 30, tzinfo=UTC))
    True
    """
    return Moment(at).works(responder)


def _in_hours(responder: Responder, local: datetime) -> bool:
    today, now = local.weekday(), local.time()
    starts, ends, days = responder.work_starts, responder.work_ends, responder.workdays
    if starts < ends:
        return today in days and starts <= now < ends
    return (today in days and now >= starts) or ((today - 1) % 7 in days and now < ends and _over(starts))


def _over(starts: time) -> bool:
    return starts > time(0)


def _local(zone: str, at: datetime) -> datetime:
    try:
        found = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        found = ZoneInfo("UTC")
    return at.astimezone(found).replace(tzinfo=None)

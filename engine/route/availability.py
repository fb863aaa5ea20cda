"""Whether a responder is there: the wall clock where they live, time off, on call. Constraints, not scores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.domain import Evidence, Responder


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether somebody can be asked, and the reasons. An off-hours on-call is `available`."""

    available: bool
    reasons: tuple[Evidence, ...]


def availability(responder: Responder, at: datetime) -> Availability:
    """Whether `responder` can be asked at `at` (UTC): employed, not away, and in working hours or on call."""
    if responder.left:
        return Availability(False, (Evidence(signal="left", weight=0.0, detail="does not work here any longer"),))
    away = [off for off in responder.time_off if off.starts_at <= at < off.ends_at]
    working, local = is_working(responder, at), _local(responder, at)
    clock = f"{local:%a %H:%M} in {responder.timezone}"
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
    local = _local(responder, at)
    today, yesterday = local.weekday(), (local - timedelta(days=1)).weekday()
    now, starts, ends = local.time(), responder.work_starts, responder.work_ends
    if starts < ends:
        return today in responder.workdays and starts <= now < ends
    return (today in responder.workdays and now >= starts) or (
        yesterday in responder.workdays and now < ends and _over(starts)
    )


def _over(starts: time) -> bool:
    return starts > time(0)


def _local(responder: Responder, at: datetime) -> datetime:
    """Wall-clock time, without a zone; UTC where the zone's name is unknown."""
    try:
        zone = ZoneInfo(responder.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return at.astimezone(zone).replace(tzinfo=None)

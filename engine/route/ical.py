"""Time off out of an iCalendar file (RFC 5545): events that make busy, all-day ones in the person's own zone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.domain import TimeOff
from engine.errors import InvalidInput

_MOST = 500  # stretches read of one calendar
_HORIZON = timedelta(days=2 * 366)  # how far an event that comes back for ever is followed
_STEPS = {"DAILY": timedelta(days=1), "WEEKLY": timedelta(days=7)}
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LENGTH = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:\d+S)?)?")
_FREE = ("TRANSPARENT", "CANCELLED", "FREE")

Property = tuple[Mapping[str, str], str]  # parameters, value


def read_time_off(text: str, timezone: str) -> tuple[TimeOff, ...]:
    """The busy stretches, soonest first; `timezone` is that of the person, for times without one.

    Daily and weekly recurrences are followed for two years; other rules count as their first event.

    Raises
    ------
    InvalidInput
        If it is no calendar, or an event has no readable start.
    """
    if "BEGIN:VCALENDAR" not in text:
        raise InvalidInput("this is no iCalendar file: it does not begin a VCALENDAR")
    zone = _zone(timezone)
    found = [off for event in _events(text) if not _is_free(event) for off in _stretches(event, zone)]
    return tuple(sorted(found, key=lambda off: (off.starts_at, off.ends_at))[:_MOST])


def _events(text: str) -> Iterator[dict[str, Property]]:
    event: dict[str, Property] | None = None
    inner = 0
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        if line == "BEGIN:VEVENT":
            event, inner = {}, 0
        elif line == "END:VEVENT" and event is not None:
            yield event
            event = None
        elif event is not None:
            inner += line.startswith("BEGIN:") - line.startswith("END:")  # an alarm inside has properties of its own
            name, _, value = line.partition(":")
            key, *parameters = name.split(";")
            if not inner:
                event.setdefault(key.upper(), (dict(one.split("=", 1) for one in parameters if "=" in one), value))


def _is_free(event: Mapping[str, Property]) -> bool:
    told = [event[name][1].upper() for name in ("TRANSP", "STATUS", "X-MICROSOFT-CDO-BUSYSTATUS") if name in event]
    return any(word in _FREE for word in told)


def _stretches(event: Mapping[str, Property], zone: ZoneInfo) -> Iterator[TimeOff]:
    if "DTSTART" not in event:
        raise InvalidInput("an event of the calendar has no DTSTART")
    begins, own = _wall(event["DTSTART"], zone)
    whole_day = event["DTSTART"][1].isdigit()
    ends = _wall(event["DTEND"], zone)[0] if "DTEND" in event else begins + _length(event, whole_day)
    skipped = (
        {_wall((event["EXDATE"][0], one), zone)[0] for one in event["EXDATE"][1].split(",")}
        if ("EXDATE" in event)
        else set()
    )
    for start in _recurring(begins, event, zone):
        if start not in skipped and ends > begins:
            starts_at, ends_at = (
                moment.replace(tzinfo=own).astimezone(UTC) for moment in (start, start + (ends - begins))
            )
            yield TimeOff(starts_at=starts_at, ends_at=ends_at)


def _recurring(begins: datetime, event: Mapping[str, Property], zone: ZoneInfo) -> Iterator[datetime]:
    rule = dict(part.split("=", 1) for part in event.get("RRULE", ({}, ""))[1].upper().split(";") if "=" in part)
    step = _STEPS.get(rule.get("FREQ", ""))
    if step is None:
        yield begins
        return
    until = _wall(({}, rule["UNTIL"]), zone)[0] if "UNTIL" in rule else begins + _HORIZON
    left = int(rule.get("COUNT", _MOST))
    days = [_DAYS.index(day) for day in rule.get("BYDAY", "").split(",") if day in _DAYS]
    if step.days == 1 or not days:
        days = [begins.weekday()] if step.days == 7 else list(range(7))
    cursor = begins
    while cursor <= until and left > 0:
        if cursor.weekday() in days and _in_turn(begins, cursor, step, int(rule.get("INTERVAL", 1))):
            yield cursor
            left -= 1
        cursor += timedelta(days=1)


def _in_turn(begins: datetime, cursor: datetime, step: timedelta, interval: int) -> bool:
    if step.days == 1:
        return (cursor - begins).days % interval == 0
    first = begins.date() - timedelta(days=begins.weekday())
    return (cursor.date() - first).days // 7 % interval == 0


def _wall(told: Property, zone: ZoneInfo) -> tuple[datetime, ZoneInfo]:
    """A moment as its clock shows it, and whose clock that is."""
    parameters, value = told
    if re.fullmatch(r"\d{8}", value):
        return datetime.combine(date(int(value[:4]), int(value[4:6]), int(value[6:])), time()), zone
    if not re.fullmatch(r"\d{8}T\d{6}Z?", value):
        raise InvalidInput("an event of the calendar has a time that cannot be read")
    wall = datetime.strptime(value[:15], "%Y%m%dT%H%M%S")  # noqa: DTZ007 - the zone is told apart
    return wall, ZoneInfo("UTC") if value.endswith("Z") else _zone(parameters.get("TZID", ""), zone)


def _length(event: Mapping[str, Property], whole_day: bool) -> timedelta:
    match = _LENGTH.fullmatch(event["DURATION"][1]) if "DURATION" in event else None
    if match is None:
        return timedelta(days=1) if whole_day else timedelta(0)
    weeks, days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


def _zone(name: str, otherwise: ZoneInfo | None = None) -> ZoneInfo:
    try:
        return ZoneInfo(name.strip('"'))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return otherwise or ZoneInfo("UTC")

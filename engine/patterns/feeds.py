"""Patterns for other tools: an iCalendar feed with rules and zones, and silences for Prometheus' Alertmanager."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from engine.domain import Pattern
from engine.patterns.calendar import days_of, rule_parts, zone_of
from engine.patterns.holidays import holidays_of, moved
from engine.patterns.occurrences import occurrences, sentence

_LINE_BYTES = 73  # of content before a line is folded (RFC 5545, 3.1, less the end of the line)
_AUTHOR = "PathFinder"
_LEAST_SURE = 0.5  # chance of an occurrence below which no silence is proposed


def calendar_feed(patterns: Mapping[str, Pattern], now: datetime) -> str:
    """RFC 5545 text with one recurring event for each pattern by id, in its own zone."""
    zones = dict.fromkeys(p.timezone for p in patterns.values() if p.timezone != "UTC")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//{_AUTHOR}//patterns//EN", "X-WR-CALNAME:Recurring load"]
    for zone in zones:
        lines += _zone_lines(zone, now)
    for key, pattern in patterns.items():
        lines += _event_lines(key, pattern, now)
    return "".join(_folded(line) for line in [*lines, "END:VCALENDAR"])


def silences(patterns: Mapping[str, Pattern], after: datetime, days: int = 7) -> list[dict[str, Any]]:
    """Silences over the likely occurrences of the `days` after `after`, as Alertmanager's API takes them.

    Proposed, never set: whoever posts them decides. They match the service and host, and the alert of event patterns.
    """
    found = [
        {
            "matchers": _matchers(pattern),
            "startsAt": _stamp(one.start),
            "endsAt": _stamp(one.end),
            "createdBy": _AUTHOR,
            "comment": f"{key}: {sentence(pattern)}",
        }
        for key, pattern in patterns.items()
        for one in (occurrences(pattern, after, days) if _matchers(pattern) else ())
        if one.probability >= _LEAST_SURE and pattern.state != "faded"
    ]
    return sorted(found, key=lambda one: (one["startsAt"], one["comment"]))


def _matchers(pattern: Pattern) -> list[dict[str, Any]]:
    named = {"service": pattern.service, "instance": pattern.host}
    return [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in named.items() if value]


def _event_lines(key: str, pattern: Pattern, now: datetime) -> list[str]:
    first = next(iter(occurrences(pattern, pattern.last_seen_at, 400)), None)
    if first is None:
        return []
    parts = rule_parts(pattern.rule)
    rule = pattern.rule.partition("RRULE:")[2] or pattern.rule
    if parts["FREQ"] in ("MINUTELY", "SECONDLY") or pattern.timezone == "UTC":
        start = f"DTSTART:{first.start.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    else:
        start = f"DTSTART;TZID={pattern.timezone}:{first.start.astimezone(zone_of(pattern.timezone)):%Y%m%dT%H%M%S}"
    words = sentence(pattern)
    return [
        "BEGIN:VEVENT",
        f"UID:{key}@pathfinder",
        f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        start,
        f"DURATION:PT{pattern.duration_minutes}M",
        f"RRULE:{rule}",
        *_exceptions(pattern, first.start),
        f"SUMMARY:{_text(words.partition(': ')[2])}",
        f"DESCRIPTION:{_text(words)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _exceptions(pattern: Pattern, first: datetime) -> list[str]:
    """The public holidays of the next two years on which the pattern stays away, and the days it comes instead."""
    if not pattern.except_holidays:
        return []
    begin = first.astimezone(zone_of(pattern.timezone))
    days = np.datetime64(begin.date(), "D") + np.arange(730)
    off = days[holidays_of(pattern.except_holidays, days) & days_of(pattern.rule, days)]
    instead = moved(off, pattern.except_holidays, pattern.holiday_shift) if pattern.holiday_shift else off[:0]
    named = [("EXDATE", day) for day in off] + [("RDATE", day) for day in instead]
    return [f"{name};TZID={pattern.timezone}:{day.item():%Y%m%d}T{begin:%H%M%S}" for name, day in named]


def _zone_lines(timezone: str, now: datetime) -> list[str]:
    """A VTIMEZONE with every change of offset from a year before `now` to three years after it."""
    zone = zone_of(timezone)
    moment = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=365)
    before = moment.astimezone(zone)
    lines = ["BEGIN:VTIMEZONE", f"TZID:{timezone}", *_observance(before, before)]
    for _ in range(4 * 366):
        after = (moment + timedelta(days=1)).astimezone(zone)
        if after.utcoffset() != before.utcoffset():
            change = next(
                (moment + timedelta(minutes=30 * n)).astimezone(zone)
                for n in range(1, 49)
                if (moment + timedelta(minutes=30 * n)).astimezone(zone).utcoffset() != before.utcoffset()
            )
            lines += _observance(change, before)
        moment, before = moment + timedelta(days=1), after
    return [*lines, "END:VTIMEZONE"]


def _observance(at: datetime, before: datetime) -> list[str]:
    """One stretch with one offset; its begin is written by the clock that it ends."""
    name = "DAYLIGHT" if at.dst() else "STANDARD"
    start = at.replace(tzinfo=None) - (at.utcoffset() or timedelta()) + (before.utcoffset() or timedelta())
    return [
        f"BEGIN:{name}",
        f"DTSTART:{start:%Y%m%dT%H%M%S}",
        f"TZOFFSETFROM:{before:%z}",
        f"TZOFFSETTO:{at:%z}",
        f"END:{name}",
    ]


def _text(words: str) -> str:
    return words.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _folded(line: str) -> str:
    """A content line, folded where it is longer than the format allows, with its end."""
    rows, row = [], ""
    for letter in line:
        if len((row + letter).encode()) > _LINE_BYTES:
            rows.append(row)
            row = ""
        row += letter
    return "\r\n ".join([*rows, row]) + "\r\n"

"""What is next: the coming stretches of a pattern, in UTC and in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from engine.clock import require_aware
from engine.domain import ExpectedLoad, Occurrence, Pattern
from engine.patterns.calendar import DAY_NAMES, days_of, rule_parts, zone_of
from engine.patterns.holidays import holidays_of

_DAY_WORDS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_NTH_WORDS = {
    1: "first",
    2: "second",
    3: "third",
    4: "fourth",
    5: "fifth",
    -1: "last",
    -2: "second-last",
    -3: "third-last",
}
_CONTINUOUS = ("SECONDLY", "MINUTELY")  # rules of a free period: counted from DTSTART in UTC, not by the wall clock


def occurrences(pattern: Pattern, after: datetime, days: int = 28) -> list[Occurrence]:
    """Occurrences of `pattern` that end after `after` and begin within `days` days of it, in order of time.

    One that is running at `after` is the first. Windows keep their wall-clock time across clock changes; one that falls
    into the skipped hour comes as much later.
    """
    after = require_aware(after, "after")
    length = timedelta(minutes=pattern.duration_minutes)
    share = probability(pattern)
    until = after + timedelta(days=days)
    starts = _starts(pattern, after - length, until)
    return [Occurrence(start=s, end=s + length, probability=share) for s in starts if s + length > after and s < until]


def probability(pattern: Pattern) -> float:
    """Chance that the next occurrence comes, 0..1: the finder's, else the mean of a Beta posterior over the support."""
    if pattern.probability is not None:
        return pattern.probability
    return (pattern.hits + 1.0) / (pattern.chances + 1.5)


def expected(
    patterns: Iterable[Pattern], at: datetime, service: str, host: str, horizon_hours: float
) -> tuple[ExpectedLoad, ...]:
    """Patterns of a service or host that run at `at` or begin within `horizon_hours` of it, the earliest first.

    A pattern belongs to the question when it names the same service or the same host; "" names nothing.
    """
    at = require_aware(at, "at")
    until = at + timedelta(hours=horizon_hours)
    found: list[ExpectedLoad] = []
    for pattern in patterns:
        if pattern.state == "faded":
            continue
        if (service and pattern.service == service) or (host and pattern.host == host):
            coming = occurrences(pattern, at, days=int(horizon_hours // 24) + 1)
            if coming and coming[0].start <= until:
                found.append(ExpectedLoad(pattern=pattern, occurrence=coming[0], sentence=sentence(pattern)))
    return tuple(sorted(found, key=lambda load: load.occurrence.start))


def sentence(pattern: Pattern) -> str:
    """The pattern in words: when, what, how much, and how often it was seen.

    Such as `Fridays 16:00-16:50 (Europe/Amsterdam): cpu on batch-01 rises to 84 (normally 31), 8 of 8`.
    """
    where = " on ".join(text for text in (pattern.metric, pattern.host or pattern.service) if text)
    when = f"{when_words(pattern)} ({pattern.timezone})"
    if pattern.metric and pattern.baseline != pattern.level and not _is_share(pattern):
        verb = "rises" if pattern.level > pattern.baseline else "falls"
        change = f"{where} {verb} to {pattern.level:.4g} (normally {pattern.baseline:.4g})"
    else:
        change = f"{where or 'events'}: events in {pattern.level:.0%} of windows (otherwise {pattern.baseline:.1%})"
    unless = f", not on public holidays ({pattern.except_holidays})" if pattern.except_holidays else ""
    return f"{when}: {change}, {pattern.support}{unless}"


def when_words(pattern: Pattern) -> str:
    """The rule and the window in words, such as `last Friday of the month 16:00-16:50`."""
    begin = time.fromisoformat(pattern.start_local)
    end = (datetime.combine(date(2000, 1, 1), begin) + timedelta(minutes=pattern.duration_minutes)).time()
    parts = rule_parts(pattern.rule)
    interval = int(parts.get("INTERVAL", "1"))
    if parts["FREQ"] in _CONTINUOUS:
        seconds = interval * (60 if parts["FREQ"] == "MINUTELY" else 1)
        return f"every {seconds / 3600:.4g} h for {pattern.duration_minutes} min"
    if "BYMINUTE" in parts:
        minutes = [int(text) for text in parts["BYMINUTE"].split(",")]
        days = f" on {_days_words(parts['BYDAY'])}" if "BYDAY" in parts else ""
        return f"every {60 // len(minutes)} min from :{minutes[0]:02d} for {pattern.duration_minutes} min{days}"
    if parts["FREQ"] == "HOURLY":
        days = f" on {_days_words(parts['BYDAY'])}" if "BYDAY" in parts else ""
        every = "every hour" if interval == 1 else f"every {interval} h"
        return f"{every} from {begin:%H:%M} for {pattern.duration_minutes} min{days}"
    return f"{_rule_words(parts, interval)} {begin:%H:%M}-{end:%H:%M}"


def _is_share(pattern: Pattern) -> bool:
    return pattern.kind.startswith("events")


def _rule_words(parts: dict[str, str], interval: int) -> str:
    """Which days, in words."""
    if parts["FREQ"] == "DAILY":
        return "daily" if interval == 1 else f"every {interval} days"
    if "BYSETPOS" in parts:
        return f"{_NTH_WORDS[int(parts['BYSETPOS'])]} business day of the month"
    if "BYMONTHDAY" in parts:
        number = int(parts["BYMONTHDAY"])
        return f"day {number} of the month" if number > 0 else f"{_NTH_WORDS[number]} day of the month"
    if parts["FREQ"] == "MONTHLY":
        name = parts["BYDAY"]
        return f"{_NTH_WORDS[int(name[:-2])]} {_DAY_WORDS[DAY_NAMES.index(name[-2:])][:-1]} of the month"
    return ("every second week, " if interval == 2 else "") + _days_words(parts["BYDAY"])


def _days_words(names: str) -> str:
    known = {"MO,TU,WE,TH,FR": "weekdays", "SA,SU": "weekends"}
    return known.get(names) or ", ".join(_DAY_WORDS[DAY_NAMES.index(name)] for name in names.split(","))


def _starts(pattern: Pattern, low: datetime, high: datetime) -> list[datetime]:
    """Starts in UTC of the occurrences that may touch `[low, high)`."""
    parts = rule_parts(pattern.rule)
    if parts["FREQ"] in _CONTINUOUS:
        return _continuous(parts, low, high)
    zone = zone_of(pattern.timezone)
    first = low.astimezone(zone).date() - timedelta(days=1)
    days = np.datetime64(first, "D") + np.arange((high.astimezone(zone).date() - first).days + 2)
    begin = time.fromisoformat(pattern.start_local)
    step = int(parts.get("INTERVAL", "1")) if parts["FREQ"] == "HOURLY" else 24
    minutes = [int(text) for text in parts["BYMINUTE"].split(",")] if "BYMINUTE" in parts else [begin.minute]
    times = [time((begin.hour + shift) % 24, minute) for shift in range(0, 24, step) for minute in minutes]
    chosen = days[days_of(pattern.rule, days) & ~holidays_of(pattern.except_holidays, days)].tolist()
    return sorted(datetime.combine(day, moment, zone).astimezone(UTC) for day in chosen for moment in times)


def _continuous(parts: dict[str, str], low: datetime, high: datetime) -> list[datetime]:
    """Starts of a rule that counts seconds or minutes from DTSTART."""
    anchor = datetime.strptime(parts["DTSTART"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    step = timedelta(seconds=int(parts["INTERVAL"]) * (60 if parts["FREQ"] == "MINUTELY" else 1))
    first = (low - anchor) // step
    return [anchor + n * step for n in range(first, (high - anchor) // step + 1)]

"""What is next: the coming stretches of a pattern, in UTC and in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from engine.clock import require_aware
from engine.domain import ExpectedLoad, Occurrence, Pattern
from engine.patterns.calendar import DAY_NAMES, days_of, rule_parts, zone_of
from engine.patterns.capacity import crossing_words
from engine.patterns.holidays import holidays_of, moved

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
_SHIFT_DAYS = 7  # a holiday moves an occurrence by no more
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
                told = f"{running_words(pattern, coming[0], at)}: {sentence(pattern)}"
                found.append(ExpectedLoad(pattern=pattern, occurrence=coming[0], sentence=told))
    return tuple(sorted(found, key=lambda load: load.occurrence.start))


def sentence(pattern: Pattern) -> str:
    """The pattern in words: when, what, how much, and how often it was seen.

    Such as `Fridays 16:00-16:50 (Europe/Amsterdam): cpu on batch-01 rises to 84 (normally 31), 8 of 8`.
    """
    metric = f"rate of {pattern.metric}" if pattern.of_rate else pattern.metric
    where = " on ".join(text for text in (metric, pattern.host or pattern.service) if text)
    level, baseline = (f"{value:.4g}{'/s' if pattern.of_rate else ''}" for value in (pattern.level, pattern.baseline))
    when = f"{when_words(pattern)} ({pattern.timezone})"
    if pattern.is_peak:
        change = f"peak load of {where}, {level} (normally {baseline})"
    elif not pattern.of_events and metric and pattern.baseline != pattern.level:
        verb = "rises" if pattern.level > pattern.baseline else "falls"
        change = f"{where} {verb} to {level} (normally {baseline})"
    else:
        change = f"{where or 'events'}: events in {pattern.level:.0%} of windows (otherwise {pattern.baseline:.1%})"
    return f"{when}: {change}, {pattern.support}{_unless(pattern)}{crossing_words(pattern)}"


def running_words(load: Pattern, one: Occurrence, at: datetime) -> str:
    """How a load stands at `at`, by the clock of its zone: `running, expected until 16:45` or `next 16:00-16:45`."""
    zone = zone_of(load.timezone)
    begin, end = one.start.astimezone(zone), one.end.astimezone(zone)
    if one.start <= at < one.end:
        return f"running now, expected until {end:%H:%M}"
    hours = (one.start - at).total_seconds() / 3600
    wait = f"{60 * hours:.0f} min" if hours < 2 else f"{hours:.0f} h"
    return f"next {begin:%a %H:%M}-{end:%H:%M}, in {wait}, {one.probability:.0%} likely"


def _unless(pattern: Pattern) -> str:
    """What public holidays do to it, in words."""
    if not pattern.except_holidays:
        return ""
    instead = {1: ", the next working day instead", -1: ", the working day before instead"}
    return f", not on public holidays ({pattern.except_holidays}){instead.get(pattern.holiday_shift, '')}"


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


def _rule_words(parts: dict[str, str], interval: int) -> str:
    """Which days, in words."""
    if parts["FREQ"] == "DAILY":
        return "daily" if interval == 1 else f"every {interval} days"
    if "BYSETPOS" in parts:
        return f"{_NTH_WORDS[int(parts['BYSETPOS'])]} business day of {_span_words(parts)}"
    if "BYMONTHDAY" in parts:
        number = int(parts["BYMONTHDAY"])
        return (
            f"day {number} of {_span_words(parts)}"
            if number > 0
            else f"{_NTH_WORDS[number]} day of {_span_words(parts)}"
        )
    if parts["FREQ"] == "MONTHLY":
        name = parts["BYDAY"]
        return f"{_NTH_WORDS[int(name[:-2])]} {_DAY_WORDS[DAY_NAMES.index(name[-2:])][:-1]} of the month"
    return ("every second week, " if interval == 2 else "") + _days_words(parts["BYDAY"])


def _span_words(parts: dict[str, str]) -> str:
    """Of what the days are counted, in words."""
    months = parts.get("BYMONTH", "").split(",")
    return "the month" if months == [""] else "the quarter" if len(months) == 4 else "the year"


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
    chosen = _chosen(pattern, days).tolist()
    return sorted(datetime.combine(day, moment, zone).astimezone(UTC) for day in chosen for moment in times)


def _chosen(pattern: Pattern, days: np.ndarray) -> np.ndarray:
    """Which of `days` (datetime64[D], consecutive) the pattern comes on, holidays left out or moved."""
    if not pattern.holiday_shift:
        return np.asarray(days[days_of(pattern.rule, days) & ~holidays_of(pattern.except_holidays, days)])
    wide = np.arange(days[0] - _SHIFT_DAYS, days[-1] + _SHIFT_DAYS + 1)
    named = wide[days_of(pattern.rule, wide)]
    return np.intersect1d(moved(named, pattern.except_holidays, pattern.holiday_shift), days)


def _continuous(parts: dict[str, str], low: datetime, high: datetime) -> list[datetime]:
    """Starts of a rule that counts seconds or minutes from DTSTART."""
    anchor = datetime.strptime(parts["DTSTART"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    step = timedelta(seconds=int(parts["INTERVAL"]) * (60 if parts["FREQ"] == "MINUTELY" else 1))
    first = (low - anchor) // step
    return [anchor + n * step for n in range(first, (high - anchor) // step + 1)]

"""The wall clock: samples laid out as local days by bins of the day, and the sets of days that rules name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from engine.errors import InvalidInput
from engine.lazy import lazy

pd = lazy("pandas")

DAY_S = 86_400
DAY_NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def zone_of(timezone: str) -> ZoneInfo:
    """The zone named by an IANA name.

    Raises
    ------
    InvalidInput
        If no such zone is known.
    """
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("timezone is not an IANA name: write it like Europe/Amsterdam") from None


def local_seconds(ts: np.ndarray, timezone: str) -> np.ndarray:
    """What the wall clock of `timezone` shows at `ts` (UTC seconds), as seconds since 1970-01-01 00:00 of that clock.

    Examples
    --------
    >>> int(local_seconds(np.array([0]), "Europe/Amsterdam")[0])
    3600
    """
    zone_of(timezone)
    ts = np.asarray(ts, dtype=np.int64)
    if timezone == "UTC":
        return ts
    moments = pd.DatetimeIndex(ts.astype("datetime64[s]")).tz_localize("UTC").tz_convert(timezone).tz_localize(None)
    return np.asarray(moments.as_unit("s").asi8, dtype=np.int64)


@dataclass(frozen=True)
class DayGrid:
    """A series by wall clock: `values[d, b]` is the mean of day `d`, bin `b` of the day; nan where nothing was seen.

    The hour that a clock change skips is nan; the hour that it repeats holds the mean of both.
    """

    values: np.ndarray  # float (days, bins)
    days: np.ndarray  # datetime64[D] (days,)
    bin_minutes: int
    zone: ZoneInfo

    @property
    def bins(self) -> int:
        """Bins of one day."""
        return int(self.values.shape[1])


def day_grid(ts: np.ndarray, values: np.ndarray, timezone: str, bin_minutes: int) -> DayGrid:
    """Samples (UTC seconds and values, any order and cadence) as a `DayGrid` of bins of `bin_minutes`.

    Examples
    --------
    >>> grid = day_grid(np.array([0, 60, 3600]), np.array([1.0, 3.0, 5.0]), "UTC", 30)
    >>> grid.values[0, :3].tolist()
    [2.0, nan, 5.0]
    """
    seconds = local_seconds(ts, timezone)
    first = int(seconds.min()) // DAY_S
    days = int(seconds.max()) // DAY_S - first + 1
    bins = 24 * 60 // bin_minutes
    cell = (seconds - first * DAY_S) // (60 * bin_minutes)
    count = np.bincount(cell, minlength=days * bins)
    total = np.bincount(cell, weights=values, minlength=days * bins)
    with np.errstate(invalid="ignore"):
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return DayGrid(
        mean.reshape(days, bins), first + np.arange(days).astype("datetime64[D]"), bin_minutes, zone_of(timezone)
    )


def coarser(grid: DayGrid, bin_minutes: int) -> DayGrid:
    """`grid` in bins of `bin_minutes`, a multiple of its own: means of what was seen."""
    if bin_minutes == grid.bin_minutes:
        return replace(grid, values=grid.values.copy())
    parts = grid.values.reshape(len(grid.days), -1, bin_minutes // grid.bin_minutes)
    count = np.isfinite(parts).sum(axis=2)
    with np.errstate(invalid="ignore"):
        mean = np.where(count > 0, np.nansum(parts, axis=2) / np.maximum(count, 1), np.nan)
    return replace(grid, values=mean, bin_minutes=bin_minutes)


@dataclass(frozen=True)
class DayFacts:
    """What rules ask about days; every array has one entry a day."""

    number: np.ndarray  # days since 1970-01-01
    weekday: np.ndarray  # Monday is 0
    month: np.ndarray  # months since 1970-01
    day: np.ndarray  # day of the month, from 1
    from_end: np.ndarray  # days to the end of the month, the last day is 1


def day_facts(days: np.ndarray) -> DayFacts:
    """`DayFacts` of `days` (datetime64[D])."""
    months = days.astype("datetime64[M]")
    day = (days - months.astype("datetime64[D]")).astype(int) + 1
    from_end = ((months + 1).astype("datetime64[D]") - days).astype(int)
    number = days.astype(int)
    return DayFacts(number, (number + 3) % 7, months.astype(int), day, from_end)


def days_of(rule: str, days: np.ndarray) -> np.ndarray:
    """Which of `days` (datetime64[D], consecutive) an RFC 5545 rule names: bool (days,).

    Understands FREQ=HOURLY, DAILY, WEEKLY, MONTHLY and YEARLY (with BYMONTH) with INTERVAL, BYDAY (also -1FR), BYMONTH,
    BYMONTHDAY and BYSETPOS; a rule with an interval over days or weeks carries its phase as `DTSTART:20260105` and
    `RRULE:` on the next line.

    Examples
    --------
    >>> week = np.arange("2026-01-26", "2026-02-02", dtype="datetime64[D]")
    >>> [str(d) for d in week[days_of("FREQ=MONTHLY;BYDAY=-1FR", week)]]
    ['2026-01-30']
    """
    parts = rule_parts(rule)
    facts = day_facts(days)
    if "BYSETPOS" in parts:
        return _by_position(parts, days)
    return np.asarray(_by_day(parts, facts) & _by_interval(parts, facts))


def rule_parts(rule: str) -> dict[str, str]:
    """The parts of a rule by name, `DTSTART` among them where it is given."""
    found: dict[str, str] = {}
    for line in rule.splitlines():
        name, _, rest = line.partition(":")
        if name.startswith("DTSTART"):
            found["DTSTART"] = rest
        else:
            body = rest if name == "RRULE" else line
            found |= {key: value for key, _, value in (part.partition("=") for part in body.split(";"))}
    return found


def _by_day(parts: dict[str, str], facts: DayFacts) -> np.ndarray:
    """BYMONTH, BYDAY and BYMONTHDAY, which narrow each other."""
    chosen: np.ndarray = np.ones(len(facts.number), dtype=bool)
    if "BYMONTH" in parts:
        chosen &= np.isin(facts.month % 12 + 1, [int(text) for text in parts["BYMONTH"].split(",")])
    if "BYDAY" in parts:
        chosen &= np.logical_or.reduce([_weekday(name, facts) for name in parts["BYDAY"].split(",")])
    if "BYMONTHDAY" in parts:
        numbers = [int(text) for text in parts["BYMONTHDAY"].split(",")]
        chosen &= np.logical_or.reduce([facts.day == n if n > 0 else facts.from_end == -n for n in numbers])
    return chosen


def _weekday(name: str, facts: DayFacts) -> np.ndarray:
    """Days of one BYDAY entry such as FR, 2TU (second Tuesday) or -1FR (last Friday)."""
    chosen: np.ndarray = facts.weekday == DAY_NAMES.index(name[-2:])
    if len(name) == 2:
        return chosen
    nth = int(name[:-2])
    position = (facts.day - 1) // 7 + 1 if nth > 0 else (facts.from_end - 1) // 7 + 1
    return np.asarray(chosen & (position == abs(nth)))


def _by_interval(parts: dict[str, str], facts: DayFacts) -> np.ndarray:
    """INTERVAL over days or weeks, counted from DTSTART (from the Monday before it for weeks)."""
    interval = int(parts.get("INTERVAL", "1"))
    if interval == 1 or parts["FREQ"] not in ("DAILY", "WEEKLY"):
        return np.ones(len(facts.number), dtype=bool)
    text = parts["DTSTART"]
    start = int(np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:8]}", "D").astype(int))
    if parts["FREQ"] == "DAILY":
        return np.asarray((facts.number - start) % interval == 0)
    return np.asarray(((facts.number + 3) // 7 - (start + 3) // 7) % interval == 0)


def _by_position(parts: dict[str, str], days: np.ndarray) -> np.ndarray:
    """BYSETPOS: the k-th of the days of each month that the other parts name, from its end where k is negative."""
    first = days[0].astype("datetime64[M]").astype("datetime64[D]")
    last = (days[-1].astype("datetime64[M]") + 1).astype("datetime64[D]")
    whole = np.arange(first, last)
    facts = day_facts(whole)
    named = np.flatnonzero(_by_day(parts, facts))
    chosen: np.ndarray = np.zeros(len(whole), dtype=bool)
    positions = [int(text) for text in parts["BYSETPOS"].split(",")]
    for month in np.unique(facts.month):
        inside = named[facts.month[named] == month]
        picks = [p - 1 if p > 0 else p for p in positions if abs(p) <= len(inside)]
        chosen[inside[picks]] = True
    return chosen[np.isin(whole, days)]


@dataclass(frozen=True)
class Kind:
    """A kind of rule: its name, its RFC 5545 rules, and how much must speak for each of them."""

    name: str
    rules: tuple[str, ...]
    cost: float  # nats: minus the logarithm of the share of belief each rule gets before seeing data; simple is cheap
    scanned: bool = True  # looked for on its own; else only a better name for what another kind found
    months: bool = False  # recurs by the month: its occurrences must fall in different months


def _dow(days: tuple[int, ...]) -> str:
    return "FREQ=WEEKLY;BYDAY=" + ",".join(DAY_NAMES[d] for d in days)


def _day_sets() -> tuple[str, ...]:
    """Weekday sets of two to six days that have no name of their own."""
    sets = [tuple(d for d in range(7) if code >> d & 1) for code in range(1, 127)]
    return tuple(_dow(s) for s in sets if len(s) >= 2 and s not in ((0, 1, 2, 3, 4), (5, 6)))


def _fortnights() -> tuple[str, ...]:
    starts = ("20240101", "20240108")
    return tuple(f"DTSTART:{s}\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY={d}" for s in starts for d in DAY_NAMES)


def _every_k_days() -> tuple[str, ...]:
    return tuple(f"DTSTART:2024010{s + 1}\nRRULE:FREQ=DAILY;INTERVAL={k}" for k in (2, 3) for s in range(k))


def _nth_weekdays(positions: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"FREQ=MONTHLY;BYDAY={n}{d}" for n in positions for d in DAY_NAMES)


_BUSINESS = "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS="
_ENDS, _BEGINS = "FREQ=MONTHLY;BYMONTH=3,6,9,12;", "FREQ=MONTHLY;BYMONTH=1,4,7,10;"
_WORKING = "BYDAY=MO,TU,WE,TH,FR;BYSETPOS="
_YEAR_END, _YEAR_BEGIN = "FREQ=YEARLY;BYMONTH=12;", "FREQ=YEARLY;BYMONTH=1;"

# The table of calendar kinds: a new one is one line here. Order: among equally good names the earlier wins.
KINDS: tuple[Kind, ...] = (
    Kind("daily", ("FREQ=DAILY",), cost=0.7),
    Kind("weekdays", (_dow((0, 1, 2, 3, 4)),), cost=1.6),
    Kind("weekends", (_dow((5, 6)),), cost=2.3),
    Kind("weekly", tuple(_dow((d,)) for d in range(7)), cost=3.6),
    Kind("days_of_week", _day_sets(), cost=9.0, scanned=False),
    Kind("fortnightly", _fortnights(), cost=9.0, scanned=False),
    Kind("every_k_days", _every_k_days(), cost=6.0, scanned=False),
    Kind("monthly", tuple(f"FREQ=MONTHLY;BYMONTHDAY={d}" for d in (*range(1, 32), -1)), cost=6.0, months=True),
    Kind("last_business_day", (f"{_BUSINESS}-1",), cost=4.0, months=True),
    Kind("first_business_day", (f"{_BUSINESS}1",), cost=4.0, months=True),
    Kind("nth_weekday", _nth_weekdays((1, 2, 3, 4)), cost=6.0, months=True),
    Kind("last_weekday", _nth_weekdays((-1,)), cost=5.0, months=True),
    Kind("quarter_end", (f"{_ENDS}BYMONTHDAY=-1", f"{_ENDS}{_WORKING}-1"), cost=5.0, months=True),
    Kind("quarter_begin", (f"{_BEGINS}BYMONTHDAY=1", f"{_BEGINS}{_WORKING}1"), cost=5.0, months=True),
    Kind("year_end", (f"{_YEAR_END}BYMONTHDAY=31", f"{_YEAR_END}{_WORKING}-1"), cost=5.0, months=True),
    Kind("year_begin", (f"{_YEAR_BEGIN}BYMONTHDAY=1", f"{_YEAR_BEGIN}{_WORKING}1"), cost=5.0, months=True),
)


@dataclass(frozen=True)
class RuleTable:
    """Every rule that a stretch of days can bear, one row each."""

    first: int  # number of the first day since 1970-01-01
    kinds: tuple[Kind, ...]  # (rules,)
    rules: tuple[str, ...]  # (rules,)
    member: np.ndarray  # bool (rules, days)
    cost: np.ndarray  # nats (rules,)
    scanned_member: np.ndarray  # float32 (scanned rules, days): those that are looked for on their own
    scanned_cost: np.ndarray  # nats (scanned rules,): minus the logarithm of each one's share of false alarms
    weekend: np.ndarray  # (days,), 1 on Saturdays and Sundays, else 0


@lru_cache(maxsize=64)
def rule_table(first: int, days: int, least: int) -> RuleTable:
    """Rules naming at least `least` of the `days` days from day number `first`, each set of days once."""
    span = first + np.arange(days).astype("datetime64[D]")
    kept: dict[bytes, tuple[Kind, str, np.ndarray]] = {}
    for kind in KINDS:
        for rule in kind.rules:
            member = days_of(rule, span)
            if member.sum() >= least:
                kept.setdefault(member.tobytes(), (kind, rule, member))
    kinds, rules, members = zip(*kept.values(), strict=True) if kept else ((), (), ())
    member = np.array(members, dtype=bool).reshape(len(rules), days)
    cost = np.array([kind.cost for kind in kinds])
    scanned = member[np.array([kind.scanned for kind in kinds], dtype=bool)].astype(np.float32)
    weekend = (day_facts(span).weekday >= 5).astype(np.int64)
    return RuleTable(first, kinds, rules, member, cost, scanned, _shares_of(scanned.sum(axis=1)), weekend)


def _shares_of(days: np.ndarray) -> np.ndarray:
    """Costs, in nats, of looking for rules of so many `days`: what few days show can least afford them."""
    share = 1.0 / np.sqrt(np.maximum(days, 1.0))
    return np.asarray(np.log(share.sum() / share)) if len(share) else share

"""Finding: recurring windows of metric samples and of events, each with its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from engine.domain import Pattern
from engine.patterns.calendar import DAY_S, DayGrid, RuleTable, day_grid, local_seconds, rule_table
from engine.patterns.events import EventWindow, episodes, event_windows, merged
from engine.patterns.naming import Named, beats_both_sides, has_sharp_edges, named
from engine.patterns.periods import Period, best_period
from engine.patterns.scan import candidates, widths_in_bins
from engine.patterns.scores import Contrasts, Scored, detrended, median_of, scored, without_course, without_shape
from engine.patterns.significance import adjusted

_NARROW_MINUTES = (10, 15, 20, 30, 45, 60, 90, 120, 180)
_WIDE_MINUTES = (240, 360, 480, 600, 720)
_TRIES = 12  # candidates that are asked for a name before a series is left
_SPIKE_SHARE = 0.98  # of samples that are no spikes
_SPIKE_COST = float(np.log(3))  # nats
_LEAST_RISE = 0.35  # robust standard deviations
_PLATEAU_SHARE = 0.65  # of chances that are hits
_LATER_COST = 9.0  # nats that a second pattern pays: what is left of the first may look like one
_FREE_MORE = 1.2  # a free period must explain so much more than a rule of the calendar
_LOG_WORTH = float(np.log(0.05))  # chance above which a candidate is not looked at
_BIN_MINUTES = (5, 10, 15, 20, 30, 60)


@dataclass(frozen=True, kw_only=True)
class Series:
    """Samples of one metric, in any order, at any cadence, with gaps."""

    service: str
    host: str
    metric: str
    ts: np.ndarray  # int64 (n,), seconds UTC
    values: np.ndarray  # float (n,), nan = not measured


@dataclass(frozen=True, kw_only=True)
class EventSeries:
    """Moments at which something happened: alerts of one symptom, incidents of one service."""

    service: str
    host: str
    name: str  # what happened, "" for everything of the service
    ts: np.ndarray  # int64 (n,), seconds UTC


@dataclass(frozen=True)
class Finding:
    """A pattern before it is weighed against those of all other series."""

    pattern: Pattern
    p_value: float  # chance of anything as strong anywhere in a series without patterns, an upper bound


class PatternFinder:
    """Finds load that recurs by the wall clock and the calendar of one time zone.

    Parameters
    ----------
    timezone
        IANA name; windows are locked to its wall clock.
    q
        False-discovery rate over all series given in one call, 0..1.
    alpha
        Largest chance of a false pattern in one series taken for itself, 0..1.
    most
        Patterns reported of one series at most.
    """

    def __init__(self, *, timezone: str = "UTC", q: float = 0.05, alpha: float = 0.004, most: int = 8) -> None:
        self.timezone = timezone
        self.q = q
        self.alpha = alpha
        self.most = most

    def find(self, series: Sequence[Series]) -> list[Pattern]:
        """Patterns of metric samples, those of one series in order of evidence."""
        return self.decide([self.scan(one) for one in series])

    def decide(self, findings: Iterable[Sequence[Finding]]) -> list[Pattern]:
        """Patterns that stand when all series (one sequence each, empty ones count) are weighed together."""
        rows = list(findings)
        flat = [finding for row in rows for finding in row]
        silent = sum(not row for row in rows)
        q_values = adjusted(np.array([f.p_value for f in flat] + [1.0] * silent))
        pairs = zip(flat, q_values[: len(flat)], strict=True)
        return [replace(f.pattern, q_value=float(q)) for f, q in pairs if q <= self.q and f.p_value <= self.alpha]

    def find_events(self, series: Sequence[EventSeries]) -> list[Pattern]:
        """Patterns of events. All series are taken to be watched up to the last event of any of them.

        Name a service's events as a whole before its parts: a part is left out where the whole says the same.
        """
        until = max((int(np.max(one.ts)) for one in series if len(one.ts)), default=0)
        patterns = self.decide([self.scan_events(one, until) for one in series])
        return distinct(patterns)

    def scan_events(self, series: EventSeries, until: int) -> list[Finding]:
        """Everything in one series of events, watched up to `until` (UTC seconds), that may be a pattern."""
        if len(series.ts) < 4:
            return []
        runs = episodes(series.ts, self.timezone)
        ends = local_seconds(np.array([int(np.min(series.ts)), until]), self.timezone) // DAY_S
        days = int(ends[1] - ends[0]) + 1
        if days < 4:
            return []
        last = datetime.fromtimestamp(until, UTC)
        windows = event_windows(runs, int(ends[0]), days, self.most)
        return [Finding(self._event_pattern(series, w, last), float(np.exp(min(0.0, w.log_p)))) for w in windows]

    def _event_pattern(self, series: EventSeries, window: EventWindow, last: datetime) -> Pattern:
        return Pattern(
            service=series.service,
            host=series.host,
            metric=series.name,
            kind=window.kind,
            rule=window.rule,
            timezone=self.timezone,
            start_local=clock_text(window.start_s // 60),
            duration_minutes=window.length_s // 60,
            level=window.level,
            baseline=window.baseline,
            hits=int(window.hits.sum()),
            chances=len(window.hits),
            q_value=1.0,
            last_seen_at=last,
            probability=next_probability(window.hits, window.chance_days),
        )

    def scan(self, series: Series) -> list[Finding]:
        """Everything in one series that may be a pattern. Changes nothing of `series`."""
        keep = np.isfinite(series.values)
        ts, values = np.asarray(series.ts, dtype=np.int64)[keep], np.asarray(series.values, dtype=float)[keep]
        if len(ts) < 48:
            return []
        grid = day_grid(ts, values, self.timezone, bin_minutes_of(ts))
        if len(grid.days) < 4 or np.ptp(values) == 0:
            return []
        last = datetime.fromtimestamp(int(ts.max()), UTC)
        rest = replace(grid, values=grid.values.copy())
        floor = least_rise(grid)
        found = [(self._pattern(series, grid, name, last), log_p) for name, log_p in _peel(rest, self.most)]
        if len(found) < self.most:
            windows = spike_windows(rest, self.most - len(found))
            found += [(self._spike_pattern(series, grid, window, last), window.log_p) for window in windows]
        return [Finding(p, float(np.exp(min(0.0, lp)))) for p, lp in found if abs(p.level - p.baseline) >= floor]

    def _spike_pattern(self, series: Series, grid: DayGrid, window: EventWindow, last: datetime) -> Pattern:
        """A window of single spikes: its level is the usual height of the highest sample in it."""
        flat, bin_s = grid.values.ravel(), grid.bin_minutes * 60
        cells = (window.chance_days[window.hits] - int(grid.days[0].astype(int))) * grid.bins + window.start_s // bin_s
        index = cells[:, None] + np.arange(-(-window.length_s // bin_s) + 1)
        inside = flat[np.minimum(index, len(flat) - 1)]
        level = float(np.median(np.nan_to_num(inside, nan=-np.inf).max(axis=1)))
        pattern = self._event_pattern(
            EventSeries(service=series.service, host=series.host, name=series.metric, ts=series.ts), window, last
        )
        return replace(pattern, level=level, baseline=float(np.nanmedian(flat)))

    def _pattern(self, series: Series, grid: DayGrid, name: Named, last: datetime) -> Pattern:
        level, baseline = levels(grid, name)
        return Pattern(
            service=series.service,
            host=series.host,
            metric=series.metric,
            kind=name.kind,
            rule=name.rule,
            timezone=self.timezone,
            start_local=clock_text(name.start % grid.bins * grid.bin_minutes),
            duration_minutes=name.width * grid.bin_minutes,
            level=level,
            baseline=baseline,
            hits=int(name.hits.sum()),
            chances=len(name.hits),
            q_value=1.0,
            last_seen_at=last,
            probability=next_probability(name.hits, grid.days[name.chance_days].astype(int)),
        )


def distinct(patterns: Sequence[Pattern]) -> list[Pattern]:
    """Patterns of events with each window of a service told once: by the whole, else by the part that shows it best."""
    kept: list[Pattern] = []
    for service in dict.fromkeys(p.service for p in patterns):
        own = sorted(
            (p for p in patterns if p.service == service), key=lambda p: (p.metric != "", p.host != "", -p.hits)
        )
        spans = [(p.rule, seconds_of(p.start_local), 60 * p.duration_minutes) for p in own]
        kept += [own[i] for i in merged(spans)]
    return kept


def seconds_of(clock: str) -> int:
    """HH:MM as seconds after midnight."""
    return int(clock[:2]) * 3600 + int(clock[3:]) * 60


def bin_minutes_of(ts: np.ndarray) -> int:
    """The finest bin that the usual distance of samples fills."""
    steps = np.diff(np.sort(ts))
    minutes = float(np.median(steps[steps > 0])) / 60
    return next((b for b in _BIN_MINUTES if b >= minutes * 0.99), 60)


def clock_text(minutes: float) -> str:
    """Minutes after midnight as HH:MM."""
    whole = int(minutes) % (24 * 60)
    return f"{whole // 60:02d}:{whole % 60:02d}"


def next_probability(hits: np.ndarray, days: np.ndarray, half_life_days: float = 28.0) -> float:
    """Mean of the Beta posterior that the next chance is a hit; a hit counts half as much after `half_life_days`.

    Rules of few chances forget by chances instead, so that six of them always weigh.
    """
    age = days[-1] - days
    gap = age[0] / max(len(days) - 1, 1)
    weight = 0.5 ** (age / max(half_life_days, 6.0 * gap))
    return float(((weight * hits).sum() + 1.0) / (weight.sum() + 1.5))


def levels(grid: DayGrid, name: Named) -> tuple[float, float]:
    """Typical value inside the window on hit days, and around it.

    Where the load is a short spike somewhere inside the window, its height is told: the median says nothing of it.
    """
    flat = grid.values.ravel()
    cells = name.cells[name.hits]
    around = max(name.width, 60 // grid.bin_minutes)
    inside = _values(flat, cells, 0, name.width)
    outside = np.concatenate([_values(flat, cells, -around, around), _values(flat, cells, name.width, around)])
    level, baseline = float(np.nanmedian(inside)), float(np.nanmedian(outside))
    peak = float(np.nanmedian(name.sign * _tops(name.sign * inside.reshape(len(cells), -1))))
    return (peak if abs(level - baseline) < 0.25 * abs(peak - baseline) else level), baseline


def _tops(rows: np.ndarray) -> np.ndarray:
    """The largest value of each row, nan passed over and a row without values left out."""
    best = np.where(np.isfinite(rows), rows, -np.inf).max(axis=1)
    return np.asarray(best[np.isfinite(best)])


def _values(flat: np.ndarray, cells: np.ndarray, shift: int, width: int) -> np.ndarray:
    index = (cells[:, None] + np.arange(shift, shift + width)).ravel()
    return np.asarray(flat[np.clip(index, 0, len(flat) - 1)])


def _peel(rest: DayGrid, most: int) -> list[tuple[Named, float]]:
    """Patterns one after the other, with their log p. Each is taken out of `rest` before the next is looked for."""
    table = rule_table(int(rest.days[0].astype(int)), len(rest.days), 4)
    found: list[tuple[Named, float]] = []
    for search, take_out in ((_narrow_step, _blank_out), (_wide_step, _level_out)):
        while len(found) < most and np.isfinite(rest.values).any():
            step = search(rest, table)
            if step is None:
                break
            found.append((step[0], step[1] + (_LATER_COST if found else 0.0)))
            take_out(step[0], rest)
    return found


def spike_windows(grid: DayGrid, most: int) -> list[EventWindow]:
    """Windows of the clock in which the rare spikes of a series come again and again, however short each of them is.

    The highest spikes are looked at for themselves first, then all that leave the usual noise.
    """
    rest = without_course(detrended(grid), grid.bin_minutes)
    known = rest[np.isfinite(rest)]
    if len(known) == 0:
        return []
    middle, high, top = np.quantile(known, (0.5, _SPIKE_SHARE, 0.999))
    noise = middle + 5 * float(np.median(np.abs(known - middle))) / 0.6745
    for cut in (max(noise, middle + 0.5 * (top - middle)), max(noise, high, middle + 0.2 * (top - middle))):
        found = _above(rest, float(cut), grid, most)
        if found:
            return found
    return []


def _above(rest: np.ndarray, cut: float, grid: DayGrid, most: int) -> list[EventWindow]:
    """Windows in which `rest` rises above `cut` again and again."""
    first = int(grid.days[0].astype(int))
    at = first * DAY_S + np.flatnonzero(np.nan_to_num(rest, nan=-np.inf).ravel() > cut) * grid.bin_minutes * 60
    if len(at) == 0:
        return []
    windows = event_windows(episodes(at, "UTC"), first, len(grid.days), most)
    return [replace(w, log_p=w.log_p + _SPIKE_COST, length_s=w.length_s + grid.bin_minutes * 60) for w in windows]


def least_rise(grid: DayGrid) -> float:
    """Difference between level and baseline, in units of the series, below which a pattern is not worth telling."""
    rest = without_course(detrended(grid), grid.bin_minutes)
    known = rest[np.isfinite(rest)]
    low, high = np.quantile(known, (0.005, 0.995))
    spread = float(np.median(np.abs(known - np.median(known)))) / 0.6745
    return float(max(_LEAST_RISE * spread, 0.05 * (high - low)))


def _wide_step(grid: DayGrid, table: RuleTable) -> tuple[Named, float] | None:
    """The best window of hours with sharp edges, such as business hours, with its log p."""
    contrasts = Contrasts(scored(detrended(grid)), grid.bin_minutes)
    widths = [w for w in widths_in_bins(_WIDE_MINUTES, grid.bin_minutes) if 2 * w <= grid.bins]
    for candidate in candidates(contrasts, widths, table)[:_TRIES]:
        if candidate.log_p > _LOG_WORTH:
            break
        name = named(candidate, contrasts, table, grid)
        if name is not None and name.period == grid.bins and _is_plateau(name, grid):
            return name, candidate.log_p
    return None


def _is_plateau(name: Named, grid: DayGrid) -> bool:
    """Whether a wide window is switched on and off on most of its days."""
    share = float(name.hits.mean())
    return share >= _PLATEAU_SHARE and has_sharp_edges(name, grid) and beats_both_sides(name, grid)


def _narrow_step(grid: DayGrid, table: RuleTable) -> tuple[Named, float] | None:
    """The best window up to some three hours, with its log p: by the calendar, or by a free period that says much more."""
    contrasts = Contrasts(narrow_scores(grid), grid.bin_minutes)
    widths = [w for w in widths_in_bins(_NARROW_MINUTES, grid.bin_minutes) if 2 * w < grid.bins]
    free = best_period(contrasts)
    for candidate in candidates(contrasts, widths, table)[:_TRIES]:
        if candidate.log_p > _LOG_WORTH:
            break
        name = named(candidate, contrasts, table, grid)
        if name is None or not beats_both_sides(name, grid):
            continue
        if free is None or free.weight < _FREE_MORE * name.weight:
            return name, candidate.log_p
    return None if free is None else (_as_named(free, grid), free.log_p)


def narrow_scores(grid: DayGrid) -> Scored:
    """Scores in which windows up to some three hours stand out from everything slower."""
    return scored(without_shape(without_course(detrended(grid), grid.bin_minutes), grid))


def _as_named(period: Period, grid: DayGrid) -> Named:
    """A free period in the form of a calendar window, its rule counted from its last occurrence."""
    seconds = round(period.minutes * 60)
    step = f"FREQ=MINUTELY;INTERVAL={seconds // 60}" if seconds % 60 == 0 else f"FREQ=SECONDLY;INTERVAL={seconds}"
    anchor = (grid.days[0].astype("datetime64[m]") + int(period.cells[-1]) * grid.bin_minutes).item()
    moment = anchor.replace(tzinfo=grid.zone).astimezone(UTC)
    return Named(
        kind="period",
        rule=f"DTSTART:{moment:%Y%m%dT%H%M%SZ}\nRRULE:{step}",
        start=int(period.cells[-1]) % grid.bins,
        width=period.width,
        sign=period.sign,
        period=grid.bins,
        chosen=np.ones(len(grid.days), dtype=bool),
        hits=period.hits,
        chance_days=period.cells // grid.bins,
        cells=period.cells,
        weight=period.weight,
    )


def _blank_out(name: Named, grid: DayGrid) -> None:
    """Make a pattern's windows unseen, with a margin for early starts and late ends."""
    margin = max(1, round(30 / grid.bin_minutes))
    _forget(name.cells, -margin, name.width + margin, grid)


def _level_out(name: Named, grid: DayGrid) -> None:
    """Take a wide pattern's usual course off its windows, so that what happens inside them can still be seen."""
    index = name.cells[:, None] + np.arange(name.width)
    index = index[(index[:, 0] >= 0) & (index[:, -1] < grid.values.size)]
    flat = grid.values.ravel()
    course = median_of(flat[index], axis=0)
    flat[index] -= course - levels(grid, name)[1]
    margin = max(1, round(30 / grid.bin_minutes))
    _forget(name.cells, -margin, margin, grid)
    _forget(name.cells, name.width - margin, name.width + margin, grid)


def _forget(cells: np.ndarray, low: int, high: int, grid: DayGrid) -> None:
    """Make the bins from `low` up to `high` after each of `cells` unseen."""
    index = (cells[:, None] + np.arange(low, high)).ravel()
    grid.values.ravel()[index[(index >= 0) & (index < grid.values.size)]] = np.nan

"""Finding: recurring windows of metric samples and of events, each with its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from engine.domain import Pattern
from engine.patterns.calendar import DAY_S, DayGrid, day_grid, local_seconds
from engine.patterns.capacity import growth_per_week
from engine.patterns.chances import Past
from engine.patterns.counters import rates_of
from engine.patterns.events import episodes, event_windows, merged
from engine.patterns.holidays import country_of, holidays_of, moved, stays_away
from engine.patterns.minutes import best_rhythm
from engine.patterns.naming import Named
from engine.patterns.peaks import Peak, peaks_beside
from engine.patterns.peel import Peeled, heights, least_rise, levels, peel, spike_windows
from engine.patterns.significance import adjusted
from engine.patterns.swing import own_work
from engine.patterns.windows import Source, Window, next_probability, pattern_of, seconds_of

_LEAST_SHARE = 0.15  # of the greatest rise in a series that another must reach: smaller ones are what that one left
_SHIFTED = 2  # working days beside holidays that must be seen before a shift is told
_MOVED_SHARE = 0.6  # of them on which the load came
_CLOSE_S = 75  # between samples, within which minutes of the hour can be told apart
_BIN_MINUTES = (5, 10, 15, 20, 30, 60)
_OUTAGE_S = 3600  # between samples, from which on nothing is taken to have been watched
_FILLED = 0.65  # of bins that hold a sample


@dataclass(frozen=True, kw_only=True)
class Series:
    """Samples of one metric, in any order, at any cadence, with gaps. Those of a counter are read as rates."""

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
    country
        Whose public holidays a pattern may leave out (ISO 3166); "": the country of the zone.
    """

    def __init__(
        self, *, timezone: str = "UTC", q: float = 0.05, alpha: float = 0.005, most: int = 8, country: str = ""
    ) -> None:
        self.timezone = timezone
        self.q = q
        self.alpha = alpha
        self.most = most
        self.country = country or country_of(timezone)

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
        source = Source(
            service=series.service,
            host=series.host,
            metric=series.name,
            timezone=self.timezone,
            last=last,
            of_events=True,
        )
        windows = event_windows(runs, int(ends[0]), days, self.most)
        return [Finding(pattern_of(source, w), float(np.exp(min(0.0, w.log_p)))) for w in windows]

    def scan(self, series: Series) -> list[Finding]:
        """Everything in one series that may be a pattern. Changes nothing of `series`."""
        keep = np.isfinite(series.values)
        ts, values = np.asarray(series.ts, dtype=np.int64)[keep], np.asarray(series.values, dtype=float)[keep]
        if len(ts) < 48:
            return []
        last = datetime.fromtimestamp(int(ts.max()), UTC)
        counted = rates_of(ts, values, series.metric)
        ts, values = counted or (ts, values)
        grid = day_grid(ts, values, self.timezone, bin_minutes_of(ts))
        if len(grid.days) < 4 or np.ptp(values) == 0:
            return []
        source = Source(
            service=series.service,
            host=series.host,
            metric=series.metric,
            timezone=self.timezone,
            last=last,
            of_rate=counted is not None,
        )
        scale, left = _standard(grid)
        floor = scale * least_rise(left.course)
        names, left = peel(left, self.most)
        spikes = [_with_heights(window, grid) for window in spike_windows(left, self.most - len(names))]
        names = own_work(names, grid)
        rhythms = _rhythms(ts, values, self.timezone)
        peaks = [] if rhythms else peaks_beside(grid, names, spikes, self.most)
        near = Past.of(grid).near.ravel()
        found = [(self._pattern(source, grid, name, near), log_p) for name, log_p in names]
        found += [(_risen(pattern_of(source, window), window, grid, near), window.log_p) for window in spikes]
        found += [(_peak_pattern(source, grid, peak), peak.window.log_p) for peak in peaks]
        found += [(pattern_of(source, window), window.log_p) for window in rhythms]
        floor = max(
            floor, _LEAST_SHARE * max((abs(p.level - p.baseline) for p, _ in found if not p.is_peak), default=0.0)
        )
        return [Finding(p, float(np.exp(min(0.0, lp)))) for p, lp in found if abs(p.level - p.baseline) >= floor]

    def _pattern(self, source: Source, grid: DayGrid, name: Named, near: np.ndarray) -> Pattern:
        """The pattern of a window found by its contrast, with its growth and what holidays do to it.

        `near` (flat, like the grid) is 1.0 where the load was high.
        """
        level, baseline = levels(grid, name)
        came = name.cells[name.hits]
        days = grid.days[name.chance_days]
        away = not name.rule.startswith("DTSTART") and stays_away(name.hits, days, self.country)
        window = Window(
            log_p=0.0,
            kind=name.kind,
            rule=name.rule,
            start_s=name.start % grid.bins * grid.bin_minutes * 60,
            length_s=name.width * grid.bin_minutes * 60,
            hits=name.hits,
            chance_days=days.astype(int),
            level=level,
            baseline=baseline,
        )
        chance = next_probability(*_on_usual_days(name.hits, days, self.country if away else ""))
        return replace(
            pattern_of(source, window, probability=chance),
            chance_high=_chance_high(near, name.cells, name.width, days) if name.sign > 0 else None,
            growth_per_week=growth_per_week(
                grid.days[name.chance_days[name.hits]].astype(int), heights(grid, name, came)
            ),
            except_holidays=self.country if away else "",
            holiday_shift=self._shift(grid, name, (level + baseline) / 2) if away else 0,
        )

    def _shift(self, grid: DayGrid, name: Named, middle: float) -> int:
        """Whether a load that stays away on holidays came on the working day after them (1), before them (-1) or not.

        `middle` is the value that windows with the load pass.
        """
        chosen = grid.days[name.chance_days]
        off = chosen[holidays_of(self.country, chosen) & ~name.hits]
        for shift in (1, -1):
            index = (moved(off, self.country, shift) - grid.days[0]).astype(int)
            index = index[(index >= 0) & (index < len(grid.days))]
            index = index[~name.chosen[index]]
            cells = index * grid.bins + name.start
            if len(cells) >= _SHIFTED and (name.sign * (heights(grid, name, cells) - middle) > 0).mean() > _MOVED_SHARE:
                return shift
        return 0


def course_of(pattern: Pattern, series: Series) -> Series:
    """`series` as the levels of `pattern` tell it: of a counter its rate per second."""
    known = np.isfinite(series.values)
    counted = rates_of(series.ts[known], series.values[known], series.metric) if pattern.of_rate else None
    return series if counted is None else replace(series, ts=counted[0], values=counted[1])


def _rhythms(ts: np.ndarray, values: np.ndarray, timezone: str) -> list[Window]:
    """What returns every few minutes, where the samples are close enough to show it: one at most."""
    if np.median(np.diff(np.sort(ts))) > _CLOSE_S:
        return []
    one = best_rhythm(ts, values, timezone)
    return [] if one is None else [one]


def _chance_high(near: np.ndarray, cells: np.ndarray, width: int, days: np.ndarray) -> float:
    """Chance that load is high in the next of the windows of `width` bins that began at flat `cells` on `days`."""
    index = np.clip(cells[:, None] + np.arange(width), 0, len(near) - 1)
    return next_probability(np.asarray(near[index].any(axis=1)), days.astype(int))


def _risen(pattern: Pattern, window: Window, grid: DayGrid, near: np.ndarray) -> Pattern:
    """`pattern` of a window of spikes with the chance that they are high."""
    bin_s = grid.bin_minutes * 60
    cells = (window.chance_days - int(grid.days[0].astype(int))) * grid.bins + window.start_s // bin_s
    width = -(-window.length_s // bin_s)
    return replace(pattern, chance_high=_chance_high(near, cells, width, window.chance_days))


def _tops(window: Window, grid: DayGrid) -> tuple[np.ndarray, np.ndarray]:
    """Days since 1970-01-01 on which a window came, and its highest sample on each; nan where nothing was seen."""
    flat, bin_s = grid.values.ravel(), grid.bin_minutes * 60
    days = window.chance_days[window.hits]
    cells = (days - int(grid.days[0].astype(int))) * grid.bins + window.start_s // bin_s
    inside = flat[np.minimum(cells[:, None] + np.arange(-(-window.length_s // bin_s) + 1), len(flat) - 1)]
    top = np.nan_to_num(inside, nan=-np.inf).max(axis=1)
    return days, np.where(np.isfinite(top), top, np.nan)


def _with_heights(window: Window, grid: DayGrid) -> Window:
    """A window of single spikes: its level is the usual height of the highest sample in it."""
    return replace(window, level=float(np.nanmedian(_tops(window, grid)[1])), baseline=float(np.nanmedian(grid.values)))


def _peak_pattern(source: Source, grid: DayGrid, peak: Peak) -> Pattern:
    """The pattern of a peak of the load."""
    window = _with_heights(peak.window, grid)
    pattern = pattern_of(source, window, probability=peak.probability)
    growth = growth_per_week(*_tops(window, grid))
    return replace(pattern, is_peak=True, chance_high=peak.probability, growth_per_week=growth)


def _standard(grid: DayGrid) -> tuple[float, Peeled]:
    """Unit of scale, and the values of `grid` in it from their median on: float32 then holds the finest of them."""
    known = np.sort(grid.values[np.isfinite(grid.values)])
    middle, spread = float(known[len(known) // 2]), float(known[-1] - known[0])
    scale = float(np.sort(np.abs(known - middle))[len(known) // 2]) or spread
    return scale, Peeled.of(replace(grid, values=((grid.values - middle) / scale).astype(np.float32)))


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


def _on_usual_days(hits: np.ndarray, days: np.ndarray, country: str) -> tuple[np.ndarray, np.ndarray]:
    """Hits and day numbers of the chances that are no public holidays of `country` ("": all)."""
    usual = ~holidays_of(country, days)
    return hits[usual], days[usual].astype(int)


def bin_minutes_of(ts: np.ndarray) -> int:
    """The finest bin that the usual distance of samples fills, and most of which are filled but in long outages.

    Examples
    --------
    >>> bin_minutes_of(np.arange(0, 86_400, 300))
    5
    """
    ordered = np.unique(ts)
    steps = np.diff(ordered)
    least, watched_s = float(np.median(steps)) / 60 * 0.99, float(steps[steps <= _OUTAGE_S].sum())

    def filled(minutes: int) -> bool:
        return len(np.unique(ordered // (60 * minutes))) * 60 * minutes >= _FILLED * watched_s

    return next((b for b in _BIN_MINUTES if b >= least and filled(b)), _BIN_MINUTES[-1])

"""Peeling: one pattern after the other, each taken out of the series before the next is looked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC

import numpy as np

from engine.patterns.calendar import DAY_S, DayGrid, RuleTable, rule_table
from engine.patterns.events import EventWindow, episodes, event_windows
from engine.patterns.naming import Named, beats_both_sides, has_sharp_edges, named
from engine.patterns.periods import Period, best_period
from engine.patterns.scan import candidates, widths_in_bins
from engine.patterns.scores import (
    Contrasts,
    Scored,
    detrended,
    median_of,
    scored,
    without_course,
    without_shape,
    without_swing,
)

_NARROW_MINUTES = (10, 15, 20, 30, 45, 60, 90, 120, 180)
_WIDE_MINUTES = (240, 360, 480, 600, 720)
_TRIES = 12  # candidates that are asked for a name before a series is left
_SPIKE_SHARE = 0.98  # of samples that are no spikes
_SPIKE_COST = float(np.log(3))  # nats
_LEAST_RISE = 0.35  # robust standard deviations
_PLATEAU_SHARE = 0.65  # of chances that are hits
_LATER_COST = 9.0  # nats that a second pattern pays: what is left of the first may look like one
_FREE_MORE = 1.2  # a free period must explain so much more than a rule of the calendar
_WIDE_MORE = 1.2  # a window of hours must explain so much more than a narrow one to be told first
_LOG_WORTH = float(np.log(0.05))  # chance above which a candidate is not looked at

Step = tuple[Named, float, Callable[[Named, DayGrid], None]]  # a pattern, its log p, how it is taken out of a series


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


def peel(rest: DayGrid, most: int) -> list[tuple[Named, float]]:
    """Patterns one after the other, with their log p. Each is taken out of `rest` before the next is looked for."""
    table = rule_table(int(rest.days[0].astype(int)), len(rest.days), 4)
    rest.values[:] = without_swing(rest)
    found: list[tuple[Named, float]] = []
    while len(found) < most and np.isfinite(rest.values).any():
        step = _next_step(rest, table)
        if step is None:
            break
        name, log_p, take_out = step
        found.append((name, log_p + (_LATER_COST if found else 0.0)))
        take_out(name, rest)
    return found


def _next_step(grid: DayGrid, table: RuleTable) -> Step | None:
    """The pattern to tell next: a narrow window, or one of hours where that explains more.

    What the narrow search sees of business hours, their running median taken off, are windows at and between their
    edges: fragments that recur as surely as the whole and explain less of it.
    """
    narrow, wide = _narrow_step(grid, table), _wide_step(grid, table)
    if wide is not None and (narrow is None or _explained(wide[0], grid) > _WIDE_MORE * _explained(narrow[0], grid)):
        return *wide, _level_out
    return None if narrow is None else (*narrow, _blank_out)


def _explained(name: Named, grid: DayGrid) -> float:
    """Share, 0..1, of the variance of a series' ranks that lies between the windows that came and all else."""
    data = scored(detrended(grid))
    index = (name.cells[name.hits][:, None] + np.arange(name.width)).ravel()
    inside = np.zeros(data.score.size, dtype=bool)
    inside[index[(index >= 0) & (index < inside.size)]] = True
    seen, score = data.seen.ravel(), data.score.ravel()
    share = float(inside[seen].mean())
    if not 0.0 < share < 1.0:
        return 0.0
    gap = float(score[seen & inside].mean() - score[seen & ~inside].mean())
    return gap**2 * share * (1.0 - share) / max(float(score[seen].var()), 1e-12)


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
    """The best window up to some three hours, with its log p: by the calendar, or a free period that says more."""
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

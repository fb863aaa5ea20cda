"""Peeling: one pattern after the other, each taken out of the series before the next is looked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.patterns.calendar import DAY_S, DayGrid, RuleTable, coarser, rule_parts, rule_table
from engine.patterns.contrasts import Contrasts
from engine.patterns.events import episodes, event_windows
from engine.patterns.likelihood import likelihoods
from engine.patterns.naming import LEAST_HITS, Named, beats_both_sides, has_sharp_edges, named
from engine.patterns.narrow import LOG_WORTH, TRIES, narrow_step
from engine.patterns.scan import widths_in_bins
from engine.patterns.scores import (
    Scored,
    detrended,
    median_of,
    scored,
    without_course,
    without_shape,
    without_swing,
)
from engine.patterns.sieve import Sieve, candidates
from engine.patterns.windows import Window

_WIDE_MINUTES = (240, 360, 480, 600, 720)
_LEAST_WIDE_MINUTES = 180  # shorter windows are left to the narrow search
_COARSE_MINUTES = 30  # bins in which windows of hours are looked for, or whole ones of the grid below that
_SPIKE_SHARE = 0.98  # of samples that are no spikes
_SPIKE_COST = float(np.log(3))  # nats
_LEAST_RISE = 0.35  # robust standard deviations
_PLATEAU_SHARE = 0.65  # of chances that are hits
_LATER_COST = 9.0  # nats that a second pattern pays: what is left of the first may look like one
_WIDE_MORE = 1.2  # a window of hours must explain so much more than a narrow one to be told first
_NEAR_MULTIPLE = 0.005  # relative distance from a whole multiple within which a period is one
_RISES = (1.0, 4.0)  # robust deviations above the usual that a load is looked for at, where bursts lie over the noise

Step = tuple[Named, float, bool]  # a pattern, its log p, and whether it is a window of hours


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


def heights(grid: DayGrid, name: Named, cells: np.ndarray) -> np.ndarray:
    """Median value inside the window that begins at each of `cells`; nan where none was seen."""
    return median_of(_values(grid.values.ravel(), cells, 0, name.width).reshape(len(cells), -1), axis=1)


def _tops(rows: np.ndarray) -> np.ndarray:
    """The largest value of each row, nan passed over and a row without values left out."""
    best = np.where(np.isfinite(rows), rows, -np.inf).max(axis=1)
    return np.asarray(best[np.isfinite(best)])


def _values(flat: np.ndarray, cells: np.ndarray, shift: int, width: int) -> np.ndarray:
    index = (cells[:, None] + np.arange(shift, shift + width)).ravel()
    return np.asarray(flat[np.clip(index, 0, len(flat) - 1)])


@dataclass
class Peeled:
    """What is left of a series as one pattern after the other is taken out of it."""

    grid: DayGrid  # float32 values, unseen where a pattern was
    course: np.ndarray  # its values less trend and slow swings, likewise: (days, bins)
    lenses: tuple[tuple[Scored, Sieve], ...]  # every way to score the course, that by rank first; each with its sieve

    @classmethod
    def of(cls, grid: DayGrid) -> Peeled:
        """All of `grid`, whose values are changed by what follows."""
        grid.values[:] = without_swing(grid)
        course = without_course(grid.values, grid.bin_minutes)
        ways = (scored(without_shape(course, grid)), *likelihoods(course, _RISES))
        return cls(grid, course, tuple((way, Sieve()) for way in ways))

    @property
    def scores(self) -> Scored:
        """The course by rank."""
        return self.lenses[0][0]

    def without(self, name: Named, *, is_wide: bool) -> Peeled:
        """What is left without one pattern: its windows unseen, or the usual course of wide ones taken off."""
        if is_wide:
            _level_out(name, self.grid)
            return Peeled.of(self.grid)
        margin = max(1, round(30 / self.grid.bin_minutes))
        gone = forget(name.every_cell(self.grid.bins), -margin, name.width + margin, self.grid)
        self.course.ravel()[gone] = np.nan
        dark = np.zeros(self.course.size, dtype=bool)
        dark[gone] = True
        for lens, sieve in self.lenses:
            lens.take_out(gone)
            sieve.take_out(dark)
        return self


def peel(left: Peeled, most: int) -> tuple[list[tuple[Named, float]], Peeled]:
    """Patterns one after the other, with their log p, and what is left without them."""
    grid = left.grid
    table = rule_table(int(grid.days[0].astype(int)), len(grid.days), LEAST_HITS)
    found: list[tuple[Named, float]] = []
    wide_left = True
    while len(found) < most and left.scores.seen.any():
        wide = _wide_step(grid, table) if wide_left else None
        wide_left = wide is not None
        step = _next_step(left, wide, table, alone=not found)
        if step is None:
            break
        name, log_p, is_wide = step
        if any(_is_multiple(name, one) for one, _ in found):
            break
        found.append((name, log_p + (_LATER_COST if found else 0.0)))
        left = left.without(name, is_wide=is_wide)
    return found, left


def _is_multiple(name: Named, told: Named) -> bool:
    """Whether a free period is a multiple of one told before: what that one left behind, told once more."""
    if name.kind != "period" or told.kind != "period":
        return False
    times = _seconds(name) / _seconds(told)
    return round(times) >= 2 and abs(times - round(times)) < _NEAR_MULTIPLE * round(times)


def _seconds(name: Named) -> int:
    """Length of a free period."""
    parts = rule_parts(name.rule)
    return int(parts["INTERVAL"]) * (60 if parts["FREQ"] == "MINUTELY" else 1)


def _next_step(left: Peeled, wide: tuple[Named, float] | None, table: RuleTable, *, alone: bool) -> Step | None:
    """The pattern to tell next: a narrow window, or one of hours where that explains more.

    What the narrow search sees of business hours, their running median taken off, are windows at and between their
    edges: fragments that recur as surely as the whole and explain less of it.
    """
    narrow = narrow_step(left.grid, left.lenses, table, alone=alone)
    if wide is not None:
        ranks = scored(detrended(left.grid))
        if narrow is None or _explained(wide[0], ranks) > _WIDE_MORE * _explained(narrow[0], ranks):
            return *wide, True
    return None if narrow is None else (*narrow, False)


def _explained(name: Named, data: Scored) -> float:
    """Share, 0..1, of the variance of a series' ranks that lies between the windows that came and all else."""
    index = (name.cells[name.hits][:, None] + np.arange(name.width)).ravel()
    inside = np.zeros(data.score.size, dtype=bool)
    inside[index[(index >= 0) & (index < inside.size)]] = True
    seen, score = data.seen.ravel(), data.score.ravel()
    share = float(inside[seen].mean())
    if not 0.0 < share < 1.0:
        return 0.0
    gap = float(score[seen & inside].mean() - score[seen & ~inside].mean())
    return gap**2 * share * (1.0 - share) / max(float(score[seen].var()), 1e-12)


def spike_windows(left: Peeled, most: int) -> list[Window]:
    """Windows of the clock in which the rare spikes of a series come again and again, however short each of them is.

    The highest spikes are looked at for themselves first, then all that leave the usual noise.
    """
    known = np.sort(left.course[np.isfinite(left.course)])
    if len(known) == 0:
        return []
    middle, high, top = (float(known[int(share * (len(known) - 1))]) for share in (0.5, _SPIKE_SHARE, 0.999))
    noise = middle + 5 * float(np.sort(np.abs(known - middle))[len(known) // 2]) / 0.6745
    for cut in (max(noise, middle + 0.5 * (top - middle)), max(noise, high, middle + 0.2 * (top - middle))):
        found = _above(left.course, cut, left.grid, most)
        if found:
            return found
    return []


def _above(rest: np.ndarray, cut: float, grid: DayGrid, most: int) -> list[Window]:
    """Windows in which `rest` rises above `cut` again and again."""
    first = int(grid.days[0].astype(int))
    at = first * DAY_S + np.flatnonzero(np.nan_to_num(rest, nan=-np.inf).ravel() > cut) * grid.bin_minutes * 60
    if len(at) == 0:
        return []
    windows = event_windows(episodes(at, "UTC"), first, len(grid.days), most)
    return [replace(w, log_p=w.log_p + _SPIKE_COST, length_s=w.length_s + grid.bin_minutes * 60) for w in windows]


def least_rise(course: np.ndarray) -> float:
    """Difference between level and baseline, in units of `course`, below which a pattern is not worth telling."""
    known = np.sort(course[np.isfinite(course)])
    low, middle, high = (float(known[int(share * (len(known) - 1))]) for share in (0.02, 0.5, 0.98))
    spread = float(np.sort(np.abs(known - middle))[len(known) // 2]) / 0.6745
    return max(_LEAST_RISE * spread, 0.05 * (high - low))


def _wide_step(grid: DayGrid, table: RuleTable) -> tuple[Named, float] | None:
    """The best window of hours with sharp edges, such as business hours, with its log p.

    Half hours show where such windows may be; only then are they measured in the bins of the grid.
    """
    coarse = coarser(grid, grid.bin_minutes * max(1, _COARSE_MINUTES // grid.bin_minutes))
    times = coarse.bin_minutes // grid.bin_minutes
    widths = [w for w in widths_in_bins(_WIDE_MINUTES, coarse.bin_minutes) if 2 * w <= coarse.bins]
    likely = candidates(Contrasts(scored(detrended(coarse)), coarse.bin_minutes), widths, table)[:TRIES]
    if not likely or likely[0].log_p > LOG_WORTH:
        return None
    contrasts = Contrasts(scored(detrended(grid)), grid.bin_minutes)
    for c in likely:
        if c.log_p > LOG_WORTH:
            break
        fine = replace(c, start=c.start * times, width=c.width * times, period=c.period * times)
        name = named(fine, contrasts, table, grid)
        long = name is not None and name.width * grid.bin_minutes >= _LEAST_WIDE_MINUTES
        if name is not None and long and name.period == grid.bins and _is_plateau(name, grid):
            return name, c.log_p
    return None


def _is_plateau(name: Named, grid: DayGrid) -> bool:
    """Whether a wide window is switched on and off on most of its days."""
    share = float(name.hits.mean())
    return share >= _PLATEAU_SHARE and has_sharp_edges(name, grid) and beats_both_sides(name, grid)


def _level_out(name: Named, grid: DayGrid) -> None:
    """Take a wide pattern's usual course off its windows, so that what happens inside them can still be seen."""
    index = name.cells[:, None] + np.arange(name.width)
    index = index[(index[:, 0] >= 0) & (index[:, -1] < grid.values.size)]
    flat = grid.values.ravel()
    course = median_of(flat[index], axis=0)
    flat[index] -= course - levels(grid, name)[1]
    margin = max(1, round(30 / grid.bin_minutes))
    forget(name.cells, -margin, margin, grid)
    forget(name.cells, name.width - margin, name.width + margin, grid)


def forget(cells: np.ndarray, low: int, high: int, grid: DayGrid) -> np.ndarray:
    """Make the bins from `low` up to `high` after each of `cells` unseen; which flat cells that are."""
    index = (cells[:, None] + np.arange(low, high)).ravel()
    index = index[(index >= 0) & (index < grid.values.size)]
    grid.values.ravel()[index] = np.nan
    return index

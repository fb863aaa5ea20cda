"""From samples to scores: trend, level shifts and the smooth daily shape removed, outliers tamed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.special import ndtri
from scipy.stats import rankdata

from engine.patterns.calendar import DayGrid, day_facts

_TREND_DAYS = 7  # running median of day medians: follows drift and level shifts, not one day's trouble
_COURSE_MINUTES = 450  # running median: what lasts less than half of it stands out
_SHAPE_MINUTES = 480  # shapes of the day slower than this are its smooth course and no window
_SPREAD_FLOOR = 0.5  # a quiet hour's spread counts as at least this share of the whole day's
_WIDE_MINUTES = 180  # windows wider than this are seen against an hour or two beside them
_SWING_LEFT = 0.85  # of the usual distance from the day's level that may be left without a swing worth removing
_SWING_OVER_BOX = 0.5  # of what one window leaves of the day's hours that a swing may leave
_SWING_ROUNDS = 12  # of reweighing
CLIP = 6.0  # robust deviations beyond which a contrast proves nothing more


@dataclass
class Scored:
    """Scores of a grid: rank-normal, 0 where unseen; `take_out` marks what a pattern has explained."""

    score: np.ndarray  # (days, bins)
    seen: np.ndarray  # bool (days, bins)

    def take_out(self, cells: np.ndarray) -> None:
        """Forget the flat `cells`: what is left shows the next pattern."""
        self.seen.ravel()[cells] = False
        self.score.ravel()[cells] = 0.0


def median_of(values: np.ndarray, axis: int) -> np.ndarray:
    """Median along `axis` without its nan; nan where all are. Faster than numpy's on wide arrays."""
    ordered = np.sort(values, axis=axis)
    count = np.isfinite(values).sum(axis=axis)
    low = np.expand_dims(np.maximum(count - 1, 0) // 2, axis)
    high = np.expand_dims(np.maximum(count, 1) // 2, axis)
    high = np.minimum(high, np.expand_dims(np.maximum(count - 1, 0), axis))
    middle = np.take_along_axis(ordered, low, axis) + np.take_along_axis(ordered, high, axis)
    return np.asarray(np.where(count > 0, middle.squeeze(axis) / 2, np.nan))


def detrended(grid: DayGrid) -> np.ndarray:
    """Values less the running median of day medians: (days, bins), nan kept."""
    levels = _filled(median_of(grid.values, axis=1))
    trend = median_filter(levels, size=min(_TREND_DAYS, len(levels)), mode="nearest")
    return np.asarray(grid.values - trend[:, None])


def without_course(values: np.ndarray, bin_minutes: int) -> np.ndarray:
    """Values less their running median over `_COURSE_MINUTES`: drift, level shifts and slow swings are gone."""
    block = max(1, 30 // bin_minutes)
    levels = _filled(median_of(values.reshape(-1, block), axis=1))
    size = _odd(_COURSE_MINUTES // (block * bin_minutes))
    course = uniform_filter1d(median_filter(levels, size=size, mode="nearest"), size=3, mode="nearest")
    centres = (np.arange(len(levels)) + 0.5) * block - 0.5
    return np.asarray(values - np.interp(np.arange(values.size), centres, course).reshape(values.shape))


def without_shape(values: np.ndarray, grid: DayGrid) -> np.ndarray:
    """Detrended `values` less the smooth course of working days and weekends, over the smooth spread of the day."""
    weekend = day_facts(grid.days).weekday >= 5
    size = _odd(_SHAPE_MINUTES // grid.bin_minutes)
    rest = values.copy()
    for group in (weekend, ~weekend):
        if group.sum() >= 3:
            rest[group] -= _smooth(median_of(values[group], axis=0), size)
    spread = _smooth(median_of(np.abs(rest), axis=0), size)
    floor = _SPREAD_FLOOR * float(np.median(spread))
    return rest / np.maximum(spread, floor) if floor > 0 else rest


def without_swing(grid: DayGrid) -> np.ndarray:
    """Values less the swing of working days and of weekends, where the day is little else: (days, bins), nan kept.

    A running median flattens the crests of a strong swing, and what it leaves of them recurs like a window.
    """
    weekend = day_facts(grid.days).weekday >= 5
    level = detrended(grid)
    rest = grid.values.copy()
    for group in (weekend, ~weekend):
        if group.sum() >= 3:
            swing = _swing(median_of(level[group], axis=0))
            if np.nanmedian(np.abs(level[group] - swing)) < _SWING_LEFT * np.nanmedian(np.abs(level[group])):
                rest[group] -= swing
    return rest


def _swing(profile: np.ndarray) -> np.ndarray:
    """The waves of a day and of half a day in a profile, fitted to its hours with outliers weighed down.

    Zeros where one window of the day fits the hours about as well: it is no swing then.
    """
    hours = _filled(median_of(profile.reshape(24, -1), axis=1))
    waves = _waves((np.arange(24) + 0.5) / 24)
    weight = np.ones(24)
    for _ in range(_SWING_ROUNDS):
        parts = np.linalg.lstsq(waves * weight[:, None], hours * weight, rcond=None)[0]
        left = np.abs(hours - waves @ parts)
        weight = 1.0 / np.sqrt(np.maximum(left, 1e-3 * float(left.max()) + 1e-12))
    if float(left.sum()) > _SWING_OVER_BOX * _left_by_box(hours):
        return np.zeros(len(profile))
    return np.asarray(_waves((np.arange(len(profile)) + 0.5) / len(profile))[:, 1:] @ parts[1:])


def _left_by_box(hours: np.ndarray) -> float:
    """Sum of absolute differences that the best single window around the clock, its level and one outside, leaves."""
    turned = hours[(np.arange(24)[:, None] + np.arange(24)) % 24]  # (start, hours from it on)
    parts = [(turned[:, :width], turned[:, width:]) for width in range(1, 24)]
    return min(float(sum(np.abs(p - p.mean(axis=1, keepdims=True)).sum(axis=1) for p in pair).min()) for pair in parts)


def _waves(turns: np.ndarray) -> np.ndarray:
    """Constant, daily and half-daily waves at parts of a day: (moments, 5)."""
    angle = 2 * np.pi * turns
    return np.stack([np.ones(len(turns)), *(f(k * angle) for k in (1, 2) for f in (np.cos, np.sin))], axis=1)


def scored(values: np.ndarray) -> Scored:
    """Rank-normal scores of `values`: every value counts by its rank, so no outlier outweighs the rest."""
    seen = np.isfinite(values)
    score = np.zeros(values.shape)
    known = values[seen]
    if len(known):
        score[seen] = ndtri((rankdata(known) - 0.5) / len(known))
    return Scored(score, seen)


class Contrasts:
    """Contrasts of every window of one `Scored`, worked out once for each width asked for."""

    def __init__(self, data: Scored, bin_minutes: int) -> None:
        self.data = data
        self.bin_minutes = bin_minutes
        self._sums = Sums.of(data, 3 * 24 * 60 // bin_minutes)
        self._made: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def of(self, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Contrast and validity (days, bins) of windows of `width` bins, with the flank under which they vary least.

        A box rises by 1 under every flank, so the quietest shows it best: long for steady noise, short for drift.
        """
        if width not in self._made:
            tries = [contrast(self._sums, width, flank) for flank in flanks_of(width, self.bin_minutes)]
            self._made[width] = tries[int(np.argmin([spread_of(value, valid) for value, valid in tries]))]
        return self._made[width]

    def unit(self, width: int) -> np.ndarray | None:
        """Contrasts over their robust spread, clipped to `CLIP` of it, within [-1, 1]; None where all are equal."""
        value, valid = self.of(width)
        spread = spread_of(value, valid)
        return None if not 1e-12 < spread < np.inf else np.clip(value / (CLIP * spread), -1.0, 1.0)


@dataclass(frozen=True)
class Sums:
    """Running sums of scores and of seen bins, from which every window's mean is two slices."""

    total: np.ndarray  # (margin + cells + 1 + margin,)
    count: np.ndarray  # likewise
    margin: int  # cells beyond each end that windows may reach
    shape: tuple[int, int]

    @classmethod
    def of(cls, data: Scored, margin: int) -> Sums:
        """Running sums of `data`, to be asked for windows that end at most `margin` cells away."""
        pads = (margin + 1, margin)
        total = np.cumsum(np.pad(data.score.ravel(), pads))
        count = np.cumsum(np.pad(data.seen.ravel().astype(float), pads))
        return cls(total, count, margin, (data.score.shape[0], data.score.shape[1]))

    def mean(self, shift: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean of the `width` bins that begin `shift` bins after each cell, and how many of them were seen."""
        cells = self.shape[0] * self.shape[1]
        low = slice(self.margin + shift, self.margin + shift + cells)
        high = slice(low.start + width, low.stop + width)
        count = self.count[high] - self.count[low]
        return (self.total[high] - self.total[low]) / np.maximum(count, 1.0), count


def contrast(sums: Sums, width: int, flank: int) -> tuple[np.ndarray, np.ndarray]:
    """Window mean less the mean of its two flanks, per window start: (days, bins) each of contrast and validity.

    The mean of both flanks cancels slow noise and straight slopes. A window counts where half of it and half of each
    flank were seen; elsewhere its contrast is 0.
    """
    inside, n_inside = sums.mean(0, width)
    left, n_left = sums.mean(-flank, flank)
    right, n_right = sums.mean(width, flank)
    valid = (2 * n_inside >= width) & (2 * n_left >= flank) & (2 * n_right >= flank)
    value = np.where(valid, inside - (left + right) / 2, 0.0)
    return value.reshape(sums.shape), valid.reshape(sums.shape)


def flanks_of(width: int, bin_minutes: int) -> list[int]:
    """Bins of context on each side of a window that are worth a try, the shortest first."""
    if width * bin_minutes > _WIDE_MINUTES:
        return [60 // bin_minutes, 120 // bin_minutes, _WIDE_MINUTES // bin_minutes]
    tries = (max(width, round(20 / bin_minutes)) * times for times in (1, 2, 4))
    return sorted({max(1, min(flank, _WIDE_MINUTES // bin_minutes)) for flank in tries})


def spread_of(value: np.ndarray, valid: np.ndarray) -> float:
    """Robust standard deviation of contrasts, from a third of them; infinite where none is valid."""
    known = value.ravel()[::3][valid.ravel()[::3]]
    if len(known) == 0:
        return float("inf")
    return float(np.median(np.abs(known))) / 0.6745 or float(known.std())


def _smooth(profile: np.ndarray, size: int) -> np.ndarray:
    """A circular profile with what is narrower than half of `size` bins removed."""
    smooth = median_filter(_filled(profile), size=size, mode="wrap")
    return np.asarray(uniform_filter1d(smooth, size=_odd(size // 4), mode="wrap"))


def _filled(course: np.ndarray) -> np.ndarray:
    """`course` with its nan filled from their neighbours; zeros where all are nan."""
    known = np.isfinite(course)
    if not known.any():
        return np.zeros(len(course))
    return np.asarray(np.interp(np.arange(len(course)), np.flatnonzero(known), course[known]))


def _odd(size: int) -> int:
    return max(1, size | 1)

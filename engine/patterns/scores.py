"""From samples to scores: trend, level shifts and the smooth daily shape removed, outliers tamed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.lazy import lazy
from engine.patterns import loops
from engine.patterns.calendar import DayGrid, day_facts

ndimage, special = lazy("scipy.ndimage"), lazy("scipy.special")

_TREND_DAYS = 7  # running median of day medians: follows drift and level shifts, not one day's trouble
_COURSE_MINUTES = 450  # running median: what lasts less than half of it stands out
_SHAPE_MINUTES = 480  # shapes of the day slower than this are its smooth course and no window
_SPREAD_FLOOR = 0.5  # a quiet hour's spread counts as at least this share of the whole day's
_ALIKE = 0.5  # correlation of the halves' spreads from which on they are believed, the more the higher
_SWING_LEFT = 0.85  # of the usual distance from the day's level that may be left without a swing worth removing
_SWING_OVER_BOX = 0.5  # of what one window leaves of the day's hours that a swing may leave
_SWING_ROUNDS = 12  # of reweighing
_QUANTILES = 513
_SWING_LEAST = 0.3  # of the usual distance from the day's level that its hours must differ by
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


def middle_of(values: np.ndarray) -> float:
    """Median of `values`, of any shape, none of them nan. Much faster than numpy's own on short arrays.

    Examples
    --------
    >>> middle_of(np.array([4.0, 1.0, 2.0, 9.0]))
    3.0
    """
    ordered = np.sort(values, axis=None)  # a quarter of the time of a partition at two places
    return (float(ordered[(values.size - 1) // 2]) + float(ordered[values.size // 2])) / 2


def median_of(values: np.ndarray, axis: int) -> np.ndarray:
    """Median along `axis` without its nan; nan where all are. Faster than numpy's on wide arrays."""
    rows = values if axis == values.ndim - 1 else np.ascontiguousarray(np.moveaxis(values, axis, -1))
    size = rows.shape[-1]
    ordered = np.sort(rows, axis=-1)
    if not np.isnan(ordered[..., -1]).any():
        return np.asarray((ordered[..., (size - 1) // 2] + ordered[..., size // 2]) / 2)
    count = np.isfinite(ordered).sum(axis=-1)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, np.maximum(count - 1, 0))
    middle = [np.take_along_axis(ordered, at[..., None], -1)[..., 0] for at in (low, high)]
    return np.asarray(np.where(count > 0, (middle[0] + middle[1]) / 2, np.nan))


def detrended(grid: DayGrid) -> np.ndarray:
    """Values less the running median of day medians: (days, bins), nan kept."""
    levels = _filled(median_of(grid.values, axis=1))
    trend = ndimage.median_filter(levels, size=min(_TREND_DAYS, len(levels)), mode="nearest")
    return np.asarray(grid.values - trend[:, None])


def without_course(values: np.ndarray, bin_minutes: int) -> np.ndarray:
    """Values less their running median over `_COURSE_MINUTES`: drift, level shifts and slow swings are gone."""
    block = max(1, 30 // bin_minutes)
    levels = _filled(median_of(values.reshape(-1, block), axis=1))
    size = _odd(_COURSE_MINUTES // (block * bin_minutes))
    course = ndimage.uniform_filter1d(ndimage.median_filter(levels, size=size, mode="nearest"), size=3, mode="nearest")
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
    spread = _spread_by_clock(np.abs(rest), size)
    return rest if spread is None else rest / spread


def _spread_by_clock(strays: np.ndarray, size: int) -> np.ndarray | None:
    """How far values usually stray at each time of the day (bins,), as far as two halves of the days agree on it.

    None where they do not: a spread that is mere chance would make some hours louder than others, always the same.
    """
    halves = [_smooth(median_of(half, axis=0), size) for half in (strays[::2], strays[1::2])]
    spread = _smooth(median_of(strays, axis=0), size)
    floor = _SPREAD_FLOOR * middle_of(spread)
    if floor <= 0.0:
        return None
    first, second = (np.log(np.maximum(half, floor)) for half in halves)
    scale = float(first.std() * second.std())
    alike = 0.0 if scale < 1e-9 else float(((first - first.mean()) * (second - second.mean())).mean()) / scale
    share = min(1.0, max(0.0, (alike - _ALIKE) / (1.0 - _ALIKE)))
    if share == 0.0:
        return None
    known = np.log(np.maximum(spread, floor))
    return np.asarray(np.exp(known.mean() + share * (known - known.mean())))


def without_swing(grid: DayGrid) -> np.ndarray:
    """Values less the swing of working days and of weekends, where the day is little else: (days, bins), nan kept.

    A running median flattens the crests of a strong swing, and what it leaves of them recurs like a window.
    """
    weekend = day_facts(grid.days).weekday >= 5
    level = detrended(grid)
    rest = grid.values.copy()
    halves = [half for half in (weekend, ~weekend) if half.sum() >= 3]
    swings = [_swing_of(level[half]) for half in halves]
    for half, swing, other in zip(halves, swings, swings[::-1], strict=True):
        known = level[half]
        usual = middle_of(np.abs(known[np.isfinite(known)]))
        for tried in (swing, other):  # few days show it less clearly than the rest of the week does
            left = np.abs(known - tried)
            if tried.any() and middle_of(left[np.isfinite(left)]) < _SWING_LEFT * usual:
                rest[half] -= tried
                break
    return rest


def _swing_of(level: np.ndarray) -> np.ndarray:
    """The swing of days (days, bins) without their trend: (bins,); zeros where their hours hardly differ."""
    hours = _filled(median_of(median_of(level, axis=0).reshape(24, -1), axis=1))
    known = level[np.isfinite(level)]
    if not len(known) or float(hours.std()) < _SWING_LEAST * middle_of(np.abs(known)):
        return np.zeros(level.shape[1])
    return _swing(hours, level.shape[1])


def _swing(hours: np.ndarray, bins: int) -> np.ndarray:
    """The waves of a day and of half a day, fitted to the levels of its hours with outliers weighed down: (bins,).

    Zeros where one window of the day fits the hours about as well: it is no swing then.
    """
    waves = _waves((np.arange(24) + 0.5) / 24)
    weight = np.ones(24)
    for _ in range(_SWING_ROUNDS):
        parts = np.linalg.lstsq(waves * weight[:, None], hours * weight, rcond=None)[0]
        left = np.abs(hours - waves @ parts)
        weight = 1.0 / np.sqrt(np.maximum(left, 1e-3 * float(left.max()) + 1e-12))
    if float(left.sum()) > _SWING_OVER_BOX * _left_by_box(hours):
        return np.zeros(bins)
    return np.asarray(_waves((np.arange(bins) + 0.5) / bins)[:, 1:] @ parts[1:])


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
    """Rank-normal scores of `values`: every value counts by its rank, so no outlier outweighs the rest.

    Ranks are read off some five hundred quantiles with straight lines between them; equal values score the same.
    """
    seen = np.isfinite(values)
    score = np.zeros(values.shape, dtype=np.float32)
    known = values[seen]
    if len(known):
        order = np.argsort(known)
        ordered = known[order]
        at = np.unique(np.linspace(0, len(ordered) - 1, min(len(ordered), _QUANTILES)).round().astype(int))
        knots, group = np.unique(ordered[at], return_inverse=True)
        height = np.bincount(group, weights=special.ndtri((at + 0.5) / len(ordered))) / np.bincount(group)
        score[seen] = loops.between(known, order, knots, height)
    return Scored(score, seen)


def _smooth(profile: np.ndarray, size: int) -> np.ndarray:
    """A circular profile with what is narrower than half of `size` bins removed."""
    smooth = ndimage.median_filter(_filled(profile), size=size, mode="wrap")
    return np.asarray(ndimage.uniform_filter1d(smooth, size=_odd(size // 4), mode="wrap"))


def _filled(course: np.ndarray) -> np.ndarray:
    """`course` with its nan filled from their neighbours; zeros where all are nan."""
    known = np.isfinite(course)
    if not known.any():
        return np.zeros(len(course))
    return np.asarray(np.interp(np.arange(len(course)), np.flatnonzero(known), course[known]))


def _odd(size: int) -> int:
    return max(1, size | 1)

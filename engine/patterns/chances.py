"""Chances: how likely the load of a series is high in each slot of the local week, learned from its past.

The past of a slot is read at several ranges (every day, its half of the week, its own weekday) and with several
memories, each shrunk towards the wider one; a logistic rule with fixed weights joins what they say. The weights were
fitted once, to what came after the first weeks of made-up machines and of service metrics.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.lazy import lazy
from engine.patterns.calendar import DayGrid, day_facts

special = lazy("scipy.special")

_HIGH_SHARE = 0.95  # of samples that are not high
_HIGH_TIMES = 3.0  # median absolute deviations above the median that high load reaches at least
_WIDE_MINUTES = 30  # on each side of a slot that the widest view takes in
_LEAST = 1e-3  # chances are kept this far from 0 and 1 before they are joined
_CLIP = 4.0  # standard deviations beyond which a value says no more
_LEVEL_DAYS = 21.0  # half-life of what is known of a slot's values
_LAST_DAYS = 7  # whose share of high load is weighed for itself
# All days at 10 days of half-life, own weekday at 30 and 100, half of the week at 30 (wide), level, last week, all.
_WEIGHTS = np.array([0.34, -0.26, 0.43, 0.17, 0.10, 0.32, -0.95])
_OFFSET = -2.17


@dataclass(frozen=True)
class Past:
    """What a series was, by local day and slot, and when it was high."""

    high: np.ndarray  # float32 (days, bins): 1.0 where the load was high
    seen: np.ndarray  # float32 (days, bins): 1.0 where something was measured
    excess: np.ndarray  # float32 (days, bins): values above the least high one, in standard deviations
    weekday: np.ndarray  # (days,), Monday is 0
    bin_minutes: int
    share: float  # of what was measured that was high, with what is told already
    last: float  # likewise in the last week

    @classmethod
    def of(cls, grid: DayGrid, told: np.ndarray) -> Past:
        """The past that `grid` holds outside the cells that are `told` (bool, like the grid)."""
        seen = np.isfinite(grid.values)
        least = least_high(grid.values[seen])
        spread = float(grid.values[seen].std()) or 1.0
        excess = np.where(seen, np.clip((grid.values - least) / spread, -_CLIP, _CLIP), 0.0)
        shares = [float((excess[-days:] > 0).sum() / max(seen[-days:].sum(), 1)) for days in (len(seen), _LAST_DAYS)]
        seen &= ~told
        high, known, far = (part.astype(np.float32) for part in ((excess > 0) & seen, seen, excess * seen))
        return cls(high, known, far, day_facts(grid.days).weekday, grid.bin_minutes, shares[0], shares[1])


def least_high(known: np.ndarray) -> float:
    """The value above which load is high: the 95th percentile, and three median absolute deviations off the median.

    Examples
    --------
    >>> least_high(np.arange(101.0))
    125.0
    """
    middle, most = np.quantile(known, (0.5, _HIGH_SHARE))
    return max(float(most), float(middle + _HIGH_TIMES * np.median(np.abs(known - middle))))


def chances(past: Past) -> np.ndarray:
    """Chance, 0..1, that the load is high in each slot of a coming week: (7, bins), Monday first."""
    high = _blurred(past.high, 5 // past.bin_minutes) * past.seen
    wide = _blurred(past.high, _WIDE_MINUTES // past.bin_minutes) * past.seen
    views = (
        means_of(high, past, 10.0, past.share)[0],
        means_of(high, past, 30.0, past.share)[2],
        means_of(high, past, 100.0, past.share)[2],
        means_of(wide, past, 30.0, past.share)[1],
        _by_level(past),
        np.full((7, high.shape[1]), past.last),
        np.full((7, high.shape[1]), past.share),
    )
    joined = sum(weight * _logit(view) for weight, view in zip(_WEIGHTS, views, strict=True))
    return np.asarray(special.expit(joined + _OFFSET))


def _by_level(past: Past) -> np.ndarray:
    """Chance by the usual value of a slot and how far values stray from it: (7, bins)."""
    known = max(float(past.seen.sum()), 1.0)
    usual = means_of(past.excess, past, _LEVEL_DAYS, float(past.excess.sum() / known))[1]
    stray = (past.excess - usual[past.weekday]) ** 2 * past.seen
    spread = means_of(stray, past, _LEVEL_DAYS, float(stray.sum() / known))[1]
    return np.asarray(special.ndtr(usual / np.sqrt(spread + _LEAST)))


def means_of(values: np.ndarray, past: Past, half_life_days: float, prior: float) -> tuple[np.ndarray, ...]:
    """Means of `values` (days, bins; 0 where unseen) over every day, the half of the week, the weekday: each (7, bins).

    A day counts half as much after `half_life_days`; each mean holds the wider one as one day more.
    """
    age = len(values) - 1.0 - np.arange(len(values))
    weight = (0.5 ** (age / half_life_days)).astype(np.float32)
    own = (past.weekday == np.arange(7)[:, None]) * weight
    total, count = own @ values, own @ past.seen
    week = (total.sum(axis=0) + prior) / (count.sum(axis=0) + 1.0)
    halves = [(total[half].sum(axis=0) + week) / (count[half].sum(axis=0) + 1.0) for half in (slice(0, 5), slice(5, 7))]
    half = np.stack([halves[day >= 5] for day in range(7)])
    return np.broadcast_to(week, half.shape), half, (total + half) / (count + 1.0)


def _blurred(values: np.ndarray, reach: int) -> np.ndarray:
    """Mean over `reach` bins on each side, over midnight too."""
    if reach == 0:
        return values
    size = 2 * reach + 1
    sums = np.concatenate([[0.0], np.cumsum(np.pad(values.ravel(), reach), dtype=float)])
    return np.asarray((sums[size:] - sums[:-size]) / size, dtype=np.float32).reshape(values.shape)


def _logit(chance: np.ndarray) -> np.ndarray:
    return np.asarray(special.logit(np.clip(chance, _LEAST, 1.0 - _LEAST)))


def best_share(chance: Iterable[float] | np.ndarray) -> float:
    """The largest F1 that can be expected of telling the likeliest slots: half of it is the chance worth telling.

    Source: Lipton, Elkan and Naryanaswamy, "Optimal thresholding of classifiers to maximize F1 measure", 2014.

    Examples
    --------
    >>> best_share(np.array([1.0, 1.0, 0.0]))
    1.0
    """
    ordered = np.sort(np.ravel(np.asarray(chance)))[::-1]
    sums = np.cumsum(ordered)
    return float((2 * sums / (np.arange(1, len(ordered) + 1) + sums[-1])).max())

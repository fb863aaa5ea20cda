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
from engine.patterns.scores import middle_of

ndimage, special = lazy("scipy.ndimage"), lazy("scipy.special")

_HIGH_SHARE = 0.95  # of samples that are not high
_HIGH_TIMES = 3.0  # median absolute deviations above the median that high load reaches at least
_NEAR_MINUTES = 10  # how early or late high load may be and still have come
_LEAST = 1e-3  # chances are kept this far from 0 and 1 before they are joined
_CLIP = 4.0  # standard deviations beyond which a value says no more
_LEVEL_DAYS = 21.0  # half-life of what is known of a slot's values
_LAST_DAYS = 7  # whose share of high load is weighed for itself
_LEAST_CHANCE = 0.22  # of a slot that is told
_CUT_SHARE = 0.6  # of the best F1 to be expected that a slot's chance must reach; at half of it F1 is best
_APART = 2.0  # log odds by which a weekday may differ from all days before that weighs for itself
# All days lately, own weekday long, how far it stands out from all days, level, last week, ever.
_WEIGHTS = np.array([0.47, 0.18, 1.13, 0.08, 0.41, -0.84])
_OFFSET = -1.31


@dataclass(frozen=True)
class Past:
    """What a series was, by local day and slot, and when it was high."""

    near: np.ndarray  # float32 (days, bins): 1.0 where the load was high within ten minutes
    seen: np.ndarray  # float32 (days, bins): 1.0 where something was measured
    excess: np.ndarray  # float32 (days, bins): values above the least high one, in standard deviations
    weekday: np.ndarray  # (days,), Monday is 0
    bin_minutes: int

    @classmethod
    def of(cls, grid: DayGrid, told: np.ndarray | None = None) -> Past:
        """The past that `grid` holds outside the cells that are `told` (bool, like the grid)."""
        seen = np.isfinite(grid.values)
        least = least_high(grid.values[seen])
        spread = float(grid.values[seen].std()) or 1.0
        excess = np.where(seen, np.clip((grid.values - least) / spread, -_CLIP, _CLIP), 0.0)
        if told is not None:
            seen &= ~told
        high = ((excess > 0) & seen).ravel()
        near = ndimage.maximum_filter1d(high, 2 * (_NEAR_MINUTES // grid.bin_minutes) + 1, mode="constant")
        near = near.reshape(seen.shape) & seen
        near, known, far = (part.astype(np.float32) for part in (near, seen, excess * seen))
        return cls(near, known, far, day_facts(grid.days).weekday, grid.bin_minutes)

    def until(self, days: int) -> Past:
        """Its first `days`."""
        near, seen, excess, weekday = (part[:days] for part in (self.near, self.seen, self.excess, self.weekday))
        return Past(near, seen, excess, weekday, self.bin_minutes)

    def share(self, days: int = 0) -> float:
        """Share of what was measured that was near high load, of the last `days` or (0) of all."""
        return float(self.near[-days:].sum() / max(float(self.seen[-days:].sum()), 1.0))


def least_high(known: np.ndarray) -> float:
    """The value above which load is high: the 95th percentile, and three median absolute deviations off the median.

    Examples
    --------
    >>> least_high(np.arange(101.0))
    125.0
    """
    middle, most = middle_of(known), float(np.quantile(np.sort(known), _HIGH_SHARE))
    return max(most, middle + _HIGH_TIMES * middle_of(np.abs(known - middle)))


def chances(past: Past) -> np.ndarray:
    """Chance, 0..1, that the load is high within ten minutes of each slot of a coming week: (7, bins), Monday first."""
    share, slots = past.share(), (7, past.near.shape[1])
    every, own = (_logit(view) for view in means_of(past.near, past, 100.0, share)[::2])
    joined = (
        _WEIGHTS[0] * _logit(means_of(past.near, past, 10.0, share)[0])
        + _WEIGHTS[1] * own
        + _WEIGHTS[2] * np.maximum(own - every - _APART, 0.0)
        + _WEIGHTS[3] * _logit(_by_level(past))
        + _WEIGHTS[4] * _logit(np.array(past.share(_LAST_DAYS)))
        + _WEIGHTS[5] * _logit(np.array(share))
    )
    return np.asarray(special.expit(np.broadcast_to(joined, slots) + _OFFSET))


def _by_level(past: Past) -> np.ndarray:
    """Chance by the usual value of a slot and how far values stray from it: (7, bins)."""
    known = max(float(past.seen.sum()), 1.0)
    usual = means_of(past.excess, past, _LEVEL_DAYS, float(past.excess.sum() / known))[1]
    stray = (past.excess - usual[past.weekday]) ** 2 * past.seen
    spread = means_of(stray, past, _LEVEL_DAYS, float(stray.sum() / known))[1]
    return np.asarray(special.ndtr(usual / np.sqrt(spread + _LEAST)))


def means_of(values: np.ndarray, past: Past, half_life_days: float, prior: float) -> tuple[np.ndarray, ...]:
    """Means of `values` (days, bins; 0 where unseen): over every day (bins,), half of the week, weekday (7, bins).

    A day counts half as much after `half_life_days`; each mean holds the wider one as one day more.
    """
    age = len(values) - 1.0 - np.arange(len(values))
    own = (past.weekday == np.arange(7)[:, None]) * (0.5 ** (age / half_life_days)).astype(np.float32)
    total, count = own @ values, own @ past.seen
    week = (total.sum(axis=0) + prior) / (count.sum(axis=0) + 1.0)
    halves = [(total[half].sum(axis=0) + week) / (count[half].sum(axis=0) + 1.0) for half in (slice(0, 5), slice(5, 7))]
    half = np.stack([halves[day >= 5] for day in range(7)])
    return week, half, (total + half) / (count + 1.0)


def _logit(chance: np.ndarray) -> np.ndarray:
    return np.asarray(special.logit(np.clip(chance, _LEAST, 1.0 - _LEAST)))


def worth_telling(chance: np.ndarray) -> float:
    """The chance from which on slots are told as high."""
    return max(_LEAST_CHANCE, _CUT_SHARE * best_share(chance))


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

"""Chance: how far sums over days of one clock position could rise if days had no clock, and false discoveries.

The null turns every day by an offset of its own, uniformly drawn. It keeps bursts, autocorrelation within the day and
the spread of each day, and breaks only the tie to the clock. Under it the sum over a rule's days is a sum of
independent draws, one from each day's own values, so its cumulants are known exactly and no rotation need be drawn:
the saddle point gives its tail for every number of days and however far out, which resampling cannot reach.
"""

from __future__ import annotations

import numpy as np

_LEVELS = 96  # steps a score is rounded to: coarse enough to count, finer than any noise
_OWN_SHARE = 0.15  # of a day's scores that are its own where days of a class are pooled
_TILTS = np.concatenate([[0.0], np.geomspace(0.05, 60.0, 36)])
_VALUES = np.arange(_LEVELS + 1)[:, None] / (_LEVELS / 2) - 1.0
_WEIGHTS = np.stack([_VALUES**power * np.exp(_VALUES * _TILTS) for power in (0, 1, 2)])  # (3, levels, tilts)


def cumulants(scores: np.ndarray, seen: np.ndarray | None = None, pool: np.ndarray | None = None) -> np.ndarray:
    """Cumulants of each day's scores, (3, days, tilts): log mean of exp(tilt * score) and two derivatives.

    Scores lie within [-1, 1] and are rounded up to steps of 1/48, so that tails err on the safe side. The cumulants of
    a sum over days are the sums of theirs. Only scores of `seen` (bool, like scores) count. With `pool` (a class for
    each day) a day's scores are mostly those of all days of its class: a rule of few days would else be judged by the
    very windows it is about, which are a good part of its own days.
    """
    share = _shares(scores, seen)
    if pool is not None:
        classes = [c for c in range(int(pool.max()) + 1) if (pool == c).any()]
        of_class = {c: share[pool == c].mean(axis=0) for c in classes}
        share = _OWN_SHARE * share + (1.0 - _OWN_SHARE) * np.stack([of_class[int(c)] for c in pool])
    mean, first, second = share @ _WEIGHTS
    slope = first / mean
    return np.stack([np.log(mean), slope, np.maximum(second / mean - slope**2, 0.0)])


def _shares(scores: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    """Share of each day's scores on each step: (days, steps); on the step of 0 all of a day without any."""
    step = np.ceil(scores * (_LEVELS / 2) + (_LEVELS / 2 - 1e-4)).astype(np.int32)
    cell = step + (np.arange(len(scores), dtype=np.int32) * (_LEVELS + 1))[:, None]
    chosen = cell.ravel() if seen is None else cell[seen]
    count = np.bincount(chosen, minlength=len(scores) * (_LEVELS + 1)).reshape(len(scores), -1).astype(float)
    total = count.sum(axis=1)
    count[total == 0, _LEVELS // 2] = 1.0
    return np.asarray(count / np.maximum(total, 1.0)[:, None])


def log_tail(cumulant: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Log probability that sums with `cumulant` (3, sums, tilts) reach `total` (sums,), after Bahadur and Rao.

    Chernoff's bound at the tilt that makes `total` the expected sum, times the share of the tilted mass beyond it.
    """
    bound = cumulant[0] - _TILTS * total[:, None]
    best = bound.argmin(axis=1)
    row = np.arange(len(total))
    beyond = _TILTS[best] * np.sqrt(2 * np.pi * cumulant[2][row, best])
    return np.asarray(np.minimum(0.0, bound[row, best]) - np.log(np.maximum(beyond, 1.0)))


def adjusted(p_values: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's false-discovery-adjusted p-values, in the order given.

    Examples
    --------
    >>> adjusted(np.array([0.01, 0.5, 0.02])).round(3).tolist()
    [0.03, 0.5, 0.03]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)[::-1]
    ranks = np.arange(len(p), 0, -1)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(np.minimum(1.0, p[order] * len(p) / ranks))
    return q

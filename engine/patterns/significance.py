"""Chance: how far sums over days of one clock position could rise if days had no clock, and false discoveries.

The null turns every day by an offset of its own, uniformly drawn. It keeps bursts, autocorrelation within the day and
the spread of each day, and breaks only the tie to the clock. Under it the sum over a rule's days is a sum of
independent draws, one from each day's own values, so its distribution is known exactly and no rotation need be drawn:
the saddle point gives its tail for every number of days and however far out, which resampling cannot reach.
"""

from __future__ import annotations

import numpy as np

from engine.patterns import loops

_LEVELS = 96  # steps a score is rounded to: coarse enough to count, finer than any noise
_OWN_SHARE = 0.15  # of a day's scores that are its own where days of a class are pooled
_TILTS = np.concatenate([[0.0], np.geomspace(0.05, 60.0, 36)])
_VALUES = np.arange(_LEVELS + 1) / (_LEVELS / 2) - 1.0
_WEIGHTS = np.exp(_TILTS[:, None] * _VALUES)  # (tilts, levels)


def shares(scores: np.ndarray, seen: np.ndarray | None = None, pool: np.ndarray | None = None) -> np.ndarray:
    """Share of each day's scores on each of 97 steps from -1 to 1: (days, steps); on that of 0 all of a day without.

    Scores lie within [-1, 1] and are rounded up, so that tails err on the safe side. Only scores of `seen` (bool, like
    scores) count. With `pool` (a class for each day) a day's scores are mostly those of all days of its class: a rule
    of few days would else be judged by the very windows it is about, which are a good part of its own days.
    """
    count = loops.histogram(scores, np.zeros((0, 0), dtype=bool) if seen is None else seen, _LEVELS)
    total = count.sum(axis=1)
    count[total == 0, _LEVELS // 2] = 1.0
    share = np.asarray(count / np.maximum(total, 1.0)[:, None])
    if pool is None:
        return share
    of_class = {c: share[pool == c].mean(axis=0) for c in range(int(pool.max()) + 1) if (pool == c).any()}
    return np.asarray(_OWN_SHARE * share + (1.0 - _OWN_SHARE) * np.stack([of_class[int(c)] for c in pool]))


def log_tail(share: np.ndarray, total: float) -> float:
    """Log probability that the sum of one score of each day, drawn by its `share` of steps, reaches `total`.

    After Bahadur and Rao: Chernoff's bound at the tilt that makes `total` the expected sum, times the share of the
    tilted mass beyond it.
    """
    return float(loops.tail(share, total, _TILTS, _WEIGHTS, _VALUES))


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

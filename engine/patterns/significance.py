"""Chance: how far sums over days of one clock position could rise if days had no clock, and false discoveries.

The null turns every day by an offset of its own, uniformly drawn. It keeps bursts, autocorrelation within the day and
the spread of each day, and breaks only the tie to the clock. Under it the sum over a rule's days is a sum of
independent draws, one from each day's own values, so its cumulants are known exactly and no rotation need be drawn:
Chernoff's bound on its tail holds for every sample size and however far out, which resampling cannot reach.
"""

from __future__ import annotations

import numpy as np

_LEVELS = 96  # steps a score is rounded to: coarse enough to count, finer than any noise
_TILTS = np.concatenate([[0.0], np.geomspace(0.05, 60.0, 28)])


def cumulants(scores: np.ndarray) -> np.ndarray:
    """Logarithm of each day's mean of exp(tilt * score) over its bins: (days, tilts), for scores within [-1, 1].

    Values are rounded up to steps of 1/48, so that tails err on the safe side.
    """
    days, _ = scores.shape
    step = np.ceil((scores + 1.0) * (_LEVELS / 2) - 1e-9).astype(np.int64)
    cell = step + (np.arange(days) * (_LEVELS + 1))[:, None]
    share = np.bincount(cell.ravel(), minlength=days * (_LEVELS + 1)).reshape(days, -1) / scores.shape[1]
    levels = np.arange(_LEVELS + 1) / (_LEVELS / 2) - 1.0
    return np.asarray(np.log(share @ np.exp(np.outer(levels, _TILTS))))


def log_tail(cumulant: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Upper bound on the log probability that a sum with `cumulant` (..., tilts) reaches `total` (...)."""
    return np.asarray((cumulant - _TILTS * total[..., None]).min(axis=-1))


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

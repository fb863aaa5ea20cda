"""Likelihood: how much better each value fits a background that is raised than the background as it usually is.

Where bursts lie over quiet noise, a rise of one height is told from them by its height: values far above it speak for
it as little as low ones. Ranks cannot say that. The density of the background is that of the series itself.
"""

from __future__ import annotations

import numpy as np

from engine.lazy import lazy
from engine.patterns import loops
from engine.patterns.scores import Scored, middle_of

ndimage = lazy("scipy.ndimage")

_STEP = 0.02  # of the scale (area hyperbolic sine of robust deviations) on which densities are counted
_NARROW, _WIDE, _WIDE_SHARE = 0.15, 0.6, 0.1  # kernels, and how much the wide one, which fills thin tails, counts
_LEAST = 1e-5  # of a density
_LEAST_SAID, _MOST_SAID = -1.0, 4.0  # nats that one value may say: nothing against a rise is much against it
_FARTHEST = 1e6  # robust deviations: what lies beyond counts as that
_HEAVY = 2.6  # robust deviations above the median that the 98th percentile of a heavy upper tail reaches; normal: 2.05


def likelihoods(course: np.ndarray, rises: tuple[float, ...]) -> tuple[Scored, ...]:
    """Scores of a `course` (days, bins; nan where unseen) for each of `rises`; none where its noise has no bursts."""
    seen = np.isfinite(course)
    known = course[seen]
    if len(known) == 0:
        return ()
    centred = known - middle_of(known)
    spread = middle_of(np.abs(centred)) / 0.6745
    if spread <= 0.0 or not has_bursts(centred / spread):
        return ()
    found = []
    for ratio in log_ratios(centred / spread, rises):
        score = np.zeros(course.shape, dtype=np.float32)
        score[seen] = ratio
        found.append(Scored(score, seen.copy()))
    return tuple(found)


def has_bursts(deviations: np.ndarray) -> bool:
    """Whether values (in robust deviations from their median) rise far above it too often for ordinary noise."""
    return bool(np.quantile(deviations, 0.98) > _HEAVY)


def log_ratios(deviations: np.ndarray, rises: tuple[float, ...]) -> list[np.ndarray]:
    """For each of `rises` the log of the likelihood of each value, raised by so much, over that of it as it is.

    Values and rises are in robust deviations from the median of the values.
    """
    deviations = np.clip(deviations, -_FARTHEST, _FARTHEST)
    scale = np.arcsinh(deviations)
    low = float(scale.min()) - 2.0
    counts = np.bincount(((scale - low) / _STEP).astype(np.int64), minlength=int((scale.max() - low + 2.0) / _STEP))
    narrow, wide = (ndimage.gaussian_filter1d(counts.astype(float), one / _STEP) for one in (_NARROW, _WIDE))
    density = (1.0 - _WIDE_SHARE) * narrow + _WIDE_SHARE * wide
    knots = np.sinh(low + (np.arange(len(density)) + 0.5) * _STEP)
    log_density = np.log(density / (density.sum() * _STEP) + _LEAST) - 0.5 * np.log1p(knots**2)
    found, order = [], np.argsort(deviations)
    for rise in rises:
        ratio = np.interp(knots - rise, knots, log_density) - log_density
        found.append(loops.between(deviations, order, knots, np.clip(ratio, _LEAST_SAID, _MOST_SAID)))
    return found

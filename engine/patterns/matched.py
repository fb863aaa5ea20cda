"""Matched filter: how well the step up and the step down of a window fit a course whose noise is correlated.

The noise is taken for autoregressive. Whitened twice, forwards and backwards, a course turns into one whose sum over
any stretch is the best linear evidence that the stretch was raised (the statistic of generalised least squares). As
that is a difference of two running sums, the best begin and the best end nearby are found apart from each other.
"""

from __future__ import annotations

import numpy as np

from engine.lazy import lazy

linalg = lazy("scipy.linalg")

_ORDER = 8  # steps back that noise is followed
_RIDGE = 1e-3  # of the variance, added to it: a course without noise of its own has no inverse


def autoregression(course: np.ndarray) -> np.ndarray:
    """The filter (order + 1,) that makes a centred `course` white, by the equations of Yule and Walker.

    Examples
    --------
    >>> autoregression(np.zeros(50)).tolist()[:3]
    [1.0, 0.0, 0.0]
    """
    own = np.array([course[lag:] @ course[: len(course) - lag] for lag in range(_ORDER + 1)]) / max(len(course), 1)
    if not own[0] > 0.0:
        return np.concatenate([[1.0], np.zeros(_ORDER)])
    own[0] *= 1.0 + _RIDGE
    return np.concatenate([[1.0], -linalg.solve_toeplitz(own[:-1], own[1:])])


def evidence(course: np.ndarray, whitening: np.ndarray) -> np.ndarray:
    """Running sums of the twice whitened `course`, from 0 on: (len + 1,); differences speak for raised stretches."""
    once = np.convolve(course, whitening)[: len(course)]
    twice = np.convolve(once[::-1], whitening)[: len(course)][::-1]
    return np.concatenate([[0.0], np.cumsum(twice)])


def response(width: int, whitening: np.ndarray) -> float:
    """The evidence that a window of `width` raised by 1 leaves without any noise."""
    return float((np.convolve(np.ones(width), whitening) ** 2).sum())

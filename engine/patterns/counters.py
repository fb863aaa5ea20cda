"""Counters: metrics that only rise and start again from zero, such as Prometheus' `*_total`, read as rates.

What recurs in a counter is how fast it rises: its value says when it was last started, and no more.
"""

from __future__ import annotations

import re

import numpy as np

_NAMED = re.compile(r"_(total|count|sum|bucket)$")  # what Prometheus' and OpenMetrics' naming keeps for counters
_LEAST = 48  # samples
_MOST_FALLS_NAMED = 0.02  # of moves, of what is named as a counter: each is a reset
_MOST_FALLS = 0.005  # of moves, of what is not: counts of a day begin anew every night
_LEAST_RISES = 0.2  # of steps, of what is not named as a counter: versions and settings rise seldom
_ZERO_SHARE = 0.05  # of the value before it that a counter has at most reached where its reset is seen
_LOST_STEPS = 10.0  # times the usual distance of samples beyond which nothing is said of what lies between


def rates_of(ts: np.ndarray, values: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray] | None:
    """The rate per second of a counter in the middle of each two samples: times (UTC seconds) and rates.

    None where `values` (none of them nan, `ts` in any order) are no counter's. A fall is a reset: what was counted
    since is the value after it, as Prometheus' `rate` takes it. Where samples are missing no rate is told.

    Examples
    --------
    >>> ts = np.arange(0, 60 * 60, 60)
    >>> times, rates = rates_of(ts, 120.0 * np.arange(60), "requests_total")
    >>> float(rates[0]), len(rates)
    (2.0, 59)
    """
    times, at = np.unique(ts, return_inverse=True)
    if len(times) < _LEAST:
        return None
    level = np.full(len(times), -np.inf)
    np.maximum.at(level, at, values)
    steps, elapsed = np.diff(level), np.diff(times)
    if not _is_counter(level, steps, named=bool(_NAMED.search(metric.lower()))):
        return None
    counted = np.where(steps < 0, level[1:], steps)
    known = elapsed <= _LOST_STEPS * float(np.median(elapsed))
    return (times[:-1] + elapsed // 2)[known], (counted / elapsed)[known]


def _is_counter(level: np.ndarray, steps: np.ndarray, *, named: bool) -> bool:
    """Whether values in order of time, and the `steps` between them, are those of a counter."""
    falls, rises = steps < 0, steps > 0
    if float(level.min()) < 0 or not rises.any():
        return False
    share = float(falls.sum()) / float(falls.sum() + rises.sum())
    if named:
        return share <= _MOST_FALLS_NAMED
    from_zero = bool((level[1:][falls] <= _ZERO_SHARE * level[:-1][falls]).all())
    return share <= _MOST_FALLS and from_zero and float(rises.mean()) >= _LEAST_RISES

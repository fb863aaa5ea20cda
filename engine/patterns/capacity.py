"""Growth: how the level of a pattern moves from week to week, and when it would pass a limit."""

from __future__ import annotations

import re

import numpy as np

from engine.domain import Pattern

_LEAST = 6  # occurrences
_MOST = 200  # of the latest occurrences that are compared with each other
_FAR_WEEKS = 104.0  # a crossing further away is not told
_FRACTIONS = frozenset(("util", "utilisation", "utilization", "usage", "ratio", "percent", "pct"))
_SHARES = _FRACTIONS | {"cpu", "mem", "memory", "ram", "disk", "fs", "swap"}
_CLEAR = 2.5  # standard errors by which growth must differ from none


def growth_per_week(days: np.ndarray, levels: np.ndarray) -> float:
    """Median slope of `levels` over `days`, per week (Theil and Sen); 0 where it may as well be none.

    Examples
    --------
    >>> growth_per_week(np.arange(0, 70, 7), np.arange(10.0) * 2 + np.tile([0.1, -0.1], 5)).__round__()
    2
    """
    known = np.isfinite(levels)
    days, levels = days[known][-_MOST:].astype(float), levels[known][-_MOST:].astype(float)
    if len(days) < _LEAST:
        return 0.0
    low, high = np.triu_indices(len(days), 1)
    apart = days[high] - days[low]
    slope = float(np.median((levels[high] - levels[low])[apart > 0] / apart[apart > 0])) if (apart > 0).any() else 0.0
    rest = levels - slope * (days - days.mean())
    noise = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    error = noise / max(float(np.sqrt(((days - days.mean()) ** 2).sum())), 1e-9)
    return 7.0 * slope if abs(slope) > _CLEAR * error else 0.0


def limit_of(pattern: Pattern) -> float | None:
    """What the level of a pattern should stay below: 95 % of a share, as far as name and values tell one; else None."""
    words = set(re.split(r"[^a-z]+", pattern.metric.lower()))
    top = max(abs(pattern.level), abs(pattern.baseline))
    if pattern.of_events or pattern.of_rate or pattern.level < pattern.baseline or not words & _SHARES:
        return None
    if 1.0 < top <= 100.0:
        return 95.0
    return 0.95 if top <= 1.0 and words & _FRACTIONS else None


def crossing_words(pattern: Pattern) -> str:
    """`, at this growth past 95 in 5 weeks`; "" where it does not grow, has no limit, or takes over two years."""
    limit = limit_of(pattern)
    weeks = None if limit is None else weeks_until(pattern, limit)
    if limit is None or weeks is None or weeks > _FAR_WEEKS:
        return ""
    return f", at its limit of {limit:g}" if weeks == 0 else f", at this growth past {limit:g} in {weeks:.0f} weeks"


def weeks_until(pattern: Pattern, limit: float) -> float | None:
    """Weeks until the level of `pattern` passes `limit` at its growth; 0 if it has, None if it does not move there."""
    room = (limit - pattern.level) * (1.0 if pattern.level >= pattern.baseline else -1.0)
    pace = pattern.growth_per_week * (1.0 if pattern.level >= pattern.baseline else -1.0)
    if room <= 0:
        return 0.0
    return room / pace if pace > 0 else None

"""Watching: the life of known patterns goes on as samples and events come in, without finding them anew.

A chance counts once its window has passed and something of it was seen: what was not measured was not missed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from engine.domain import Occurrence, Pattern
from engine.patterns.counters import rates_of
from engine.patterns.life import observed
from engine.patterns.occurrences import occurrences

_MOST_DAYS = 35  # behind the newest sample; older chances are left to the next finding
_LEAST_SEEN = 0.5  # of the usual number of samples in a window
_PEAK_SHARE = 0.75  # of the way from baseline to level that a peak passes
_EARLY = timedelta(minutes=15)  # how early or late a load may be and still have come


def watched(pattern: Pattern, ts: np.ndarray, values: np.ndarray) -> Pattern:
    """`pattern` after every chance since it was last seen that the samples (UTC seconds in order, values) passed."""
    if pattern.of_rate:
        ts, values = rates_of(ts, values, pattern.metric) or (ts[:0], values[:0])
    if not len(ts):
        return pattern
    step_s = float(np.median(np.diff(ts))) if len(ts) > 1 else 300.0
    for one in _passed(pattern, datetime.fromtimestamp(int(ts[-1]), UTC)):
        inside = _within(ts, one, timedelta(0))
        expected = 60 * pattern.duration_minutes / max(step_s, 1.0)
        if inside.sum() >= max(1.0, _LEAST_SEEN * expected):
            pattern = observed(pattern, _came(pattern, values[_within(ts, one, _EARLY)], values[inside]), one.end)
    return pattern


def watched_events(pattern: Pattern, ts: np.ndarray, until: datetime) -> Pattern:
    """A pattern of events after every chance up to `until`, where `ts` (UTC seconds) is when something happened."""
    for one in _passed(pattern, until):
        pattern = observed(pattern, bool(_within(ts, one, _EARLY).any()), one.end)
    return pattern


def _passed(pattern: Pattern, until: datetime) -> list[Occurrence]:
    """Chances that ended after `pattern` was last seen and by `until`, in order of time."""
    since = max(pattern.last_seen_at, until - timedelta(days=_MOST_DAYS))
    days = (until - since).days + 1
    return [one for one in occurrences(pattern, since, days) if one.start >= since and one.end + _EARLY <= until]


def _within(ts: np.ndarray, one: Occurrence, more: timedelta) -> np.ndarray:
    return np.asarray((ts >= (one.start - more).timestamp()) & (ts < (one.end + more).timestamp()))


def _came(pattern: Pattern, around: np.ndarray, inside: np.ndarray) -> bool:
    """Whether a good part of the window passes the middle between baseline and level, or some of it the level."""
    if pattern.is_peak:
        return bool((around > pattern.baseline + _PEAK_SHARE * (pattern.level - pattern.baseline)).any())
    sign = 1.0 if pattern.level >= pattern.baseline else -1.0
    middle = sign * (pattern.level + pattern.baseline) / 2
    share = float((sign * inside > middle).mean())
    return share >= 0.25 or bool((sign * around > sign * pattern.level).any())

"""Patterns beside incidents: how often incidents came with a pattern against chance, and what to do about it.

Chance is that of the same incident at any other moment of the same kind of time (working hours, other hours of working
days, weekends): without that, everything at office hours would seem to cause the tickets that people write then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from engine.domain import Pattern
from engine.lazy import lazy
from engine.patterns.calendar import local_seconds
from engine.patterns.occurrences import occurrences

special = lazy("scipy.special")

_BEFORE = timedelta(minutes=15)
_AFTER = timedelta(minutes=60)
_STEP_S = 900
_CLEAR_P = 0.01
_CLEAR_LIFT = 2.0
_LEAST = 3  # incidents with the pattern


@dataclass(frozen=True, kw_only=True)
class Joined:
    """How many incidents, alerts or changes came while a pattern ran or within an hour of its end."""

    what: str  # incidents | alerts | changes
    with_pattern: int
    incidents: int  # or alerts, or changes: all of them
    expected: float  # of them, by chance
    lift: float  # times chance
    p_value: float  # chance of as many or more, 0..1
    advice: str  # "" where the pattern does not clearly go with incidents

    @property
    def sentence(self) -> str:
        """In words, such as `preceded 9 of 12 incidents, 14x chance`."""
        return f"preceded {self.with_pattern} of {self.incidents} {self.what}, {self.lift:.3g}x chance"


def joined(
    pattern: Pattern, opened: Sequence[datetime], since: datetime, until: datetime, what: str = "incidents"
) -> Joined:
    """How often the moments `opened` within `[since, until)` fell to occurrences of `pattern`, against chance."""
    moments = np.array([one.timestamp() for one in opened if since <= one < until])
    slots = np.arange(int(since.timestamp()), int(until.timestamp()), _STEP_S)
    if not len(moments) or not len(slots):
        return Joined(what=what, with_pattern=0, incidents=len(moments), expected=0.0, lift=0.0, p_value=1.0, advice="")
    spans = [
        ((one.start - _BEFORE).timestamp(), (one.end + _AFTER).timestamp())
        for one in occurrences(pattern, since - _AFTER, (until - since).days + 2)
    ]
    covered, inside = _inside(slots, spans), _inside(moments, spans)
    kind, own = _kind_of(slots, pattern.timezone), _kind_of(moments.astype(np.int64), pattern.timezone)
    share = np.array([float(covered[kind == k].mean()) if (kind == k).any() else 0.0 for k in range(3)])
    expected = float(share[own].sum())
    hits = int(inside.sum())
    lift = hits / max(expected, 1e-3)
    chance = float(special.bdtrc(hits - 1, len(moments), min(1.0, expected / len(moments)))) if hits else 1.0
    clear = hits >= _LEAST and lift >= _CLEAR_LIFT and chance < _CLEAR_P
    return Joined(
        what=what, with_pattern=hits, incidents=len(moments), expected=expected, lift=lift, p_value=chance,
        advice=advice(pattern, what) if clear else "",
    )  # fmt: skip


def advice(pattern: Pattern, what: str = "incidents") -> str:
    """What to do about a pattern that goes with incidents, alerts or changes."""
    if what == "changes":
        return "the load follows planned work: plan capacity for it, or move the work to a quieter hour"
    if what == "alerts" and not pattern.of_events:
        return "silence these alerts while it runs, or shift the work to a quieter hour"
    if pattern.of_events:
        return "silence this alert then, or open a maintenance window over it"
    if pattern.level < pattern.baseline:
        return "find out what stops then; open a maintenance window if it is meant to"
    if pattern.growth_per_week > 0:
        return "scale up before it starts, or shift the work to a quieter hour: it grows from week to week"
    return "shift the work to a quieter hour, or scale up before it starts"


def _inside(moments: np.ndarray, spans: Sequence[tuple[float, float]]) -> np.ndarray:
    """Which of `moments` lie in one of `spans` (in order of time)."""
    if not spans:
        return np.zeros(len(moments), dtype=bool)
    low, high = np.array(spans).T
    high = np.maximum.accumulate(high)
    at = np.searchsorted(low, moments, side="right") - 1
    return np.asarray((at >= 0) & (moments < high[np.maximum(at, 0)]))


def _kind_of(seconds: np.ndarray, timezone: str) -> np.ndarray:
    """0: working hours, 1: other hours of working days, 2: weekends."""
    local = local_seconds(seconds, timezone)
    hour, weekday = local // 3600 % 24, (local // 86_400 + 3) % 7
    return np.where(weekday >= 5, 2, np.where((hour >= 8) & (hour < 18), 0, 1))

"""Windows: what every search hands over, a recurring stretch of the wall clock with its record; and its pattern."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from engine.domain import Pattern


@dataclass(frozen=True, kw_only=True)
class Source:
    """Whose windows are told, by which clock, and until when they were watched."""

    service: str
    host: str
    metric: str
    timezone: str
    last: datetime  # UTC
    of_events: bool = False


@dataclass(frozen=True)
class Window:
    """A window of the wall clock in which something happens again and again."""

    log_p: float  # natural logarithm of the chance of it anywhere in a series without patterns, an upper bound
    kind: str
    rule: str
    start_s: int  # seconds after local midnight
    length_s: int
    hits: np.ndarray  # bool, per chance, in order of time
    chance_days: np.ndarray  # days since 1970-01-01, per chance
    level: float  # typical value inside (events: share of the rule's windows that hold one)
    baseline: float  # typical value outside (events: share of windows as long at any other time)


def pattern_of(source: Source, window: Window, *, probability: float | None = None) -> Pattern:
    """The pattern that `window` is; the chance of the next occurrence is its record's unless one is given."""
    if probability is None:
        probability = next_probability(window.hits, window.chance_days)
    return Pattern(
        service=source.service,
        host=source.host,
        metric=source.metric,
        kind=window.kind,
        rule=window.rule,
        timezone=source.timezone,
        start_local=clock_text(window.start_s // 60),
        duration_minutes=window.length_s // 60,
        level=window.level,
        baseline=window.baseline,
        hits=int(window.hits.sum()),
        chances=len(window.hits),
        q_value=1.0,
        last_seen_at=source.last,
        probability=probability,
        of_events=source.of_events,
    )


def next_probability(hits: np.ndarray, days: np.ndarray, half_life_days: float = 28.0) -> float:
    """Mean of the Beta posterior that the next chance is a hit; a hit counts half as much after `half_life_days`.

    Rules of few chances forget by chances instead, so that six of them always weigh.
    """
    age = days[-1] - days
    gap = age[0] / max(len(days) - 1, 1)
    weight = 0.5 ** (age / max(half_life_days, 6.0 * gap))
    return float(((weight * hits).sum() + 1.0) / (weight.sum() + 1.5))


def clock_text(minutes: float) -> str:
    """Minutes after midnight as HH:MM."""
    whole = int(minutes) % (24 * 60)
    return f"{whole // 60:02d}:{whole % 60:02d}"


def seconds_of(clock: str) -> int:
    """HH:MM as seconds after midnight."""
    return int(clock[:2]) * 3600 + int(clock[3:]) * 60

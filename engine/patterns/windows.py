"""Windows: what every search hands over, a recurring stretch of the wall clock with its record; and its pattern."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from engine.domain import Pattern

_MEMORY_DAYS = (5.0, 20.0, 80.0)  # half-lives
_LEAST_MEMORY = 3.0  # chances that a half-life holds at least


@dataclass(frozen=True, kw_only=True)
class Source:
    """Whose windows are told, by which clock, and until when they were watched."""

    service: str
    host: str
    metric: str
    timezone: str
    last: datetime  # UTC
    of_events: bool = False
    of_rate: bool = False


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
        of_rate=source.of_rate,
    )


def next_probability(hits: np.ndarray, days: np.ndarray) -> float:
    """Chance that the next chance is a hit, from `hits` (bool) on `days` (numbers, in order): a mean of three memories.

    Each is the mean of a Beta posterior whose hits count half as much after some days, and weighs as much as it
    foretold the record so far: work that goes on is known by its long memory, work that began or ended by its short
    one. Rules of few chances forget by chances instead.

    Examples
    --------
    >>> steady, ended = np.ones(56, dtype=bool), np.arange(56) < 46
    >>> [round(next_probability(hits, np.arange(56)), 2) for hits in (steady, ended)]
    [0.98, 0.32]
    """
    known, at, count = np.unique(days, return_inverse=True, return_counts=True)
    came = np.bincount(at, weights=hits)
    gap = (known[-1] - known[0]) / max(len(known) - 1, 1)
    age = (known[:, None] - known).astype(float)
    chance, fit = np.empty(len(_MEMORY_DAYS)), np.empty(len(_MEMORY_DAYS))
    for one, half_life in enumerate(_MEMORY_DAYS):
        weight = np.where(age >= 0, 0.5 ** (np.abs(age) / max(half_life, _LEAST_MEMORY * gap)), 0.0)
        until, of = weight @ came, weight @ count
        before = (until - came + 1.0) / (of - count + 1.5)
        fit[one] = (came * np.log(before) + (count - came) * np.log(1.0 - before)).sum()
        chance[one] = (until[-1] + 1.0) / (of[-1] + 1.5)
    share = np.exp(fit - fit.max())
    return float(share @ chance / share.sum())


def clock_text(minutes: float) -> str:
    """Minutes after midnight as HH:MM."""
    whole = int(minutes) % (24 * 60)
    return f"{whole // 60:02d}:{whole % 60:02d}"


def seconds_of(clock: str) -> int:
    """HH:MM as seconds after midnight."""
    return int(clock[:2]) * 3600 + int(clock[3:]) * 60

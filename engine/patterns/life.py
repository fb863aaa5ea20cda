"""Life of a pattern: the same one found again keeps its identity; new, active, drifting or faded.

Chances of a pattern that pass are taken in one by one; what was learned before counts half after four weeks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from engine.domain import Pattern
from engine.patterns.occurrences import occurrences, probability

_DRIFT_MINUTES = 20  # a start that moved by as much since it was first found is told
_FADED = 0.35  # chance of the next one below which a pattern is over
_NEAR_MINUTES = 120  # a window found again begins no further away
_LEAST_SHARE = 0.4  # of the coming starts of two patterns that lie near each other if they are one
_HALF_LIFE_CHANCES = 28.0  # of daily patterns: days; of rarer ones, six chances
_FORGET_DAYS = 60  # a pattern that has not been found for so long is dropped


class State(StrEnum):
    """How a pattern fares."""

    NEW = "new"
    ACTIVE = "active"
    DRIFTING = "drifting"
    FADED = "faded"


def carried(before: Mapping[str, Pattern], found: Sequence[Pattern]) -> tuple[dict[str, Pattern], list[Pattern]]:
    """`found` under the ids of `before` where they are the same load, and those of them that are new.

    What is not found again stays, as faded, for sixty days.
    """
    pairs = _pairs(before, found)
    kept = {key: renewed(before[key], found[at]) for key, at in pairs}
    again = {at for _, at in pairs}
    new = [
        replace(pattern, state=State.NEW, first_seen_at=pattern.first_seen_at or pattern.last_seen_at)
        for at, pattern in enumerate(found)
        if at not in again
    ]
    latest = max((pattern.last_seen_at for pattern in found), default=None)
    for key, old in before.items():
        if key not in kept and (latest is None or latest - old.last_seen_at < timedelta(days=_FORGET_DAYS)):
            kept[key] = replace(old, state=State.FADED)
    return kept, new


def _pairs(before: Mapping[str, Pattern], found: Sequence[Pattern]) -> list[tuple[str, int]]:
    """Ids of `before` and places in `found` of the same load, each at most once, the likest first."""
    own: dict[tuple[str, str, str, bool], list[str]] = {}
    for key, old in before.items():
        own.setdefault(_series_of(old), []).append(key)
    alike = [
        (likeness(before[key], pattern), -abs(_later_by(before[key].start_local, pattern.start_local)), key, at)
        for at, pattern in enumerate(found)
        for key in own.get(_series_of(pattern), ())
    ]
    pairs: list[tuple[str, int]] = []
    keys: set[str] = set()
    places: set[int] = set()
    for share, _, key, at in sorted(alike, reverse=True):
        if share >= _LEAST_SHARE and key not in keys and at not in places:
            pairs.append((key, at))
            keys.add(key)
            places.add(at)
    return pairs


def renewed(old: Pattern, found: Pattern) -> Pattern:
    """`found` with the past of `old`, and the state that follows from both."""
    shift = old.shift_minutes + _later_by(old.start_local, found.start_local)
    state = State.DRIFTING if abs(shift) >= _DRIFT_MINUTES else State.ACTIVE
    if probability(found) < _FADED:
        state = State.FADED
    return replace(found, state=state, first_seen_at=old.first_seen_at or old.last_seen_at, shift_minutes=shift)


def observed(pattern: Pattern, came: bool, at: datetime) -> Pattern:
    """`pattern` after one more chance, which it took (`came`) or missed; nothing is fitted anew."""
    each = _HALF_LIFE_CHANCES if "WEEKLY" not in pattern.rule and "MONTHLY" not in pattern.rule else 6.0
    keep = 0.5 ** (1.0 / each)
    weight = min(float(pattern.chances), 1.0 / (1.0 - keep)) * keep
    chance = (probability(pattern) * (weight + 1.5) + came) / (weight + 2.5)
    state = State.FADED if chance < _FADED else State.ACTIVE if pattern.state == State.FADED else pattern.state
    return replace(
        pattern,
        hits=pattern.hits + came,
        chances=pattern.chances + 1,
        probability=chance,
        state=str(state),
        last_seen_at=max(at, pattern.last_seen_at),
    )


def likeness(a: Pattern, b: Pattern) -> float:
    """Share, 0..1, of the coming five weeks' starts of either pattern that have one of the other near."""
    at = max(a.last_seen_at, b.last_seen_at)
    ours, others = ([one.start for one in occurrences(p, at, 35)] for p in (a, b))
    if not ours or not others:
        return float(a.rule == b.rule and abs(_later_by(a.start_local, b.start_local)) <= _NEAR_MINUTES)
    return min(_near_share(ours, others, _reach(a, b)), _near_share(others, ours, _reach(a, b)))


def _reach(a: Pattern, b: Pattern) -> timedelta:
    """How far apart starts may lie: less for what comes often."""
    often = max(len(occurrences(p, p.last_seen_at, 7)) for p in (a, b))
    return timedelta(minutes=min(_NEAR_MINUTES, 7 * 1440 / max(often, 1) / 4))


def _near_share(ours: Sequence[datetime], others: Sequence[datetime], reach: timedelta) -> float:
    at, near = 0, 0
    for start in ours:
        while at + 1 < len(others) and abs(others[at + 1] - start) <= abs(others[at] - start):
            at += 1
        near += abs(others[at] - start) <= reach
    return near / len(ours)


def _series_of(pattern: Pattern) -> tuple[str, str, str, bool]:
    """What two findings must share to be the same load: the series and the direction."""
    return pattern.service, pattern.host, pattern.metric, pattern.level > pattern.baseline


def _later_by(before: str, after: str) -> int:
    """Minutes from one HH:MM to another, the short way round the clock."""
    minutes = [int(text[:2]) * 60 + int(text[3:]) for text in (before, after)]
    return (minutes[1] - minutes[0] + 720) % 1440 - 720

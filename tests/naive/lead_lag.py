"""The slow, obvious way to what the lead-lag learner counts in one pass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Event = tuple[str, float, str]  # kind, seconds, place


def meetings(
    events: Sequence[Event], neighbours: Mapping[str, Sequence[str]], short_s: float, long_s: float
) -> dict[tuple[str, str], list[float]]:
    """(earlier kind, later kind) -> first answers at the same moment, within the short and within the longer delay."""
    kinds = {kind for kind, _, _ in events}
    found: dict[tuple[str, str], list[float]] = {}
    for number, (kind, at, place) in enumerate(events):
        earlier = [each for each in events[:number] if each[2] == place or place in neighbours.get(each[2], ())]
        last = {other: max((when for name, when, _ in earlier if name == other), default=-math.inf) for other in kinds}
        for other in kinds - {kind}:
            delay = at - last[other]
            if delay <= long_s and last[kind] < last[other]:
                slot = 0 if delay == 0.0 else 1 if delay <= short_s else 2
                found.setdefault((other, kind), [0.0, 0.0, 0.0])[slot] += 1.0
    return found


def chance(
    events: Sequence[Event], neighbours: Mapping[str, Sequence[str]], within_s: float, pair: tuple[str, str]
) -> float:
    """How often the second kind would come within the time of the first if all events were independent."""
    first, second = pair
    span = max(1.0, events[-1][1] - events[0][1])
    total = 0.0
    for place in {where for _, _, where in events}:
        audible = {place, *neighbours.get(place, ())}
        rate = sum(kind == first and where in audible for kind, _, where in events) / span
        times = sum(kind == second and where == place for kind, _, where in events)
        total += times * (1.0 - math.exp(-rate * within_s))
    return total

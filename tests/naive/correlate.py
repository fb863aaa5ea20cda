"""The slow, obvious way to what the correlator counts incrementally."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence

from engine.correlate.forest import Forest
from engine.correlate.profile import Member
from engine.domain import Edge


def gap(times: Sequence[float], at: float) -> float:
    """Seconds to the nearest of `times`."""
    return min((abs(at - time) for time in times), default=math.inf)


def counters(members: Iterable[Member]) -> dict[str, object]:
    """What a profile counts, from a scan of all its members."""
    found = list(members)
    fields = [pair for member in found for pair in member.reading.fields]
    inside: dict[str, Counter[str]] = {}
    for name, value in fields:
        inside.setdefault(name, Counter())[value] += 1
    return {
        "times": sorted(member.at for member in found),
        "last": max((member.last_at for member in found), default=-math.inf),
        "among": dict(Counter(name for name, _ in fields)),
        "inside": {name: dict(counts) for name, counts in inside.items()},
        "things": dict(Counter(thing for member in found for thing in member.reading.things)),
        "words": dict(Counter(word for member in found for word in member.reading.words)),
    }


def hops(edges: Sequence[Edge], start: str, end: str) -> int | None:
    """Relations between two things, either way round; None if they are not connected."""
    beside: dict[str, set[str]] = {}
    for edge in edges:
        beside.setdefault(edge.source, set()).add(edge.target)
        beside.setdefault(edge.target, set()).add(edge.source)
    queue, seen = deque([(start, 0)]), {start}
    while queue:
        thing, far = queue.popleft()
        if thing == end:
            return far
        for other in beside.get(thing, set()) - seen:
            seen.add(other)
            queue.append((other, far + 1))
    return None


def lift(incidents: Sequence[Sequence[str]], kind: str, other: str, shrink: float) -> float:
    """Nats by which `other` in an incident raises the chance of `kind`, counted over all incidents."""
    total = sum(kind in kinds for kinds in incidents)
    seen = sum(other in kinds for kinds in incidents)
    both = sum(kind in kinds and other in kinds for kinds in incidents)
    base = (total + 0.5) / (len(incidents) + 1.0)
    return math.log((both + shrink * base) / (seen + shrink) / base)


def forest_score(forest: Forest, row: Sequence[float]) -> float:
    """The nats of one row, tree by tree and question by question."""
    total = 0.0
    for columns, cuts, values in zip(forest.columns, forest.cuts, forest.values, strict=True):
        place = 0
        for depth, (column, cut) in enumerate(zip(columns, cuts, strict=True)):
            if row[column] > cut:
                place += 2**depth
        total += values[place]
    return total

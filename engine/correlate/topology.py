"""How far apart two things are in the known topology, and how surprising that closeness is."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from engine.domain import Edge

REACH = 3  # hops: beyond it, everything is near everything
_AROUND = 4096  # sets of nodes whose surroundings are remembered


@dataclass(frozen=True, slots=True)
class Near:
    """How a thing lies to another."""

    hops: int
    direction: str  # down: what the thing needs; up: what needs the thing; side: neither
    surprise: float  # nats, -log of the share of all things at most this far; 0 = everything is that near
    through: str = ""  # the thing it was measured from


# Thing -> (its nearest node, the thing, how), the most surprising first.
Around = dict[str, tuple[str, str, Near]]


class Topology:
    """Distances over `edges`, answered from neighbourhoods of `REACH` hops computed once."""

    def __init__(self, edges: Sequence[Edge] = ()) -> None:
        self.near: dict[str, dict[str, Near]] = {}
        self._around = lru_cache(_AROUND)(self._nearest)
        self.wholes: dict[str, tuple[str, ...]] = {}  # thing -> what it is part of or runs on
        self.parts: dict[str, tuple[str, ...]] = {}  # the other way round
        for edge in edges:
            if edge.relation in ("part_of", "runs_on"):
                part, whole = edge.source.strip().lower(), edge.target.strip().lower()
                self.wholes[part] = (*self.wholes.get(part, ()), whole)
                self.parts[whole] = (*self.parts.get(whole, ()), part)
        down, up = _adjacency(edges)
        for thing in down:
            self.near[thing] = _neighbourhood(thing, down, up)

    def nodes(self, things: Iterable[str]) -> list[str]:
        """Those of `things` that the topology knows."""
        return [thing for thing in things if thing in self.near]

    def around(self, nodes: Sequence[str]) -> Around:
        """All that is near any of `nodes`, each thing by its most surprising closeness; of equal ones the first."""
        return self._around(tuple(nodes))

    def _nearest(self, nodes: tuple[str, ...]) -> Around:
        found: dict[str, tuple[float, str, str, Near]] = {}
        for node in nodes:
            for other, near in self.near[node].items():
                if other not in found or near.surprise > found[other][0]:
                    found[other] = (near.surprise, other, node, near)
        ranked = sorted(found.values(), key=itemgetter(0, 1), reverse=True)
        return {other: (node, other, near) for _, other, node, near in ranked}


def closest(around: Around, *there: Mapping[str, object]) -> tuple[str, str, Near] | None:
    """The most surprising closeness to a key of `there`, as (from, to, how); None where nothing is within `REACH`."""
    met = [
        around[next(filter(names.__contains__, around))]
        for names in there
        if not names.keys().isdisjoint(around.keys())
    ]
    return max(met, key=lambda each: (each[2].surprise, each[1]), default=None)


def _adjacency(edges: Sequence[Edge]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    down: dict[str, list[str]] = {}
    up: dict[str, list[str]] = {}
    for edge in edges:
        source, target = edge.source.strip().lower(), edge.target.strip().lower()
        for table, first, second in ((down, source, target), (up, target, source)):
            table.setdefault(first, []).append(second)
            table.setdefault(second, [])
    return down, up


def _neighbourhood(start: str, down: Mapping[str, list[str]], up: Mapping[str, list[str]]) -> dict[str, Near]:
    hops, heading = {start: 0}, {start: "same"}
    queue = deque([start])
    while queue:
        thing = queue.popleft()
        if hops[thing] == REACH:
            continue
        for word, table in (("down", down), ("up", up)):
            for other in table[thing]:
                if other not in hops:
                    hops[other] = hops[thing] + 1
                    heading[other] = word if heading[thing] in ("same", word) else "side"
                    queue.append(other)
    within = [sum(1 for value in hops.values() if value <= radius) for radius in range(REACH + 1)]
    everything = max(len(down), 2)
    return {
        other: Near(far, heading[other], -math.log(min(1.0, within[far] / everything))) for other, far in hops.items()
    }

"""How far apart two things are in the known topology, and how surprising that closeness is."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.domain import Edge

REACH = 3  # hops: beyond it, everything is near everything


@dataclass(frozen=True, slots=True)
class Near:
    """How a thing lies to another."""

    hops: int
    direction: str  # down: what the thing needs; up: what needs the thing; side: neither
    surprise: float  # nats, -log of the share of all things at most this far; 0 = everything is that near
    through: str = ""  # the thing it was measured from


class Topology:
    """Distances over `edges`, answered from neighbourhoods of `REACH` hops computed once."""

    def __init__(self, edges: Sequence[Edge] = ()) -> None:
        self.near: dict[str, dict[str, Near]] = {}
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

    def closest(self, here: Sequence[str], *there: Mapping[str, object]) -> tuple[str, str, Near] | None:
        """The most surprising closeness between one of `here` and a key of `there`, or None within `REACH`."""
        best: tuple[str, str, Near] | None = None
        for thing in here:
            around = self.near[thing]
            for names in there:
                for other in names.keys() & around.keys():
                    found = around[other]
                    if best is None or (found.surprise, other) > (best[2].surprise, best[1]):
                        best = (thing, other, found)
        return best


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

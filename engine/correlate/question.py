"""One alert that asks where it belongs, with everything that is the same beside each incident looked up once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.correlate.background import Background, Field
from engine.correlate.reading import Reading
from engine.correlate.together import Together
from engine.correlate.topology import Around, Topology

SIDES = ("service", "host", "name", "source", "severity")  # fields that weigh by themselves; all others are labels
_SIDE_OF = {name: place for place, name in enumerate(SIDES)}


class World(NamedTuple):
    """What is known beside the incidents."""

    background: Background
    topology: Topology
    together: Mapping[str, Together]  # level of back-off -> what was seen together


class Question:
    """An alert's content, and how ordinary each part of it is.

    What is asked beside every incident is looked up at once; shares of new incidents that show a value are looked up
    where an incident shows it too, for most values are beside nobody.
    """

    def __init__(self, reading: Reading, at: float, fingerprint: str, world: World) -> None:
        self.reading, self.at, self.fingerprint, self.world = reading, at, fingerprint, world
        background = world.background
        self.sides = [
            (_SIDE_OF.get(name, -1), name, value, (field := background.field(name)).share(value), field.concentration)
            for name, value in reading.fields
        ]
        self.thing_shares, self.word_shares = Shares(background.field("thing")), Shares(background.field("word"))
        self.about = reading.things[:2]
        self.thing_set, self.word_set = frozenset(reading.things), frozenset(reading.words)
        self.nodes = world.topology.nodes((*reading.things, *reading.words))
        self.around: Around | None = world.topology.around(self.nodes) if self.nodes else None
        self.company = [
            (level, kind, world.together[level])
            for level, kind in reading.kinds.items()
            if kind in world.together[level].counts
        ]
        self.rate = background.opening_rate(at)


class Shares(dict[str, float]):
    """Values of a field with how likely a new incident shows each, looked up once each."""

    def __init__(self, field: Field) -> None:
        self._field, self.spread = field, field.concentration

    def __missing__(self, value: str) -> float:
        share = self[value] = self._field.share(value)
        return share


def rarest(values: Iterable[str], shares: Shares, counts: Mapping[str, int], among: float) -> tuple[float, str]:
    """The shared value that says most for belonging: (nats >= 0, value); (0, "") where nothing is shared."""
    best, which, spread = 1.0, "", shares.spread
    for value in values:
        inside = counts.get(value)
        if inside:
            share = shares[value]
            odds = (inside + spread * share) / ((among + spread) * share)
            if odds > best:
                best, which = odds, value
    return math.log(best), which

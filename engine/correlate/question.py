"""One alert that asks where it belongs, with everything that is the same beside each incident looked up once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.correlate.background import Background
from engine.correlate.reading import Reading
from engine.correlate.together import Together
from engine.correlate.topology import Topology

Shares = tuple[tuple[str, float], ...]  # values with how likely a new incident shows each


class World(NamedTuple):
    """What is known beside the incidents."""

    background: Background
    topology: Topology
    together: Mapping[str, Together]  # level of back-off -> what was seen together


class Question:
    """An alert's content, and how ordinary each part of it is.

    `fields` hold (name, value, share of new incidents that show it, concentration of the field); `things` and `words`
    are its own; `named` are its words read as things and `said` its things read as words, for titles that speak of
    what another alert is about.
    """

    __slots__ = (
        "at", "fields", "fingerprint", "named", "nodes", "rate", "reading", "said", "thing_spread", "things",
        "word_spread", "words", "world",
    )  # fmt: skip

    def __init__(self, reading: Reading, at: float, fingerprint: str, world: World) -> None:
        self.reading, self.at, self.fingerprint, self.world = reading, at, fingerprint, world
        background = world.background
        self.fields = tuple(
            (name, value, (field := background.field(name)).share(value), field.concentration)
            for name, value in reading.fields
        )
        things, words = background.field("thing"), background.field("word")
        self.thing_spread, self.word_spread = things.concentration, words.concentration
        self.things: Shares = tuple((value, things.share(value)) for value in reading.things)
        self.said: Shares = tuple((value, words.share(value)) for value in reading.things)
        self.words: Shares = tuple((value, words.share(value)) for value in reading.words)
        self.named: Shares = tuple((value, things.share(value)) for value in reading.words)
        self.nodes = world.topology.nodes((*reading.things, *reading.words))
        self.rate = background.opening_rate(at)


def rarest(values: Iterable[tuple[str, float]], counts: Mapping[str, int], among: float, spread: float
) -> tuple[float, str]:  # fmt: skip
    """The shared value that says most for belonging: (nats >= 0, value); (0, "") where nothing is shared."""
    best, which = 1.0, ""
    for value, share in values:
        inside = counts.get(value)
        if inside:
            odds = (inside + spread * share) / ((among + spread) * share)
            if odds > best:
                best, which = odds, value
    return math.log(best), which

"""One alert beside one incident: what the signals look at."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.correlate.background import Background
from engine.correlate.profiles import Profile
from engine.correlate.reading import Reading
from engine.correlate.together import Together
from engine.correlate.topology import Near, Topology

Parts = list[tuple[str, float]]  # measurement -> value
_STRANGE_BELOW = 0.7  # nats of identity under which alert and incident count as strangers
MOMENTUM_S = 60.0
CAP = 6.0  # nats: no single field says more


class World(NamedTuple):
    """What is known beside the incidents."""

    background: Background
    topology: Topology
    together: Mapping[str, Together]  # level of back-off -> what was seen together


class Case:
    """One alert beside one incident (or beside none), and what is known about the world."""

    __slots__ = (
        "at",
        "background",
        "field_nats",
        "fingerprint",
        "gap",
        "lately",
        "latest",
        "mention",
        "momentum",
        "near",
        "nearest",
        "profile",
        "reading",
        "rivals",
        "strangers",
        "thing",
        "together",
        "topology",
    )  # fmt: skip

    def __init__(self, reading: Reading, at: float, fingerprint: str, profile: Profile, world: World) -> None:
        self.reading, self.at, self.fingerprint, self.profile = reading, at, fingerprint, profile
        background, topology, _ = self.background, self.topology, self.together = world
        self.gap = profile.gap(at)
        self.field_nats = _field_nats(reading, profile, background)
        self.thing = rarest(reading.things, profile.things, profile, background, "thing")
        self.mention = _mention(reading, profile, background)
        self.nearest, self.rivals = True, 0
        self.momentum = 0.0  # nats: its share of what all candidates did in the last minute, against an equal share
        self.lately = min((profile.gap_of(thing, at) for thing in reading.things[:2]), default=math.inf)
        self.latest = False  # of several that named the alert's thing, the one that did so nearest in time
        here = topology.nodes((*reading.things, *reading.words))
        self.near: tuple[str, str, Near] | None = (
            topology.closest(here, profile.things, profile.words) if here else None
        )
        closest = max(self.thing[0], self.mention[0], self.near[2].surprise if self.near else 0.0)
        for name, nats in self.field_nats.items():
            if name in ("service", "host") or (name.startswith("label.") and nats > closest):
                closest = max(closest, nats)
        self.strangers = closest < _STRANGE_BELOW


def compare(cases: Sequence[Case]) -> None:
    """Tell each of several cases of one alert how it stands beside the others."""
    nearest = min(case.gap for case in cases)
    latest = min(case.lately for case in cases)
    holders = sum(case.lately < math.inf for case in cases)
    moves = [case.profile.near(case.at, MOMENTUM_S) + 0.5 for case in cases]
    equal = sum(moves) / len(cases)
    for case, moved in zip(cases, moves, strict=True):
        case.rivals = len(cases) - 1
        case.nearest = case.gap == nearest
        case.latest = holders > 1 and case.lately == latest
        case.momentum = math.log(moved / equal)


def _field_nats(reading: Reading, profile: Profile, background: Background) -> dict[str, float]:
    found = {}
    for name, value in reading.fields:
        among = profile.among.get(name, 0)
        if among:
            inside = profile.inside[name].get(value, 0)
            found[name] = max(-CAP, min(CAP, background.field(name).weight(value, inside, among)))
    return found


def rarest(
    values: tuple[str, ...], counts: dict[str, int], profile: Profile, background: Background, role: str
) -> tuple[float, str]:
    """The shared value that says most for belonging: (nats >= 0, value); (0, "") where nothing is shared."""
    best, which = 0.0, ""
    field = background.field(role)
    among = len(profile.members)
    for value in values:
        inside = counts.get(value, 0)
        if inside:
            nats = min(CAP, field.weight(value, inside, among))
            if nats > best:
                best, which = nats, value
    return best, which


def _mention(reading: Reading, profile: Profile, background: Background) -> tuple[float, str]:
    said = rarest(reading.words, profile.things, profile, background, "thing")
    heard = rarest(reading.things, profile.words, profile, background, "word")
    return max(said, heard)


def between(knots: tuple[float, ...], names: tuple[str, ...], value: float) -> Parts:
    """`value` as shares of the two knots around it: a weight per knot makes any piecewise linear curve."""
    place = bisect_right(knots, value)
    if place == 0:
        return [(names[0], 1.0)]
    if place == len(knots):
        return [(names[-1], 1.0)]
    low, high = knots[place - 1], knots[place]
    share = (value - low) / (high - low)
    return [(names[place - 1], 1.0 - share), (names[place], share)]

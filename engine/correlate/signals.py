"""The evidence: each signal measures one thing between an alert and an incident.

A signal turns a `Case` into named measurements; a linear model weighs them, so the weighted measurements of all signals
sum to the score. A new signal is one class and one line in `SIGNALS`; its weights are learned by `training.correlate`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from engine.correlate.background import Background
from engine.correlate.profiles import Profile
from engine.correlate.reading import Reading
from engine.correlate.together import Together
from engine.correlate.topology import Near, Topology

Parts = list[tuple[str, float]]  # measurement -> value
_STRANGE_BELOW = 0.7  # nats of identity under which alert and incident count as strangers
_CAP = 6.0  # nats: no single field says more


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
        "label",
        "near",
        "profile",
        "reading",
        "strangers",
        "thing",
        "together",
        "topology",
    )  # fmt: skip

    def __init__(self, reading: Reading, at: float, fingerprint: str, profile: Profile, world: World) -> None:
        self.reading, self.at, self.fingerprint, self.profile = reading, at, fingerprint, profile
        self.background, self.topology, self.together = background, topology, together = world
        self.gap = profile.gap(at)
        self.field_nats = _field_nats(reading, profile, background)
        self.thing = _rarest(reading.things, profile.things, profile, background, "thing")
        here = topology.nodes(reading.things)
        self.near: tuple[str, str, Near] | None = topology.closest(here, profile.things) if here else None
        closest = max(self.thing[0], self.near[2].surprise if self.near else 0.0)
        for name, nats in self.field_nats.items():
            if name in ("service", "host") or (name.startswith("label.") and nats > closest):
                closest = max(closest, nats)
        self.strangers = closest < _STRANGE_BELOW


class Signal(Protocol):
    """One kind of evidence."""

    name: str

    def parts(self, case: Case) -> Parts:
        """Named measurements; a name is weighed with the weight of that name, unknown names weigh nothing."""

    def detail(self, case: Case) -> str:
        """What a person reads beside the weight."""


class Gap:
    """Seconds to the incident's nearest sign of life; read apart for strangers, whom closeness alone must not glue."""

    name = "gap"
    knots = (0.0, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 2400.0, 3600.0, 7200.0, 14400.0)
    kin = tuple(f"gap.kin@{knot:g}" for knot in knots)
    strange = tuple(f"gap.strange@{knot:g}" for knot in knots)

    def parts(self, case: Case) -> Parts:
        return _between(self.knots, self.strange if case.strangers else self.kin, case.gap)

    def detail(self, case: Case) -> str:
        return f"{_duration(case.gap)} {'after' if case.at >= case.profile.last else 'from'} its nearest alert"


class Pace:
    """The gap in units of the incident's own usual gap: 8 s is long in a storm of hundreds a second."""

    name = "pace"
    knots = (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0)
    names = tuple(f"pace@{knot:g}" for knot in knots)
    reach = 8

    def parts(self, case: Case) -> Parts:
        usual = _usual_gap(case)
        return [] if usual is None else _between(self.knots, self.names, math.log((case.gap + 0.5) / (usual + 0.5)))

    def detail(self, case: Case) -> str:
        usual = _usual_gap(case)
        return "" if usual is None else f"its alerts come about every {_duration(usual)}"


class Age:
    """How long the incident has been there, and how much is in it."""

    name = "age"
    knots = (0.0, 60.0, 300.0, 600.0, 1200.0, 3600.0, 14400.0)
    names = tuple(f"age@{knot:g}" for knot in knots)
    sizes = (1.0, 2.0, 4.0, 10.0, 40.0, 200.0)
    size_names = tuple(f"size@{size:g}" for size in sizes)

    def parts(self, case: Case) -> Parts:
        age = max(0.0, case.at - case.profile.first)
        size = float(len(case.profile.members))
        return _between(self.knots, self.names, age) + _between(self.sizes, self.size_names, size)

    def detail(self, case: Case) -> str:
        size = len(case.profile.members)
        alerts = "1 alert" if size == 1 else f"{size} alerts"
        return f"{alerts} in {_duration(max(0.0, case.at - case.profile.first))}"


class Same:
    """The same value in one field, by how rare it is; other values count against, by how pure incidents are in it."""

    def __init__(self, field: str) -> None:
        self.name = field
        self.agrees, self.differs = f"{field}.agrees", f"{field}.differs"

    def parts(self, case: Case) -> Parts:
        nats = case.field_nats.get(self.name)
        if nats is None:
            return []
        return [(self.agrees, nats)] if nats > 0.0 else [(self.differs, nats)]

    def detail(self, case: Case) -> str:
        value = next((value for name, value in case.reading.fields if name == self.name), "")
        inside = case.profile.inside.get(self.name, {}).get(value, 0)
        if inside:
            return f"same {self.name} {value}"
        return f"other {self.name} than the incident's" if self.name in case.profile.among else ""


class Labels:
    """The label that speaks most for belonging, and the one that speaks most against."""

    name = "labels"

    def parts(self, case: Case) -> Parts:
        best, worst = _extremes(case)
        return [("labels.agrees", best[0]), ("labels.differs", worst[0])]

    def detail(self, case: Case) -> str:
        best, worst = _extremes(case)
        said = [f"same {best[1]}"] if best[1] else []
        return ", ".join([*said, *([f"other {worst[1]}"] if worst[1] else [])])


class Things:
    """A named thing in common, whatever field names it: one alert's host is another's instance or peer."""

    name = "things"

    def parts(self, case: Case) -> Parts:
        if not case.thing[1]:
            return [("things.none", 1.0)] if case.reading.things and case.profile.things else []
        return [("things.shared", case.thing[0])]

    def detail(self, case: Case) -> str:
        return f"both name {case.thing[1]}" if case.thing[1] else "no thing in common"


class Words:
    """The rarest word that the titles share."""

    name = "words"

    def parts(self, case: Case) -> Parts:
        return [("words.shared", self._rarest(case)[0])]

    def detail(self, case: Case) -> str:
        word = self._rarest(case)[1]
        return f'titles share "{word}"' if word else ""

    @staticmethod
    def _rarest(case: Case) -> tuple[float, str]:
        return _rarest(case.reading.words, case.profile.words, case.profile, case.background, "word")


class Hops:
    """Closeness in the topology, by how surprising it is, and which way the fault would flow."""

    name = "topology"

    def parts(self, case: Case) -> Parts:
        if case.near is None:
            known = case.topology.nodes(case.reading.things) and case.topology.nodes(case.profile.things)
            return [("topology.far", 1.0)] if known else []
        near = case.near[2]
        if near.hops == 0:
            return []
        return [(f"topology.{near.hops}", near.surprise), (f"topology.{near.direction}", 1.0)]

    def detail(self, case: Case) -> str:
        if case.near is None:
            return "far apart in the topology"
        _, other, near = case.near
        way = {"down": "upstream of", "up": "downstream of"}.get(near.direction, "from")
        return f"{near.hops} hop{'s' if near.hops > 1 else ''} {way} {other}" if near.hops else ""


class Again:
    """The same symptom is in the incident already: a storm repeats itself, a new incident starts over."""

    name = "again"
    knots = (1.0, 10.0, 60.0, 300.0, 1800.0, 7200.0)
    names = tuple(f"again@{knot:g}" for knot in knots)

    def parts(self, case: Case) -> Parts:
        since = self._since(case)
        if since is None:
            return []
        usual = case.background.repeats
        return [*_between(self.knots, self.names, since), ("again.usual", math.log(usual[0] / usual[1]))]

    def detail(self, case: Case) -> str:
        since = self._since(case)
        return "" if since is None else f"the same symptom was in it {_duration(since)} before"

    @staticmethod
    def _since(case: Case) -> float | None:
        ids = case.profile.episodes.get(case.fingerprint)
        if not ids:
            return None
        return min(abs(case.at - case.profile.members[alert_id].last_at) for alert_id in ids)


class Rivals:
    """What an unrelated alert would look like here: how often incidents open anyway, and how many are open now."""

    name = "background"

    def parts(self, case: Case) -> Parts:
        rate = case.background.opening_rate(case.at)
        return [("background", 1.0), ("background.rate", math.log(rate))]

    def detail(self, case: Case) -> str:
        return f"about {case.background.opening_rate(case.at):.1f} incidents open per hour"


class Company:
    """How often such alerts shared a past incident: the exact pair, what they are about, what is wrong."""

    name = "together"

    def parts(self, case: Case) -> Parts:
        found: Parts = []
        for level, nats, _ in _company(case):
            found.append((f"together.{level}", nats) if nats > 0.0 else (f"together.{level}.not", nats))
        return found

    def detail(self, case: Case) -> str:
        said = max(_company(case), key=lambda found: found[1], default=None)
        if said is None or said[1] <= 0.0:
            return ""
        both, past = case.together[said[0]].support(case.reading.kinds[said[0]], said[2])
        return f"seen together in {both} of {past} past incidents"


SIGNALS: tuple[Signal, ...] = (
    Gap(), Pace(), Age(), Same("service"), Same("host"), Same("name"), Same("source"), Same("severity"),
    Labels(), Things(), Words(), Hops(), Again(), Company(), Rivals(),
)  # fmt: skip


def _field_nats(reading: Reading, profile: Profile, background: Background) -> dict[str, float]:
    found = {}
    for name, value in reading.fields:
        among = profile.among.get(name, 0)
        if among:
            inside = profile.inside[name].get(value, 0)
            found[name] = max(-_CAP, min(_CAP, background.field(name).weight(value, inside, among)))
    return found


def _rarest(
    values: tuple[str, ...], counts: dict[str, int], profile: Profile, background: Background, role: str
) -> tuple[float, str]:
    best, which = 0.0, ""
    field = background.field(role)
    among = len(profile.members)
    for value in values:
        inside = counts.get(value, 0)
        if inside:
            nats = min(_CAP, field.weight(value, inside, among))
            if nats > best:
                best, which = nats, value
    return best, which


def _company(case: Case) -> list[tuple[str, float, str]]:
    found = []
    for level, kind in case.reading.kinds.items():
        nats, which = case.together[level].lift(kind, case.profile.kinds[level])
        if which:
            found.append((level, max(-_CAP, min(_CAP, nats)), which))
    return found


def _extremes(case: Case) -> tuple[tuple[float, str], tuple[float, str]]:
    best, worst = (0.0, ""), (0.0, "")
    for name, value in case.reading.fields:
        nats = case.field_nats.get(name)
        if nats is None or not name.startswith("label."):
            continue
        if nats > best[0]:
            best = (nats, f"{name[6:]} {value}")
        if nats < worst[0]:
            worst = (nats, name[6:])
    return best, worst


def _usual_gap(case: Case) -> float | None:
    times = case.profile.times
    if len(times) < 3:
        return None
    place = min(bisect_right(times, case.at), len(times))
    near = times[max(0, place - Pace.reach) : place] if place >= 3 else times[: Pace.reach]
    return (near[-1] - near[0]) / (len(near) - 1)


def _between(knots: tuple[float, ...], names: tuple[str, ...], value: float) -> Parts:
    place = bisect_right(knots, value)
    if place == 0:
        return [(names[0], 1.0)]
    if place == len(knots):
        return [(names[-1], 1.0)]
    low, high = knots[place - 1], knots[place]
    share = (value - low) / (high - low)
    return [(names[place - 1], 1.0 - share), (names[place], share)]


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"

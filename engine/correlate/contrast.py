"""How far what a thing shows stands out from what everything else shows: scan statistics over the incident.

A suspect is a region: the thing itself, or all parts of a whole. Of its n things k show a symptom, those that show it
late counted for less; outside, and lately, things show it at the rate p. What speaks for the region is the
log-likelihood ratio of a rate of its own against p (Kulldorff 1997), summed over families of symptoms. So a service
whose every copy shows what nothing else shows outweighs each copy, and one copy alone outweighs its service. For calls
the same is asked of the share of them that look odd early.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from engine.correlate.habits import Habits
from engine.correlate.reading import kind_of
from engine.correlate.suspects import Scene

HALVES = {"at once": 60.0, "soon": 240.0}  # how late, seconds, a symptom may come and still count half
_CALLS_HALF_S = 60.0
_HIT, _PSEUDO = 0.7, 1.0  # a region's own rate is (k + 0.7) / (n + 1): one thing that shows it is a rate of 0.85
_OUTSIDE_HIT, _OUTSIDE_PSEUDO = 0.2, 4.0  # the rate outside, where few things are known
_CALL_HIT, _CALL_PSEUDO = 0.2, 2.0
_LEAST, _MOST = 1e-4, 0.95  # rates in between

StandOut = dict[str, dict[str, float]]  # suspect -> what stands out -> nats
_Usual = Callable[[str, str], float]  # (thing, symptom) -> the rate at which it shows that as a rule


def stand_outs(scene: Scene, habits: Habits) -> StandOut:
    """What stands out about each suspect, in nats; what does not is left out.

    Names: what ("itself", "parts", "hosted", or "it" for the larger of the first two) and how early ("at once",
    "soon"), with "anew: " before it where what was shown lately is taken off; "called" and "calling" for calls.
    """
    found: StandOut = {name: {} for name in scene.suspects}
    regions = _Regions(scene)
    usual = lru_cache(maxsize=None)(habits.share) if habits.incidents else None
    for early, half_s in HALVES.items():
        for name, what, plain, anew in _of_symptoms(_Showing(regions, half_s), usual):
            for before, nats in (("", plain), ("anew: ", anew)):
                row = found[name]
                row[f"{before}{what} {early}"] = nats
                if what != "hosted":
                    _raise(row, f"{before}it {early}", nats)
    for name, what, nats in _of_calls(regions):
        found[name][what] = nats
    return {name: {key: nats for key, nats in row.items() if nats > 0.0} for name, row in found.items()}


class _Regions:
    """Things and wholes of an incident, and what they are compared with."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.own = [sight for sight in scene.sights if not sight.call]
        self.calls = [sight for sight in scene.sights if sight.call]
        hosts = {sight.host for sight in scene.sights}
        self.levels = {name: _level(name, hosts) for name in scene.suspects}
        self.peers = Counter(self.levels[thing] for thing in scene.things)
        self.wholes = {  # and how many parts they have; numbered machines make up no whole
            name: max(len(scene.topology.parts.get(name, ())), len(suspect.parts))
            for name, suspect in scene.suspects.items()
            if len(suspect.parts) > 1
            and (self.levels[name] == "host" or all(self.levels[part] != "host" for part in suspect.parts))
        }


def _level(name: str, hosts: set[str]) -> str:
    """Only like is compared with like: hosts, parts of something, wholes."""
    if name in hosts or name[:1].isdigit():
        return "host"
    return "part" if kind_of(name) != name else "whole"


class _Showing:
    """Who shows which symptom about itself, and how early: 1 = first of all, 0.5 = one half-life later."""

    def __init__(self, regions: _Regions, half_s: float) -> None:
        self.regions = regions
        self.by_thing: dict[str, dict[str, float]] = {}
        self.family: dict[str, str] = {}  # symptom -> what it is one of
        self.total: dict[str, float] = {}  # symptom -> all that things show of it
        self.size: dict[str, int] = {}  # symptom -> things that could show it
        for sight in regions.own:  # by time: the first one counts
            row = self.by_thing.setdefault(sight.thing, {})
            if sight.symptom not in row:
                row[sight.symptom] = weight = math.exp2((regions.own[0].at - sight.at) / half_s)
                self.total[sight.symptom] = self.total.get(sight.symptom, 0.0) + weight
                peers = regions.peers[regions.levels[sight.thing]]
                self.size[sight.symptom] = max(peers, self.size.get(sight.symptom, 0))
                self.family[sight.symptom] = sight.family

    def outside(self, symptom: str, inside: float, things: int) -> float:
        """The rate at which things like the `things` of a region, but outside of it, show the symptom."""
        shown = max(0.0, self.total[symptom] - inside)
        return (shown + _OUTSIDE_HIT) / (max(0, self.size[symptom] - things) + _OUTSIDE_PSEUDO)

    def by_whole(self, parts: Iterable[str]) -> dict[str, list[float]]:
        """Symptom that several of `parts` show -> how early each does."""
        row: dict[str, list[float]] = {}
        for part in parts:
            for symptom, weight in self.by_thing.get(part, {}).items():
                row.setdefault(symptom, []).append(weight)
        return {symptom: weights for symptom, weights in row.items() if len(weights) > 1}


def _of_symptoms(showing: _Showing, usual: _Usual | None) -> Iterator[tuple[str, str, float, float]]:
    """(suspect, what, nats, nats beyond what is usual) of things by themselves, and of wholes by their parts."""
    for thing, row in showing.by_thing.items():
        yield (
            thing,
            "itself",
            *_families(showing, ((symptom, weight, (thing,)) for symptom, weight in row.items()), 1, usual),
        )
    regions = showing.regions
    for name, number in regions.wholes.items():
        parts = tuple(regions.scene.suspects[name].parts)
        shown = ((symptom, math.fsum(weights), parts) for symptom, weights in showing.by_whole(parts).items())
        yield name, "hosted" if regions.levels[name] == "host" else "parts", *_families(showing, shown, number, usual)


def _families(
    showing: _Showing, shown: Iterable[tuple[str, float, Sequence[str]]], things: int, usual: _Usual | None
) -> tuple[float, float]:
    """Nats of a region that consists of `things`, and nats beyond what its things show as a rule."""
    plain: dict[str, float] = {}
    anew: dict[str, float] = {}
    for symptom, weight, names in shown:
        outside = showing.outside(symptom, weight, things)
        nats = _ratio(weight, things, outside)
        if nats > 0.0:
            family = showing.family[symptom]
            _raise(plain, family, nats)
            if usual is not None:
                as_a_rule = math.fsum([usual(name, symptom) for name in names]) / len(names)
                _raise(anew, family, nats if as_a_rule <= outside else _ratio(weight, things, as_a_rule))
    return math.fsum(plain.values()), math.fsum(anew.values())


def _of_calls(regions: _Regions) -> Iterator[tuple[str, str, float]]:
    """(suspect, what, nats) of the calls that end and begin at a suspect or at its parts."""
    calls = regions.calls
    weights = [math.exp2((calls[0].at - sight.at) / _CALLS_HALF_S) for sight in calls]
    total = math.fsum(weights)
    ends: dict[str, dict[str, dict[int, float]]] = {"called": {}, "calling": {}}
    for place, (sight, weight) in enumerate(zip(calls, weights, strict=True)):
        for name in sight.blames:
            ends["called"].setdefault(name, {})[place] = weight
        ends["calling"].setdefault(sight.thing, {})[place] = weight
    for what, table in ends.items():
        regions_of = [(name, what, shown) for name, shown in table.items()]
        for name, suspect in regions.scene.suspects.items():
            parts = [table[part] for part in suspect.parts if part in table]
            if len(parts) > 1:  # a call of several parts is one call
                regions_of.append((name, f"parts {what}", {place: w for part in parts for place, w in part.items()}))
        for name, told, shown in regions_of:
            inside = math.fsum(shown.values())
            rate = (max(0.0, total - inside) + _CALL_HIT) / (len(calls) - len(shown) + _CALL_PSEUDO)
            yield name, told, _ratio(inside, len(shown), rate)


def _raise(table: dict[str, float], key: str, value: float) -> None:
    table[key] = max(value, table.get(key, 0.0))


def _ratio(shown: float, things: int, rate: float) -> float:
    """Log-likelihood ratio, in nats, of a rate of its own against `rate`; 0 where its own is not higher."""
    rate = min(_MOST, max(_LEAST, rate))
    own = (shown + _HIT) / (things + _PSEUDO)
    if shown <= 0.0 or own <= rate:
        return 0.0
    return max(0.0, shown * math.log(own / rate) + (things - shown) * math.log((1.0 - own) / (1.0 - rate)))

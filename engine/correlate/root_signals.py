"""What speaks for and against each suspect: measurements that a linear model weighs and a person can read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from engine.correlate.contrast import HALVES, stand_outs
from engine.correlate.habits import Habits
from engine.correlate.rarity import Rarity
from engine.correlate.reading import kind_of
from engine.correlate.suspects import Scene, Sight, Suspect

Measured = dict[str, float]
_SOON_S = 60.0  # how late an alert may come and still look half as early as the first one
_RARE = 0.5  # surprise from which a symptom is rare
_COMMON = 0.25  # surprise up to which a symptom speaks for nobody

PHRASES = {
    "about itself": "alerts about itself, not about its calls",
    "alone": "nothing else shows this symptom",
    "alone itself": "nothing else shows this symptom about itself",
    "blamed": "named by others",
    "blamed first": "named by others from the start",
    "burst": "more symptoms than it shows as a rule",
    "calls": "alerts about its calls to others",
    "early": "among the first to alert",
    "early rare": "first to show something unusual",
    "harm": "severe alerts",
    "leads": "its symptoms come before those of others as a rule",
    "machine": "others run on it",
    "machine itself": "others run on it, and it alerts about itself",
    "needed": "many of those alerting need it",
    "needed by any": "something that needs it alerts",
    "needs any": "something it needs alerts",
    "one part": "only one of its parts alerts",
    "parts": "several of its parts alert",
    "parts agree": "its parts show the same unusual symptom",
    "parts themselves": "its parts alert about themselves",
    "parts' surprise": "its parts show unusual symptoms",
    "rare together": "several symptoms unusual for it",
    "second part's surprise": "more than one of its parts shows unusual symptoms",
    "seldom": "a symptom that few incidents show",
    "seldom itself": "a symptom about itself that few incidents show",
    "share of parts": "most of its parts alert",
    "silent": "raised no alert",
    "stays": "a symptom that keeps to one thing as a rule",
    "surprise": "a symptom unusual for it",
    "surprise in calls": "calls unusual for it",
    "symptoms": "many different symptoms",
}
_COMPARED = (
    "blamed", "calls", "early", "parts agree", "parts' surprise", "rare together", "second part's surprise", "seldom",
    "seldom itself", "stays", "surprise in calls", "symptoms",
)  # fmt: skip
MOST = "most of all: "
BESIDE = "beside the most: "
_STANDING_OUT = {
    "it": "it or its parts show what little else shows",
    "itself": "shows what little else shows",
    "parts": "its parts show what little else shows",
    "hosted": "what runs on it shows what little else does",
    "called": "calls to it look odd early",
    "calling": "its calls look odd early",
    "parts called": "calls to its parts look odd early",
    "parts calling": "calls of its parts look odd early",
}
_NATS = 3.0  # of log(1 + nats) that count as 1
PHRASES |= _STANDING_OUT
PHRASES |= {f"{what} {early}": f"{_STANDING_OUT[what]}, {early}" for what in _STANDING_OUT for early in HALVES}
PHRASES |= {f"anew: {name}": f"{PHRASES[name]}, and did not lately" for name in list(PHRASES)}


class Known:
    """What was learned from past incidents: `leads` tells how surely one symptom brings another, 0..1."""

    def __init__(self, rarity: Rarity, leads: Mapping[tuple[str, str], float], habits: Habits) -> None:
        self.rarity = rarity
        self.habits = habits
        self.leads: dict[
            str, dict[str, float]
        ] = {}  # earlier symptom -> later symptom -> more than the other way round
        for (one, other), score in leads.items():
            net = score - leads.get((other, one), 0.0)
            if net > 0.0:
                self.leads.setdefault(one, {})[other] = net


class _Levels(dict[tuple[str, str], float]):
    """(thing, symptom) -> how unusual it is there, looked up once each."""

    def __init__(self, known: Known) -> None:
        self.known = known

    def __missing__(self, key: tuple[str, str]) -> float:
        level = self[key] = self.known.rarity.surprise(*key)
        return level

    def of(self, sights: Iterable[Sight]) -> dict[str, float]:
        """Symptom -> how unusual, for alerts about one thing."""
        return {sight.symptom: self[sight.thing, sight.symptom] for sight in sights}


def phrase(name: str) -> str:
    """The measurement `name` in words."""
    before = next((prefix for prefix in (MOST, BESIDE) if name.startswith(prefix)), "")
    return before + PHRASES[name.removeprefix(before)]


def measure(scene: Scene, known: Known) -> dict[str, Measured]:
    """Suspect -> named measurements, 0..1 or nearly so; what is not there is 0."""
    levels, places = _Levels(known), _Places(scene)
    began = next((sight.at for sight in scene.sights if levels[sight.thing, sight.symptom] > _RARE), math.inf)
    found: dict[str, Measured] = {}
    for name, suspect in scene.suspects.items():
        measured = _blame(suspect, scene) | _flow(name, places, scene) | _as_whole(suspect, levels, scene)
        if suspect.own or suspect.calls:
            measured |= _shown(suspect, scene) | _unusual(suspect, levels)
            measured |= {"early rare": _early_rare(suspect, began, levels), "leads": _leads(suspect, scene, known)}
        else:
            measured["silent"] = 1.0
        found[name] = {key: value for key, value in measured.items() if value}
    _compare(found)
    _stand_out(found, scene, known)
    return found


def _stand_out(found: Mapping[str, Measured], scene: Scene, known: Known) -> None:
    """Add what stands out, by itself and beside the one that stands out most."""
    nats = stand_outs(scene, known.habits)
    most: dict[str, float] = {}
    for row in nats.values():
        for key, value in row.items():
            most[key] = max(value, most.get(key, 0.0))
    for name, row in nats.items():
        for key, value in row.items():
            found[name][key] = math.log1p(value) / _NATS
            found[name][BESIDE + key] = (value / most[key]) ** 2


def _shown(suspect: Suspect, scene: Scene) -> Measured:
    """What it shows itself, beside what everything shows."""
    own = {sight.symptom for sight in suspect.own}
    calls = {sight.symptom for sight in suspect.calls}
    everything = math.log1p(len(scene.showing))
    things = math.log1p(len(scene.things))
    alone = {symptom: 1.0 - math.log(len(scene.showing[symptom])) / things for symptom in own | calls}
    sights = suspect.sights
    return {
        "about itself": float(bool(own)),
        "symptoms": math.log1p(len(own)) / everything,
        "calls": math.log1p(len(calls)) / everything,
        "alone": max(alone.values()),
        "alone itself": max((alone[symptom] for symptom in own), default=0.0),
        "early": _soon(min(sight.at for sight in sights), scene.first),
        "harm": max(sight.harm for sight in sights),
    }


def _unusual(suspect: Suspect, levels: _Levels) -> Measured:
    """What of it past incidents did not show."""
    rarity, own, calls = levels.known.rarity, levels.of(suspect.own), levels.of(suspect.calls)
    return {
        "surprise": max(own.values(), default=0.0),
        "surprise in calls": max(calls.values(), default=0.0),
        "rare together": math.log1p(sum(max(0.0, level - _COMMON) for level in own.values())),
        "seldom": max(rarity.seldom(sight.symptom) for sight in suspect.sights),
        "seldom itself": max((rarity.seldom(symptom) for symptom in own), default=0.0),
        "burst": rarity.burst(suspect.name, len(own.keys() | calls.keys())),
        "stays": max((rarity.stays(symptom) for symptom in own), default=0.0),
    }


def _early_rare(suspect: Suspect, began: float, levels: _Levels) -> float:
    rare = [sight.at for sight in suspect.sights if levels[sight.thing, sight.symptom] > _RARE]
    return _soon(min(rare), began) if rare else 0.0


def _leads(suspect: Suspect, scene: Scene, known: Known) -> float:
    """How surely one of its symptoms brings one that only others show, the other way round taken off."""
    mine = {sight.symptom for sight in suspect.sights}
    best = 0.0
    for one in mine:
        for other, net in known.leads.get(one, {}).items():
            if net > best and other in scene.showing and other not in mine:
                best = net
    return best


def _blame(suspect: Suspect, scene: Scene) -> Measured:
    """Who names it."""
    if not suspect.blamed:
        return {}
    blamers = len({sight.thing for sight in suspect.blamed})
    return {
        "blamed": math.log1p(blamers) / math.log1p(len(scene.showing) + blamers),
        "blamed first": _soon(min(sight.at for sight in suspect.blamed), scene.first),
    }


def _as_whole(suspect: Suspect, levels: _Levels, scene: Scene) -> Measured:
    """What its parts show: where most of them show the same, the whole is suspect."""
    parts = list(suspect.parts)
    if not parts:
        return {}
    all_parts = max(len(scene.topology.parts.get(suspect.name, ())), len(parts))
    shown = [levels.of(scene.suspects[part].own) for part in parts]
    rare = sorted((max(found.values(), default=0.0) for found in shown), reverse=True)
    themselves = sum(bool(scene.suspects[part].own) for part in parts)
    machine = float(suspect.name not in {kind_of(part) for part in parts})
    return {
        "machine": machine,
        "machine itself": machine * bool(suspect.own),
        "one part": float(len(parts) == 1),
        "parts": math.log(len(parts)) / math.log1p(len(scene.things)),
        "share of parts": len(parts) / all_parts,
        "parts themselves": themselves / all_parts,
        "parts' surprise": sum(rare) / all_parts,
        "second part's surprise": rare[1] if len(rare) > 1 else 0.0,
        "parts agree": _agreed(suspect, scene, levels) / all_parts,
    }


def _agreed(suspect: Suspect, scene: Scene, levels: _Levels) -> float:
    """The largest number of parts that show one symptom, weighed by how unusual it is; 0 if no two of them agree."""
    together: dict[str, list[str]] = {}
    for part in suspect.parts:
        for symptom in {sight.symptom for sight in scene.suspects[part].sights}:
            together.setdefault(symptom, []).append(part)
    shared = (len(found) * levels[found[0], symptom] for symptom, found in together.items() if len(found) > 1)
    return max(shared, default=0.0)


class _Places:
    """Under what the topology knows each suspect: itself, what it is one of, what it is part of.

    Sets of things are numbers here, one bit for each thing: there are many of them to unite and to count.
    """

    def __init__(self, scene: Scene) -> None:
        self.near, wholes = scene.topology.near, scene.topology.wholes
        self.of = {
            name: [each for each in dict.fromkeys((name, kind_of(name), *wholes.get(name, ()))) if each in self.near]
            for name in scene.suspects
        }
        self.bit = {thing: 1 << at for at, thing in enumerate(scene.things)}
        self.there: dict[str, int] = {}  # place -> things that alert there
        for thing, bit in self.bit.items():
            for place in self.of[thing]:
                self.there[place] = self.there.get(place, 0) | bit
        self._ways: dict[str, tuple[int, int]] = {}

    def ways(self, here: str) -> tuple[int, int]:
        """The things that alert at places which need `here`, and at places that `here` needs."""
        found = self._ways.get(here)
        if found is None:
            up = down = 0
            around = self.near[here]
            for place, things in self.there.items():
                direction = around[place].direction if place in around else ""
                if direction == "up":
                    up |= things
                elif direction == "down":
                    down |= things
            found = self._ways[here] = (up, down)
        return found


def _flow(name: str, places: _Places, scene: Scene) -> Measured:
    """Faults flow from the called to the caller: what needs the root shows symptoms, what it needs does not."""
    others = (1 << len(scene.things)) - 1
    for thing in (name, *scene.suspects[name].parts):
        others &= ~places.bit.get(thing, 0)
    up = down = 0
    for here in places.of[name]:
        above, below = places.ways(here)
        up, down = up | above, down | below
    up, down = up & others, down & others
    if not others:
        return {}
    return {
        "needed": up.bit_count() / others.bit_count(),
        "needed by any": float(up > 0),
        "needs any": float(down > 0),
    }


def _soon(at: float, first: float) -> float:
    return math.exp(-math.log(2.0) * (at - first) / _SOON_S)


def _compare(found: Mapping[str, Measured]) -> None:
    """Add, for some measurements, who has the most of it; several share it."""
    value: Callable[[Measured, str], float] = lambda measured, key: measured.get(key, 0.0)  # noqa: E731
    for key in _COMPARED:
        most = max(value(measured, key) for measured in found.values())
        if most > 0.0:
            leaders = [measured for measured in found.values() if value(measured, key) == most]
            for measured in leaders:
                measured[MOST + key] = 1.0 / math.sqrt(len(leaders))

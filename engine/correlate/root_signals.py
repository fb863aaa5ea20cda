"""What speaks for and against each suspect: measurements that a linear model weighs and a person can read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

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
    "calls": "alerts about its calls to others",
    "early": "among the first to alert",
    "early rare": "first to show something unusual",
    "harm": "severe alerts",
    "leads": "its symptoms come before those of others as a rule",
    "machine": "others run on it",
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


@dataclass(frozen=True, slots=True)
class Known:
    """What was learned from past incidents."""

    rarity: Rarity
    leads: Mapping[tuple[str, str], float]  # earlier symptom, later symptom -> 0..1


def phrase(name: str) -> str:
    """The measurement `name` in words."""
    return MOST + PHRASES[name.removeprefix(MOST)] if name.startswith(MOST) else PHRASES[name]


def measure(scene: Scene, known: Known) -> dict[str, Measured]:
    """Suspect -> named measurements, 0..1 or nearly so; what is not there is 0."""
    levels = {name: _surprises(suspect.own, known) for name, suspect in scene.suspects.items()}
    calls = {name: _surprises(suspect.calls, known) for name, suspect in scene.suspects.items()}
    began = _first_rare(scene, known)
    places = _places(scene)
    found: dict[str, Measured] = {}
    for name, suspect in scene.suspects.items():
        measured = _blame(suspect, scene) | _flow(name, places, scene) | _as_whole(suspect, levels, scene, known)
        if suspect.own or suspect.calls:
            measured |= _shown(suspect, scene) | _unusual(suspect, levels[name], calls[name], known)
            measured |= {"early rare": _early_rare(suspect, began, known), "leads": _leads(suspect, scene, known)}
        else:
            measured["silent"] = 1.0
        found[name] = {key: value for key, value in measured.items() if value}
    _compare(found)
    return found


def _surprises(sights: Iterable[Sight], known: Known) -> dict[str, float]:
    """Symptom -> how unusual it is there."""
    return {sight.symptom: known.rarity.surprise(sight.thing, sight.symptom) for sight in sights}


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


def _unusual(suspect: Suspect, own: Mapping[str, float], calls: Mapping[str, float], known: Known) -> Measured:
    """What of it past incidents did not show."""
    rarity = known.rarity
    return {
        "surprise": max(own.values(), default=0.0),
        "surprise in calls": max(calls.values(), default=0.0),
        "rare together": math.log1p(sum(max(0.0, level - _COMMON) for level in own.values())),
        "seldom": max(rarity.seldom(sight.symptom) for sight in suspect.sights),
        "seldom itself": max((rarity.seldom(symptom) for symptom in own), default=0.0),
        "stays": max((rarity.stays(symptom) for symptom in own), default=0.0),
    }


def _first_rare(scene: Scene, known: Known) -> float:
    surprise = known.rarity.surprise
    return next((s.at for s in scene.sights if surprise(s.thing, s.symptom) > _RARE), math.inf)


def _early_rare(suspect: Suspect, began: float, known: Known) -> float:
    surprise = known.rarity.surprise
    rare = [sight.at for sight in suspect.sights if surprise(sight.thing, sight.symptom) > _RARE]
    return _soon(min(rare), began) if rare else 0.0


def _leads(suspect: Suspect, scene: Scene, known: Known) -> float:
    """How surely one of its symptoms brings one that only others show, the other way round taken off."""
    leads = known.leads
    if not leads:
        return 0.0
    mine = {sight.symptom for sight in suspect.sights}
    others = [symptom for symptom in scene.showing if symptom not in mine]
    ways = ((one, other) for one in mine for other in others)
    return max((leads.get(way, 0.0) - leads.get(way[::-1], 0.0) for way in ways if way in leads), default=0.0)


def _blame(suspect: Suspect, scene: Scene) -> Measured:
    """Who names it."""
    if not suspect.blamed:
        return {}
    blamers = len({sight.thing for sight in suspect.blamed})
    return {
        "blamed": math.log1p(blamers) / math.log1p(len(scene.showing) + blamers),
        "blamed first": _soon(min(sight.at for sight in suspect.blamed), scene.first),
    }


def _as_whole(suspect: Suspect, levels: Mapping[str, Mapping[str, float]], scene: Scene, known: Known) -> Measured:
    """What its parts show: where most of them show the same, the whole is suspect."""
    parts = list(suspect.parts)
    if not parts:
        return {}
    all_parts = max(len(scene.topology.parts.get(suspect.name, ())), len(parts))
    rare = sorted((max(levels[part].values(), default=0.0) for part in parts), reverse=True)
    themselves = sum(bool(scene.suspects[part].own) for part in parts)
    return {
        "machine": float(suspect.name not in {kind_of(part) for part in parts}),
        "one part": float(len(parts) == 1),
        "parts": math.log(len(parts)) / math.log1p(len(scene.things)),
        "share of parts": len(parts) / all_parts,
        "parts themselves": themselves / all_parts,
        "parts' surprise": sum(rare) / all_parts,
        "second part's surprise": rare[1] if len(rare) > 1 else 0.0,
        "parts agree": _agreed(suspect, scene, known) / all_parts,
    }


def _agreed(suspect: Suspect, scene: Scene, known: Known) -> float:
    """The largest number of parts that show one symptom, weighed by how unusual it is; 0 if no two of them agree."""
    together: dict[str, list[str]] = {}
    for part in suspect.parts:
        for symptom in {sight.symptom for sight in scene.suspects[part].sights}:
            together.setdefault(symptom, []).append(part)
    shared = ((len(found), known.rarity.surprise(found[0], symptom)) for symptom, found in together.items())
    return max((number * level for number, level in shared if number > 1), default=0.0)


def _places(scene: Scene) -> dict[str, tuple[str, ...]]:
    """Suspect -> under what the topology knows it: itself, what it is one of, what it is part of."""
    near, wholes = scene.topology.near, scene.topology.wholes
    return {
        name: tuple(each for each in dict.fromkeys((name, kind_of(name), *wholes.get(name, ()))) if each in near)
        for name in scene.suspects
    }


def _flow(name: str, places: Mapping[str, Sequence[str]], scene: Scene) -> Measured:
    """Faults flow from the called to the caller: what needs the root shows symptoms, what it needs does not."""
    around: dict[str, str] = {}
    for place in places[name]:
        for other, near in scene.topology.near[place].items():
            if near.direction in ("up", "down"):
                around.setdefault(other, near.direction)
    parts = scene.suspects[name].parts
    others = [thing for thing in scene.things if thing != name and thing not in parts]
    if not around or not others:
        return {}
    ways = [{around.get(place) for place in places[thing]} for thing in others]
    up, down = sum("up" in way for way in ways), sum("down" in way for way in ways)
    return {"needed": up / len(ways), "needed by any": float(up > 0), "needs any": float(down > 0)}


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

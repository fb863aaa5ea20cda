"""Who may be the root of an incident.

A suspect is a thing that raised an alert, the machine or service that such things are part of (by name, by the alerts'
own fields or by topology), what they need directly, or what others name: so a root that raised no alert can be found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, Protocol

from engine.correlate.reading import Reading, kind_of
from engine.correlate.topology import Topology

_READ = 512  # earliest alerts of an incident that are looked at
_WORDS = 8  # of a title that say which symptom it is
_HARM = {"critical": 1.0, "error": 0.7, "warning": 0.35, "info": 0.0}
_OTHER_END = tuple(
    f"label.{name}"
    for name in ("peer", "callee", "called", "target", "destination", "upstream", "dependency", "remote", "backend")
)
_NUMBER = re.compile(r"\d+(?:[.:]\d+)*")


class Row(Protocol):
    """What is read of an alert of the incident."""

    @property
    def alert_id(self) -> str:
        """Its id."""

    @property
    def at(self) -> float:
        """When it began, unix seconds."""

    @property
    def reading(self) -> Reading:
        """What it says."""


class Sight(NamedTuple):
    """One alert, as roots are ranked by it."""

    alert_id: str
    at: float  # unix seconds
    thing: str  # service, host or pod it is about
    host: str  # where that runs, "" if it does not say
    symptom: str
    family: str  # of the symptom: the name of its rule or metric without numbers
    blames: tuple[str, ...]  # other things that it names
    call: bool  # whether it is about being in touch with something, be it with itself, rather than about itself
    harm: float  # 0..1, severity


@dataclass(slots=True)
class Suspect:
    """A thing and what the incident shows of it."""

    name: str
    own: list[Sight] = field(default_factory=list)  # about itself
    calls: list[Sight] = field(default_factory=list)  # about itself in touch with something else
    blamed: list[Sight] = field(default_factory=list)  # of others, that name it
    parts: dict[str, None] = field(default_factory=dict)  # things of the incident that are part of it or run on it

    @property
    def sights(self) -> list[Sight]:
        """All alerts about it."""
        return [*self.own, *self.calls]


@dataclass(slots=True)
class Scene:
    """All of an incident."""

    sights: list[Sight]  # by time; the first one of each thing and symptom
    suspects: dict[str, Suspect]
    showing: dict[str, dict[str, None]]  # symptom -> things that show it
    things: dict[str, None]  # that raised alerts
    topology: Topology

    @property
    def first(self) -> float:
        """When the first alert came, unix seconds."""
        return self.sights[0].at


def scene_of(rows: Iterable[Row], topology: Topology) -> Scene:
    """The incident that consists of `rows`, at least one."""
    ordered = sorted(rows, key=lambda row: (row.at, row.alert_id))[:_READ]
    sights = _firsts(ordered, topology)
    scene = Scene(sights, {}, {}, dict.fromkeys(sight.thing for sight in sights), topology)
    for sight in sights:
        suspect = _suspect(scene, sight.thing)
        (suspect.calls if sight.call else suspect.own).append(sight)
        scene.showing.setdefault(sight.symptom, {})[sight.thing] = None
        for name in sight.blames:
            _suspect(scene, name).blamed.append(sight)
    for thing, host in dict.fromkeys((sight.thing, sight.host) for sight in sights):
        for whole in _wholes(thing, host, topology):
            _suspect(scene, whole).parts[thing] = None
    for name in _needed(scene):
        _suspect(scene, name)
    return scene


def shown(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """The (thing, symptom) of each row."""
    return [(thing_of(row.reading), symptom_of(row.reading)) for row in rows]


def thing_of(reading: Reading) -> str:
    """What an alert is about: its service, its host where it names none, anything it names otherwise."""
    return _digest(reading.fields, reading.things, reading.words).thing


def symptom_of(reading: Reading) -> str:
    """Which symptom an alert shows, whatever it is about: its rule's name, and the words of its title."""
    return _digest(reading.fields, reading.things, reading.words).symptom


class _Digest(NamedTuple):
    thing: str
    host: str  # "" where that is the thing
    family: str
    symptom: str
    harm: float
    said: tuple[str, ...]  # all else that it names
    ends: tuple[str, ...]  # the other ends of the call that it is about


@lru_cache(maxsize=4_096)
def _digest(fields: tuple[tuple[str, str], ...], things: tuple[str, ...], words: tuple[str, ...]) -> _Digest:
    found = dict(fields)
    thing = found.get("service") or found.get("host") or (things[0] if things else "?")
    itself = {thing, found.get("host", ""), kind_of(thing)}
    text = [word for word in words if word not in things and not any(letter.isdigit() for letter in word)]
    family = _NUMBER.sub("#", found.get("name", ""))
    return _Digest(
        thing,
        found["host"] if found.get("host", thing) != thing else "",
        family,
        " ".join((family, *text[:_WORDS])).strip(),
        _HARM.get(found.get("severity", ""), 0.35),
        tuple(dict.fromkeys(said for said in (*things, *words) if said not in itself)),
        tuple(found[name] for name in _OTHER_END if name in found),
    )


def _firsts(rows: list[Row], topology: Topology) -> list[Sight]:
    """The first row of each thing, symptom and thing named, as a sight."""
    found = [(row, _digest(row.reading.fields, row.reading.things, row.reading.words)) for row in rows]
    named = {name for _, digest in found for name in (digest.thing, *digest.ends)} | topology.near.keys()
    seen: dict[tuple[str, str, tuple[str, ...]], Sight] = {}
    for row, digest in found:
        blames = tuple([said for said in digest.said if said in named])
        key = (digest.thing, digest.symptom, blames)
        if key not in seen:
            call = bool(blames or digest.ends)
            seen[key] = Sight(
                row.alert_id, row.at, digest.thing, digest.host, digest.symptom, digest.family, blames, call,
                digest.harm,
            )  # fmt: skip
    return list(seen.values())


def _wholes(thing: str, host: str, topology: Topology) -> Iterator[str]:
    kind = kind_of(thing)
    if kind != thing:
        yield kind
    if host:
        yield host
    yield from topology.wholes.get(thing, ())
    yield from topology.wholes.get(host, ())


def _needed(scene: Scene) -> list[str]:
    """What the things that raised alerts need directly."""
    near = scene.topology.near
    found = (near.get(thing, {}) for thing in scene.things)
    return [name for around in found for name, each in around.items() if each.hops == 1 and each.direction == "down"]


def _suspect(scene: Scene, name: str) -> Suspect:
    suspect = scene.suspects.get(name)
    if suspect is None:
        suspect = scene.suspects[name] = Suspect(name)
    return suspect

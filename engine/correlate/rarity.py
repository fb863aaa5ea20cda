"""How unusual a symptom is: what past incidents showed, thing by thing, whatever their root was."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from engine.correlate.reading import kind_of

_SHRINK = 2.0  # pseudo-incidents in which a thing shows what its like show, and those what anything shows
_PAIRS = 50_000  # of things and symptoms kept
_TABLES = ("things", "symptoms", "showing", "members", "sums", "squares")


class Rarity:
    """Counts, over past incidents, of who showed what: a symptom seldom seen at a thing says more than its usual ones.

    Until the first incident is learned nothing is rare: every answer is 0.

    Examples
    --------
    >>> rarity = Rarity()
    >>> for _ in range(20):
    ...     rarity.learn([("cart", "slow"), ("db", "slow")])
    >>> rarity.surprise("cart", "slow") < rarity.surprise("cart", "disk full")
    True
    """

    def __init__(self) -> None:
        self.incidents = 0.0
        self.things: dict[str, float] = {}  # thing -> incidents in which it showed anything
        self.symptoms: dict[str, float] = {}  # symptom -> incidents in which anything showed it
        self.showing: dict[str, float] = {}  # symptom -> things that showed it, summed over incidents
        self.sums: dict[str, float] = {}  # thing -> symptoms it showed, summed over incidents
        self.squares: dict[str, float] = {}  # thing -> the same, squared in each incident
        self.members: dict[str, float] = {}  # kind -> things that are one of it
        self.pairs: dict[str, dict[str, float]] = {}  # thing -> symptom -> incidents
        self.kinds: dict[str, dict[str, float]] = {}  # kind -> symptom -> incidents and things in which it was shown
        self._held = 0  # pairs

    def learn(self, shown: Iterable[tuple[str, str]]) -> None:
        """One more incident showed these (thing, symptom) pairs; a pair counts once."""
        found = sorted(set(shown))
        self.incidents += 1.0
        for symptom in sorted({symptom for _, symptom in found}):
            _count(self.symptoms, symptom)
        for thing, number in Counter(thing for thing, _ in found).items():
            if thing not in self.things:
                _count(self.members, kind_of(thing))
            _count(self.things, thing)
            _count(self.sums, thing, number)
            _count(self.squares, thing, number**2)
        for thing, symptom in found:
            _count(self.showing, symptom)
            pairs = self.pairs.setdefault(thing, {})
            self._held += symptom not in pairs
            _count(pairs, symptom)
            _count(self.kinds.setdefault(kind_of(thing), {}), symptom)
        if self._held > _PAIRS:
            self._forget()

    def surprise(self, thing: str, symptom: str) -> float:
        """0..1: how unusual `symptom` is at `thing`: 0 = there in every incident, 1 = new there and to its like."""
        if not self.incidents:
            return 0.0
        kind = kind_of(thing)
        anywhere = (self.showing.get(symptom, 0.0) + 0.5) / ((self.incidents + 1.0) * max(1, len(self.things)))
        like = self.kinds.get(kind, {}).get(symptom, 0.0) + _SHRINK * anywhere
        share = like / (self.incidents * max(1.0, self.members.get(kind, 0.0)) + _SHRINK)
        here = self.pairs.get(thing, {}).get(symptom, 0.0) + _SHRINK * share
        chance = min(1.0, here / (self.incidents + _SHRINK))
        return min(1.0, -math.log(chance) / math.log(self.incidents + 3.0))

    def seldom(self, symptom: str) -> float:
        """0..1: in how few past incidents anything at all showed `symptom`; 1 = in none."""
        if not self.incidents:
            return 0.0
        share = (self.symptoms.get(symptom, 0.0) + 0.5) / (self.incidents + 1.0)
        return max(0.0, -math.log(share)) / math.log(2.0 * self.incidents + 2.0)

    def stays(self, symptom: str) -> float:
        """0..1: how far `symptom` keeps to one thing in the incidents that show it; 1 = always at one thing alone."""
        if not self.incidents:
            return 0.0
        return min(1.0, (self.symptoms.get(symptom, 0.0) + 1.0) / (self.showing.get(symptom, 0.0) + 2.0))

    def burst(self, thing: str, number: int) -> float:
        """-0.5..1: by how much `number` different symptoms is more than `thing` shows as a rule, 1 = 4 deviations."""
        if not self.incidents:
            return 0.0
        mean = self.sums.get(thing, 0.0) / self.incidents
        deviation = math.sqrt(max(0.0, self.squares.get(thing, 0.0) / self.incidents - mean * mean) + 0.25)
        return max(-0.5, min(1.0, (number - mean) / deviation / 4.0))

    def to_data(self) -> dict[str, Any]:
        """JSON-able form."""
        tables = {name: dict(getattr(self, name)) for name in _TABLES}
        pairs = {thing: dict(found) for thing, found in self.pairs.items()}
        return {"incidents": self.incidents, "pairs": pairs, **tables}

    def take(self, data: Mapping[str, Any]) -> None:
        """Take over what `to_data` wrote."""
        self.incidents = data["incidents"]
        self.pairs = {thing: dict(found) for thing, found in data["pairs"].items()}
        for name in _TABLES:
            setattr(self, name, dict(data[name]))
        self._count_kinds()

    def _forget(self) -> None:
        """Halve all counts and drop what was seen once: old habits fade, and memory stays bounded."""
        self.incidents /= 2.0
        self.pairs = {thing: half for thing, found in self.pairs.items() if (half := _halved(found))}
        self.things = {thing: self.things[thing] / 2.0 for thing in self.pairs}
        known = {symptom for found in self.pairs.values() for symptom in found}
        self.sums = {thing: self.sums[thing] / 2.0 for thing in self.pairs}
        self.squares = {thing: self.squares[thing] / 2.0 for thing in self.pairs}
        self.symptoms = {symptom: self.symptoms[symptom] / 2.0 for symptom in sorted(known)}
        self.showing = {symptom: self.showing[symptom] / 2.0 for symptom in sorted(known)}
        self.members = {}
        for thing in self.things:
            _count(self.members, kind_of(thing))
        self._count_kinds()

    def _count_kinds(self) -> None:
        self.kinds, self._held = {}, 0
        for thing, found in self.pairs.items():
            row = self.kinds.setdefault(kind_of(thing), {})
            self._held += len(found)
            for symptom, number in found.items():
                row[symptom] = row.get(symptom, 0.0) + number


def _count(table: dict[str, float], key: str, number: float = 1.0) -> None:
    table[key] = table.get(key, 0.0) + number


def _halved(counts: Mapping[str, float]) -> dict[str, float]:
    return {name: number / 2.0 for name, number in counts.items() if number > 1.0}

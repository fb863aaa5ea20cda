"""What things have shown lately: a symptom that stays on from incident to incident tells nothing of what broke."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from engine.correlate.reading import kind_of

_LIVES = (1.5, 20.0)  # incidents after which one counts half: what has just begun to stay on, and what is usual
_SHRINK = 1.0  # pseudo-incidents in which a thing shows what its like show
_ANYTHING = 0.5  # pseudo-incidents in which its like show what anything shows
_PAIRS = 50_000  # of things and symptoms kept
_LARGE = 1e12  # weight of one incident from which on all counts are written smaller


class Habits:
    """Fading counts, over past incidents, of who showed what about itself.

    Examples
    --------
    >>> habits = Habits()
    >>> for _ in range(5):
    ...     habits.learn([("cart", "slow"), ("db", "slow"), ("db", "disk full")])
    >>> habits.learn([("cart", "slow")])
    >>> habits.share("cart", "slow") > habits.share("db", "slow") > habits.share("cart", "disk full")
    True
    """

    def __init__(self) -> None:
        self.incidents = 0.0
        self.tables = [_Fading(life) for life in _LIVES]

    def learn(self, shown: Iterable[tuple[str, str]]) -> None:
        """One more incident is over; `shown` are its (thing, symptom), each counted once."""
        pairs = sorted(set(shown))
        self.incidents += 1.0
        for table in self.tables:
            table.learn(pairs)

    def share(self, thing: str, symptom: str) -> float:
        """0..1: the share of lately past incidents in which `thing` showed `symptom`, by the memory that says more."""
        return max(table.share(thing, symptom) for table in self.tables) if self.incidents else 0.0

    def to_data(self) -> dict[str, Any]:
        """JSON-able form."""
        return {"incidents": self.incidents, "tables": [table.to_data() for table in self.tables]}

    def take(self, data: Mapping[str, Any]) -> None:
        """Take over what `to_data` wrote."""
        self.incidents = data["incidents"]
        for table, found in zip(self.tables, data["tables"], strict=True):
            table.take(found)


class _Fading:
    """Counts that halve within `life` incidents. New ones weigh ever more instead of old ones ever less."""

    def __init__(self, life: float) -> None:
        self.growth = 2.0 ** (1.0 / life)
        self.unit = 1.0  # weight of the latest incident
        self.total = 0.0  # weight of all
        self.things: dict[str, dict[str, float]] = {}  # thing -> symptom -> weight of the incidents that show it there
        self._count_kinds()

    def learn(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.unit *= self.growth
        self.total += self.unit
        for thing, symptom in pairs:
            row = self.things.setdefault(thing, {})
            if not row:
                _add(self.members, kind_of(thing), 1.0)
            self.held += symptom not in row
            _add(row, symptom, self.unit)
            _add(self.kinds.setdefault(kind_of(thing), {}), symptom, self.unit)
            _add(self.symptoms, symptom, self.unit)
        if self.unit > _LARGE or self.held > _PAIRS:
            self._shrink()

    def share(self, thing: str, symptom: str) -> float:
        """0..1, in incidents as heavy as the latest one; what is not known of the thing is taken from its like."""
        incidents = self.total / self.unit
        kind = kind_of(thing)
        anything = self.symptoms.get(symptom, 0.0) / self.total / max(1, len(self.things))
        like = self.kinds.get(kind, {}).get(symptom, 0.0) / self.unit + _ANYTHING * anything
        like /= incidents * max(1.0, self.members.get(kind, 0.0)) + _ANYTHING
        here = self.things.get(thing, {}).get(symptom, 0.0) / self.unit
        return (here + _SHRINK * like) / (incidents + _SHRINK)

    def to_data(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "total": self.total,
            "things": {name: dict(row) for name, row in self.things.items()},
        }

    def take(self, data: Mapping[str, Any]) -> None:
        self.unit, self.total = data["unit"], data["total"]
        self.things = {name: dict(row) for name, row in data["things"].items()}
        self._count_kinds()

    def _shrink(self) -> None:
        """Write all counts in units of the latest incident; of too many, give up the lightest half."""
        every = sorted(weight for row in self.things.values() for weight in row.values())
        least = every[len(every) // 2] if self.held > _PAIRS else -math.inf
        kept = {
            name: {symptom: weight / self.unit for symptom, weight in row.items() if weight > least}
            for name, row in self.things.items()
        }
        self.things = {name: row for name, row in kept.items() if row}
        self.total, self.unit = self.total / self.unit, 1.0
        self._count_kinds()

    def _count_kinds(self) -> None:
        self.members: dict[str, float] = {}  # kind -> things of it
        self.kinds: dict[str, dict[str, float]] = {}
        self.symptoms: dict[str, float] = {}
        self.held = 0
        for thing, row in self.things.items():
            _add(self.members, kind_of(thing), 1.0)
            self.held += len(row)
            for symptom, weight in row.items():
                _add(self.kinds.setdefault(kind_of(thing), {}), symptom, weight)
                _add(self.symptoms, symptom, weight)


def _add(table: dict[str, float], key: str, weight: float) -> None:
    table[key] = table.get(key, 0.0) + weight

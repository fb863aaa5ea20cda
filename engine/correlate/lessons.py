"""What operators teach: the kinds of alerts that make up one incident, as often as if it had been seen several times.

Corrections change what is known of company and leave the weights alone. Steps of the weights towards each correction
(passive-aggressive: Crammer et al. 2006) were measured too, and made later alerts worse: a correction says much about
these symptoms and little about time gaps in general.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from engine.correlate.together import Together

_AS_OFTEN = 8.0  # past incidents that one word of an operator is worth
_KINDS = 24  # of one incident that a lesson holds
_LESSONS = 1500  # kept, the latest ones: older ones have come into the history that models are fitted to
_BETWEEN = "\x1f"


class Lessons:
    """Incidents as operators put them, told to what is known to come together at each level of back-off."""

    def __init__(self, tables: Mapping[str, Together]) -> None:
        self._tables = tables
        self._taught: dict[str, float] = {}  # level and kinds -> past incidents it is worth

    def one(self, kinds: Mapping[str, Iterable[str]]) -> None:
        """An operator made an incident of these kinds, given by level."""
        for level, found in kinds.items():
            name = _BETWEEN.join((level, *islice(sorted(found), _KINDS)))
            self._teach(name, self._taught.get(name, 0.0) + _AS_OFTEN)
        while len(self._taught) > _LESSONS:
            del self._taught[next(iter(self._taught))]

    def to_data(self) -> dict[str, float]:
        """JSON-able form."""
        return dict(self._taught)

    def take(self, data: Mapping[str, float]) -> None:
        """Take up what `to_data` wrote, here or elsewhere; what is known already is not learned twice."""
        for name, worth in data.items():
            if worth > self._taught.get(name, 0.0):
                self._teach(name, worth)

    def _teach(self, name: str, worth: float) -> None:
        level, *kinds = name.split(_BETWEEN)
        if level in self._tables and kinds:
            self._tables[level].learn(kinds, worth - self._taught.get(name, 0.0))
            self._taught.pop(name, None)  # the latest last
            self._taught[name] = worth

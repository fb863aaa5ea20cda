"""What operators teach: pairs of kinds of alerts that belong together or apart, as often as if seen in past incidents.

A correction is evidence about what was moved and where it went or came from, and about nothing else there: a merge says
that what only the one incident shows goes with what only the other shows; a split says that what only the one side
shows comes without what only the other side shows. Kinds on both sides are everywhere and say nothing. Whole incidents
told as past ones were measured too, and glued what came later; so were steps of the weights (passive-aggressive:
Crammer et al. 2006): a correction says much about these symptoms and little about time gaps in general.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from engine.correlate.together import Together

_AS_OFTEN = 2.0  # past incidents that one word of an operator is worth
_KINDS = 6  # of one side, the commonest ones, that a lesson is about
_LESSONS = 3000  # kept, the latest ones: older ones have come into the history that models are fitted to
_BETWEEN = "\x1f"
_ONE, _TWO = "one", "two"

Kinds = Mapping[str, Mapping[str, int]]  # level of back-off -> kind -> alerts of it


class Lessons:
    """Corrections, told to what is known to come together at each level of back-off."""

    def __init__(self, tables: Mapping[str, Together]) -> None:
        self._tables = tables
        self._taught: dict[str, float] = {}  # level, one or two, pair of kinds -> past incidents it is worth

    def together(self, ones: Kinds, others: Kinds) -> None:
        """An operator put alerts of these kinds into one incident."""
        self._tell(_ONE, ones, others)

    def apart(self, ones: Kinds, others: Kinds) -> None:
        """An operator put alerts of these kinds into two incidents that were one."""
        self._tell(_TWO, ones, others)

    def to_data(self) -> dict[str, float]:
        """JSON-able form."""
        return dict(self._taught)

    def take(self, data: Mapping[str, float]) -> None:
        """Take up what `to_data` wrote, here or elsewhere; what is known already is not learned twice."""
        for name, worth in data.items():
            if worth > self._taught.get(name, 0.0):
                self._teach(name, worth)

    def _tell(self, how: str, ones: Kinds, others: Kinds) -> None:
        for level in self._tables:
            for kind, other in _pairs(ones.get(level, {}), others.get(level, {})):
                name = _BETWEEN.join((level, how, *sorted((kind, other))))
                self._teach(name, self._taught.get(name, 0.0) + _AS_OFTEN)
        while len(self._taught) > _LESSONS:
            del self._taught[next(iter(self._taught))]

    def _teach(self, name: str, worth: float) -> None:
        level, how, *kinds = [*name.split(_BETWEEN), ""][:5]
        if level in self._tables and how in (_ONE, _TWO) and len(kinds) == 3:
            more = worth - self._taught.get(name, 0.0)
            self._tables[level].tell(kinds[0], kinds[1], *((more, 0.0) if how == _ONE else (0.0, more)))
            self._taught.pop(name, None)  # the latest last
            self._taught[name] = worth


def _pairs(ones: Mapping[str, int], others: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """The commonest kinds that only one side shows, each with each."""
    return product(_commonest(ones, others), _commonest(others, ones))


def _commonest(kinds: Mapping[str, int], but: Mapping[str, int]) -> list[str]:
    return sorted(kinds.keys() - but.keys(), key=lambda kind: (-kinds[kind], kind))[:_KINDS]

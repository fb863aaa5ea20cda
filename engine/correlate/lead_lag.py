"""Which kind of alert brings which other kind: learned from order and delay alone, one event at a time.

For each ordered pair of kinds two things are counted while events arrive: how often the second is the first answer to
the first, at the same place or next to it, within a short and a longer delay. Chance is what independent events of the
same places and rates would give. A pair's score is (share of meetings that chance does not explain) x (share of
meetings in which this one came first, both delays weighing the same).

Order can mislead: a tool may report an effect at once and its cause after a delay of its own. Then short and long
delays tell opposite orders, for many pairs; so far as they do, order is not trusted and pairs count both ways.

The ideas of lagged co-occurrence, of a null from the rates, and of attributing an event to what came shortly before
are those of Hawkes processes; topology restricts who can be heard, as in THP (Cai et al. 2021). One pass; memory is
bounded by the numbers of kinds and places kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from engine.correlate.lead_scores import Pair, direct, scores_of, surely, trust_of

SHORT_S, LONG_S = 30.0, 300.0  # the two delays, seconds
_KINDS = 512
_PLACES = 20_000
_TIE, _NEAR, _FAR = 0, 1, 2  # what a count is of: same moment, short delay, longer delay


class Lead(NamedTuple):
    """One learned edge."""

    cause: str
    effect: str
    score: float  # 0..1
    meetings: float  # in this order, simultaneous ones not counted


class LeadLag:
    """A streaming learner of directed edges between kinds of alerts.

    Parameters
    ----------
    neighbours
        Place -> places next to it; an event is heard there and where it happens. Without, only where it happens.
    partners
        Kinds kept as answers to each kind, the most frequent ones.

    Examples
    --------
    >>> learner = LeadLag()
    >>> for turn in range(50):
    ...     learner.learn_one("disk full", 5000.0 * turn, "db-1")
    ...     learner.learn_one("write errors", 5000.0 * turn + 12.0, "db-1")
    >>> [(lead.cause, lead.effect) for lead in learner.edges()]
    [('disk full', 'write errors')]
    """

    def __init__(self, neighbours: Mapping[str, Sequence[str]] | None = None, partners: int = 64) -> None:
        self.neighbours = neighbours or {}
        self.partners = partners
        self.counts: dict[str, dict[str, list[float]]] = {}  # earlier kind -> later kind -> ties, near, far
        self.events: dict[str, dict[str, float]] = {}  # place -> kind -> events; least lately active first
        self.began = math.inf
        self.ended = -math.inf
        self._heard: dict[str, dict[str, float]] = {}  # place -> kind -> when last heard there; latest last
        self._chance: dict[str, dict[str, list[float]]] = {}  # of places no longer kept: near, far

    def learn_one(self, kind: str, at: float, where: str) -> None:
        """One event: `kind` began at `at` (unix seconds) at `where`. Events come in the order of their times."""
        heard = self._heard.setdefault(where, {})
        self._meet(kind, at, heard)
        _hear(heard, kind, at)
        for place in self.neighbours.get(where, ()):
            _hear(self._heard.setdefault(place, {}), kind, at)
        found = self.events.pop(where, {})
        found[kind] = found.get(kind, 0.0) + 1.0
        self.events[where] = found
        self.began, self.ended = min(self.began, at), max(self.ended, at)
        if len(self.events) > _PLACES or len(self.counts) > _KINDS:
            self._shrink()

    def learn(self, events: Iterable[tuple[str, float, str]]) -> None:
        """Many events as (kind, at, where), in the order of their times."""
        for kind, at, where in events:
            self.learn_one(kind, at, where)

    def score(self, cause: str, effect: str) -> float:
        """0..1: how surely `cause` brings `effect`; 0 for kinds that never met."""
        return self.scores().get((cause, effect), 0.0)

    def scores(self) -> dict[tuple[str, str], float]:
        """(cause, effect) -> 0..1, of all pairs that met, in both orders."""
        pairs = self._pairs()
        return scores_of(pairs, trust_of(pairs))

    def edges(self) -> tuple[Lead, ...]:
        """The pairs likely enough to be told, strongest first. How many follows from what was counted.

        Where order can be trusted a pair must reach one half, and two stronger steps must not explain it; where it
        cannot, both orders are told of pairs that meet far more often than by chance.
        """
        pairs = self._pairs()
        trust = trust_of(pairs)
        scores = scores_of(pairs, trust)
        enough = 0.15 + 0.35 * trust
        likely = {names: score for names, score in scores.items() if score >= enough and surely(pairs[names])}
        found = [
            Lead(cause, effect, score, pairs[cause, effect].near[0] + pairs[cause, effect].far[0])
            for (cause, effect), score in (direct(likely) if trust > 0.5 else likely).items()
        ]
        return tuple(sorted(found, key=lambda lead: (-lead.score, lead.cause, lead.effect)))

    def trust(self) -> float:
        """0..1: how far the order of events can be believed, 1 = short and long delays do not contradict each other."""
        return trust_of(self._pairs())

    def to_data(self) -> dict[str, Any]:
        """JSON-able form of what was learned; what is just going on is left out."""
        return {
            "counts": _copied(self.counts),
            "chance": {
                first: {second: [round(number, 4) for number in found] for second, found in row.items()}
                for first, row in self._chances().items()
            },
        }

    def take(self, data: Mapping[str, Any]) -> None:
        """Take over what `to_data` wrote."""
        self.counts, self._chance = _copied(data["counts"]), _copied(data["chance"])
        self.events, self._heard = {}, {}
        self.began, self.ended = math.inf, -math.inf

    def _meet(self, kind: str, at: float, heard: dict[str, float]) -> None:
        """Count `kind` as the first answer to each other kind heard here lately."""
        before = heard.get(kind, -math.inf)
        for other in reversed(heard):
            delay = at - heard[other]
            if delay > LONG_S:
                return
            if other != kind and delay >= 0.0 and before < heard[other]:
                slot = _TIE if delay == 0.0 else _NEAR if delay <= SHORT_S else _FAR
                row = self.counts.setdefault(other, {})
                row.setdefault(kind, [0.0, 0.0, 0.0])[slot] += 1.0
                if len(row) > 2 * self.partners:
                    self._keep_partners(other)

    def _pairs(self) -> dict[tuple[str, str], Pair]:
        chance = self._chances()
        found: dict[tuple[str, str], Pair] = {}
        for first, row in self.counts.items():
            for second in row:
                for one, two in ((first, second), (second, first)):
                    if (one, two) not in found:
                        found[one, two] = self._pair(one, two, chance)
        return found

    def _pair(self, one: str, two: str, chance: Mapping[str, Mapping[str, Sequence[float]]]) -> Pair:
        there = self.counts.get(one, {}).get(two, (0.0, 0.0, 0.0))
        back = self.counts.get(two, {}).get(one, (0.0, 0.0, 0.0))
        expected = chance.get(one, {}).get(two, (0.0, 0.0))
        reverse = chance.get(two, {}).get(one, (0.0, 0.0))
        return Pair(
            (there[_NEAR], back[_NEAR]),
            (there[_FAR], back[_FAR]),
            there[_TIE] + back[_TIE],
            expected[0] + reverse[0],
            expected[1] + reverse[1],
        )

    def _chances(self) -> dict[str, dict[str, list[float]]]:
        """Earlier kind -> later kind -> meetings (near, far) that independent events would give."""
        found = _copied(self._chance)
        for place in self.events:
            self._add_chance(found, place)
        return found

    def _add_chance(self, found: dict[str, dict[str, list[float]]], place: str) -> None:
        span = max(1.0, self.ended - self.began)
        audible = dict(self.events[place])
        for other in self.neighbours.get(place, ()):
            for kind, number in self.events.get(other, {}).items():
                audible[kind] = audible.get(kind, 0.0) + number
        for first, number in audible.items():
            rate = number / span
            near, far = math.exp(-rate * SHORT_S), math.exp(-rate * LONG_S)
            row = found.setdefault(first, {})
            for second, times in self.events[place].items():
                if second != first and (second in self.counts.get(first, ()) or first in self.counts.get(second, ())):
                    sums = row.setdefault(second, [0.0, 0.0])
                    sums[0] += times * (1.0 - near)
                    sums[1] += times * (near - far)

    def _shrink(self) -> None:
        """Give up the places that were silent longest and the rarest kinds, a quarter of each."""
        if len(self.events) > _PLACES:
            for place in list(self.events)[: _PLACES // 4]:
                self._add_chance(self._chance, place)
            for place in list(self.events)[: _PLACES // 4]:
                del self.events[place]
            self._heard = {place: heard for place, heard in self._heard.items() if self._lately(heard)}
        if len(self.counts) > _KINDS:
            weight = {kind: sum(map(sum, row.values())) for kind, row in self.counts.items()}
            for kind in sorted(weight, key=lambda kind: (weight[kind], kind))[: _KINDS // 4]:
                self._drop(kind)

    def _lately(self, heard: dict[str, float]) -> bool:
        return bool(heard) and self.ended - heard[next(reversed(heard))] <= LONG_S

    def _keep_partners(self, kind: str) -> None:
        row = self.counts[kind]
        for other in sorted(row, key=lambda other: (sum(row[other]), other))[: -self.partners]:
            del row[other]

    def _drop(self, kind: str) -> None:
        for table in (self.counts, self._chance):
            table.pop(kind, None)
            for row in table.values():
                row.pop(kind, None)


def _copied(table: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, dict[str, list[float]]]:
    return {first: {second: list(found) for second, found in row.items()} for first, row in table.items()}


def _hear(heard: dict[str, float], kind: str, at: float) -> None:
    """`kind` was heard at `at`; what is too old to matter is forgotten."""
    heard.pop(kind, None)
    while heard and at - heard[oldest := next(iter(heard))] > LONG_S:
        del heard[oldest]
    heard[kind] = at

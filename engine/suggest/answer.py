"""From weighed candidates to an answer: suggestions with reasons, or that this is a new kind of incident."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.domain import Evidence, Suggestion
from engine.suggest.explain import reasons
from engine.suggest.gate import facts
from engine.suggest.index import Floats, Slots
from engine.suggest.rerank import BASE, Fusion, probability
from engine.suggest.signals import TERM_OF, Scan

_DAY_S = 86_400.0
_SAID = 3  # agreements named in one reason
_LEAST = 0.05  # log-odds: what adds less is no reason


@dataclass(frozen=True)
class Weighed:
    """The candidates of one question: `columns` (candidates, columns) and `scores` in log-odds run beside `slots`."""

    scan: Scan
    slots: Slots
    columns: Floats
    scores: Floats
    lexical: bool  # weighed without the encoder
    note: str  # why it was, if it was

    def order(self) -> list[int]:
        """Places of the candidates, best first; of equals the newest first."""
        opened = self.scan.memory.opened.values[self.slots]
        return [int(place) for place in np.lexsort((-self.slots, -opened, -self.scores))]

    def facts(self) -> Floats:
        """What the gate judges by; there must be a candidate."""
        asked, known = self.scan.question.document.fields["body"], int(np.count_nonzero(self.scan.usable))
        return facts(self.scores, self.columns, len(asked), known)


@dataclass(frozen=True)
class Judgement:
    """The weighed candidates in order, and how probable it is that the best one is of the same kind."""

    weighed: Weighed
    fusion: Fusion
    order: Sequence[int]
    odds: float  # log-odds that the best candidate is of the same kind; all others stand as far below as by `scores`

    @property
    def probability(self) -> float:
        """0..1, that any past incident is of the same kind."""
        return probability(self.odds)

    @property
    def new_kind(self) -> bool:
        """Whether it is too improbable to offer anything."""
        return self.probability < self.fusion.gate.least(lexical=self.weighed.lexical)

    def score(self, place: int) -> float:
        """Probability (0..1) that the candidate at `place` is of the same kind."""
        return probability(self.odds + self._behind(place))

    def matches(self, count: int) -> list[Suggestion]:
        """The `count` best without reasons."""
        return [self._plain(place) for place in self.order[:count]]

    def suggestions(self, count: int) -> Iterator[Suggestion]:
        """The `count` best with reasons, whose weights sum to the log-odds of the score."""
        for place in self.order[:count]:
            yield self._plain(place, self._because(place))

    def _behind(self, place: int) -> float:
        return float(self.weighed.scores[place] - self.weighed.scores[self.order[0]])

    def _plain(self, place: int, because: tuple[Evidence, ...] = ()) -> Suggestion:
        scan = self.weighed.scan
        past = scan.memory.incidents[int(self.weighed.slots[place])]
        age = scan.question.incident.opened_at - past.known_from
        return Suggestion(
            incident=past, score=self.score(place), age_days=age.total_seconds() / _DAY_S, because=because
        )

    def _because(self, place: int) -> tuple[Evidence, ...]:
        weighed, slot = self.weighed, int(self.weighed.slots[place])
        by_signal = self.fusion.terms(weighed.columns[place], lexical=weighed.lexical)
        by_term: dict[str, list[str]] = {}
        for signal in by_signal:
            by_term.setdefault(TERM_OF[signal], []).append(signal)
        evidence = []
        for term, signals in by_term.items():
            signals.sort(key=lambda signal: -abs(by_signal[signal]))
            told = [reasons(weighed.scan, slot, each) for each in signals if abs(by_signal[each]) >= _LEAST]
            weight = sum(by_signal[each] for each in signals)
            if term == BASE:
                weight += self.odds - float(weighed.scores[self.order[0]])
            evidence.append(Evidence(signal=term, weight=weight, detail=_joined(told)))
        return tuple(sorted((each for each in evidence if each.weight), key=lambda each: -abs(each.weight)))


def judged(weighed: Weighed, fusion: Fusion) -> Judgement | None:
    """Order the candidates and ask the gate; None where there is no candidate."""
    if not len(weighed.slots):
        return None
    odds = fusion.gate.odds(weighed.facts(), lexical=weighed.lexical)
    return Judgement(weighed, fusion, weighed.order(), odds)


def _joined(told: Sequence[str]) -> str:
    return "; ".join(list(dict.fromkeys(each for each in told if each))[:_SAID])

"""One probability out of several opinions: a conditional logit (McFadden 1974) over all people and "someone else"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize

from engine.route.memory import Floats, Ints

_RIDGE = 2.0  # pull towards the prior weights, in squared log-likelihood units per weight
_DRIFT = 0.97  # the weights are made smaller by this: time to come differs more than the end of the history
_WANTED_PRECISION = 0.95
_MIN_AUTOMATIC = 30  # held-out decisions a threshold must rest on


@dataclass(frozen=True, slots=True)
class Asked:
    """A past question: `opinions` (people, signals) and the number of who was right, -1 for someone never seen."""

    opinions: Floats
    right: int


class Stacker:
    """Weighs the signals. `weights_` is per signal, `stranger_` the log-odds of "someone else"."""

    def __init__(self, *, prior: Sequence[float], stranger: float = -4.0) -> None:
        self.prior = prior
        self.stranger = stranger
        self.weights_: Floats = np.asarray(prior, dtype=np.float64)
        self.stranger_ = stranger
        self.threshold_ = 1.01  # probability from which a decision needs no asking; above 1: never
        self.asked_ = 0

    def fit(self, asked: Sequence[Asked]) -> Self:
        """Learn the weights from past questions; few of them leave the weights near the prior."""
        if not asked:
            return self
        start = np.append(np.asarray(self.prior, np.float64), self.stranger)
        found = minimize(
            _loss, start, args=(_Pile.of(asked), start), jac=True, method="L-BFGS-B", options={"maxiter": 100}
        )
        self.weights_, self.stranger_ = _DRIFT * found.x[:-1], _DRIFT * float(found.x[-1])
        self.asked_ = len(asked)
        self.threshold_ = self._threshold(asked)
        return self

    def probabilities(self, opinions: Floats) -> Floats:
        """Probability (0..1) per person; they sum to 1 less that of someone never seen."""
        return _softmax(np.append(opinions @ self.weights_, self.stranger_))[:-1]

    def _threshold(self, asked: Sequence[Asked]) -> float:
        tops = []
        for question in asked:
            if len(question.opinions):
                chances = self.probabilities(question.opinions)
                best = int(np.argmax(chances))
                tops.append((float(chances[best]), best == question.right))
        return max(threshold_for(tops), threshold_for(tops[len(tops) // 2 :]))  # good of late, not only on the whole

    def to_data(self) -> dict[str, Any]:
        """What was learned, JSON-able."""
        weights = [float(weight) for weight in self.weights_]
        return {"weights": weights, "stranger": self.stranger_, "threshold": self.threshold_, "asked": self.asked_}

    def restore(self, data: Mapping[str, Any]) -> Self:
        """Take back what `to_data` gave."""
        self.weights_ = np.asarray(data["weights"], np.float64)
        self.stranger_, self.threshold_ = float(data["stranger"]), float(data["threshold"])
        self.asked_ = int(data["asked"])
        return self


def threshold_for(tops: Sequence[tuple[float, bool]], precision: float = _WANTED_PRECISION) -> float:
    """Lowest probability from which at least `precision` of the decisions were right; 1.01 where there is none.

    `tops` are pairs of the best probability and whether it was right. One error is added against luck.

    Examples
    --------
    >>> threshold_for([(0.9, True)] * 60 + [(0.5, False)] * 9)
    0.9
    """
    best, right = 1.01, 0
    ranked = sorted(tops, key=lambda top: -top[0])
    for count, (chance, hit) in enumerate(ranked, 1):
        right += hit
        last = count == len(ranked) or ranked[count][0] < chance
        if last and count >= _MIN_AUTOMATIC and right - 1 >= precision * (count + 1) - 1:
            best = chance
    return best


@dataclass(frozen=True, slots=True)
class _Pile:
    """Questions end to end: every one is its people and, last, "someone else"."""

    opinions: Floats  # (answers, signals and "someone else")
    begins: Ints  # of each question
    right: Ints  # the answer that was right, of each question

    @classmethod
    def of(cls, asked: Sequence[Asked]) -> Self:
        """Pile `asked` up."""
        blocks, begins, right, place = [], [], [], 0
        for question in asked:
            people, signals = question.opinions.shape
            block = np.zeros((people + 1, signals + 1), np.float32)
            block[:-1, :-1] = question.opinions
            block[-1, -1] = 1.0
            blocks.append(block)
            begins.append(place)
            right.append(place + (question.right if question.right >= 0 else people))
            place += people + 1
        return cls(np.concatenate(blocks), np.array(begins), np.array(right))


def _loss(weights: Floats, pile: _Pile, prior: Floats) -> tuple[float, Floats]:
    """Negative log-likelihood with a pull towards `prior`, and its slope."""
    away = weights - prior
    scores = (pile.opinions @ weights.astype(np.float32)).astype(np.float64)
    sizes = np.diff(np.append(pile.begins, len(scores)))
    scores -= np.repeat(np.maximum.reduceat(scores, pile.begins), sizes)
    chances = np.exp(scores)
    totals = np.add.reduceat(chances, pile.begins)
    chances /= np.repeat(totals, sizes)
    loss = float((np.log(totals) - scores[pile.right]).sum())
    slope = chances.astype(np.float32) @ pile.opinions - pile.opinions[pile.right].sum(axis=0)
    return loss + _RIDGE * float(away @ away), np.asarray(slope, np.float64) + 2 * _RIDGE * away


def _softmax(scores: Floats) -> Floats:
    scores = np.exp(scores - scores.max())
    return np.asarray(scores / scores.sum())

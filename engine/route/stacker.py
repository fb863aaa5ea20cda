"""One probability out of several opinions: a conditional logit (McFadden 1974) over people and "someone else".

Weights are learned on the earlier of past questions, how sure to be on the later ones: time to come is allowed for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from engine.lazy import lazy
from engine.route.columns import Floats, Ints
from engine.route.thresholds import Thresholds, Top

optimize = lazy("scipy.optimize")

LEADING = 60  # people among whom a question is decided
_RIDGE, _RIDGE_EACH = 10.0, 0.03  # pull towards the prior weights, and what each question adds to it
EARLIER = 0.6  # of the questions: the weights that are judged on the rest are learned on them
_LEAST_JUDGED = 40  # questions below which nothing is said about how sure to be
_RECENT = 600  # latest judged questions that say how sure to be
_HEEDED_AT_ONCE = 50  # outcomes after which that is found out again
_BELIEVED_HALF = 100  # judged questions that are believed half
_WARMTH = (0.5, 1.5)  # range of the factor by which weights are made surer or less sure


@dataclass(frozen=True, slots=True)
class Asked:
    """A past question: `opinions` (people, signals) of the leading ones and the place of who was right, -1 if none.

    `who` are their numbers; `weight` is how many questions it stands for.
    """

    opinions: Floats
    right: int
    who: Ints
    weight: float = 1.0


class Stacker:
    """Weighs the signals. `weights_` is per signal, `stranger_` the log-odds of "someone else"."""

    def __init__(self, *, prior: Sequence[float], stranger: float = -4.0) -> None:
        self.prior = prior
        self.stranger = stranger
        self.weights_: Floats = np.asarray(prior, dtype=np.float64)
        self.stranger_ = stranger
        self.thresholds_ = Thresholds()
        self.recent_: deque[Asked] = deque(maxlen=_RECENT)  # latest judged questions, in order of time; not stored
        self.asked_ = 0
        self._heeded = 0

    def fit(self, asked: Sequence[Asked]) -> Self:
        """Learn the weights from past questions, latest outcome last; few of them leave the weights near the prior."""
        if not asked:
            return self
        cut = int(len(asked) * EARLIER)
        judged = asked[cut:] if len(asked) - cut >= _LEAST_JUDGED else []
        if judged:
            self._learn(asked[:cut])
            warmth = self._warmth(judged)
            self._cool(warmth)
            self.recent_ = deque(judged, _RECENT)
            self.thresholds_ = Thresholds().fit([self._top(question) for question in judged])
            self._learn(asked)
            self._cool(max(warmth, 1 - EARLIER * (1 - warmth)))  # what is too sure shrinks as questions grow in number
        else:
            self._learn(asked)
        self.asked_ = len(asked)
        return self

    def heed(self, opinions: Floats, right: int) -> None:
        """Judge by one more outcome what would have been answered: `right` is its place, -1 for somebody new.

        Now and then the weights get as sure as the latest outcomes allow, and thresholds follow; who comes first stays.
        """
        if not self.asked_:
            return
        leading = leading_of(opinions, self.prior)
        place = np.flatnonzero(leading == right)
        self.recent_.append(Asked(opinions[leading].astype(np.float32), int(place[0]) if len(place) else -1, leading))
        self._heeded += 1
        if self._heeded % _HEEDED_AT_ONCE == 0 and len(self.recent_) >= _LEAST_JUDGED:
            recent = list(self.recent_)
            believed = len(recent) / (len(recent) + _BELIEVED_HALF)
            self._cool(1 + believed * (self._warmth(recent) - 1))
            self.thresholds_ = Thresholds().fit([self._top(question) for question in recent])

    def probabilities(self, opinions: Floats) -> Floats:
        """Probability (0..1) per person; they sum to 1 less that of someone never seen, or far from leading."""
        scores = opinions @ self.weights_
        if len(scores) <= LEADING:
            return _softmax(np.append(scores, self.stranger_))[:-1]
        leading = leading_of(opinions, self.prior)
        found, rest = np.zeros(len(scores)), np.ones(len(scores), bool)
        chances = _softmax(np.append(scores[leading], self.stranger_))
        found[leading], rest[leading] = chances[:-1], False
        found[rest] = 0.5 * chances[-1] * _softmax(scores[rest])
        return found

    def _learn(self, asked: Sequence[Asked]) -> None:
        start = np.append(np.asarray(self.prior, np.float64), self.stranger)
        ridge = _RIDGE + _RIDGE_EACH * len(asked)  # as strong beside many questions as beside few
        found = optimize.minimize(
            _loss, start, args=(_Pile.of(asked), start, ridge), jac=True, method="L-BFGS-B", options={"maxiter": 80}
        )
        self.weights_, self.stranger_ = found.x[:-1], float(found.x[-1])

    def _cool(self, warmth: float) -> None:
        self.weights_, self.stranger_ = warmth * self.weights_, warmth * self.stranger_

    def _warmth(self, judged: Sequence[Asked]) -> float:
        """The factor on all weights with which the judged questions are foretold best."""
        pile, weights = _Pile.of(judged), np.append(self.weights_, self.stranger_)
        none = np.zeros(len(weights))
        found = optimize.minimize_scalar(
            lambda by: _loss(by * weights, pile, none, 0.0)[0], bounds=_WARMTH, method="bounded"
        )
        return float(found.x)

    def _top(self, question: Asked) -> Top:
        chances = self.probabilities(question.opinions)
        best = int(np.argmax(chances)) if len(chances) else -1
        order = np.argsort(-chances)[:3]
        return Top(
            who=int(question.who[best]) if len(chances) else -1,
            chance=float(chances[best]) if len(chances) else 0.0,
            right=best == question.right and best >= 0,
            near=question.right >= 0 and bool(question.right in order),
            weight=question.weight,
        )

    def to_data(self) -> dict[str, Any]:
        """What was learned, JSON-able."""
        weights = [float(weight) for weight in self.weights_]
        prior = [float(weight) for weight in self.prior]
        return {"prior": prior, "weights": weights, "stranger": self.stranger_, "asked": self.asked_,
                "thresholds": self.thresholds_.to_data()}  # fmt: skip

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The stacker that `to_data` described."""
        stacker = cls(prior=tuple(data["prior"]))
        stacker.weights_ = np.asarray(data["weights"], np.float64)
        stacker.stranger_, stacker.asked_ = float(data["stranger"]), int(data["asked"])
        stacker.thresholds_ = Thresholds.from_data(data["thresholds"])
        return stacker


def leading_of(opinions: Floats, prior: Sequence[float]) -> Ints:
    """Places of the people among whom a question is decided: the best by the weights before any learning."""
    if len(opinions) <= LEADING:
        return np.arange(len(opinions))
    return np.sort(np.argpartition(-(opinions @ np.asarray(prior)), LEADING)[:LEADING])


@dataclass(frozen=True, slots=True)
class _Pile:
    """Questions end to end: every one is its people and, last, "someone else"."""

    opinions: Floats  # (answers, signals and "someone else")
    begins: Ints  # of each question
    right: Ints  # the answer that was right, of each question
    weights: Floats  # of each question

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
        weights = np.array([question.weight for question in asked])
        return cls(np.concatenate(blocks), np.array(begins), np.array(right), weights)


def _loss(weights: Floats, pile: _Pile, prior: Floats, ridge: float) -> tuple[float, Floats]:
    """Negative log-likelihood with a pull towards `prior`, and its slope."""
    away = weights - prior
    scores = (pile.opinions @ weights.astype(np.float32)).astype(np.float64)
    sizes = np.diff(np.append(pile.begins, len(scores)))
    scores -= np.repeat(np.maximum.reduceat(scores, pile.begins), sizes)
    chances = np.exp(scores)
    totals = np.add.reduceat(chances, pile.begins)
    chances *= np.repeat(pile.weights / totals, sizes)
    loss = float(pile.weights @ (np.log(totals) - scores[pile.right]))
    slope = chances.astype(np.float32) @ pile.opinions - pile.weights.astype(np.float32) @ pile.opinions[pile.right]
    return loss + ridge * float(away @ away), np.asarray(slope, np.float64) + 2 * ridge * away


def _softmax(scores: Floats) -> Floats:
    scores = np.exp(scores - scores.max())
    return np.asarray(scores / scores.sum())

"""One probability out of several opinions: a conditional logit (McFadden 1974) over people and "someone else".

Some incidents end with somebody whom nothing spoke for; their share is learned beside the weights, so that they neither
spoil these nor hold back what is sure (a mixture with the people's shares). Weights are learned on the earlier of past
questions, how sure to be on the later ones: time to come is allowed for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from engine.lazy import lazy
from engine.route.columns import Floats, Ints
from engine.route.sureness import Sureness
from engine.route.thresholds import Thresholds, Top

optimize = lazy("scipy.optimize")

LEADING = 60  # people among whom a question is decided
_RIDGE, _RIDGE_EACH = 10.0, 0.03  # pull towards the prior weights, and what each question adds to it
EARLIER = 0.6  # of the questions: the weights that are judged on the rest are learned on them
_LEAST_JUDGED = 40  # questions below which nothing is said about how sure to be
_RECENT = 600  # latest judged questions that say how sure to be
_HEEDED_AT_ONCE = 50  # outcomes after which that is found out again
_LOST = -3.0  # log-odds that nothing speaks for who ends it, before any learning
_PULL_LOST = 2.0  # pull towards them, and towards those of "someone else"
_STRANGERS = 0.03  # of these: what somebody never seen gets


@dataclass(frozen=True, slots=True)
class Asked:
    """A past question: `opinions` (people, signals) of the leading ones and the place of who was right, -1 if none.

    `who` are their numbers; `weight` is how many questions it stands for; `age` is for how long nothing had been
    learned when it was asked, in quarters of the history.
    """

    opinions: Floats
    right: int
    who: Ints
    weight: float = 1.0
    age: float = 0.0


class Stacker:
    """Weighs the signals. `weights_` is per signal, `stranger_` the log-odds of "someone else".

    `lost_` (0..1) is the share of questions in which nothing spoke for who was right; then they go by the signal
    `shares` (its place), the logarithm of everybody's share, or, without one, anybody is as likely.
    """

    def __init__(self, *, prior: Sequence[float], stranger: float = -4.0, shares: int | None = None) -> None:
        self.prior = prior
        self.stranger = stranger
        self.shares = shares
        self.weights_: Floats = np.asarray(prior, dtype=np.float64)
        self.stranger_ = stranger
        self.lost_ = 0.0
        self.sureness_ = Sureness()
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
            self._judge(judged)
            self.recent_ = deque(judged, _RECENT)
        self._learn(asked)
        self.asked_ = len(asked)
        return self

    def heed(self, opinions: Floats, right: int, age: float = 0.0) -> None:
        """Judge by one more outcome what would have been answered: `right` is its place, -1 for somebody new.

        Now and then answers get as sure as the latest outcomes allow, and thresholds follow; who comes first stays.
        """
        if not self.asked_:
            return
        leading = leading_of(opinions, self.prior)
        place = np.flatnonzero(leading == right)
        right = int(place[0]) if len(place) else -1
        self.recent_.append(Asked(opinions[leading].astype(np.float32), right, leading, age=age))
        self._heeded += 1
        if self._heeded % _HEEDED_AT_ONCE == 0 and len(self.recent_) >= _LEAST_JUDGED:
            self._judge(list(self.recent_))

    def probabilities(self, opinions: Floats, age: float = 0.0) -> Floats:
        """Probability (0..1) per person; they sum to 1 less that of someone never seen, or far from leading.

        `age`: for how long nothing has been learned, as in `Asked`.
        """
        return self.sureness_.state(self._mixed(opinions), age)

    def _mixed(self, opinions: Floats) -> Floats:
        """The same before it is known what the first answer's probability is worth."""
        scores = opinions @ self.weights_
        if len(scores) <= LEADING:
            return self._chances(opinions, scores)[:-1]
        leading = leading_of(opinions, self.prior)
        found, rest = np.zeros(len(scores)), np.ones(len(scores), bool)
        chances = self._chances(opinions[leading], scores[leading])
        found[leading], rest[leading] = chances[:-1], False
        found[rest] = 0.5 * chances[-1] * _softmax(scores[rest])
        return found

    def _chances(self, opinions: Floats, scores: Floats) -> Floats:
        """Of the leading people and, last, "someone else"."""
        chances = _softmax(np.append(scores, self.stranger_))
        if not self.lost_ or not len(scores):
            return chances
        shares = opinions[:, self.shares] if self.shares is not None else np.zeros(len(scores))
        lost = np.append((1 - _STRANGERS) * _softmax(shares), _STRANGERS)
        return np.asarray((1 - self.lost_) * chances + self.lost_ * lost)

    def _learn(self, asked: Sequence[Asked]) -> None:
        start = np.append(np.asarray(self.prior, np.float64), [self.stranger, _LOST])
        pull = np.full(len(start), _RIDGE + _RIDGE_EACH * len(asked))  # as strong beside many questions as beside few
        pull[-2:] = _PULL_LOST
        found = optimize.minimize(
            _loss, start, args=(_Pile.of(asked, self.shares), start, pull), jac=True, method="L-BFGS-B",
            options={"maxiter": 80},
        )  # fmt: skip
        self.weights_, self.stranger_, self.lost_ = found.x[:-2], float(found.x[-2]), float(_share(found.x[-1]))

    def _judge(self, judged: Sequence[Asked]) -> None:
        """Learn what the first answers were worth, and from which probability on nobody has to be asked."""
        chances = [self._mixed(question.opinions) for question in judged]
        right = [question.right >= 0 and int(np.argmax(some)) == question.right
                 for some, question in zip(chances, judged, strict=True)]  # fmt: skip
        ages, weights = [question.age for question in judged], [question.weight for question in judged]
        self.sureness_ = self.sureness_.fit(chances, ages, right, weights)
        self.thresholds_ = Thresholds().fit([self._top(question) for question in judged])

    def _top(self, question: Asked) -> Top:
        chances = self.probabilities(question.opinions, question.age)
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
        sureness = list(self.sureness_.parts)
        own = {
            "prior": prior,
            "weights": weights,
            "stranger": self.stranger_,
            "lost": self.lost_,
            "shares": self.shares,
        }
        return {**own, "sureness": sureness, "asked": self.asked_, "thresholds": self.thresholds_.to_data()}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The stacker that `to_data` described."""
        stacker = cls(prior=tuple(data["prior"]), shares=data["shares"])
        stacker.weights_ = np.asarray(data["weights"], np.float64)
        stacker.stranger_, stacker.asked_ = float(data["stranger"]), int(data["asked"])
        stacker.lost_, stacker.sureness_ = float(data["lost"]), Sureness(*data["sureness"])
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
    lost: Floats  # chance of the right answer where nothing speaks for anybody, of each question
    weights: Floats  # of each question

    @classmethod
    def of(cls, asked: Sequence[Asked], shares: int | None) -> Self:
        """Pile `asked` up; `shares` is the place of the signal by which it goes where nothing speaks for anybody."""
        blocks, begins, right, lost, place = [], [], [], [], 0
        for question in asked:
            people, signals = question.opinions.shape
            block = np.zeros((people + 1, signals + 1), np.float32)
            block[:-1, :-1] = question.opinions
            block[-1, -1] = 1.0
            blocks.append(block)
            begins.append(place)
            right.append(place + (question.right if question.right >= 0 else people))
            lost.append(_lost_chance(question, shares))
            place += people + 1
        weights = np.array([question.weight for question in asked])
        return cls(np.concatenate(blocks), np.array(begins), np.array(right), np.array(lost), weights)


def _lost_chance(question: Asked, shares: int | None) -> float:
    if question.right < 0:
        return _STRANGERS
    if shares is None:
        return (1 - _STRANGERS) / len(question.opinions)
    return (1 - _STRANGERS) * float(_softmax(question.opinions[:, shares].astype(np.float64))[question.right])


def _loss(learned: Floats, pile: _Pile, prior: Floats, pull: Floats) -> tuple[float, Floats]:
    """Negative log-likelihood with a pull towards `prior`, and its slope; `learned` ends in the log-odds of `lost_`."""
    away, lost = learned - prior, float(_share(learned[-1]))
    scores = (pile.opinions @ learned[:-1].astype(np.float32)).astype(np.float64)
    sizes = np.diff(np.append(pile.begins, len(scores)))
    scores -= np.repeat(np.maximum.reduceat(scores, pile.begins), sizes)
    chances = np.exp(scores)
    chances /= np.repeat(np.add.reduceat(chances, pile.begins), sizes)
    spoken = chances[pile.right]
    told = np.maximum((1 - lost) * spoken + lost * pile.lost, 1e-12)
    by_signals = pile.weights * (1 - lost) * spoken / told  # of each question: how far the signals account for it
    chances *= np.repeat(by_signals, sizes)
    slope = chances.astype(np.float32) @ pile.opinions - by_signals.astype(np.float32) @ pile.opinions[pile.right]
    by_lost = -float(pile.weights @ ((pile.lost - spoken) / told)) * lost * (1 - lost)
    value = -float(pile.weights @ np.log(told)) + float(pull @ away**2)
    return value, np.append(np.asarray(slope, np.float64), by_lost) + 2 * pull * away


def _share(odds: Any) -> Any:
    return 1 / (1 + np.exp(-odds))


def _softmax(scores: Floats) -> Floats:
    scores = np.exp(scores - scores.max())
    return np.asarray(scores / scores.sum())

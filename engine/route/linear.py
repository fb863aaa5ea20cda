"""Linear models over sparse rows, fitted by Adagrad on mini-batches (Duchi et al. 2011): softmax, and margins.

A history is gone through stage by stage: what a stage is asked is foretold by a model of what was known before it, so
that every foretelling is of time to come; the model of the whole history is the one that serves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.lazy import lazy
from engine.route.columns import Floats, Ints
from engine.route.features import Matrix

sparse = lazy("scipy.sparse")

LEAST = 1e-6  # probability below which a model tells nobody apart
_BATCH = 256
_EPOCHS, _PLAIN_EPOCHS = 4, 8
_MARGIN_RIDGE = 2.0
_MARGIN_RATES = (0.03, 0.1)  # tried: the slow one generalises over fields, the fast one over words
_PLAIN_RATES = (0.1, 0.3)  # the same where there is less to learn from
_UNLIKELY = -2.0  # weight of the constant from which margins are learned
_SLOPE = np.float32(4.0)  # from margins to log-odds
_FAR = np.float32(3.0)  # margins beyond which nothing is told apart
HALF_LIVES = (float("inf"), 0.15)  # of the history's length, tried


class Softmax:
    """Multinomial logistic regression; `weights_` is (features, classes).

    A pass over all rows pulls every weight towards 0 once by its feature's ridge, however rare the feature is: what
    was seen twice is believed less than what was seen a hundred times.
    """

    def __init__(self, *, rate: float = 0.3, seed: int = 0) -> None:
        self.rate = rate
        self.seed = seed
        self.weights_: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def start(self, rows: Matrix, ridge: Floats, classes: int) -> Self:
        """Forget everything; learn from `rows` of as many columns as `ridge` (0 and up) has, for `classes` classes."""
        self.weights_ = np.zeros((len(ridge), classes), np.float32)
        self._squares = np.full((len(ridge), classes), 1e-3, np.float32)
        rows_with = np.bincount(rows.indices, minlength=len(ridge))
        self._pull = (ridge / np.maximum(rows_with, 1)).astype(np.float32)  # of each occurrence
        self._random = np.random.default_rng(self.seed)
        return self

    def epoch(self, rows: Matrix, classes: Ints, importance: Floats) -> None:
        """One pass over all rows in random order; `importance` has mean 1."""
        order = self._random.permutation(rows.shape[0])
        for begin in range(0, len(order), _BATCH):
            batch = order[begin : begin + _BATCH]
            self._step(rows[batch], classes[batch], importance[batch])

    def log_chances(self, rows: Matrix) -> Floats:
        """Logarithms of probabilities, (rows, classes)."""
        return self._told(np.asarray(rows @ self.weights_))

    def log_chances_one(self, columns: Ints, values: NDArray[np.float32]) -> Floats:
        """The same for one row, given by its columns and values."""
        return np.asarray(self._told((values @ self.weights_[columns])[None, :])[0], np.float64)

    def _told(self, scores: NDArray[np.float32]) -> Floats:
        return np.asarray(np.log(_softmax(scores) + LEAST), np.float64)

    def _errors(self, scores: NDArray[np.float32], classes: Ints) -> NDArray[np.float32]:
        """Slope of the loss by the scores, (rows, classes)."""
        error = _softmax(scores)
        error[np.arange(len(classes)), classes] -= 1.0
        return error

    def _step(self, rows: Matrix, classes: Ints, importance: Floats) -> None:
        columns, compact, counts = np.unique(rows.indices, return_inverse=True, return_counts=True)
        small = sparse.csr_matrix((rows.data, compact, rows.indptr), shape=(rows.shape[0], len(columns)))
        weights = self.weights_[columns]
        error = self._errors(np.asarray(small @ weights), classes)
        error *= importance[:, None].astype(np.float32)
        slope = small.T @ error
        slope += (counts * self._pull[columns]).astype(np.float32)[:, None] * weights
        squares = self._squares[columns]
        squares += slope * slope
        self._squares[columns] = squares
        slope *= np.float32(self.rate)
        slope /= np.sqrt(squares)
        weights -= slope
        self.weights_[columns] = weights


class Margins(Softmax):
    """One class against the rest by squared hinge loss, as a linear support vector machine (Fan et al. 2008) has it.

    It tells apart who comes first where few rows speak for each; its chances are by a fixed slope, not calibrated.
    """

    def start(self, rows: Matrix, ridge: Floats, classes: int) -> Self:
        """Forget everything; all columns are pulled alike, and nobody is likely before anything speaks for them."""
        super().start(rows, np.full(len(ridge), _MARGIN_RIDGE), classes)
        self.weights_[-1] = _UNLIKELY
        return self

    def _told(self, scores: NDArray[np.float32]) -> Floats:
        return super()._told(_SLOPE * np.clip(scores, -_FAR, _FAR))

    def _errors(self, scores: NDArray[np.float32], classes: Ints) -> NDArray[np.float32]:
        error: NDArray[np.float32] = np.maximum(0.0, 1.0 + scores)
        rows = np.arange(len(classes))
        error[rows, classes] = -np.maximum(0.0, 1.0 - scores[rows, classes])
        return error


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of features, one of each example, and the ridge of each column."""

    rows: Matrix
    ridge: Floats


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples with their class and the days on which each was opened and became known.

    `sheets` has one of each stage, of the features that were known when it began, and the last of all features: what
    had never been seen is no feature of a question, neither then nor in time to come.
    """

    sheets: Sequence[Sheet]
    classes: Ints
    opened: Floats
    known: Floats


@dataclass(frozen=True, slots=True)
class Course:
    """How a history is gone through: the days at which stages begin, ascending, and how many classes there are."""

    cuts: Sequence[float]
    classes: int


@dataclass(frozen=True, slots=True)
class Trial:
    """A way to fit a model: an empty one of its kind, the half-life of its examples, how often all are gone through."""

    model: Callable[[], Softmax]
    half_life_days: float
    epochs: int = _EPOCHS


@dataclass(frozen=True, slots=True)
class Followed:
    """The model of the whole history, log probabilities (asked, classes) foretold stage by stage, and how it was."""

    model: Softmax
    told: Floats
    trial: Trial


def follow(examples: Examples, asked: Ints, course: Course) -> Followed:
    """Softmax, by the half-life that foretells the first stage best.

    Every stage has a model of its own, fitted as the last one is, so that none is surer of itself than another.
    """
    span = max(float(np.ptp(examples.known)), 1e-6)
    return _followed(examples, asked, course, [Trial(Softmax, share * span) for share in HALF_LIVES])


def follow_margins(
    examples: Examples, asked: Ints, course: Course, half_life_days: float, *, plain: bool = False
) -> Followed:
    """Margins, by the rate that foretells the first stage best; `plain`: of plain features."""
    rates, epochs = (_PLAIN_RATES, _PLAIN_EPOCHS) if plain else (_MARGIN_RATES, _EPOCHS)
    trials = [Trial(partial(Margins, rate=rate), half_life_days, epochs) for rate in rates]
    return _followed(examples, asked, course, trials)


def _followed(examples: Examples, asked: Ints, course: Course, trials: Sequence[Trial]) -> Followed:
    told = np.full((len(asked), course.classes), np.log(LEAST))
    stage = _stage(examples, asked, course, 0)
    tried = [(trial, _trained(examples, course, 0, trial)) for trial in trials]
    trial, model = min(tried, key=lambda one: _loss(one[1], examples, asked[stage]))
    for number in range(len(course.cuts)):
        stage = _stage(examples, asked, course, number)
        model = model if number == 0 else _trained(examples, course, number, trial)
        if len(stage):
            told[stage] = model.log_chances(examples.sheets[number].rows[asked[stage]])
    return Followed(_trained(examples, course, len(course.cuts), trial), told, trial)


def _trained(examples: Examples, course: Course, number: int, trial: Trial) -> Softmax:
    """Fitted to what was known when stage `number` began; after the last stage, to everything."""
    cut = course.cuts[number] if number < len(course.cuts) else np.inf
    known = np.flatnonzero(examples.known < cut)
    sheet = examples.sheets[number]
    rows = sheet.rows[known]
    model = trial.model().start(rows, sheet.ridge, course.classes)
    importance = _importance(examples.known[known], trial.half_life_days)
    for _ in range(trial.epochs if len(known) else 0):
        model.epoch(rows, examples.classes[known], importance)
    return model


def _stage(examples: Examples, asked: Ints, course: Course, number: int) -> Ints:
    opened = examples.opened[asked]
    begin = course.cuts[number] if number else -np.inf
    end = course.cuts[number + 1] if number + 1 < len(course.cuts) else np.inf
    return np.flatnonzero((opened >= begin) & (opened < end))


def _loss(model: Softmax, examples: Examples, asked: Ints) -> float:
    """Of the first stage."""
    if not len(asked):
        return 0.0
    return -float(
        model.log_chances(examples.sheets[0].rows[asked])[np.arange(len(asked)), examples.classes[asked]].mean()
    )


def _importance(day: Floats, half_life_days: float) -> Floats:
    if not len(day) or not np.isfinite(half_life_days):
        return np.ones(len(day))
    weight = 0.5 ** ((day.max() - day) / half_life_days)
    return np.asarray(weight / weight.mean())


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))

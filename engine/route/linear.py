"""Multinomial logistic regression over sparse rows, fitted by Adagrad on mini-batches (Duchi et al. 2011).

Two models stand side by side: one that weighs all incidents alike, and one whose weights halve with age.
How many passes each makes, and the half-life, are learned on later incidents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.route.features import Matrix
from engine.route.memory import Floats, Ints

LEAST = 1e-6  # probability below which a model tells nobody apart
_BATCH = 256
_MAX_EPOCHS = 6
_TRIAL_EPOCHS = 2
HALF_LIVES = (0.03, 0.1, 0.3)  # of the history's length, tried for the model that forgets


class Softmax:
    """Multinomial logistic regression; `weights_` is (features, classes)."""

    def __init__(self, *, rate: float = 0.3, decay: float = 1e-5, seed: int = 0) -> None:
        self.rate = rate
        self.decay = decay
        self.seed = seed
        self.weights_: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def start(self, features: int, classes: int) -> Softmax:
        """Forget everything; take rows of `features` columns for `classes` classes."""
        self.weights_ = np.zeros((features, classes), np.float32)
        self._squares = np.full((features, classes), 1e-3, np.float32)
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
        return np.asarray(np.log(_softmax(np.asarray(rows @ self.weights_)) + LEAST), np.float64)

    def log_chances_one(self, columns: Ints, values: NDArray[np.float32]) -> Floats:
        """The same for one row, given by its columns and values."""
        return np.asarray(np.log(_softmax((values @ self.weights_[columns])[None, :])[0] + LEAST), np.float64)

    def _step(self, rows: Matrix, classes: Ints, importance: Floats) -> None:
        columns, compact = np.unique(rows.indices, return_inverse=True)
        small = sparse.csr_matrix((rows.data, compact, rows.indptr), shape=(rows.shape[0], len(columns)))
        weights = self.weights_[columns]
        error = _softmax(small @ weights)
        error[np.arange(len(classes)), classes] -= 1.0
        error *= importance[:, None].astype(np.float32)
        slope = small.T @ error + self.decay * len(classes) * weights
        squares = self._squares[columns] + slope * slope
        self._squares[columns] = squares
        self.weights_[columns] = weights - self.rate * slope / np.sqrt(squares)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one linear model is fitted: passes over the data, and half-life in days (infinite: all weigh alike)."""

    epochs: int = 4
    half_life_days: float = float("inf")


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows with their class (a person's number, -1 for one not to be learned) and the day each became known."""

    rows: Matrix
    classes: Ints
    day: Floats


def fit(examples: Examples, people: int, recipe: Recipe) -> Softmax:
    """One model fitted as `recipe` says."""
    model = Softmax().start(examples.rows.shape[1], people)
    importance = _importance(examples.day, recipe.half_life_days)
    for _ in range(recipe.epochs):
        model.epoch(examples.rows, examples.classes, importance)
    return model


def choose(earlier: Examples, later: Examples, people: int) -> tuple[list[Recipe], list[Softmax]]:
    """The recipes that predict `later` best from `earlier`, without and with forgetting, and their fitted models."""
    span = max(float(np.ptp(earlier.day)), 1e-6)
    runs = [_Run(earlier, later, people, share * span) for share in HALF_LIVES]
    for run in runs:
        run.advance(_TRIAL_EPOCHS)
    chosen = [_Run(earlier, later, people, float("inf")), min(runs, key=lambda run: run.best)]
    for run in chosen:
        run.advance(_MAX_EPOCHS)
    return [Recipe(run.epochs, run.half_life_days) for run in chosen], [run.finish() for run in chosen]


class _Run:
    """One model under way; it keeps the weights of the pass after which it foretold the later incidents best."""

    def __init__(self, earlier: Examples, later: Examples, people: int, half_life_days: float) -> None:
        self.earlier, self.later, self.half_life_days = earlier, later, half_life_days
        self.model = Softmax().start(earlier.rows.shape[1], people)
        self.importance = _importance(earlier.day, half_life_days)
        self.best, self.epochs, self.made, self.kept = np.inf, 1, 0, self.model.weights_

    def advance(self, until: int) -> None:
        """Make passes until there are `until`, or one did not help."""
        while self.made < until and self.made <= self.epochs:
            self.model.epoch(self.earlier.rows, self.earlier.classes, self.importance)
            self.made += 1
            loss = _loss(self.model, self.later)
            if loss < self.best - 1e-3:
                self.best, self.epochs, self.kept = loss, self.made, self.model.weights_.copy()

    def finish(self) -> Softmax:
        """The model as it was best."""
        self.model.weights_ = self.kept
        return self.model


def _loss(model: Softmax, later: Examples) -> float:
    known = np.flatnonzero(later.classes >= 0)
    if not len(known):
        return 0.0
    return -float(model.log_chances(later.rows[known])[np.arange(len(known)), later.classes[known]].mean())


def _importance(day: Floats, half_life_days: float) -> Floats:
    weight = 0.5 ** ((day.max() - day) / half_life_days) if np.isfinite(half_life_days) else np.ones(len(day))
    return np.asarray(weight / weight.mean())


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def stack(models: Sequence[Softmax], rows: Matrix) -> Floats:
    """Opinions of the models, (rows, classes, models)."""
    return np.stack([model.log_chances(rows) for model in models], axis=2)

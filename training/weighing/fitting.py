"""Choices between candidates and "none of them", kept packed, and the weights under which the right ones are likeliest.

Of one choice several candidates may be right: what counts is the probability of all of them together, as
coreference resolution marginalizes over antecedents (Durrett and Klein 2013). Where exactly one is right, this is
the conditional logit of McFadden (1974); with a single candidate, it is the logistic regression.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

PENALTY = 2.0  # ridge, in the unit of the summed log-likelihood
_STEPS = 300  # of L-BFGS: later ones hardly change a weight, and the next round begins where this one ends

_NONE: Mapping[str, float] = MappingProxyType({})

Vector = NDArray[np.float64]


@dataclass(slots=True)
class Choices:
    """Weighted choices as sparse rows: first the candidates of a choice, then "none", which measures nothing."""

    names: dict[str, int] = field(default_factory=dict)  # measurement -> column
    rows: array[int] = field(default_factory=lambda: array("q"))
    columns: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    right: array[int] = field(default_factory=lambda: array("b"))  # of each row, 1 or 0
    firsts: array[int] = field(default_factory=lambda: array("q"))  # the row where each choice begins
    weights: array[float] = field(default_factory=lambda: array("d"))  # of each choice

    def __len__(self) -> int:
        return len(self.firsts)

    def add(
        self, candidates: Sequence[Iterable[tuple[str, float]]], right: Sequence[bool], weight: float = 1.0
    ) -> None:
        """One more choice: what is measured of each candidate, and which are right; none of them where all are wrong.

        Nothing is learned where there is no candidate.
        """
        if not candidates:
            return
        self.firsts.append(len(self.right))
        self.weights.append(weight)
        for parts, good in zip(candidates, right, strict=True):
            for name, value in parts:
                self.rows.append(len(self.right))
                self.columns.append(self.names.setdefault(name, len(self.names)))
                self.values.append(value)
            self.right.append(good)
        self.right.append(not any(right))

    def table(self) -> sparse.csr_matrix:
        """Rows x measurements; what a row measures twice is summed."""
        places = np.array(self.rows), np.array(self.columns)
        return sparse.csr_matrix((np.array(self.values), places), shape=(len(self.right), len(self.names)))


class Fit(NamedTuple):
    """Fitted weights, and the weighted mean loss of a choice under them, in nats."""

    weights: dict[str, float]
    loss: float


class Loss:
    """Minus the log-likelihood of choices as a function of the weights, with its gradient."""

    def __init__(self, made: Choices, penalty: float = PENALTY) -> None:
        self.penalty = penalty
        self.table = made.table()
        self.turned = self.table.T.tocsr()
        self.firsts = np.array(made.firsts)
        self.sizes = np.diff(np.r_[self.firsts, len(made.right)])
        self.weights = np.array(made.weights)
        self.good = np.flatnonzero(np.array(made.right))
        self.good_sizes = np.add.reduceat(np.array(made.right, dtype=np.int64), self.firsts)

    def __call__(self, tried: Vector) -> tuple[float, Vector]:
        """The loss, ridge included, and its gradient at the weights `tried` (one per measurement)."""
        scores = self.table @ tried
        total, pull = _soft(scores, self.sizes)
        likely, push = _soft(scores[self.good], self.good_sizes)
        pull[self.good] -= push
        slope = self.turned @ (np.repeat(self.weights, self.sizes) * pull)
        return float(self.weights @ (total - likely)) + self.penalty * float(tried @ tried) / 2, (
            slope + self.penalty * tried
        )


def fit(
    made: Choices,
    start: Mapping[str, float],
    penalty: float = PENALTY,
    *,
    held: Mapping[str, float] = MappingProxyType({}),
) -> Fit:
    """The weight of each measurement under which the right candidates are likeliest, beginning at `start`.

    The weights `held` are given and are not fitted.

    Raises
    ------
    ValueError
        If there is no choice to learn from.

    Examples
    --------
    >>> made = Choices()
    >>> made.add([[("near", 1.0)], [("near", 0.0)]], [True, False])
    >>> fit(made, {}).weights["near"] > 0.0
    True
    """
    if not len(made):
        raise ValueError("no alert has a candidate: nothing can be fitted")
    begin = np.array([held.get(name, start.get(name, 0.0)) for name in made.names])
    bounds = [(held[name], held[name]) if name in held else (None, None) for name in made.names]
    found = minimize(
        Loss(made, penalty), begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS}
    )
    weights = {name: round(float(weight), 4) for name, weight in zip(made.names, found.x, strict=True)}
    return Fit(weights, float(found.fun) / sum(made.weights))


def _soft(scores: Vector, sizes: NDArray[np.int64]) -> tuple[Vector, Vector]:
    """Of consecutive groups of scores: the log of each one's summed odds, and every score's share of them."""
    firsts = np.cumsum(sizes) - sizes
    top = np.maximum.reduceat(scores, firsts)
    odds = np.exp(scores - np.repeat(top, sizes))
    total = np.add.reduceat(odds, firsts)
    return top + np.log(total), odds / np.repeat(total, sizes)

"""How the gate is fitted: on which questions the best past incident was of the same kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from engine.suggest import Fusion
from engine.suggest.gate import BASE, FACTS, Gate, fact_needs_encoder, facts
from engine.suggest.index import Floats

Array = NDArray[np.float64]

_PULL = 0.02  # strength with which weights are held at the prior, per squared standard deviation
_FALSE = 0.1  # share of truly new incidents for which something may be offered
_FEWEST = 50  # questions of a new kind from which on the threshold is taken from them


@dataclass(frozen=True)
class Judged:
    """The candidates of one query: their columns, and which of them are known to be the same problem."""

    columns: Array  # shape (candidates, columns)
    relevant: NDArray[np.bool_]  # shape (candidates,)
    asked_length: int = 0  # words of the query
    known: int = 0  # past incidents that could have been found
    without: Array | None = None  # the columns had the relevant ones never been: shape (candidates - relevant, columns)


def fit_gate(judged: Sequence[Judged], fusion: Fusion) -> Fusion:
    """`fusion` with a gate fitted to `judged`, as near to its own as they allow.

    A question teaches twice: whether its best candidate is relevant, and, as though what is relevant had never been,
    that nothing is. Repeats and questions to which nothing is relevant weigh alike, however many there are of each: the
    probability is that of a stream in which every second incident is a repeat. The threshold lets a tenth of the
    questions through to which nothing is relevant.
    """
    weights, shown_from = {}, dict(fusion.gate.shown_from)
    for form, before in (("full", fusion.gate.full), ("lexical", fusion.gate.lexical)):
        rows, right, new = _examples(judged, fusion, lexical=form == "lexical")
        names = [f for f in FACTS if form == "full" or not fact_needs_encoder(f)]
        weights[form] = _fitted(rows, right, _alike(new), before, names)
        if np.count_nonzero(new) >= _FEWEST:
            gate = Gate(full=weights[form], lexical=weights[form], shown_from={})
            odds = [gate.odds(row, lexical=form == "lexical") for row in rows[new].astype(np.float32)]
            shown_from[form] = round(float(1 / (1 + np.exp(-np.quantile(odds, 1 - _FALSE)))), 4)
    return replace(fusion, gate=Gate(full=weights["full"], lexical=weights["lexical"], shown_from=shown_from))


def _examples(
    judged: Sequence[Judged], fusion: Fusion, *, lexical: bool
) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_]]:
    """Facts of each question, whether its best candidate was right, and whether there was nothing to be found."""
    rows, right, new = [], [], []
    for group in judged:
        told = [(group.columns, group.relevant)]
        if group.without is not None and len(group.without):
            told.append((group.without, np.zeros(len(group.without), dtype=np.bool_)))
        for columns, relevant in told:
            if len(columns):
                values: Floats = columns.astype(np.float32)
                scores = fusion.scores(values, lexical=lexical)
                rows.append(facts(scores, values, group.asked_length, group.known))
                right.append(bool(relevant[scores.argmax()]))
                new.append(not relevant.any())
    return np.array(rows, dtype=np.float64), np.array(right), np.array(new)


def _alike(new: NDArray[np.bool_]) -> Array:
    """Weights of mean 1 under which both kinds of question weigh alike: shape (questions,)."""
    share = float(new.mean())
    return np.where(new, 0.5 / share, 0.5 / (1 - share)) if 0 < share < 1 else np.ones(len(new))


def _fitted(
    rows: Array, right: NDArray[np.bool_], worth: Array, prior: Mapping[str, float], names: Sequence[str]
) -> dict[str, float]:
    places = [FACTS.index(name) for name in names]
    scale = rows[:, places].std(axis=0) + 1e-6
    middle = rows[:, places].mean(axis=0)
    values = (rows[:, places] - middle) / scale
    start = np.array([prior.get(name, 0.0) for name in names]) * scale
    first = prior.get(BASE, 0.0) + float(np.array([prior.get(name, 0.0) for name in names]) @ middle)

    def loss(weights: Array) -> tuple[float, Array]:
        odds = values @ weights[1:] + weights[0]
        wrong = worth * (1 / (1 + np.exp(-np.clip(odds, -50, 50))) - right)
        away = weights[1:] - start
        slope = np.r_[wrong.mean(), values.T @ wrong / len(rows) + _PULL * away]
        return float(np.mean(worth * (np.logaddexp(0, odds) - right * odds)) + _PULL * away @ away / 2), slope

    found = np.asarray(minimize(loss, np.r_[first, start], jac=True, method="L-BFGS-B").x)
    weights = found[1:] / scale
    base = float(found[0] - weights @ middle)
    return {BASE: round(base, 5), **{n: round(float(w), 5) for n, w in zip(names, weights, strict=True)}}

"""The learned judgement: a sum of weighted signals in log-odds, readable, storable and its own explanation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.domain import ModelPart
from engine.errors import ModelUnusable
from engine.suggest.gate import Gate
from engine.suggest.index import Floats
from engine.suggest.signals import COLUMNS

_SHIPPED = Path(__file__).with_name("weights.json")
BASE = "before any evidence"


@dataclass(frozen=True)
class Fusion:
    """Weights of every column, for answers with and without an encoder, in log-odds per unit of the column.

    `full` and `lexical` map column names (and `BASE`) to weights; a column that is not named weighs nothing.
    """

    full: Mapping[str, float]
    lexical: Mapping[str, float]
    gate: Gate

    @classmethod
    def shipped(cls) -> Fusion:
        """The weights that PathFinder comes with, fitted on duplicates of one public issue tracker."""
        return _shipped()

    def scores(self, columns: Floats, *, lexical: bool) -> Floats:
        """Log-odds that each candidate is the same problem: shape (candidates,)."""
        weights = self.lexical if lexical else self.full
        row = np.array([weights.get(name, 0.0) for name in COLUMNS], dtype=np.float64)
        return np.asarray(columns @ row + weights.get(BASE, 0.0))

    def terms(self, values: Floats, *, lexical: bool) -> dict[str, float]:
        """What each signal adds for one candidate (its row of columns), `BASE` included: sums to its score."""
        weights = self.lexical if lexical else self.full
        added = {BASE: float(weights.get(BASE, 0.0))}
        for (name, signal), value in zip(COLUMNS.items(), values, strict=True):
            added[signal] = added.get(signal, 0.0) + float(weights.get(name, 0.0)) * float(value)
        return added

    def to_part(self) -> ModelPart:
        """The weights as a storable part."""
        return ModelPart(
            data={
                "full": dict(self.full),
                "lexical": dict(self.lexical),
                "gate": {
                    "full": dict(self.gate.full),
                    "lexical": dict(self.gate.lexical),
                    "shown_from": dict(self.gate.shown_from),
                },
            }
        )

    @classmethod
    def from_part(cls, part: ModelPart) -> Fusion:
        """Read what `to_part` wrote.

        Raises
        ------
        ModelUnusable
            If a set of weights is missing or holds anything but finite numbers.
        """
        data = part.data
        return cls(full=_weights(data, "full"), lexical=_weights(data, "lexical"), gate=_gate(data))


def probability(score: float) -> float:
    """Log-odds as a probability, 0..1."""
    return float(1 / (1 + np.exp(-np.clip(score, -50, 50))))


def _gate(data: Mapping[str, Any]) -> Gate:
    told = data.get("gate", {})
    if not told:
        return _shipped().gate  # weights of a time before there was a gate
    names = ("full", "lexical", "shown_from")
    full, lexical, shown_from = (_weights(told, name) for name in names)
    if not {"full", "lexical"} <= set(shown_from):
        raise ModelUnusable("the gate of the suggest weights has no threshold: retrain")
    return Gate(full=full, lexical=lexical, shown_from=shown_from)


def _weights(data: Mapping[str, Any], name: str) -> dict[str, float]:
    try:
        weights = {str(column): float(weight) for column, weight in dict(data[name]).items()}
    except (KeyError, TypeError, ValueError) as error:
        raise ModelUnusable(f"suggest weights '{name}' cannot be read ({type(error).__name__}): retrain") from None
    if not np.isfinite(list(weights.values())).all():
        raise ModelUnusable(f"suggest weights '{name}' are not finite: retrain")
    return weights


@lru_cache(maxsize=1)
def _shipped() -> Fusion:
    return Fusion.from_part(ModelPart(data=json.loads(_SHIPPED.read_text(encoding="utf-8"))))

"""Whether any past incident is of the same kind at all: a small calibrated judgement of the best candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.suggest.index import Floats
from engine.suggest.signals import COLUMNS, needs_encoder

BASE = "base"
_PLACES = {name: place for place, name in enumerate(COLUMNS)}
_OF_THE_BEST = (
    "title_match", "head_match", "body_match", "names_match", "phrases_match", "codes_match", "title_in_body",
    "body_in_title", "meaning", "service_same", "symptoms", "gap_log", "gap_day", "teller_day",
)  # fmt: skip
_OF_ANY = (
    "title_match", "head_match", "body_match", "names_match", "meaning", "phrases_match", "letters_match",
    "title_in_body", "body_in_title",
)  # fmt: skip
_FIFTH = 4
# What is judged, in order. The first ones are of the scores, in log-odds.
FACTS = (
    "score", "lead", "lead_over_fifth", "crowd", "asked_length", "known",
    *(f"best_{name}" for name in _OF_THE_BEST), *(f"any_{name}" for name in _OF_ANY),
)  # fmt: skip


def facts(scores: Floats, columns: Floats, asked_length: int, known: int) -> Floats:
    """The numbers of `FACTS` for one question: shape (facts,).

    Parameters
    ----------
    scores, columns
        Log-odds of the candidates, shape (candidates,), and their columns; at least one candidate.
    asked_length
        Words of the question.
    known
        Past incidents that could have been found.
    """
    order = np.argsort(-scores, kind="stable")
    sorted_scores = scores[order]
    best = float(sorted_scores[0])
    behind = sorted_scores[1:] if len(scores) > 1 else np.array([best - 10.0])
    crowd = np.log(np.exp(np.clip(sorted_scores - best, -50, 0)).sum())
    own = [best, best - behind[0], best - behind[min(_FIFTH - 1, len(behind) - 1)], crowd]
    own += [np.log1p(asked_length), np.log1p(known)]
    of_best = columns[order[0], [_PLACES[name] for name in _OF_THE_BEST]]
    of_any = columns[:, [_PLACES[name] for name in _OF_ANY]].max(axis=0)
    return np.concatenate([own, of_best, of_any]).astype(np.float32)


@dataclass(frozen=True)
class Gate:
    """Weights of `FACTS` (and `BASE`) in log-odds, with and without an encoder; a fact not named weighs nothing.

    A question whose probability is below `shown_from` is of a new kind: a tenth of the truly new ones are above it
    in the data that the shipped gate was fitted on.
    """

    full: Mapping[str, float]
    lexical: Mapping[str, float]
    shown_from: Mapping[str, float]  # probability by "full" and "lexical"

    def odds(self, found: Floats, *, lexical: bool) -> float:
        """Log-odds that the best candidate is of the same kind, from the facts `found`."""
        weights = self.lexical if lexical else self.full
        row = np.array([weights.get(name, 0.0) for name in FACTS])
        return float(found @ row + weights.get(BASE, 0.0))

    def least(self, *, lexical: bool) -> float:
        """The probability from which on a past incident is offered."""
        return float(self.shown_from["lexical" if lexical else "full"])


def fact_needs_encoder(fact: str) -> bool:
    """Whether a fact is nothing without an encoder."""
    column = fact.split("_", 1)[-1]
    return column in COLUMNS and needs_encoder(column)

"""What operators teach: small steps of the weights at each correction, kept apart from the weights they add to.

A correction is a comparison (this place rather than that one) and moves the weights just far enough to agree with it
by a margin, at most so far at a time (passive-aggressive, PA-I: Crammer et al. 2006). Older lessons fade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.correlate.case import Parts
from engine.correlate.weights import Weights

_MARGIN = 1.0  # log-odds by which the corrected place should win
_STEP = (
    0.004  # largest share of the measured difference that one correction adds: larger ones unlearn more than they teach
)
_FADE = 0.995  # of each lesson, at every further one
_PLACE, _PAIR = "place:", "pair:"


class Lessons:
    """Additions to the weights of places (`join` and `settle` alike) and of pairs of incidents (`merge`)."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.places: dict[str, float] = {}
        self.pairs: dict[str, float] = {}

    def place(self, *, right: Parts | None, wrong: Parts | None) -> None:
        """An alert belongs to the incident measured as `right` rather than `wrong`; None = an incident of its own."""
        away: dict[str, float] = {}
        for parts, sign in ((right, 1.0), (wrong, -1.0)):
            for name, value in parts or ():
                away[name] = away.get(name, 0.0) + sign * value
        _step(self.places, away, self.weights.join)

    def pair(self, parts: Parts, *, same: bool) -> None:
        """Two incidents measured as `parts` are one, or are not."""
        _step(self.pairs, {name: value if same else -value for name, value in parts}, self.weights.merge)

    def applied(self, weights: Weights) -> Weights:
        """`weights` with everything taught so far."""
        return replace(
            weights,
            join=_sum(weights.join, self.places),
            settle=_sum(weights.settle, self.places),
            merge=_sum(weights.merge, self.pairs),
        )

    def to_data(self) -> dict[str, float]:
        """JSON-able form."""
        places = {f"{_PLACE}{name}": value for name, value in self.places.items()}
        return places | {f"{_PAIR}{name}": value for name, value in self.pairs.items()}

    def take(self, data: Mapping[str, float]) -> None:
        """Take over what `to_data` wrote."""
        self.places = {name.removeprefix(_PLACE): value for name, value in data.items() if name.startswith(_PLACE)}
        self.pairs = {name.removeprefix(_PAIR): value for name, value in data.items() if name.startswith(_PAIR)}


def _step(lessons: dict[str, float], away: Mapping[str, float], weights: Mapping[str, float]) -> None:
    """Move `lessons` along `away` until that scores `_MARGIN`, or as far as one step goes."""
    norm = sum(value * value for value in away.values())
    score = sum((weights.get(name, 0.0) + lessons.get(name, 0.0)) * value for name, value in away.items())
    short = _MARGIN - score
    if norm == 0.0 or short <= 0.0:
        return
    for name in lessons:
        lessons[name] *= _FADE
    for name, value in away.items():
        lessons[name] = lessons.get(name, 0.0) + min(_STEP, short / norm) * value


def _sum(weights: Mapping[str, float], lessons: Mapping[str, float]) -> dict[str, float]:
    return {**weights, **{name: weights.get(name, 0.0) + value for name, value in lessons.items()}}

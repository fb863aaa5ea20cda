"""How sure to be of the first answer: what its probability was worth on held-out time (Platt 1999).

Weights that rank well need not state true chances: what comes later differs from what was learned, in a direction that
only held-out questions tell. The chance of the first answer is stated anew; the others keep their proportions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.lazy import lazy
from engine.route.columns import Floats

optimize = lazy("scipy.optimize")

_AS_IT_IS = (1.0, 0.0, 0.0, 0.0)
_OLDEST = 1.5  # ages beyond it say nothing more: nothing so old was judged
_PULL = (5.0, 5.0, 5.0, 20.0)  # towards what was believed before: age is soon mistaken for a change that came at once
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Sureness:
    """Log-odds of the first answer: `told` times those it has, `lead` times its logarithm over the second, `level`,
    and `aged` (0 and below) times the age of what is known (quarters of the history; 0: everything is fresh).
    """

    told: float = _AS_IT_IS[0]
    level: float = _AS_IT_IS[1]
    lead: float = _AS_IT_IS[2]
    aged: float = _AS_IT_IS[3]

    def fit(
        self, chances: Sequence[Floats], ages: Sequence[float], right: Sequence[bool], weights: Sequence[float]
    ) -> Sureness:
        """Learned from the chances of past questions and whether the first was right; few leave it near what it is."""
        rows = np.array([_reads(some, age) for some, age in zip(chances, ages, strict=True)])
        hit, weight, start = np.array(right, float), np.array(weights), np.array(self.parts)

        def loss(by: Floats) -> tuple[float, Floats]:
            odds, away = rows @ by, by - start
            value = float(weight @ (np.logaddexp(0, odds) - hit * odds)) + float(away**2 @ _PULL)
            return value, np.asarray(rows.T @ (weight * (1 / (1 + np.exp(-odds)) - hit)) + 2 * np.array(_PULL) * away)

        bounds = [(0.0, None), (None, None), (0.0, None), (None, 0.0)]
        found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
        return Sureness(*(float(value) for value in found.x))

    def state(self, chances: Floats, age: float) -> Floats:
        """`chances` (0..1, with at most 1 in all) with that of the first stated anew; it stays the first."""
        if not len(chances):
            return chances
        first = int(np.argmax(chances))
        rest = max(1.0 - float(chances[first]), _LEAST)
        stated = float(1 / (1 + np.exp(-_reads(chances, age) @ self.parts)))
        second = _second(chances)
        stated = max(stated, second / (rest + second) + _LEAST)  # from here on down the second would come first
        found = chances * ((1.0 - stated) / rest)
        found[first] = stated
        return np.asarray(found)

    @property
    def parts(self) -> tuple[float, float, float, float]:
        """What was learned, in the order of the fields."""
        return self.told, self.level, self.lead, self.aged


def _second(chances: Floats) -> float:
    return float(np.partition(chances, -2)[-2]) if len(chances) > 1 else 0.0


def _reads(chances: Floats, age: float) -> Floats:
    """What is looked at: log-odds of the first, a constant, its lead over the second, the age."""
    first = float(np.clip(chances.max(), _LEAST, 1 - _LEAST))
    lead = np.log(first / max(_second(chances), _LEAST))
    return np.array([np.log(first / (1 - first)), 1.0, lead, min(max(age, 0.0), _OLDEST)])

"""What counted meetings of two kinds say: how far beyond chance, in which order, and whether other steps explain it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_PRIOR = 1.0  # meetings in either order that every pair is credited with
_HALF = 5.0  # meetings beyond chance at which a delay's order counts half
_CLEARLY = 0.1  # of score, by which two steps must be stronger to explain a pair
_SURE = 3.0  # standard deviations beyond chance


class Pair(NamedTuple):
    """Both orders of a pair of kinds."""

    near: tuple[float, float]  # meetings within the short delay: this way, the other way
    far: tuple[float, float]  # within the longer delay only
    ties: float
    chance_near: float  # expected meetings in either order, ties included
    chance_far: float


def surely(pair: Pair) -> bool:
    """Whether the two meet more often than chance would let them."""
    near = sum(pair.near) + pair.ties
    either = near + sum(pair.far), pair.chance_near + pair.chance_far
    return any(met - chance > _SURE * math.sqrt(chance + 1.0) for met, chance in ((near, pair.chance_near), either))


def direct(likely: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """The pairs that no two clearly stronger steps explain."""
    steps: dict[str, dict[str, float]] = {}
    for (cause, effect), score in likely.items():
        steps.setdefault(cause, {})[effect] = score
    return {
        (cause, effect): score
        for (cause, effect), score in likely.items()
        if not any(
            min(first, steps.get(between, {}).get(effect, 0.0)) >= score + _CLEARLY
            for between, first in steps[cause].items()
        )
    }


def _order(pair: Pair) -> Iterator[tuple[float, float]]:
    """For each delay: the share in which the first kind came first, and how much that counts, 0..1."""
    for there, back, ties, chance in (
        (*pair.near, pair.ties, pair.chance_near),
        (*pair.far, 0.0, pair.chance_far),
    ):
        met = there + back + ties
        beyond = max(0.0, met - chance)
        yield (there + ties / 2.0 + _PRIOR) / (met + 2.0 * _PRIOR), beyond / (beyond + _HALF)


def trust_of(pairs: Mapping[tuple[str, str], Pair]) -> float:
    """1 + the correlation of short and long delays' orders over pairs, at most 1, at least 0."""
    both = near = far = 0.0
    for pair in pairs.values():
        (short, weight), (long, other) = _order(pair)
        weight *= other
        both += weight * (short - 0.5) * (long - 0.5)
        near += weight * (short - 0.5) ** 2
        far += weight * (long - 0.5) ** 2
    return min(1.0, max(0.0, 1.0 + both / math.sqrt(near * far))) if near and far else 1.0


def scores_of(pairs: Mapping[tuple[str, str], Pair], trust: float) -> dict[tuple[str, str], float]:
    """(cause, effect) -> 0..1, the order counting as far as it can be trusted."""
    return {names: _beyond_chance(pair) * (0.5 + trust * (_first(pair) - 0.5)) for names, pair in pairs.items()}


def _first(pair: Pair) -> float:
    """The share of meetings in which the first kind came first, both delays together; ½ where little is known."""
    weighed = [(share, weight) for share, weight in _order(pair)]
    total = sum(weight for _, weight in weighed)
    return (sum(share * weight for share, weight in weighed) + 0.05) / (total + 0.1)


def _beyond_chance(pair: Pair) -> float:
    """The share of meetings that chance does not explain: the larger of short delays' and all delays'."""
    near = sum(pair.near) + pair.ties
    everything = near + sum(pair.far)
    short = 1.0 - (pair.chance_near + _PRIOR) / (near + _PRIOR)
    both = 1.0 - (pair.chance_near + pair.chance_far + _PRIOR) / (everything + _PRIOR)
    return max(0.0, short, both)

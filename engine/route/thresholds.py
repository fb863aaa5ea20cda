"""From which probability on nobody has to be asked: per answer, on held-out time, for a wanted precision.

One threshold rests on all held-out decisions together, after each answer's probabilities are moved by how much more or
less often it was right than they said; few decisions move them little (a normal prior on the move, in log-odds).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

WANTED_PRECISION = 0.95
_Z = 1.25  # standard errors from the found precision down to the one that is relied on
NEVER = 1.01  # above every probability
_CERTAIN = 0.97  # a threshold need not lie higher: held-out decisions may all have been surer
_MOVED = 0.5  # standard deviation of the moves, in log-odds
_MOST_MOVED = 4.0
_STEPS = 8  # of Newton's method
_LEAST_LIKELY = 0.85  # moved probability below which nobody is assigned, however often all surer ones were right
_LEAST_COMMON = 30  # decisions that the common threshold must rest on
_HOPELESS = 1 / 3  # share of questions with a right one among the first three below which the on-call list is as good


@dataclass(frozen=True, slots=True)
class Top:
    """One held-out decision: the first answer, its probability, whether it or one of the first three was right.

    It stands for `weight` decisions.
    """

    who: int
    chance: float
    right: bool
    near: bool = False
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """`common` for everybody, `own` for those with held-out decisions; below `floor` nobody is known."""

    common: float = NEVER
    own: Mapping[int, float] = field(default_factory=dict)
    floor: float = 0.0

    def fit(self, tops: Sequence[Top]) -> Thresholds:
        """Chosen on `tops`, in order of time."""
        by_answer: dict[int, list[Top]] = {}
        for top in tops:
            by_answer.setdefault(top.who, []).append(top)
        moves = {who: _move(some) for who, some in by_answer.items()}
        common = lowest([replace(top, chance=_moved(top.chance, moves[top.who])) for top in tops], _LEAST_COMMON)
        if common == NEVER:
            return Thresholds(floor=_floor(tops))
        common = max(common, _LEAST_LIKELY)
        own = {who: _own(common, moves[who], some) for who, some in by_answer.items()}
        return Thresholds(common=common, own=own, floor=_floor(tops))

    def of(self, who: int | None) -> float:
        """The probability from which on `who` is assigned without asking."""
        return self.own.get(who, self.common) if who is not None else NEVER

    def to_data(self) -> dict[str, Any]:
        """JSON-able."""
        return {"common": self.common, "own": [[who, value] for who, value in self.own.items()], "floor": self.floor}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The thresholds that `to_data` described."""
        own = {int(who): float(value) for who, value in data["own"]}
        return cls(common=float(data["common"]), own=own, floor=float(data["floor"]))


def lowest(tops: Sequence[Top], least: int, precision: float = WANTED_PRECISION) -> float:
    """Lowest probability from which on `precision` of at least `least` decisions were right; NEVER if there is none.

    Examples
    --------
    >>> lowest([Top(0, 0.9, True)] * 60 + [Top(0, 0.5, False)] * 9, 30)
    0.9
    """
    best, right, weight, late, late_right = NEVER, 0.0, 0.0, 0.0, 0.0
    ranked = sorted(enumerate(tops), key=lambda item: -item[1].chance)
    for count, (place, top) in enumerate(ranked, 1):
        is_late = 2 * place >= len(tops)
        weight += top.weight
        right += top.weight * top.right
        late += top.weight * is_late
        late_right += top.weight * (is_late and top.right)
        last = count == len(ranked) or ranked[count][1].chance < top.chance
        good_of_late = late_right + 1 >= precision * late  # not only on the whole
        if last and count >= least and good_of_late and _precise(right, weight, precision):
            best = min(top.chance, _CERTAIN)
    return best


def _own(common: float, move: float, tops: Sequence[Top]) -> float:
    """The probability moved to `common`; not lower than any that was seen, unless all of those were near certain."""
    return max(_moved(common, -move) - 1e-9, min(_CERTAIN, *(top.chance for top in tops)))


def _move(tops: Sequence[Top]) -> float:
    """By how much the log-odds of one answer were too low (above 0) or too high, drawn to 0."""
    odds = np.array([_log_odds(top.chance) for top in tops])
    right, weight = np.array([top.right for top in tops], float), np.array([top.weight for top in tops])
    move = 0.0
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-(odds + move)))
        slope = float(weight @ (right - chance)) - move / _MOVED**2
        bend = float(weight @ (chance * (1 - chance))) + 1 / _MOVED**2
        move = min(_MOST_MOVED, max(-_MOST_MOVED, move + slope / bend))
    return move


def _moved(chance: float, move: float) -> float:
    return 1 / (1 + math.exp(-(_log_odds(chance) + move)))


def _log_odds(chance: float) -> float:
    chance = min(1 - 1e-6, max(1e-6, chance))
    return math.log(chance / (1 - chance))


def _precise(right: float, count: float, precision: float = WANTED_PRECISION) -> bool:
    """Whether it is reached but for luck, by the lower bound of Wilson (1927); true of nothing.

    Examples
    --------
    >>> _precise(30, 30), _precise(60, 60), _precise(95, 100), _precise(196, 200)
    (True, True, False, True)
    """
    if not count:
        return True
    share, spread = right / count, _Z * _Z / count
    error = math.sqrt(share * (1 - share) * spread + spread * spread / 4)
    return (share + spread / 2 - error) / (1 + spread) >= precision


def _floor(tops: Sequence[Top], least: int = _LEAST_COMMON) -> float:
    """The probability below which the right one is among the first three hardly ever."""
    found, near = 0.0, 0
    ranked = sorted(tops, key=lambda top: top.chance)
    for count, top in enumerate(ranked, 1):
        near += top.near
        last = count == len(ranked) or ranked[count].chance > top.chance
        if last and count >= least and near < _HOPELESS * count:
            found = top.chance
    return found

"""From which probability on nobody has to be asked: per answer, on held-out time, for a wanted precision."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

WANTED_PRECISION = 0.95
_Z = 1.25  # standard errors from the found precision down to the one that is relied on
NEVER = 1.01  # above every probability
_CERTAIN = 0.97  # a threshold need not lie higher: held-out decisions may all have been surer
_LEAST_OWN = 25  # held-out decisions for somebody from which on they have a threshold of their own
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
    """`common` for everybody, `own` for those with enough held-out decisions; below `floor` nobody is known."""

    common: float = NEVER
    own: Mapping[int, float] = field(default_factory=dict)
    floor: float = 0.0

    def fit(self, tops: Sequence[Top]) -> Thresholds:
        """Chosen on `tops`, in order of time."""
        by_answer: dict[int, list[Top]] = {}
        for top in tops:
            by_answer.setdefault(top.who, []).append(top)
        common = lowest(tops, _LEAST_COMMON)
        own = {who: self._own(some, common) for who, some in by_answer.items() if len(some) >= _LEAST_OWN}
        return Thresholds(common=common, own=own, floor=_floor(tops))

    def _own(self, tops: Sequence[Top], common: float) -> float:
        """Somebody's own threshold; where precision was missed above the common one, that is not enough for them."""
        sure = [top for top in tops if top.chance >= common]
        if sum(top.weight for top in sure if top.right) < WANTED_PRECISION * sum(top.weight for top in sure):
            return lowest(tops, _LEAST_OWN)
        return min(common, lowest(tops, _LEAST_OWN))

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

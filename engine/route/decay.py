"""Weights of past incidents that halve with age, kept so that a new one costs no pass over the old ones."""

from __future__ import annotations

import numpy as np

from engine.route.columns import Column, Floats, Ints

_FURTHEST = 500.0  # half-lives between the newest weight and the moment the weights refer to
_OLDEST = 900.0  # half-lives after which a weight is nothing


class Decay:
    """One half-life over growing rows: `weights` refer to the day `since`, `mass` sums them per person."""

    def __init__(self, half_life_days: float) -> None:
        self.half_life_days = half_life_days
        self.since = 0.0  # days since 1970 UTC
        self.weights = Column("float64")
        self.mass = Column("float64")

    def start(self, days: Floats, who: Ints, people: int) -> Decay:
        """Take in all rows so far."""
        self.since = float(days.max()) if len(days) else 0.0
        self.weights = Column.over(_halved(np.asarray((self.since - days) / self.half_life_days, np.float64)))
        self.mass = Column.over(np.bincount(who, self.weights.seen(), people).astype(np.float64))
        return self

    def add(self, day: float, person: int) -> None:
        """Take in one more row."""
        if not len(self.weights) or (day - self.since) / self.half_life_days > _FURTHEST:
            self._refer_to(day)
        weight = _halved_one((self.since - day) / self.half_life_days)
        self.weights.append(weight)
        while len(self.mass) <= person:
            self.mass.append(0.0)
        self.mass.seen()[person] += weight

    def drop(self, row: int, person: int) -> None:
        """Let a row count no more."""
        self.mass.seen()[person] -= self.weights.seen()[row]
        self.weights.seen()[row] = 0.0

    def scale(self, day: float) -> float:
        """What turns `weights` into weights as of `day`."""
        return _halved_one((day - self.since) / self.half_life_days)

    def _refer_to(self, day: float) -> None:
        if len(self.weights):
            factor = self.scale(day)
            self.weights.seen()[:] *= factor
            self.mass.seen()[:] *= factor
        self.since = day


def _halved_one(half_lives: float) -> float:
    """`_halved` of one."""
    return 0.0 if half_lives >= _OLDEST else 2.0 ** -max(half_lives, -_OLDEST)


def _halved(half_lives: Floats) -> Floats:
    """2 to the power of minus `half_lives`, 0 where that is long ago."""
    found = np.exp2(-np.clip(half_lives, -_OLDEST, _OLDEST))
    return np.asarray(np.where(half_lives >= _OLDEST, 0.0, found))

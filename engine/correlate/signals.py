"""The evidence: each signal measures one thing between an alert and an incident.

A signal turns a `Case` into named measurements; a linear model weighs them, so the weighted measurements of all signals
sum to the score. A new signal is one class and one line in `SIGNALS`, and what it reads in `lines` (a column of
`table`, which trees see too) and weighs in `scores`, which do the same compiled, for many pairs at once, and are held
against it by tests; `training.correlate_weights` and `training.correlate_trees` learn both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from engine.correlate.case import Case, Parts
from engine.correlate.identity_signals import Company, Hops, Labels, Mention, Same, Things, Words
from engine.correlate.pace_signals import Hush, Lull, Momentum, Pace, Pause
from engine.correlate.time_signals import Again, Age, Chance, Firing, Gap, Lately, Nearest, Rivals, Tempo


class Signal(Protocol):
    """One kind of evidence."""

    name: str

    def parts(self, case: Case) -> Parts:
        """Named measurements; a name is weighed with the weight of that name, unknown names weigh nothing."""

    def detail(self, case: Case) -> str:
        """What a person reads beside the weight."""


SIGNALS: tuple[Signal, ...] = (
    Gap(), Chance(), Pace(), Pause(), Hush(), Tempo(), Nearest(), Momentum(), Lately(), Age(), Lull(), Again(),
    Firing(),
    Same("service"), Same("host"), Same("name"), Same("source"), Same("severity"),
    Labels(), Things(), Mention(), Words(), Hops(), Company(), Rivals(),
)  # fmt: skip


def measured(case: Case) -> Parts:
    """Everything that signals measure of a case, by name: what weights are fitted to."""
    return [part for signal in SIGNALS for part in signal.parts(case)]


def weighed(weights: Mapping[str, float], parts: Parts) -> float:
    """The nats that measurements add up to."""
    total = 0.0
    for name, value in parts:
        total += weights.get(name, 0.0) * value
    return total

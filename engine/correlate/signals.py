"""The evidence: each signal measures one thing between an alert and an incident.

A signal turns a `Case` into named measurements; a linear model weighs them, so the weighted measurements of all signals
sum to the score. A new signal is one class and one line in `SIGNALS`; `training.correlate_weights` fits the weights.
"""

from __future__ import annotations

from typing import Protocol

from engine.correlate.case import Case, Parts
from engine.correlate.identity_signals import Company, Hops, Labels, Mention, Same, Things, Words
from engine.correlate.time_signals import (
    Again,
    Age,
    Chance,
    Firing,
    Gap,
    Lately,
    Lull,
    Momentum,
    Nearest,
    Pace,
    Rivals,
    Tempo,
)


class Signal(Protocol):
    """One kind of evidence."""

    name: str

    def parts(self, case: Case) -> Parts:
        """Named measurements; a name is weighed with the weight of that name, unknown names weigh nothing."""

    def detail(self, case: Case) -> str:
        """What a person reads beside the weight."""


SIGNALS: tuple[Signal, ...] = (
    Gap(), Chance(), Pace(), Tempo(), Nearest(), Momentum(), Lately(), Age(), Lull(), Again(),
    Firing(),
    Same("service"), Same("host"), Same("name"), Same("source"), Same("severity"),
    Labels(), Things(), Mention(), Words(), Hops(), Company(), Rivals(),
)  # fmt: skip

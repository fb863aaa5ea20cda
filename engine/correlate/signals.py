"""The evidence: each signal measures one thing between an alert and an incident.

A signal turns a `Case` into named measurements; a linear model weighs them, so the weighted measurements of all signals
sum to the score. A new signal is one class and one line in `SIGNALS`; `training.correlate_weights` fits the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from engine.correlate.case import Case, Nats, Parts
from engine.correlate.identity_signals import Company, Hops, Labels, Mention, Same, Things, Words
from engine.correlate.pace_signals import Hush, Lull, Momentum, Pace, Pause
from engine.correlate.time_signals import Again, Age, Chance, Firing, Gap, Lately, Nearest, Rivals, Tempo


class Signal(Protocol):
    """One kind of evidence."""

    name: str

    def parts(self, case: Case) -> Parts:
        """Named measurements; a name is weighed with the weight of that name, unknown names weigh nothing."""

    def nats(self, weights: Mapping[str, float]) -> Nats:
        """The sum of its weighted measurements as a function: what `parts` says slowly."""

    def detail(self, case: Case) -> str:
        """What a person reads beside the weight."""


def judges_of(weights: Mapping[str, float]) -> tuple[Nats, ...]:
    """What each of `SIGNALS` makes of a case: its weighted measurements, in nats."""
    return tuple(signal.nats(weights) for signal in SIGNALS)


def scorer(weights: Mapping[str, float]) -> Nats:
    """The score of a case: the sum over all signals of their weighted measurements, in nats."""
    return summed(judges_of(weights))


def summed(judges: tuple[Nats, ...]) -> Nats:
    """What all `judges` together make of a case, in nats."""

    def score(case: Case) -> float:
        total = 0.0
        for judge in judges:
            total += judge(case)
        return total

    return score


SIGNALS: tuple[Signal, ...] = (
    Gap(), Chance(), Pace(), Pause(), Hush(), Tempo(), Nearest(), Momentum(), Lately(), Age(), Lull(), Again(),
    Firing(),
    Same("service"), Same("host"), Same("name"), Same("source"), Same("severity"),
    Labels(), Things(), Mention(), Words(), Hops(), Company(), Rivals(),
)  # fmt: skip


def measured(case: Case) -> Parts:
    """Everything that signals measure of a case, by name: what weights are fitted to."""
    return [part for signal in SIGNALS for part in signal.parts(case)]

"""What an arriving alert chooses between, in the state that the model's own decisions have led to.

A model that learns only from flawless states never learns to live with its own mistakes; so it groups by itself and is
told what would have been right there (DAgger: Ross, Gordon and Bagnell 2011). An incident that it made counts as the
true one that most of its alerts come from; several may be fragments of the same, and each of them is right.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from engine.correlate import Correlator, Weights
from engine.correlate.signals import measured
from engine.domain import AlertStatus
from training.weighing.fitting import Choices
from training.weighing.streams import Stream


def add_arrivals(made: Choices, stream: Stream, weights: Weights, *, taught: bool = False) -> None:
    """Add the choice of every alert of `stream` that is no repeat; with `taught`, alerts are put where they belong."""
    correlator = begun(stream, weights)
    held: defaultdict[str, Counter[str]] = defaultdict(Counter)  # incident -> true incidents of its alerts
    for number, (alert, truth) in enumerate(zip(stream.alerts, stream.truth, strict=True)):
        match = correlator.predict_one(alert, explain=False)
        place = truth if taught else match.incident_id or opened(number)
        if match.repeat_of is None and alert.status is AlertStatus.FIRING and not alert.is_heartbeat:
            cases = correlator.candidates(alert)
            right = [majority(held[case.profile.id]) == truth for case in cases]
            made.add([measured(case) for case in cases], right, stream.weight)
        held[place][truth] += taught or match.repeat_of is None
        correlator.learn_one(alert, place, alert_of=match.repeat_of)


def begun(stream: Stream, weights: Weights) -> Correlator:
    """A correlator at the beginning of `stream`."""
    correlator = Correlator(topology=stream.edges, weights=weights)
    return correlator.fit(*stream.history) if stream.history else correlator


def opened(number: int) -> str:
    """The id of the incident that the alert with that place in its stream opens."""
    return f"I{number + 1}"


def majority(held: Counter[str]) -> str:
    """The true incident that most alerts of an incident come from; "" where it has none."""
    return max(held, key=held.__getitem__, default="")

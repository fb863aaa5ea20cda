"""The batch verb: a file of alerts in, one row per alert out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.correlate import Correlator, Weights
from engine.domain import Alert, Edge
from training.progress import Track, quiet


@dataclass(frozen=True, kw_only=True)
class GroupRow:
    """An alert's place: `root_rank` 1 is the probable root of its incident."""

    alert_id: str
    incident_id: str
    probability: float
    root_rank: int


def group(
    alerts: Sequence[Alert],
    *,
    history: tuple[Sequence[Alert], Sequence[str]] | None = None,
    topology: Sequence[Edge] = (),
    progress: Track = quiet,
    weights: Weights | None = None,
) -> list[GroupRow]:
    """Group `alerts`, given in the order received; one row each, in the same order."""
    correlator = Correlator(topology=topology, weights=weights)
    if history is not None:
        correlator.fit(*history)
    placed: list[tuple[str, str, float]] = []
    for alert in progress(alerts, "correlate", len(alerts)):
        match = correlator.predict_one(alert)
        incident_id = match.incident_id or f"I{len(placed) + 1}"
        correlator.learn_one(alert, incident_id, alert_of=match.repeat_of)
        placed.append((alert.id, incident_id, match.probability))
    return [GroupRow(alert_id=a, incident_id=i, probability=p, root_rank=1) for a, i, p in placed]

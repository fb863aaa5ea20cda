"""The batch verb: a file of alerts in, one row per alert out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.correlate import Correlator, Weights
from engine.domain import Alert, Edge
from training.progress import Track, quiet

PASSES = 0  # of repair each time; 0 keeps the groups as they were made online
_RANK_ALWAYS, _RANK_EVERY = 16, 32  # members: up to so many, roots are ranked at each join, then now and then
_REVISE_EVERY = timedelta(minutes=10)  # of event time


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
    passes: int = PASSES,
) -> list[GroupRow]:
    """Group `alerts`, given in the order received; one row each, in the same order."""
    correlator = Correlator(topology=topology, weights=weights)
    if history is not None:
        correlator.fit(*history)
    replay = Replay(correlator, passes)
    for alert in progress(alerts, "correlate", len(alerts)):
        replay.take(alert)
    replay.revise()
    return replay.rows()


class Replay:
    """Alerts through a correlator, one by one, with repair from time to time."""

    def __init__(self, correlator: Correlator, passes: int = PASSES) -> None:
        self.correlator = correlator
        self.passes = passes  # of repair each time
        self.heads: list[str] = []  # of each alert: the member whose incident it shares
        self.ids: list[str] = []
        self.incident_of: dict[str, str] = {}  # member -> incident
        self.sure: dict[str, float] = {}
        self.rank_of: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.due: datetime | None = None
        self.now: datetime | None = None

    def take(self, alert: Alert) -> None:
        """Place one alert."""
        if self.due is not None and alert.starts_at >= self.due:
            self.revise()
        match = self.correlator.predict_one(alert, explain=False)
        incident_id = match.incident_id or f"I{len(self.ids) + 1}"
        self.correlator.learn_one(alert, incident_id, alert_of=match.repeat_of)
        head = match.repeat_of or alert.id
        self.ids.append(alert.id)
        self.heads.append(head)
        self.incident_of.setdefault(head, incident_id)
        self.sure.setdefault(head, match.probability)
        if match.incident_id is not None and match.repeat_of is None:
            self._rank(incident_id)
        self.now = max(self.now or alert.starts_at, alert.starts_at)
        self.due = self.due or self.now + _REVISE_EVERY

    def revise(self) -> None:
        """Let later evidence change what is recent."""
        if self.now is None:
            return
        for _ in range(self.passes):
            revisions = self.correlator.revise(self.now)
            for revision in revisions:
                target = revision.to_incident or f"{revision.from_incident}/{revision.alert_id}"
                self.correlator.move(revision.alert_id, target)
                self.incident_of[revision.alert_id] = target
            if not revisions:
                break
        self.due = self.now + _REVISE_EVERY

    def _rank(self, incident_id: str) -> None:
        """Note who looks like the root while the incident is still in memory."""
        size = self.sizes[incident_id] = self.sizes.get(incident_id, 1) + 1
        if size <= _RANK_ALWAYS or size % _RANK_EVERY == 0:
            ranked = self.correlator.roots(incident_id)
            self.rank_of.update((alert_id, rank) for rank, (alert_id, _) in enumerate(ranked, start=1))

    def rows(self) -> list[GroupRow]:
        """The final groups."""
        return [
            GroupRow(
                alert_id=alert_id,
                incident_id=(incident_id := self.incident_of[head]),
                probability=self.sure[head],
                root_rank=self.rank_of.get(head, self.sizes.get(incident_id, 1)),
            )
            for alert_id, head in zip(self.ids, self.heads, strict=True)
        ]

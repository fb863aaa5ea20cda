"""The batch verb: a file of alerts in, one row per alert out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush

from engine.correlate import Correlator, Weights
from engine.correlate.repair import Revision
from engine.domain import Alert, AlertStatus, Edge
from training.progress import Track, quiet

PASSES = 3  # of repair each time; 0 keeps the groups as they were made online
_REVISE_EVERY = timedelta(minutes=10)  # of event time
_HOLD = timedelta(minutes=10)  # of event time that an alert may arrive late and still be placed in its turn


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
    turns = in_turn(alerts)
    for place in progress(turns, "correlate", len(alerts)):
        replay.take(alerts[place])
    replay.revise()
    rows = dict(zip(turns, replay.rows(), strict=True))
    return [rows[place] for place in range(len(alerts))]


def in_turn(alerts: Sequence[Alert]) -> list[int]:
    """The places of `alerts`, given as received, in the order of events as far as each is at most `_HOLD` late.

    Final groups wait for what comes later anyway, so what was merely delayed need not confuse them.
    """
    waiting: list[tuple[datetime, int]] = []
    found: list[int] = []
    newest: datetime | None = None
    for place, alert in enumerate(alerts):
        at = alert.ends_at or alert.starts_at if alert.status is AlertStatus.RESOLVED else alert.starts_at
        newest = at if newest is None else max(newest, at)
        heappush(waiting, (at, place))
        while waiting and waiting[0][0] < newest - _HOLD:
            found.append(heappop(waiting)[1])
    return [*found, *(place for _, place in sorted(waiting))]


def target_of(revision: Revision) -> str:
    """Where a revision puts its alert: the incident it names, or a new one named after where it comes from."""
    return revision.to_incident or f"{revision.from_incident}/{revision.beside or revision.alert_id}"


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
        self.touched: dict[str, None] = {}  # incidents that changed since their roots were ranked
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
        if match.repeat_of is None:
            self.touched[incident_id] = None
        self.now = max(self.now or alert.starts_at, alert.starts_at)
        self.due = self.due or self.now + _REVISE_EVERY

    def revise(self) -> None:
        """Let later evidence change what is recent."""
        if self.now is None:
            return
        for _ in range(self.passes):
            revisions = self.correlator.revise(self.now)
            for revision in revisions:
                target = target_of(revision)
                self.correlator.move(revision.alert_id, target)
                self.incident_of[revision.alert_id] = target
                self.touched |= {revision.from_incident: None, target: None}
            if not revisions:
                break
        self._rank()
        self.due = self.now + _REVISE_EVERY

    def _rank(self) -> None:
        """Note who looks like the root of what changed, while it is still in memory."""
        for incident_id in self.touched:
            ranked = self.correlator.roots(incident_id)
            self.rank_of.update((alert_id, rank) for rank, (alert_id, _) in enumerate(ranked, start=1))
        self.touched.clear()

    def rows(self) -> list[GroupRow]:
        """The final groups."""
        return [
            GroupRow(
                alert_id=alert_id,
                incident_id=self.incident_of[head],
                probability=self.sure[head],
                root_rank=self.rank_of.get(head, 1),
            )
            for alert_id, head in zip(self.ids, self.heads, strict=True)
        ]

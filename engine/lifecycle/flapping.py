"""Symptoms that come and go: a decayed count of state changes between two thresholds.

Nagios weighs the changes among the last 21 checks of a service and has two thresholds, so that the verdict itself does
not flap (Nagios Core, "Detection and Handling of State Flapping"). Alerts come without a fixed cadence of checks, so
here the weight of a change halves with its age, in event time; the last 21 changes are kept, as there. The verdict
follows from the set of changes: the order in which they are delivered makes no difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from engine.domain import Alert, AlertStatus

KEPT = 21  # changes remembered of one symptom


@dataclass(frozen=True, order=True, slots=True)
class Change:
    """A symptom began (`firing`) or ended at `at`, event time, UTC."""

    at: datetime
    firing: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Flap:
    """The verdict on one symptom after its latest change."""

    score: float  # decayed changes right after the latest one, >= 0
    firing: bool  # its state after the latest change
    changes: int  # changes seen among the remembered ones
    since: datetime | None = None  # UTC: flapping since then; None: it does not flap
    calm_at: datetime | None = None  # UTC: when it stops flapping if nothing more happens


@dataclass(frozen=True, kw_only=True, slots=True)
class Flapping:
    """When a symptom counts as flapping.

    Four changes in quick succession start it; half an hour without any ends it at the latest.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> changes = [Change(noon + timedelta(minutes=2 * n), n % 2 == 0) for n in range(6)]
    >>> [Flapping().judge(changes[:n]).since is not None for n in range(1, 7)]
    [False, False, False, True, True, True]
    """

    half_life_s: float = 900.0  # after which a change counts half
    start: float = 3.5  # decayed changes at which flapping starts
    stop: float = 2.0  # decayed changes below which it has stopped; lower than `start`, or the verdict would flap
    most: float = 8.0  # count no higher, so that calm is seen after `half_life_s * log2(most / stop)` at the latest
    return_s: float = 600.0  # a symptom that comes back this soon has never been away

    def judge(self, changes: Sequence[Change], since: datetime | None = None) -> Flap:
        """The verdict on `changes`, oldest first, as `remember` keeps them.

        `since` is the flapping start found earlier; it counts only where older changes had to be forgotten.
        """
        seen, last = 0, None
        flapping = since if since is not None and len(changes) >= KEPT and since <= changes[0].at else None
        score = self.stop if flapping else 0.0
        for change in _real(changes):
            if last is not None:
                flapping = None if flapping and self._calm_at(last, score) <= change.at else flapping
                score *= 0.5 ** ((change.at - last).total_seconds() / self.half_life_s)
            score, seen, last = min(self.most, score + 1.0), seen + 1, change.at
            if flapping is None and score >= self.start:
                flapping = change.at
        firing = changes[-1].firing if changes else False
        calm_at = self._calm_at(last, score) if flapping and last else None
        return Flap(score=score, firing=firing, changes=seen, since=flapping, calm_at=calm_at)

    def returns(self, changes: Sequence[Change], at: datetime) -> bool:
        """Whether a symptom that begins at `at` ended so shortly before that it is the same occasion."""
        ended = max((change.at for change in changes if not change.firing and change.at <= at), default=None)
        return ended is not None and (at - ended).total_seconds() <= self.return_s

    def _calm_at(self, last: datetime, score: float) -> datetime:
        """When `score` decays to `stop`."""
        halvings = max(0.0, math.log2(max(score, self.stop) / self.stop))
        return last + timedelta(seconds=self.half_life_s * halvings)


def remember(changes: Iterable[Change], *more: Change) -> tuple[Change, ...]:
    """All of them, each once, oldest first, the newest `KEPT`."""
    return tuple(sorted({*changes, *more})[-KEPT:])


def own_changes(alert: Alert) -> tuple[Change, ...]:
    """What one delivery tells: a beginning, an end, or both; of an episode without length the end alone."""
    if alert.status is not AlertStatus.RESOLVED:
        return (Change(alert.starts_at, True),)
    ended = Change(max(alert.ends_at or alert.received_at, alert.starts_at), False)
    return (ended,) if ended.at == alert.starts_at else (Change(alert.starts_at, True), ended)


def _real(changes: Sequence[Change]) -> list[Change]:
    """Those that changed the state: a beginning while it is there, or an end while it is not, is a repeat."""
    found: list[Change] = []
    firing = len(changes) >= KEPT and not changes[0].firing  # of an older, forgotten one
    for _, same_moment in groupby(changes, key=lambda change: change.at):
        together = list(same_moment)
        # both at one moment: an episode without length, or an end and the next beginning; the state stays
        ordered = sorted(together, key=lambda change: change.firing is firing)
        for change in ordered:
            if change.firing is not firing:
                firing = change.firing
                found.append(change)
    return found

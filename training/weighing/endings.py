"""Streams told with other ends: some tools say when an alert is over, some never do, some only of a few.

What is learned where all alerts end, or none, says the wrong thing where one in twenty does; so streams are shown both
as they are and with ends added or left out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engine.domain import Alert, AlertStatus

AS_IT_IS = 0.5  # of the streams
SHARES = (0.05, 0.3, 1.0)  # of the alerts that are told to have ended, where ends are added
FEWER = (0.0, 0.05, 0.3)  # of the ends that are told still, where there are some
_LASTS_S = (20.0, 1800.0)  # how long an alert lasts in a stream, on average; drawn evenly by its logarithm
_OVER_S = 180.0  # from the last alert of an incident to the end of one of its alerts, on average
_BY_INCIDENT = 0.5  # of the streams with ends: alerts end when their incident is over, not each in its own time

Told = list[tuple[Alert, str]]  # alerts in the order received, each with its true incident
End = Callable[[Alert, str], datetime]


def retold(alerts: Sequence[Alert], truth: Sequence[str], chance: random.Random) -> Told:
    """A stream as it is, or with other ends: fewer where it has some, else some."""
    told = list(zip(alerts, truth, strict=True))
    if chance.random() < AS_IT_IS:
        return told
    if any(_over(alert) for alert in alerts):
        return fewer(told, chance.choice(FEWER), chance)
    return more(told, chance.choice(SHARES), chance)


def fewer(told: Told, share: float, chance: random.Random) -> Told:
    """The stream with `share` (0..1) of its ends."""
    return [pair for pair in told if not _over(pair[0]) or chance.random() < share]


def more(told: Told, share: float, chance: random.Random) -> Told:
    """The stream with the ends of `share` (0..1) of its alerts."""
    ends = (_with_incident if chance.random() < _BY_INCIDENT else _alone)(told, chance)
    found = list(told)
    for alert, name in told:
        if chance.random() < share:
            at = max(ends(alert, name), alert.received_at)
            over = replace(alert, id=f"{alert.id} ended", status=AlertStatus.RESOLVED, ends_at=at, received_at=at)
            found.append((over, name))
    return sorted(found, key=lambda pair: pair[0].received_at)


def _over(alert: Alert) -> bool:
    return alert.status is AlertStatus.RESOLVED


def _alone(_: Told, chance: random.Random) -> End:
    """Each alert lasts as long as it lasts."""
    mean_s = math.exp(chance.uniform(*map(math.log, _LASTS_S)))
    return lambda alert, _: alert.starts_at + timedelta(seconds=chance.expovariate(1.0 / mean_s))


def _with_incident(told: Told, chance: random.Random) -> End:
    """Alerts end when what they tell of is repaired."""
    last = {name: alert.starts_at for alert, name in told}
    return lambda _, name: last[name] + timedelta(seconds=chance.expovariate(1.0 / _OVER_S))

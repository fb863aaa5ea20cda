"""How far anyone gets who is told when each true incident is open: the bound beside which methods are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.domain import Alert
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.grouping import bcubed
from training.benchmarks.outcomes import Outcome


@dataclass(frozen=True, kw_only=True)
class _Open:
    """A true incident as the oracle sees it: not its members, but when it began and ended and how many it has."""

    name: str
    first: float
    last: float
    alerts: int
    system: str

    @property
    def rate(self) -> float:
        """Alerts per second."""
        return self.alerts / (self.last - self.first + 1.0)


def oracle(case: AlertSet, system_of: Callable[[str], str] = lambda _: "") -> Outcome:
    """Each alert goes to one of the true incidents that are open at its second.

    Where `system_of` tells the system of a true incident, only to those of the alert's own system. Of several it takes
    the largest, the last begun or the densest: whichever of these policies does best over all, in hindsight.
    """
    open_then = _intervals(case, system_of)
    policies: list[Callable[[_Open], float]] = [lambda one: one.alerts, lambda one: one.first, lambda one: one.rate]
    tried = [_assigned(case, open_then, system_of, policy) for policy in policies]
    return Outcome.online(max(tried, key=lambda groups: bcubed(case.truth, groups)[2]))


def _intervals(case: AlertSet, system_of: Callable[[str], str]) -> list[_Open]:
    times: dict[str, list[float]] = {}
    for alert, name in zip(case.alerts, case.truth, strict=True):
        times.setdefault(name, []).append(alert.starts_at.timestamp())
    return [
        _Open(name=name, first=min(at), last=max(at), alerts=len(at), system=system_of(name))
        for name, at in times.items()
    ]


def _assigned(
    case: AlertSet, incidents: Sequence[_Open], system_of: Callable[[str], str], policy: Callable[[_Open], float]
) -> list[str]:
    found = []
    by_start = sorted(incidents, key=lambda one: one.first)
    running: list[_Open] = []
    for alert, name in zip(case.alerts, case.truth, strict=True):
        running = _running(running, by_start, alert)
        own = [one for one in running if one.system == system_of(name)]
        found.append(max(own, key=lambda one: (policy(one), one.name)).name)
    return found


def _running(running: list[_Open], coming: list[_Open], alert: Alert) -> list[_Open]:
    """Those open at `alert`'s second; takes from `coming` what has begun. Alerts are in the order of their times."""
    now = alert.starts_at.timestamp()
    while coming and coming[0].first <= now:
        running.append(coming.pop(0))
    return [one for one in running if one.last >= now]

"""Seeded storms: several faults at once, each over some services; their alerts begin, are told again, end, come back.

And the ways in which a storm reaches those who take it in: told several times, in any order, a part of it late.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from engine.domain import Alert, AlertStatus, Severity, alert_id_of
from engine.handling.receiving import Delivery

WAYS = ("duplicates", "shuffle", "late", "kill")
_SERVICES, _FAULTS, _REACH = 8, 3, 3  # a fault reaches so many services, from the one that broke on
_CHECKS = ("refuses connections", "p99 above limit", "error rate high")
_BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
_LASTS_S, _APART_S = 60.0, 45.0  # of a fault's alerts; between the beginnings of two faults
_LARGEST = 4  # alerts a delivery
_HOURS = 6  # from one storm to the next over the same database
TOGETHER = 7  # storms over one database: as far as an engine that starts anew looks back
_LATE = 0.3  # share of the deliveries that come after all others


@dataclass(frozen=True, kw_only=True)
class _Told:
    """One thing that is told of one symptom."""

    at: float  # seconds after the storm began
    alert: Alert


def storm_of(seed: int) -> list[Delivery]:
    """The deliveries of a storm, some thirty alerts in all, in the order in which they are sent."""
    chance, begins = random.Random(seed), _BEGAN + timedelta(hours=_HOURS * (seed % TOGETHER))
    told = [one for fault in range(_FAULTS) for one in _fault(chance, fault * chance.uniform(0.3, 1.0) * _APART_S)]
    told.sort(key=lambda one: one.at)
    parts: list[Delivery] = []
    while told:
        size = chance.randint(1, _LARGEST)
        part, told = told[:size], told[size:]
        received = begins + timedelta(seconds=part[-1].at)
        alerts = [_moved(one.alert, begins - _BEGAN, received) for one in part]
        parts.append(Delivery(alerts=alerts, id=f"{seed}.{len(parts)}"))
    return parts


def _fault(chance: random.Random, begins: float) -> Iterator[_Told]:
    """What one fault makes its services' checks say."""
    first = chance.randrange(_SERVICES)
    for step in range(_REACH):
        for check in chance.sample(range(len(_CHECKS)), chance.randint(1, len(_CHECKS))):
            at = begins + 5 * step + chance.uniform(0.0, _LASTS_S)
            yield from _symptom(chance, (first + step) % _SERVICES, check, at)


def _symptom(chance: random.Random, service: int, check: int, at: float) -> Iterator[_Told]:
    """One symptom from its beginning on: perhaps told again, under the same start or another, over, and back."""
    begun = _alert(service, check, at, chance.choice(tuple(Severity)))
    yield _Told(at=at, alert=begun)
    while chance.random() < 0.3:
        yield _Told(at=at + chance.uniform(1.0, 60.0), alert=begun)
    if chance.random() < 0.15:
        later = at + chance.uniform(5.0, 60.0)
        yield _Told(at=later, alert=_alert(service, check, later, begun.severity))
    while chance.random() < 0.5:
        over = at + chance.uniform(5.0, 90.0)
        ends = _BEGAN + timedelta(seconds=over)
        yield _Told(at=over, alert=replace(begun, status=AlertStatus.RESOLVED, ends_at=ends))
        if chance.random() < 0.5:
            return
        at = over + chance.uniform(1.0, 60.0)
        begun = _alert(service, check, at, begun.severity)
        yield _Told(at=at, alert=begun)


def _moved(alert: Alert, by: timedelta, received_at: datetime) -> Alert:
    starts, ends = alert.starts_at + by, alert.ends_at + by if alert.ends_at else None
    key = alert_id_of(alert.source, alert.fingerprint, starts)
    return replace(alert, id=key, starts_at=starts, ends_at=ends, received_at=received_at)


def _alert(service: int, check: int, at: float, severity: Severity) -> Alert:
    name, starts = f"service-{service}", _BEGAN + timedelta(seconds=at)
    fingerprint = f"{name} {check}"
    return Alert(
        id=alert_id_of("chaos", fingerprint, starts),
        source="chaos",
        title=f"{name}: {_CHECKS[check]}",
        service=name,
        host=f"host-{service // 2}",
        fingerprint=fingerprint,
        severity=severity,
        starts_at=starts,
        received_at=starts,
    )


def sent(storm: Sequence[Delivery], way: str, chance: random.Random) -> list[Delivery]:
    """The deliveries as they are sent in one of the `WAYS`; those killed under way are sent in order."""
    if way == "duplicates":  # each twice under its name, and some of them once more under another
        again = [replace(one, id=f"{one.id} again") for one in storm if chance.random() < _LATE]
        return sorted([*storm, *storm, *again], key=lambda one: int(one.id.split()[0].split(".")[1]))
    if way == "shuffle":
        return chance.sample(storm, len(storm))
    if way == "late":
        late = {one.id for one in storm if chance.random() < _LATE}
        return sorted(storm, key=lambda one: one.id in late)
    return list(storm)

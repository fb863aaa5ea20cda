"""P6: what late, doubled, resolved and re-fired deliveries cost, against the same deliveries in the order of events."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from engine.domain import Alert, AlertStatus
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.grouping import bcubed
from training.benchmarks.ours import watched, ways
from training.benchmarks.plain_grouping import WINDOWS_S, Rule, everything, rolling, session
from training.benchmarks.report import Row
from training.correlate import in_turn

Group = Callable[[Sequence["Delivery"]], Sequence[str]]
_MEAN_DELAY_S = 30.0
_DOUBLED, _REFIRED = 0.05, 0.05
_QUIET_S = (20.0, 120.0)  # between an end and the next beginning of a symptom that comes again


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One arrival of one alert; `at` is when what it tells of happened, `place` that of the alert in its set."""

    alert: Alert
    place: int
    at: datetime


def disordered(case: AlertSet, seed: int) -> list[Delivery]:
    """The set's alerts as a bad network delivers them, in the order of arrival.

    Arrival is event time plus an exponential delay of 30 s on average; 5 % of the alerts arrive twice, 5 % resolve and
    fire again some time later, as a new episode of the same symptom.
    """
    chance = random.Random(seed)
    found = [
        replace(one, alert=replace(one.alert, received_at=one.at + _delay(chance)))
        for place, alert in enumerate(case.alerts)
        for one in _told(place, alert, chance)
    ]
    return sorted(found, key=lambda one: (one.alert.received_at, one.alert.id))


def rows(case: AlertSet, seed: int) -> list[Row]:
    """B-cubed F1 in order of arrival and of events, and what is lost: ours, and two rules that go by arrival."""
    late = disordered(case, seed)
    right = [replace(one, alert=replace(one.alert, received_at=one.at)) for one in sorted(late, key=lambda one: one.at)]
    methods: list[tuple[str, Group]] = []
    for name, known in ways(case):
        methods += [(name, partial(_ours, known)), (f"{name}, held as by the batch verb", partial(_held, known))]
    for name, rule in (("session gap", session), ("rolling window", rolling)):
        groupings: list[Group] = [partial(_by_arrival, rule, window_s) for window_s in WINDOWS_S]
        methods.append((name, max(groupings, key=lambda group: _f1(case, right, group(right)))))
    plain = [Delivery(alert=alert, place=place, at=alert.starts_at) for place, alert in enumerate(case.alerts)]
    return [
        Row(
            dataset=f"P6 disorder, {case.name}",
            method=name,
            metrics=_figures(*(_f1(case, told, group(told)) for told in (late, right, plain))),
        )
        for name, group in methods
    ]


def _figures(arrived: float, ordered: float, plain: float) -> dict[str, float]:
    """`f1_undisturbed`: of the stream without doubled and re-fired deliveries, which are decisions of their own."""
    return {"bcubed_f1": arrived, "f1_in_order": ordered, "loss": ordered - arrived, "f1_undisturbed": plain}


def _ours(case: AlertSet, told: Sequence[Delivery]) -> Sequence[str]:
    truth = [case.truth[one.place] for one in told]
    return watched(replace(case, alerts=[one.alert for one in told], truth=truth)).groups


def _held(case: AlertSet, told: Sequence[Delivery]) -> Sequence[str]:
    """What may still come late is waited for, as `training.correlate.group` does."""
    turns = in_turn([one.alert for one in told])
    groups = dict(zip(turns, _ours(case, [told[place] for place in turns]), strict=True))
    return [groups[place] for place in range(len(told))]


def _by_arrival(rule: Rule, window_s: float, told: Sequence[Delivery]) -> Sequence[str]:
    return rule([replace(one.alert, starts_at=one.alert.received_at) for one in told], window_s, everything)


def _f1(case: AlertSet, told: Sequence[Delivery], groups: Sequence[str]) -> float:
    """Over deliveries that say that something began: where an end is put is nobody's grouping."""
    pairs = [
        (case.truth[one.place], group)
        for one, group in zip(told, groups, strict=True)
        if one.alert.status is AlertStatus.FIRING
    ]
    return bcubed([name for name, _ in pairs], [group for _, group in pairs])[2]


def _told(place: int, alert: Alert, chance: random.Random) -> Iterator[Delivery]:
    """An alert, perhaps twice, perhaps ended and begun again."""
    yield Delivery(alert=alert, place=place, at=alert.starts_at)
    if chance.random() < _DOUBLED:
        yield Delivery(alert=alert, place=place, at=alert.starts_at)
    if chance.random() < _REFIRED and alert.status is AlertStatus.FIRING:
        end = alert.starts_at + timedelta(seconds=chance.uniform(*_QUIET_S))
        over = replace(alert, status=AlertStatus.RESOLVED, ends_at=end)
        again = end + timedelta(seconds=chance.uniform(*_QUIET_S))
        yield Delivery(alert=over, place=place, at=end)
        yield Delivery(alert=replace(alert, id=f"{alert.id}-again", starts_at=again), place=place, at=again)


def _delay(chance: random.Random) -> timedelta:
    return timedelta(seconds=chance.expovariate(1.0 / _MEAN_DELAY_S))

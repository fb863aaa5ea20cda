"""A history of another place, or of a later time, does not spoil what is learned here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.correlate import Correlator
from engine.correlate.background import Background, Field
from engine.domain import Alert
from training import worlds
from training.benchmarks.grouping import bcubed
from training.correlate import Replay

ALERTS = 500
LIVE = worlds.draw(301, ALERTS)
NAMES = [f"host-{number}" for number in range(40)]


def told(counts: dict[str, int]) -> Field:
    """A field with so many past incidents of each value."""
    field = Field(1.0)
    for value, times in counts.items():
        for _ in range(times):
            field.count(value)
    return field


def elsewhere() -> Field:
    field = told(dict.fromkeys(NAMES[:20], 30))
    begun(field)
    return field


def begun(field: Field) -> None:
    """All that it knows is of a history from now on."""
    background = Background({})
    background.fields["service"] = field
    background.begin()


def f1(correlator: Correlator) -> float:
    replay = Replay(correlator)
    for alert in LIVE.alerts:
        replay.take(alert)
    return bcubed(LIVE.truth, [replay.incident_of[head] for head in replay.heads])[2]


def moved(alerts: list[Alert], by: timedelta) -> list[Alert]:
    return [
        replace(
            alert,
            starts_at=alert.starts_at + by,
            received_at=alert.received_at + by,
            ends_at=alert.ends_at + by if alert.ends_at else None,
        )
        for alert in alerts
    ]


def test_values_of_another_place_are_forgotten_once_hardly_any_is_met() -> None:
    field = elsewhere()
    assert [field.count(name) for name in NAMES[20:30]].count(True) == 1
    assert set(field.counts) <= set(NAMES[20:30])
    assert field.total == sum(field.counts.values())


def test_a_value_met_first_is_no_rarer_than_without_any_history_when_the_history_is_of_another_place() -> None:
    field, fresh = elsewhere(), told({})
    for name in NAMES[20:30]:
        field.count(name)
        fresh.count(name)
    assert field.share("never seen") == fresh.share("never seen")


def test_a_history_holds_where_its_values_are_met_and_new_ones_among_them_do_not_undo_it() -> None:
    field = elsewhere()
    assert not any(field.count(name) for name in (*NAMES[:8], *NAMES[20:]))
    assert field.counts[NAMES[19]] == 30.0


def test_values_that_are_always_new_say_nothing() -> None:
    field = told({f"pod-{number}": 1 for number in range(200)})
    begun(field)
    assert not any(field.count(f"pod-{number}") for number in range(1000, 1040))


@pytest.mark.parametrize("by", [timedelta(0), timedelta(days=400)])
def test_a_history_of_other_machines_costs_little_whether_of_before_or_of_later(by: timedelta) -> None:
    cold = f1(Correlator())
    other = worlds.draw(310, 1500)
    last = max(alert.received_at for alert in other.alerts)
    past = moved(other.alerts, LIVE.alerts[0].received_at - last - timedelta(hours=1) + by)
    spoilt = Correlator().fit(past, other.truth)
    spoilt._world.background.place = ""
    for field in spoilt._world.background.fields.values():
        field.past = None
    assert f1(Correlator().fit(past, other.truth)) > cold - 0.03
    assert f1(spoilt) < cold - 0.05

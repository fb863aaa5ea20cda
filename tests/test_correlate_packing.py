"""What has been silent is packed, which nobody can tell; what is one too many is forgotten, so memory is bounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from engine.correlate import Correlator, profiles
from engine.correlate.packing import pack, unpack
from engine.domain import Alert
from engine.ports import NEVER
from tests.test_correlate_compiled import grouped
from training.correlate import Replay
from training.worlds import draw

START = datetime(2026, 1, 1, tzinfo=UTC)


def told(correlator: Correlator, alerts: Sequence[Alert]) -> tuple[list[object], int]:
    """All that can be asked of a correlator, while `alerts` come and every other incident ends; and how many incidents
    were packed at once."""
    said: list[object] = []
    most = 0
    for number, one in enumerate(alerts):
        most = max(most, sum(bool(profile._packed) for profile in correlator._profiles.open.values()))
        match = correlator.predict_one(one)
        home = match.incident_id or f"INC-{number}"
        correlator.learn_one(one, home, alert_of=match.repeat_of)
        said.append(match)
        if number % 2:
            correlator.close(f"INC-{number // 4}", one.starts_at)
        if number % 20 == 0:
            said += [correlator.explain(other.id) for other in alerts[max(0, number - 100) : number : 9]]
            moves = correlator.revise(one.starts_at)
            for moved in moves:
                correlator.move(moved.alert_id, moved.to_incident or f"MOVED-{number}")
            said += [*moves, correlator.roots(home), correlator.roots(f"INC-{number // 4}")]
    return said, most


@pytest.mark.parametrize("seed", [2, 5, 7])
def test_nobody_can_tell_what_was_packed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = draw(seed, 500).alerts
    monkeypatch.setattr(profiles, "_SILENT_S", math.inf)
    wanted, none = told(Correlator(), alerts)
    monkeypatch.setattr(profiles, "_SILENT_S", -math.inf)
    found, most = told(Correlator(), alerts)
    assert none == 0
    assert most > 5
    assert found == wanted


def test_streams_are_grouped_alike_where_all_is_packed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = draw(11, 400).alerts
    wanted = grouped(Correlator(), alerts)
    monkeypatch.setattr(profiles, "_SILENT_S", -math.inf)
    assert grouped(Correlator(), alerts) == wanted


def test_what_is_packed_comes_back_in_its_order_and_to_the_last_digit() -> None:
    rows = [["a", 0.1 + 0.2, "f", 1764600000.123457, 3, "", True, 7]]
    parts: list[dict[str, object]] = [
        {"b": 1, "a": 2},
        {"x": {"d": 1, "c": 2}},
        {"t": [0.1, 1 / 3]},
        {},
        {},
        {},
        {"ü\ud800": "x"},
    ]
    found, again = unpack(pack(rows, parts))
    assert (found, again) == (rows, parts)
    assert [list(part) for part in again] == [list(part) for part in parts]


def alert(number: int, service: str, at_s: float, name: str = "") -> Alert:
    at = START + timedelta(seconds=at_s)
    name = name or f"{service}-{number}"
    return Alert(
        id=name, source="s", title=f"{service} fails", service=service, starts_at=at, received_at=at, fingerprint=name
    )


def test_of_too_many_alerts_what_ended_first_is_forgotten_first() -> None:
    correlator = Correlator()
    correlator.remember_at_most(100)
    correlator.learn_one(alert(0, "orders", 0), "STILL-OPEN")
    for number in range(1, 400):
        correlator.learn_one(alert(number, f"shop-{number}", number), f"INC-{number}")
        correlator.close(f"INC-{number}", START + timedelta(seconds=number))
        assert len(correlator._profiles.of_alert) <= 100
    assert len(correlator._profiles.of_alert) == 100
    assert correlator.roots("INC-1") == () and correlator.roots("INC-399") != ()
    assert correlator.predict_one(alert(999, "orders", 300)).incident_id == "STILL-OPEN"


def test_of_too_many_open_alerts_the_silent_ones_are_forgotten() -> None:
    correlator = Correlator()
    correlator.remember_at_most(50)
    for number in range(300):
        correlator.learn_one(alert(number, f"shop-{number % 30}", number), f"INC-{number % 30}")
        assert len(correlator._profiles.of_alert) <= 50
    assert correlator.predict_one(alert(999, "shop-29", 300)).incident_id == "INC-29"


def test_without_a_limit_nothing_is_forgotten_before_its_time() -> None:
    correlator = Correlator()
    for number in range(300):
        correlator.learn_one(alert(number, f"shop-{number}", number), f"INC-{number}")
        correlator.close(f"INC-{number}", START + timedelta(seconds=number))
    assert len(correlator._profiles.of_alert) == 300


@pytest.mark.parametrize(("again", "same"), [(NEVER, True), (None, False)])
def test_an_incident_that_goes_on_after_all_is_mended_as_one_that_never_ended(
    again: datetime | None, same: bool
) -> None:
    world = draw(301, 500)
    plain, ended = Replay(Correlator()), Replay(Correlator())
    for alert in world.alerts:
        plain.take(alert)
        ended.take(alert)
        incident_id = ended.incident_of[ended.heads[-1]]
        ended.correlator.close(incident_id, alert.starts_at + timedelta(hours=1))
        if again is not None:
            ended.correlator.close(incident_id, again)
    assert len(plain.incident_of) > 200
    assert (plain.incident_of == ended.incident_of) is same

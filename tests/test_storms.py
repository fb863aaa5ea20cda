"""Storms: where they end, that they cost little, and that they are not lightly made larger."""

from __future__ import annotations

import pytest

from engine.correlate import Correlator
from engine.correlate.profile import Member, Profile
from engine.correlate.reading import read
from engine.domain import Alert
from tests.small_models import alert


def storm(*, until: float, every: float, kinds: int = 6) -> list[Alert]:
    """Symptoms of one service in turn, one each `every` seconds."""
    count = int(until / every)
    return [alert("shop", f"check {number % kinds} fails", at=number * every, host="web-1") for number in range(count)]


def told(correlator: Correlator, alerts: list[Alert]) -> list[str]:
    """The incident of each alert, grouped as they come."""
    found = []
    for number, one in enumerate(alerts):
        match = correlator.predict_one(one, explain=False)
        found.append(match.incident_id or f"INC-{number}")
        correlator.learn_one(one, found[-1], alert_of=match.repeat_of)
    return found


def evidence(correlator: Correlator, one: Alert) -> dict[str, float]:
    return {each.signal: each.weight for each in correlator.predict_one(one).evidence}


def test_a_storm_that_stops_has_ended() -> None:
    correlator = Correlator()
    told(correlator, storm(until=15.0, every=0.1))
    late = evidence(correlator, alert("shop", "another check fails", at=27.0, host="web-1"))
    soon = evidence(correlator, alert("shop", "another check fails", at=15.5, host="web-1"))
    assert late["hush"] < -1.0
    assert soon.get("hush", 0.0) > late["hush"]


def test_beats_of_a_collector_are_no_storm() -> None:
    correlator = Correlator()
    beats = [
        alert("shop", f"check {kind} fails", at=15.0 * beat, host=f"web-{beat}")
        for beat in range(4)
        for kind in range(30)
    ]
    told(correlator, beats)
    assert "hush" not in evidence(correlator, alert("shop", "another check fails", at=57.0, host="web-1"))


def test_the_symptom_of_a_storm_belongs_where_it_fires_though_an_earlier_incident_had_it() -> None:
    correlator, one = Correlator(), storm(until=15.0, every=0.1)
    for each in one:
        correlator.learn_one(each, "INC-1")
    again = [alert("shop", each.title, at=40.0 + number, host="web-1") for number, each in enumerate(one[:6])]
    for each in again:
        correlator.learn_one(each, "INC-2")
    match = correlator.predict_one(alert("shop", one[5].title, at=46.0, host="web-1"))
    assert (match.incident_id, match.repeat_of) == ("INC-2", again[5].id)


@pytest.mark.parametrize(("every", "stormed"), [(0.1, True), (0.18, True), (0.3, False), (5.0, False)])
def test_it_takes_several_alerts_a_second_to_be_a_storm(every: float, stormed: bool) -> None:
    profile = Profile("INC-1")
    for number, one in enumerate(storm(until=20.0, every=every, kinds=1000)):
        at = one.starts_at.timestamp()
        profile.add(Member(f"{number}", at, one.fingerprint, read(one), at))
    assert profile.stormed is stormed


def test_one_symptom_alone_can_be_a_storm_wherever_it_moves() -> None:
    one = alert("shop", "check fails", at=0.0)
    at = one.starts_at.timestamp()
    profile = Profile("INC-1")
    profile.add(Member("a", at, one.fingerprint, read(one), at + 20.0, repeats=400))
    assert profile.stormed
    quiet = Profile("INC-2")
    quiet.add(Member("b", at, one.fingerprint, read(one), at + 20.0, repeats=2))
    assert not quiet.stormed

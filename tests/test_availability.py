"""Whether a responder can be asked: zones, clock changes, shifts over midnight, time off, load, on-call."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import Responder, TimeOff
from engine.route import availability, is_working
from tests.naive import route as naive

NIGHT = Responder(id="nina", timezone="Europe/Amsterdam", work_starts=time(22), work_ends=time(6), workdays=(4,))


@pytest.mark.parametrize(
    ("moment", "working"),
    [
        ("2026-03-27T08:00:00", True),  # Friday 09:00 CET
        ("2026-03-27T07:30:00", False),  # Friday 08:30 CET
        ("2026-03-30T07:30:00", True),  # Monday 09:30 CEST: the clock changed on Sunday
        ("2026-10-23T15:30:00", False),  # Friday 17:30 CEST
        ("2026-10-26T15:30:00", True),  # Monday 16:30 CET: changed back
        ("2026-03-28T09:00:00", False),  # Saturday
    ],
)
def test_working_hours_follow_the_wall_clock_across_clock_changes(moment: str, working: bool) -> None:
    person = Responder(id="ann", timezone="Europe/Amsterdam")
    assert is_working(person, datetime.fromisoformat(moment).replace(tzinfo=UTC)) is working


@pytest.mark.parametrize(
    ("moment", "working"),
    [
        ("2026-07-03T20:30:00", True),  # Friday 22:30 local
        ("2026-07-04T03:30:00", True),  # Saturday 05:30 local, the shift began on Friday
        ("2026-07-04T04:30:00", False),  # Saturday 06:30 local
        ("2026-07-04T20:30:00", False),  # Saturday 22:30 local: no workday
        ("2026-07-03T03:30:00", False),  # Friday 05:30 local: Thursday is no workday
    ],
)
def test_a_shift_over_midnight_belongs_to_the_day_it_begins(moment: str, working: bool) -> None:
    assert is_working(NIGHT, datetime.fromisoformat(moment).replace(tzinfo=UTC)) is working


def test_equal_start_and_end_mean_the_whole_workday() -> None:
    person = Responder(id="ann", work_starts=time(0), work_ends=time(0))
    assert is_working(person, datetime(2026, 7, 1, 23, 59, tzinfo=UTC))
    assert not is_working(person, datetime(2026, 7, 4, 12, tzinfo=UTC))


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(0, 23),
    end=st.integers(0, 23),
    days=st.sets(st.integers(0, 6)),
    minute=st.integers(0, 60 * 24 * 370),
    zone=st.sampled_from(["UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_working_hours_equal_the_slow_form(start: int, end: int, days: set[int], minute: int, zone: str) -> None:
    person = Responder(
        id="x", timezone=zone, work_starts=time(start), work_ends=time((end + 1) % 24 if end == start else end),
        workdays=tuple(days),
    )  # fmt: skip
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    assert is_working(person, at) == naive.is_working(person, at)


def test_time_off_ends_at_its_end() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    person = Responder(id="ann", time_off=(TimeOff(starts_at=noon - timedelta(hours=1), ends_at=noon),), on_call=True)
    assert availability(person, noon).available
    found = availability(person, noon - timedelta(minutes=1))
    assert not found.available
    assert [reason.signal for reason in found.reasons] == ["time off"]


def test_on_call_can_be_asked_at_night_and_others_cannot() -> None:
    night = datetime(2026, 7, 1, 3, tzinfo=UTC)
    assert availability(Responder(id="ann", on_call=True), night).available
    found = availability(Responder(id="bob"), night)
    assert not found.available
    assert found.reasons[0].signal == "outside working hours"


def test_an_unknown_zone_is_read_as_utc() -> None:
    assert is_working(Responder(id="ann", timezone="Mars/Olympus"), datetime(2026, 7, 1, 12, tzinfo=UTC))

"""Maintenance windows and their matchers, as plain rules without a store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import Alert
from engine.errors import InvalidInput
from engine.lifecycle.maintenance import Window, WindowState, cover
from engine.lifecycle.matchers import FIELDS, Matcher, Op, parse_matcher
from engine.lifecycle.recurrence import Span, Weekly
from tests.naive import quiet as naive
from tests.small_models import alert, moment

DB = (parse_matcher("service=db"),)


def window(start: float, end: float, *, matchers: tuple[Matcher, ...] = DB, **more: object) -> Window:
    return Window(id="MW-1", matchers=matchers, starts_at=moment(start), ends_at=moment(end), **more)  # type: ignore[arg-type]


def weekly(first: datetime, hours: float, days: tuple[int, ...], zone: str, **more: object) -> Window:
    again = Weekly(weekdays=days, timezone=zone, **more)  # type: ignore[arg-type]
    return Window(id="MW-1", matchers=DB, starts_at=first, ends_at=first + timedelta(hours=hours), weekly=again)


# -- matchers


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("service=db", True),
        ("service=dbs", False),
        ('host!="web"', True),
        ("host=~db-.*", True),
        ("host=~db", False),
        ("host!~web.*", True),
        ("team=storage", True),
        ("labels.team=storage", True),
        ("labels.service=inner", True),
        ("missing=", True),
        ("missing!=", False),
        ('title=~"(disk|cpu).*full"', True),
        ("severity=~critical|error", False),
        ("source = test", True),
    ],
)
def test_matchers_read_fields_and_labels(text: str, holds: bool) -> None:
    one = alert("db", "disk is full", host="db-1", labels={"team": "storage", "service": "inner"})
    assert parse_matcher(text).holds(one) is holds


def test_a_field_that_is_empty_falls_back_to_the_label_of_its_name() -> None:
    assert parse_matcher("host=db-1").holds(alert("db", labels={"host": "db-1"}))


@given(st.sampled_from([*FIELDS, "team", "labels.service"]), st.sampled_from(list(Op)), st.text('ab.-" =~', max_size=8))
def test_a_matcher_is_read_as_it_is_written(field: str, op: Op, value: str) -> None:
    try:
        one = Matcher(field=field, op=op, value=value)
    except InvalidInput:
        return
    assert parse_matcher(str(one)) == one


@pytest.mark.parametrize("text", ["", "service", "=db", "{service=db}", "service=~(", "host=" + "x" * 501])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_matcher(text)


@pytest.mark.parametrize("text", ["service=~.*", "service!=db", "service=", "host!~db.*"])
def test_a_window_over_everything_has_to_be_meant(text: str) -> None:
    with pytest.raises(InvalidInput, match="would match every alert"):
        window(0, 60, matchers=(parse_matcher(text),))
    assert window(0, 60, matchers=(parse_matcher(text), parse_matcher("source=~.+")))


# -- windows


@pytest.mark.parametrize(
    ("at", "seconds"), [(-1, None), (0, 600), (599, 600), (600, None)], ids=["before", "first", "last", "after"]
)
def test_what_begins_inside_is_covered_until_the_end(at: float, seconds: float | None) -> None:
    found = cover(alert("db", at=at), [window(0, 600)])
    assert (found.until if found else None) == (moment(seconds) if seconds else None)
    assert cover(alert("web", at=at), [window(0, 600)]) is None


def test_windows_without_a_gap_cover_as_one() -> None:
    windows = [window(0, 600), window(600, 900), window(850, 1200), window(1201, 1500)]
    found = cover(alert("db", at=100), windows)
    assert found is not None
    assert (found.until, found.span) == (moment(1200), windows[0].first)


def test_windows_that_follow_each_other_for_ever_end_some_day() -> None:
    always = weekly(naive.utc(2026, 3, 2), 24, (0, 1, 2, 3, 4, 5, 6), "UTC")
    found = cover(alert("db", at=0), [always])
    assert found is not None
    assert timedelta(days=31) <= found.until - moment(0) < timedelta(days=33)


def test_ending_early_counts_from_then_on() -> None:
    ended = window(0, 600, ended_at=moment(300))
    assert cover(alert("db", at=299), [ended]).until == moment(300)  # type: ignore[union-attr]
    assert cover(alert("db", at=300), [ended]) is None
    assert [ended.state(moment(at)) for at in (-1, 10, 300)] == [
        WindowState.PENDING,
        WindowState.ACTIVE,
        WindowState.OVER,
    ]


def test_a_sign_of_life_is_never_covered() -> None:
    heartbeat = alert("db", "Watchdog", at=10)
    assert cover(heartbeat, [window(0, 600)]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"ends_at": moment(0)},
        {"ends_at": moment(-1)},
        {"matchers": ()},
        {"comment": "x" * 1001},
        {"matchers": DB * 21},
        {"weekly": Weekly(weekdays=(0,), timezone="UTC"), "ends_at": moment(8 * 86_400)},
    ],
)
def test_windows_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        replace(window(0, 600), **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"weekdays": ()}, {"weekdays": (7,)}, {"timezone": "Mars/Base"}, {"timezone": "../x"}]
)
def test_recurrences_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        replace(Weekly(weekdays=(0,), timezone="UTC"), **wrong)  # type: ignore[arg-type]


# -- every week, by the clock on the wall

BERLIN, NEW_YORK, SYDNEY = "Europe/Berlin", "America/New_York", "Australia/Sydney"


def test_a_weekly_window_keeps_its_hour_when_the_clocks_change() -> None:
    """Sundays 01:30 to 03:30 in Berlin: two hours, one when the clocks jump from 2 to 3, three when they go back."""
    sundays = weekly(naive.utc(2026, 3, 22, 0, 30), 2, (6,), BERLIN)
    lengths = {}
    for month, day in ((3, 22), (3, 29), (4, 5), (10, 18), (10, 25), (11, 1)):
        span = sundays.upcoming(naive.utc(2026, month, day) - timedelta(hours=12))
        assert span is not None
        lengths[month, day] = (span.starts_at.strftime("%m-%d %H:%M"), (span.ends_at - span.starts_at).seconds / 3600)
    assert lengths == {
        (3, 22): ("03-22 00:30", 2.0),
        (3, 29): ("03-29 00:30", 1.0),
        (4, 5): ("04-04 23:30", 2.0),
        (10, 18): ("10-17 23:30", 2.0),
        (10, 25): ("10-24 23:30", 3.0),
        (11, 1): ("11-01 00:30", 2.0),
    }


def test_a_window_in_an_hour_that_is_skipped_runs_at_the_jump() -> None:
    nightly = weekly(naive.utc(2026, 3, 22, 1, 15), 0.5, (6,), BERLIN)  # 02:15 to 02:45
    assert nightly.upcoming(naive.utc(2026, 3, 28)) == Span(
        starts_at=naive.utc(2026, 3, 29, 1), ends_at=naive.utc(2026, 3, 29, 1, 30)
    )


def test_a_window_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    fridays = weekly(naive.utc(2026, 3, 6, 21), 8, (4,), BERLIN)  # 22:00 to 06:00
    assert fridays.at(naive.utc(2026, 3, 14, 4)) is not None
    assert fridays.at(naive.utc(2026, 3, 14, 5)) is None
    assert fridays.at(naive.utc(2026, 3, 13, 5)) is None


def test_a_weekly_window_has_a_first_and_a_last_time() -> None:
    some = weekly(naive.utc(2026, 3, 2, 10), 1, (0, 2), "UTC", until=naive.utc(2026, 3, 9, 10))
    assert some.at(naive.utc(2026, 2, 23, 10, 30)) is None
    assert [some.at(naive.utc(2026, 3, day, 10, 30)) is not None for day in (2, 3, 4, 9, 11)] == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert some.upcoming(naive.utc(2026, 3, 9, 10)) is None
    assert some.state(naive.utc(2026, 3, 12)) is WindowState.OVER


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([BERLIN, NEW_YORK, SYDNEY, "UTC", "Asia/Kolkata", "America/St_Johns"]),
    st.integers(0, 20 * 60),
    st.integers(1, 3 * 60),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 400 * 24 * 60),
)
def test_a_window_runs_when_the_clock_on_the_wall_says_so(
    zone: str, begins: int, minutes: int, days: set[int], later: int
) -> None:
    """On all days but those on which the clocks change, when the wall shows an hour never or twice."""
    midnight = datetime(2026, 1, 5, tzinfo=naive.ZoneInfo(zone))
    first = (midnight + timedelta(minutes=begins)).astimezone(UTC)
    some = weekly(first, minutes / 60, tuple(sorted(days)), zone)
    at = first + timedelta(minutes=later)
    local = at.astimezone(naive.ZoneInfo(zone))
    around = {(local + timedelta(hours=hours)).utcoffset() for hours in (-30, -12, 0, 12, 30)}
    if len(around) == 1:
        assert (some.at(at) is not None) is naive.runs(some, at)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 120)), min_size=1, max_size=5), st.integers(0, 400))
def test_covers_join_as_a_walk_through_time_finds(spans: list[tuple[int, int]], at: int) -> None:
    windows = [window(start * 60, (start + length) * 60) for start, length in spans]
    one: Alert = alert("db", at=at * 60)
    found = cover(one, windows)
    assert (found.until if found else None) == naive.covered_until(one, windows)

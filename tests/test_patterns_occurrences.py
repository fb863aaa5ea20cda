"""The coming windows of a pattern, in UTC and in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.domain import Pattern
from engine.errors import InvalidInput
from engine.patterns.occurrences import expected, occurrences, sentence, when_words

BATCH = Pattern(
    service="billing",
    host="batch-01", metric="cpu", kind="weekly", rule="FREQ=WEEKLY;BYDAY=FR", timezone="Europe/Amsterdam",
    start_local="16:00", duration_minutes=50, level=84.0, baseline=31.0, hits=8, chances=8, q_value=1e-6,
    last_seen_at=datetime(2026, 3, 1, tzinfo=UTC), probability=0.94,
)  # fmt: skip


def test_a_window_keeps_its_wall_clock_time_across_a_clock_change() -> None:
    coming = occurrences(BATCH, datetime(2026, 3, 20, tzinfo=UTC), days=21)
    assert [o.start.isoformat() for o in coming] == [
        "2026-03-20T15:00:00+00:00",
        "2026-03-27T15:00:00+00:00",
        "2026-04-03T14:00:00+00:00",
    ]
    assert {o.end - o.start for o in coming} == {timedelta(minutes=50)}
    assert {o.probability for o in coming} == {0.94}


def test_a_window_in_the_skipped_hour_still_comes_once() -> None:
    night = replace(BATCH, rule="FREQ=DAILY", start_local="02:30")
    coming = occurrences(night, datetime(2026, 3, 28, 12, tzinfo=UTC), days=2)
    assert [o.start.astimezone(ZoneInfo("Europe/Amsterdam")).strftime("%d %H:%M") for o in coming] == [
        "29 03:30",
        "30 02:30",
    ]


def test_a_running_window_is_the_first_one_and_an_ended_one_is_gone() -> None:
    start = datetime(2026, 3, 6, 15, tzinfo=UTC)
    assert occurrences(BATCH, start + timedelta(minutes=49))[0].start == start
    assert occurrences(BATCH, start + timedelta(minutes=50))[0].start == start + timedelta(days=7)


@pytest.mark.parametrize(
    ("rule", "start", "words", "count"),
    [
        ("FREQ=DAILY", "02:00", "daily 02:00-02:50", 31),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "09:00", "weekdays 09:00-09:50", 23),
        ("FREQ=HOURLY;INTERVAL=6", "01:10", "every 6 h from 01:10 for 50 min", 125),
        ("FREQ=MONTHLY;BYDAY=-1FR", "16:00", "last Friday of the month 16:00-16:50", 1),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "23:30", "last business day of the month 23:30-00:20", 1),
        ("FREQ=MONTHLY;BYMONTHDAY=15", "06:00", "day 15 of the month 06:00-06:50", 1),
        ("DTSTART:20260102T120000Z\nRRULE:FREQ=MINUTELY;INTERVAL=2160", "13:00", "every 36 h for 50 min", 21),
    ],
)
def test_each_rule_has_words_and_occurrences(rule: str, start: str, words: str, count: int) -> None:
    pattern = replace(BATCH, rule=rule, start_local=start)
    assert when_words(pattern) == words
    assert len(occurrences(pattern, datetime(2026, 3, 1, 12, tzinfo=UTC), days=31)) == count


def test_the_sentence_says_when_what_how_much_and_how_often() -> None:
    assert (
        sentence(BATCH) == "Fridays 16:00-16:50 (Europe/Amsterdam): cpu on batch-01 rises to 84 (normally 31), 8 of 8"
    )
    events = replace(BATCH, metric="", level=0.92, baseline=0.01, hits=213, chances=231)
    assert sentence(events).endswith("events in 92% of windows (otherwise 1.0%), 213 of 231")


def test_without_a_probability_the_support_gives_one() -> None:
    pattern = replace(BATCH, probability=None, hits=3, chances=4)
    assert 0.6 < occurrences(pattern, BATCH.last_seen_at)[0].probability < 0.8


def test_expected_load_is_what_runs_or_comes_soon_here() -> None:
    at = datetime(2026, 3, 6, 14, tzinfo=UTC)
    other = replace(BATCH, service="web", host="web-1")
    assert [load.pattern for load in expected([BATCH, other], at, "billing", "", 2.0)] == [BATCH]
    assert [load.pattern for load in expected([BATCH, other], at, "", "web-1", 2.0)] == [other]
    assert expected([BATCH], at, "billing", "", 0.5) == ()
    assert expected([BATCH], at, "", "", 48.0) == ()
    assert expected([], at, "billing", "", 48.0) == ()


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="after"):
        occurrences(BATCH, datetime(2026, 3, 1))  # noqa: DTZ001 - the point of the test

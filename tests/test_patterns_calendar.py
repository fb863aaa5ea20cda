"""The wall clock and the calendar's rules, against day-by-day twins."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.patterns.calendar import KINDS, day_grid, days_of, local_seconds, rule_table
from tests.naive import patterns as naive

RULES = [rule for kind in KINDS for rule in kind.rules if "DTSTART" not in rule]


@given(rule=st.sampled_from(RULES), first=st.dates(date(2020, 1, 1), date(2030, 1, 1)), days=st.integers(1, 120))
@settings(deadline=None)
def test_a_rule_names_the_days_that_its_words_say(rule: str, first: date, days: int) -> None:
    span = np.datetime64(first, "D") + np.arange(days)
    assert span[days_of(rule, span)].tolist() == naive.days_of(rule, first, days)


@given(
    start=st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive bounds
    zone=st.sampled_from(["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    steps=st.lists(st.integers(60, 20_000), min_size=1, max_size=60),
)
@settings(deadline=None)
def test_samples_fall_where_the_wall_clock_says(start: datetime, zone: str, steps: list[int]) -> None:
    ts = int(start.replace(tzinfo=UTC).timestamp()) + np.cumsum(steps)
    values = np.arange(len(ts), dtype=float)
    grid = day_grid(ts, values, zone, 30)
    expected = naive.day_grid(ts, values, zone, 30)
    found = {
        (grid.days[d].item(), int(b)): grid.values[d, b]
        for d, b in zip(*np.nonzero(np.isfinite(grid.values)), strict=True)
    }
    assert found == pytest.approx(expected)


def test_the_hour_that_a_clock_change_skips_is_unseen_and_the_one_it_repeats_is_averaged() -> None:
    spring = np.arange(
        int(datetime(2025, 3, 30, tzinfo=UTC).timestamp()) - 3600,
        int(datetime(2025, 3, 31, tzinfo=UTC).timestamp()) - 7200,
        300,
    )
    grid = day_grid(spring, np.ones(len(spring)), "Europe/Amsterdam", 60)
    assert np.isnan(grid.values[0]).nonzero()[0].tolist() == [2]
    autumn = int(datetime(2025, 10, 26, tzinfo=UTC).timestamp())
    grid = day_grid(np.array([autumn, autumn + 3600]), np.array([1.0, 3.0]), "Europe/Amsterdam", 60)
    assert grid.values[0, 2] == 2.0


def test_fortnights_keep_their_phase() -> None:
    days = np.datetime64("2024-01-01") + np.arange(60)
    rule = "DTSTART:20240105\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=FR"
    assert [str(d) for d in days[days_of(rule, days)]] == ["2024-01-05", "2024-01-19", "2024-02-02", "2024-02-16"]


def test_no_two_rules_of_the_table_name_the_same_days() -> None:
    table = rule_table(20_000, 200, 4)
    assert len({row.tobytes() for row in table.member}) == len(table.rules) > 100


def test_an_unknown_zone_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="timezone"):
        local_seconds(np.array([0]), "Mars/Olympus")


def test_local_seconds_step_by_an_hour_at_a_clock_change() -> None:
    change = int(datetime(2025, 3, 30, 1, tzinfo=UTC).timestamp())
    before, after = local_seconds(np.array([change - 1, change]), "Europe/Amsterdam")
    assert after - before == 1 + timedelta(hours=1).total_seconds()

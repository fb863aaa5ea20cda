"""Dates in the habits of sites: what they say, and what all of a file say together."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInput
from training.dates import Order, order_of, read_date


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "months_first", "expected"),
    [
        ("6/21/2025 16:14", True, utc(2025, 6, 21, 16, 14)),
        ("21/06/2025 16:14:05", False, utc(2025, 6, 21, 16, 14, 5)),
        ("21.06.2025", False, utc(2025, 6, 21)),
        ("11/May/24 12:05 AM", True, utc(2024, 5, 11, 0, 5)),
        ("May 11, 2024 12:05 PM", False, utc(2024, 5, 11, 12, 5)),
        ("2024/5/1 7:30", True, utc(2024, 5, 1, 7, 30)),
        ("2024-05-11 15:26:00 UTC", False, utc(2024, 5, 11, 15, 26)),
        ("2024-05-11T15:26:00.123+0200", False, utc(2024, 5, 11, 13, 26, 0, 123000)),
        ("1715441160", False, utc(2024, 5, 11, 15, 26)),
        ("20240511", False, utc(2024, 5, 11)),
    ],
)
def test_dates_in_the_habits_of_sites(text: str, months_first: bool, expected: datetime) -> None:
    assert read_date(text, "Created", months_first=months_first) == expected


@pytest.mark.parametrize("text", ["31/02/2024", "32.01.2024", "yesterday", "Foo 11, 2024", "2024-05-11 25:00"])
def test_no_dates(text: str) -> None:
    with pytest.raises(InvalidInput, match="Created"):
        read_date(text, "Created")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dates(date(2001, 1, 1), date(2090, 1, 1)), min_size=1), st.booleans())
def test_all_dates_of_a_file_together_tell_the_order(moments: list[date], months_first: bool) -> None:
    texts = [f"{m.month}/{m.day}/{m.year}" if months_first else f"{m.day}/{m.month}/{m.year}" for m in moments]
    order = order_of(texts)
    assert order.sure == any(moment.day > 12 for moment in moments)
    if order.sure:
        read = [read_date(text, "x", months_first=order.months_first).date() for text in texts]
        assert read == moments


def test_dates_without_an_offset_are_the_wall_clock_of_their_zone_and_those_with_one_are_not() -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    assert read_date("02.07.2026 08:00", "x", zone) == utc(2026, 7, 2, 6)
    assert read_date("2026-01-02 08:00", "x", zone) == utc(2026, 1, 2, 7)
    assert read_date("2026-01-02T08:00:00Z", "x", zone) == utc(2026, 1, 2, 8)


def test_half_days_without_other_hints_put_the_month_first() -> None:
    assert order_of(["6/7/2025 4:14 PM"]) == Order(months_first=True, sure=False)

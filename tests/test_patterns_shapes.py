"""The shape of a day decides what is told of it, and not how often or how long it was sampled."""

from __future__ import annotations

import numpy as np
import pytest

from engine.patterns import PatternFinder, Series

_DAY_S = 86_400
_MONDAY = 1_700_438_400  # 2023-11-20, midnight UTC


def told(load: np.ndarray, ts: np.ndarray) -> list[tuple[str, str, int]]:
    """Kind, start and minutes of what the finder says of a load under noise of standard deviation 1."""
    values = load + np.random.default_rng(0).standard_normal(len(ts))
    found = PatternFinder().find([Series(service="s", host="h", metric="m", ts=ts, values=values)])
    return [(p.kind, p.start_local, p.duration_minutes) for p in found]


def moments(days: int, minutes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times of samples (UTC seconds), their hours of the day and their weekdays (0 is Monday)."""
    ts = _MONDAY + np.arange(0, days * _DAY_S, minutes * 60)
    return ts, ts % _DAY_S / 3600, (ts - _MONDAY) // _DAY_S % 7


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
@pytest.mark.parametrize(("days", "rise"), [(14, 60.0), (35, -10.0), (60, 3.0), (90, -60.0)])
def test_hours_of_work_are_one_window(minutes: int, days: int, rise: float) -> None:
    ts, hour, _ = moments(days, minutes)
    assert told(rise * ((hour >= 9) & (hour < 18)), ts) == [("daily", "09:00", 540)]


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
@pytest.mark.parametrize(("days", "rise"), [(35, 60.0), (60, -10.0), (90, 3.0)])
def test_hours_of_working_days_are_one_window(minutes: int, days: int, rise: float) -> None:
    ts, hour, weekday = moments(days, minutes)
    assert told(rise * ((hour >= 9) & (hour < 18) & (weekday < 5)), ts) == [("weekdays", "09:00", 540)]


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
@pytest.mark.parametrize(("days", "rise"), [(14, 60.0), (35, -10.0), (60, 60.0), (90, 10.0)])
def test_one_hour_of_the_night_is_one_window(minutes: int, days: int, rise: float) -> None:
    ts, hour, _ = moments(days, minutes)
    assert told(rise * ((hour >= 3) & (hour < 4)), ts) == [("daily", "03:00", 60)]


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
@pytest.mark.parametrize(("days", "swing"), [(14, 3.0), (35, 60.0), (60, 10.0), (90, 60.0)])
def test_the_swing_of_a_day_is_not_told_in_fragments(minutes: int, days: int, swing: float) -> None:
    ts, hour, _ = moments(days, minutes)
    assert told(swing * np.sin(2 * np.pi * hour / 24), ts) == []


@pytest.mark.parametrize("minutes", [5, 60])
def test_a_load_on_top_of_a_swing_is_still_told(minutes: int) -> None:
    ts, hour, _ = moments(35, minutes)
    load = 20.0 * np.sin(2 * np.pi * hour / 24) + 20.0 * ((hour >= 3) & (hour < 4))
    assert told(load, ts) == [("daily", "03:00", 60)]


@pytest.mark.parametrize("minutes", [5, 60])
def test_a_job_at_night_is_told_beside_hours_of_work(minutes: int) -> None:
    ts, hour, _ = moments(35, minutes)
    load = 20.0 * ((hour >= 9) & (hour < 18)) + 20.0 * ((hour >= 3) & (hour < 4))
    found = set(told(load, ts))
    assert ("daily", "09:00", 540) in found
    assert [(kind, start) for kind, start, length in found if length < 120] == [("daily", "03:00")]

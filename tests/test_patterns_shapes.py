"""The shape of a day decides what is told of it, and not how often or how long it was sampled."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from engine.patterns import PatternFinder, Series
from engine.patterns.calendar import DayGrid, day_grid, rule_table
from engine.patterns.contrasts import Contrasts
from engine.patterns.peel import Peeled
from engine.patterns.scores import without_shape
from training.benchmarks.injected import make

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


def grid_of(values: np.ndarray) -> DayGrid:
    days = np.datetime64("2024-01-01") + np.arange(len(values))
    return DayGrid(values, days, 5, ZoneInfo("UTC"))


def test_hours_are_made_alike_only_where_they_surely_differ() -> None:
    noise = np.random.default_rng(8).standard_normal((56, 288))
    even = np.abs(without_shape(noise, grid_of(noise))).mean(axis=0).reshape(24, -1).mean(axis=1)
    plain = np.abs(noise).mean(axis=0).reshape(24, -1).mean(axis=1)
    assert np.ptp(even / plain) < 0.05  # chance differences between hours are no reason to stretch some of them
    loud = noise * np.where((np.arange(288) >= 108) & (np.arange(288) < 216), 4.0, 1.0)
    evened = np.abs(without_shape(loud, grid_of(loud))).mean(axis=0)
    assert evened[130:190].mean() < 2.5 * evened[:80].mean()  # of a factor of four


@pytest.mark.parametrize("seed", range(3))
def test_slow_noise_shows_no_hour_where_steps_are_always_steeper(seed: int) -> None:
    case = make(None, seed=810_000 + seed, name="ar99")
    grid = day_grid(case.series.ts, case.series.values, case.timezone, 5)
    unit = Contrasts(Peeled.of(grid).scores, 5).unit(6, -1, pooled=True)
    assert unit is not None
    total = (unit - unit.mean(axis=1, keepdims=True)).sum(axis=0) / np.sqrt(unit.var(axis=1).sum())
    assert float(total.std()) < 1.3  # 1 if nothing is tied to the clock


def test_rules_of_few_days_pay_less_for_being_looked_for() -> None:
    table = rule_table(20_000, 56, 4)
    days = table.scanned_member.sum(axis=1)
    assert np.exp(-table.scanned_cost).sum() == pytest.approx(1.0)
    assert table.scanned_cost[days == days.min()].max() < table.scanned_cost[days == days.max()].min()

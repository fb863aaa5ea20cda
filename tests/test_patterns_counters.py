"""Counters are read as rates: what recurs is how fast they rise, whatever they were started at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from engine.patterns import PatternFinder, Series
from engine.patterns.counters import rates_of
from engine.patterns.expected import expected_levels
from engine.patterns.occurrences import sentence
from engine.patterns.watch import watched

_FIRST = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())  # a Monday
_DAYS = 42


def _counter(metric: str, *, restarts: int = 0, days: int = _DAYS, seed: int = 1) -> Series:
    """Some 20 requests a second, 60 from 14:00 to 15:00, in a counter that `restarts` so many times."""
    rng = np.random.default_rng(seed)
    ts = _FIRST + 300 * np.arange(288 * days)
    hour = ts % 86_400 / 3_600
    rate = 20.0 + rng.normal(0, 2.0, len(ts)) + 40.0 * ((hour >= 14) & (hour < 15))
    values = np.concatenate([[5e6], 5e6 + np.cumsum(300.0 * rate)[:-1]])
    for at in np.sort(rng.choice(np.arange(500, len(ts)), restarts, replace=False)):
        values[at:] -= values[at] - 300.0
    return Series(service="shop", host="web-1", metric=metric, ts=ts, values=values)


@pytest.mark.parametrize("metric", ["http_requests_total", "requests"])
@pytest.mark.parametrize("restarts", [0, 6])
def test_load_is_found_in_the_rate_of_a_counter_and_told_as_one(metric: str, restarts: int) -> None:
    series = _counter(metric, restarts=restarts)
    (found,) = PatternFinder().find([series])
    assert (found.kind, found.start_local, found.duration_minutes) == ("daily", "14:00", 60)
    assert found.of_rate
    assert found.metric == metric
    assert found.level == pytest.approx(60.0, rel=0.05)
    assert found.baseline == pytest.approx(20.0, rel=0.05)
    assert f"rate of {metric} on web-1 rises to" in sentence(found)
    assert "/s (normally" in sentence(found)


def test_a_counter_without_recurring_load_shows_none_though_it_restarted() -> None:
    ts = _FIRST + 300 * np.arange(288 * _DAYS)
    plain = np.cumsum(300.0 * (20.0 + np.random.default_rng(3).normal(0, 2.0, len(ts))))
    plain[4_000:] -= plain[4_000] - 10.0
    series = Series(service="shop", host="web-1", metric="http_requests_total", ts=ts, values=plain)
    assert PatternFinder().find([series]) == []


def test_rates_pass_over_a_restart_and_say_nothing_of_what_is_missing() -> None:
    ts = np.arange(0, 6_000, 60)
    values = 120.0 * np.arange(100.0)
    values[50:] -= values[50] - 90.0  # counted since it started again
    keep = (np.arange(100) < 70) | (np.arange(100) >= 95)
    times, rates = rates_of(ts[keep][::-1], values[keep][::-1], "jobs_total") or (np.empty(0), np.empty(0))
    assert len(times) == keep.sum() - 2  # one distance is the outage
    assert np.sort(rates)[:2].tolist() == [1.5, 2.0]
    assert not ((times > ts[69]) & (times < ts[95])).any()


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(50, 5, 500),
        np.cumsum(np.random.default_rng(1).normal(1, 1, 500)),  # rises, and falls a little now and then
        np.repeat([1.0, 2.0, 3.0], 200),  # a version
        -np.arange(500.0),
        np.tile(np.linspace(40, 90, 100), 5),  # memory that leaks, and is never empty
        np.full(500, 3.0),
    ],
)
def test_what_is_no_counter_is_taken_as_it_is(values: np.ndarray) -> None:
    assert rates_of(60 * np.arange(len(values)), values, "level") is None


def test_known_load_of_a_counter_lives_on_and_is_expected_as_a_rate() -> None:
    whole = _counter("http_requests_total", restarts=3, days=_DAYS + 7)
    split = 288 * _DAYS
    (found,) = PatternFinder().find([replace(whole, ts=whole.ts[:split], values=whole.values[:split])])
    after = watched(found, whole.ts[split - 288 :], whole.values[split - 288 :])
    assert after.chances == found.chances + 7
    assert after.hits >= found.hits + 6
    at = datetime.fromtimestamp(int(whole.ts[-1]), UTC).replace(hour=14, minute=30)
    (told,) = expected_levels(whole.ts, whole.values, "UTC", [at], whole.metric)
    assert told.of_rate
    assert told.level == pytest.approx(60.0, rel=0.15)

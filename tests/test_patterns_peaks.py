"""When load is likely to be high: chances of the slots of a week, and the windows told of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.patterns import PatternFinder, Series
from engine.patterns.calendar import DayGrid, day_grid
from engine.patterns.chances import Past, best_share, chances, least_high, means_of
from engine.patterns.occurrences import sentence
from engine.patterns.peaks import Peak, peak_windows, stretches
from engine.patterns.proof import foretold, met
from engine.patterns.watch import watched
from engine.patterns.windows import next_probability
from tests.naive import patterns as naive
from training.benchmarks.injected import make

_MONDAY = 1_700_438_400  # 2023-11-20, midnight UTC
_DAY_S = 86_400


def machine(seed: int, share: float, weekdays: tuple[int, ...] = tuple(range(7)), days: int = 63) -> DayGrid:
    """Noise with bursts; on a `share` of `weekdays` an evening, from 20:00 to 21:00, of samples half of them high."""
    rng = np.random.default_rng(seed)
    load = 10.0 + rng.standard_normal((days, 288))
    for day, at in zip(rng.integers(0, days, 40), rng.integers(0, 280, 40), strict=True):
        load[day, at : at + 6] += 12.0
    for day in range(days):
        if day % 7 in weekdays and rng.random() < share:
            load[day, 240:252] += 15.0 * (rng.random(12) < 0.7)
    ts = _MONDAY + np.arange(load.size) * 300
    return day_grid(ts, load.ravel(), "UTC", 5)


def told(grid: DayGrid) -> np.ndarray:
    return np.zeros(grid.values.shape, dtype=bool)


def clear(grid: DayGrid) -> list[Peak]:
    """Peaks that chance does not explain."""
    return [peak for peak in peak_windows(grid, told(grid), 8) if peak.window.log_p < np.log(0.004)]


@pytest.mark.parametrize(
    ("weekdays", "rule"),
    [(tuple(range(7)), "FREQ=DAILY"), ((0, 1, 2, 3, 4), "BYDAY=MO,TU,WE,TH,FR"), ((5, 6), "BYDAY=SA,SU")],
)
def test_evenings_that_are_often_high_are_one_window_with_their_chance(weekdays: tuple[int, ...], rule: str) -> None:
    (peak,) = clear(machine(1, 0.7, weekdays))
    assert peak.window.rule.endswith(rule)
    assert abs(peak.window.start_s - 20 * 3600) <= 600
    assert abs(peak.window.length_s - 3600) <= 1200
    assert 0.5 < peak.probability < 0.95
    assert peak.window.log_p < np.log(1e-6)


def test_a_load_that_has_ended_is_less_likely_than_one_that_goes_on() -> None:
    grid = machine(2, 0.9)
    ended = replace(grid, values=grid.values.copy())
    ended.values[-14:, 240:252] = 10.0
    slot = slice(241, 251)
    after, going_on = (chances(Past.of(one))[:, slot].mean() for one in (ended, grid))
    assert after < 0.6 * going_on


def test_what_is_told_already_is_not_told_again() -> None:
    grid = machine(3, 0.8)
    known = told(grid)
    known[:, 234:258] = True
    assert peak_windows(grid, known, 8) == []


def test_machines_without_a_clock_have_no_peaks() -> None:
    assert [peak for seed in range(40) for peak in clear(machine(seed, 0.0))] == []


@given(st.integers(0, 2**16), st.integers(8, 20), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_means_equal_their_slow_twin(seed: int, days: int, bins: int) -> None:
    rng = np.random.default_rng(seed)
    seen = (rng.random((days, bins)) < 0.8).astype(np.float32)
    past = Past(seen, seen, seen, (np.arange(days) + seed) % 7, 5)
    values = (rng.random((days, bins)) * seen).astype(np.float32)
    slow = naive.means(values, seen, past.weekday.tolist(), 10.0, 0.2)
    np.testing.assert_allclose(np.stack(np.broadcast_arrays(*means_of(values, past, 10.0, 0.2))), slow, rtol=1e-5)


@given(st.integers(0, 2**16), st.integers(1, 5), st.integers(2, 9))
@settings(max_examples=25, deadline=None)
def test_what_slots_meet_equals_its_slow_twin(seed: int, days: int, bins: int) -> None:
    rng = np.random.default_rng(seed)
    score, chosen = rng.standard_normal((days, bins)), rng.random((days, bins)) < 0.4
    np.testing.assert_allclose(met(score, chosen), naive.met(score.tolist(), chosen.tolist()), atol=1e-6)


def test_days_turned_at_random_foretell_nothing() -> None:
    clocked = machine(7, 0.8)
    rng = np.random.default_rng(7)
    turned = np.stack([np.roll(row, rng.integers(288)) for row in clocked.values])
    assert foretold(Past.of(clocked)) < np.log(1e-4)
    assert foretold(Past.of(replace(clocked, values=turned))) > np.log(0.01)


def test_evenings_on_some_days_are_told_for_those_days_alone() -> None:
    (peak,) = clear(machine(8, 0.8, (0, 1, 2, 3, 5)))
    assert (peak.window.kind, peak.window.rule) == ("days_of_week", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,SA")


def test_the_crest_of_a_course_that_grows_is_told_though_its_first_weeks_were_not_high() -> None:
    hour = np.arange(0, 24, 1 / 12)
    wave = 10.0 * np.cos((hour - 20.0) / 12 * np.pi) + 20.0
    load = wave * np.linspace(0.6, 1.6, 63)[:, None] + np.random.default_rng(9).standard_normal((63, 288))
    found = clear(day_grid(_MONDAY + np.arange(load.size) * 300, load.ravel(), "UTC", 5))
    assert found
    assert all(15 * 3600 < peak.window.start_s < 21 * 3600 for peak in found)


@given(st.lists(st.booleans(), min_size=1, max_size=24), st.integers(0, 3))
def test_stretches_cover_the_marked_and_gaps_no_longer_than_told(marks: list[bool], gap: int) -> None:
    mask = np.array(marks)
    covered = np.zeros(len(mask), dtype=int)
    for start, width in stretches(mask, gap):
        assert mask[start] or width == len(mask)
        covered[(start + np.arange(width)) % len(mask)] += 1
    assert (covered[mask] == 1).all()
    assert covered.max(initial=0) <= 1
    free = np.concatenate([covered == 0] * 2)
    runs = "".join("x" if one else "." for one in free).strip("x").split(".")
    assert all(len(run) > gap for run in runs if run) or not mask.any()


@pytest.mark.parametrize("shares", [[0.9, 0.1, 0.0], [0.5, 0.5, 0.5], [1.0, 0.0, 0.0, 0.2]])
def test_the_best_f1_is_that_of_the_best_prefix(shares: list[float]) -> None:
    ordered = sorted(shares, reverse=True)
    each = [2 * sum(ordered[:n]) / (n + sum(ordered)) for n in range(1, len(ordered) + 1)]
    assert best_share(np.array(shares)) == pytest.approx(max(each))


def test_high_is_above_the_usual_noise_and_rare() -> None:
    values = np.concatenate([np.zeros(98), [5.0, 5.0]])
    assert least_high(values) == 0.0
    assert least_high(np.arange(1000.0)) > 949


def test_a_peak_is_told_as_peak_load_and_lives_on_with_what_is_measured() -> None:
    grid = machine(5, 0.65)
    ts = _MONDAY + np.arange(grid.values.size) * 300
    series = Series(service="shop", host="web-1", metric="cpu", ts=ts, values=grid.values.ravel())
    found = PatternFinder().find([series])
    (peak,) = [p for p in found if p.is_peak] or [replace(found[0], is_peak=True)]
    assert "peak load of cpu on web-1" in sentence(peak)
    day = peak.last_seen_at.timestamp() // _DAY_S * _DAY_S + _DAY_S + np.arange(0, _DAY_S, 300)
    calm = watched(peak, day, np.full(len(day), peak.baseline))
    busy = watched(peak, day, np.where(day % _DAY_S == 73_800, peak.level, peak.baseline))
    assert (calm.hits, calm.chances) == (peak.hits, peak.chances + 1)
    assert (busy.hits, busy.chances) == (peak.hits + 1, peak.chances + 1)
    assert datetime.fromtimestamp(day[-1], UTC) > peak.last_seen_at


def test_work_that_ended_is_unlikely_at_once_and_steady_work_is_not_doubted() -> None:
    days = np.arange(56)
    steady = next_probability(np.ones(56, dtype=bool), days)
    often = next_probability(np.arange(56) % 4 != 0, days)
    ended = next_probability(days < 46, days)
    begun = next_probability(days >= 46, days)
    assert steady > 0.95
    assert often == pytest.approx(0.75, abs=0.05)
    assert ended < 0.4 < 0.6 < begun


def test_a_multiple_of_a_period_is_not_told_beside_it() -> None:
    case = make("period", seed=40_097, name="ar90", amplitude=2.0)
    (pattern,) = PatternFinder(timezone=case.timezone).find([case.series])
    assert pattern.rule.endswith("INTERVAL=210")


def test_the_crest_of_a_smooth_course_is_one_peak() -> None:
    rng = np.random.default_rng(4)
    hour = np.arange(0, 24, 1 / 12)
    crest = 30.0 * np.exp(-0.5 * ((hour - 20.0) / 1.2) ** 2)
    load = crest * rng.uniform(0.7, 1.2, (63, 1)) + rng.standard_normal((63, 288))
    grid = day_grid(_MONDAY + np.arange(load.size) * 300, load.ravel(), "UTC", 5)
    (peak,) = clear(grid)
    assert peak.window.rule == "FREQ=DAILY"
    assert peak.window.start_s <= 20 * 3600 <= peak.window.start_s + peak.window.length_s

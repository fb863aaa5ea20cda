"""What the finder says of series whose truth is known: recurring loads told, everything else left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from engine.domain import Pattern
from engine.patterns import EventSeries, PatternFinder, Series
from training.benchmarks.injected import Case, make, overlap

_DST = datetime(2025, 3, 3, tzinfo=UTC)  # four weeks before the clocks of Europe change


def find(case: Case, *, timezone: str | None = None) -> list[Pattern]:
    """What the finder says of a case in its own zone, or in another."""
    return PatternFinder(timezone=timezone or case.timezone).find([case.series])


def matches(case: Case, pattern: Pattern) -> bool:
    assert case.truth is not None
    return overlap(case.truth, pattern, datetime.fromtimestamp(int(case.series.ts.max()), UTC)) >= 0.5


@pytest.mark.parametrize("kind", ["hourly", "every_k_hours", "daily", "weekdays", "weekly", "period"])
@pytest.mark.parametrize("background", ["ar90", "bursts"])
def test_each_kind_of_load_is_found_and_named(kind: str, background: str) -> None:
    case = make(kind, seed=12, name=background, amplitude=5.0)
    first = find(case)[0]
    assert first.kind == kind
    assert matches(case, first)


@pytest.mark.parametrize("kind", ["monthly", "nth_weekday", "last_weekday", "last_business_day"])
def test_rules_of_the_month_are_found_in_half_a_year(kind: str) -> None:
    case = make(kind, seed=3, name="white", amplitude=5.0, weeks=26)
    found = find(case)
    assert [p.kind for p in found] == [kind]
    assert matches(case, found[0])


def test_a_load_keeps_to_the_wall_clock_when_clocks_change() -> None:
    case = make("weekdays", seed=4, name="ar90", amplitude=4.0, start=_DST)
    found = find(case)
    assert len(found) == 1
    assert matches(case, found[0])
    assert not all(matches(case, p) for p in find(case, timezone="UTC"))


def test_next_to_nothing_is_said_of_series_without_a_pattern() -> None:
    backgrounds = ("white", "ar90", "ar99", "walk", "bursts")
    cases = [make(None, seed=700 + n, name=background) for background in backgrounds for n in range(8)]
    found = [PatternFinder(timezone=case.timezone).find([case.series]) for case in cases]
    assert sum(map(bool, found)) <= 1  # of 40: one series in a hundred or so may look like one by chance


def test_a_load_that_surely_comes_is_told_apart_from_one_that_is_high() -> None:
    low = make("daily", seed=21, name="ar90", amplitude=1.5)
    high = make("weekly", seed=22, name="white", amplitude=6.0)
    little, much = find(low)[0], find(high)[0]
    assert little.probability is not None and little.chance_high is not None
    assert little.chance_high < little.probability - 0.2  # it stays below the highest twentieth of its series
    assert much.chance_high is not None and much.chance_high > 0.7


def test_one_great_outage_is_no_pattern() -> None:
    case = make(None, seed=1, name="white")
    values = case.series.values.copy()
    values[5000:5030] += 40.0
    assert PatternFinder().find([replace(case.series, values=values)]) == []


def test_business_hours_are_one_window() -> None:
    case = make(None, seed=2, name="ar90")
    hour, day = case.series.ts // 3600 % 24, case.series.ts // 86400 % 7  # day 0 is a Thursday
    load = 3.0 * ((hour >= 9) & (hour < 17) & ~np.isin(day, (2, 3)))
    found = PatternFinder().find([replace(case.series, values=case.series.values + load)])
    assert [(p.kind, p.start_local, p.duration_minutes) for p in found] == [("weekdays", "09:00", 480)]


def test_a_dip_is_told_as_a_dip() -> None:
    case = make("daily", seed=6, name="ar90", amplitude=4.0)
    found = PatternFinder(timezone=case.timezone).find([replace(case.series, values=-case.series.values)])
    assert len(found) == 1
    assert found[0].level < found[0].baseline


def test_two_loads_in_one_series_are_both_told() -> None:
    night, friday = (
        make("daily", seed=8, name="white", amplitude=3.0),
        make("weekly", seed=11, name="white", amplitude=5.0),
    )
    both = replace(night.series, values=night.series.values + friday.series.values)
    found = PatternFinder(timezone=night.timezone).find([both])
    assert {p.kind for p in found} == {"daily", "weekly"}
    assert any(matches(night, p) for p in found)
    assert any(matches(friday, p) for p in found)


def test_short_high_spikes_that_wander_are_found() -> None:
    rng = np.random.default_rng(3)
    case = make(None, seed=3, name="white")
    values = case.series.values.copy()
    for day in range(56):
        values[day * 288 + 36 + int(rng.integers(0, 8))] += 30.0
    found = PatternFinder(timezone="UTC").find([replace(case.series, values=values)])
    assert [p.kind for p in found] == ["daily"]
    assert "02:45" <= found[0].start_local < "03:10"
    assert found[0].level > 20


@pytest.mark.parametrize(("step", "count"), [(60, 80_000), (900, 8_000), (3600, 2_000)])
def test_any_cadence_from_a_minute_to_an_hour(step: int, count: int) -> None:
    rng = np.random.default_rng(9)
    ts = 1_735_689_600 + np.arange(count) * step
    values = rng.standard_normal(count) + 6.0 * (ts // 3600 % 24 == 2)
    found = PatternFinder().find([Series(service="s", host="h", metric="m", ts=ts, values=values)])
    assert [(p.kind, p.start_local, p.duration_minutes) for p in found] == [("daily", "02:00", 60)]


@pytest.mark.parametrize("every", [2, 3, 5, 6])
def test_what_returns_every_few_minutes_is_told_of_samples_a_minute_apart(every: int) -> None:
    rng = np.random.default_rng(every)
    ts = 1_735_689_600 + np.arange(10 * 1440) * 60
    values = rng.standard_normal(len(ts)) + 4.0 * (ts // 60 % every == 1)
    found = PatternFinder().find([Series(service="s", host="h", metric="m", ts=ts, values=values)])
    minutes = ",".join(str(minute) for minute in range(1, 60, every))
    assert [(p.kind, p.rule) for p in found] == [("every_k_minutes", f"FREQ=HOURLY;BYMINUTE={minutes}")]


def test_the_last_day_of_the_quarter_is_told_from_the_last_of_every_month() -> None:
    rng = np.random.default_rng(5)
    days = np.arange("2024-01-01", "2026-01-01", dtype="datetime64[D]")
    last = (days + 1).astype("datetime64[M]") != days.astype("datetime64[M]")
    last &= np.isin(days.astype("datetime64[M]").astype(int) % 12, (2, 5, 8, 11))
    values = rng.standard_normal((len(days), 24))
    values[last, 20:22] += 8.0
    ts = int(days[0].astype("datetime64[s]").astype(int)) + np.arange(values.size) * 3600
    found = PatternFinder().find([Series(service="s", host="h", metric="m", ts=ts, values=values.ravel())])
    assert [(p.kind, p.start_local, p.duration_minutes) for p in found] == [("quarter_end", "20:00", 120)]


def test_gaps_disorder_and_missing_values_do_not_hide_a_load() -> None:
    case = make("daily", seed=6, name="ar90", amplitude=4.0)
    rng = np.random.default_rng(0)
    keep = rng.permutation(np.flatnonzero(rng.random(len(case.series.ts)) > 0.3))
    values = case.series.values[keep].copy()
    values[:200] = np.nan
    found = find(replace(case, series=replace(case.series, ts=case.series.ts[keep], values=values)))
    assert any(matches(case, p) for p in found)


def test_finding_changes_nothing_of_the_series() -> None:
    case = make("daily", seed=5, name="ar90", amplitude=4.0)
    ts, values = case.series.ts.copy(), case.series.values.copy()
    find(case)
    assert (case.series.ts == ts).all()
    assert (case.series.values == values).all()


@pytest.mark.parametrize("values", [[], [1.0] * 10, [2.0] * 5000, [float("nan")] * 5000])
def test_empty_short_constant_and_unmeasured_series_have_no_pattern(values: list[float]) -> None:
    ts = 1_735_689_600 + np.arange(len(values)) * 300
    assert PatternFinder().find([Series(service="s", host="h", metric="m", ts=ts, values=np.array(values))]) == []


def test_the_probability_falls_when_a_load_has_stopped_coming() -> None:
    case = make("daily", seed=14, name="white", amplitude=6.0)
    assert case.truth is not None
    stopped = case.series.values.copy()
    stopped[-12 * 288 :] = np.random.default_rng(1).standard_normal(12 * 288)
    before, after = find(case)[0], find(replace(case, series=replace(case.series, values=stopped)))[0]
    assert before.probability is not None
    assert after.probability is not None
    assert after.probability < before.probability - 0.15


def _job(days: int, minute: int, rng: np.random.Generator, *, every: int = 1, skip: float = 0.1) -> np.ndarray:
    start = 1_735_689_600 + np.arange(0, days, every) * 86_400 + minute * 60
    return start[rng.random(len(start)) > skip] + rng.integers(0, 240, size=None)


def test_events_of_a_job_are_found_to_the_minute_and_bursts_are_not() -> None:
    rng = np.random.default_rng(2)
    attack = np.concatenate(
        [1_735_689_600 + int(t) + np.cumsum(rng.integers(1, 30, 80)) for t in rng.integers(0, 200 * 86_400, 60)]
    )
    found = PatternFinder().find_events(
        [
            EventSeries(service="cron", host="", name="", ts=_job(200, 4 * 60 + 2, rng)),
            EventSeries(service="sshd", host="", name="", ts=attack),
        ]
    )
    assert [(p.service, p.kind) for p in found] == [("cron", "daily")]
    assert "04:02" <= found[0].start_local <= "04:06"
    assert found[0].hits / found[0].chances > 0.8


def test_a_window_is_told_once_for_a_service_and_not_again_for_its_titles() -> None:
    rng = np.random.default_rng(2)
    job = _job(120, 300, rng)
    noise = 1_735_689_600 + rng.integers(0, 120 * 86_400, 300)
    found = PatternFinder().find_events(
        [
            EventSeries(service="db", host="", name="", ts=np.concatenate([job, noise])),
            EventSeries(service="db", host="", name="backup", ts=job),
            EventSeries(service="db", host="", name="other", ts=noise),
        ]
    )
    assert [(p.name if hasattr(p, "name") else p.metric, p.kind) for p in found] == [("", "daily")]


def test_a_job_that_its_services_noise_hides_is_told_for_its_title() -> None:
    rng = np.random.default_rng(2)
    job, noise = _job(60, 300, rng, every=7, skip=0.0), 1_735_689_600 + np.sort(rng.integers(0, 60 * 86_400, 20_000))
    found = PatternFinder().find_events(
        [
            EventSeries(service="db", host="", name="", ts=np.concatenate([job, noise])),
            EventSeries(service="db", host="", name="vacuum", ts=job),
        ]
    )
    assert [(p.metric, p.kind) for p in found] == [("vacuum", "weekly")]


def test_events_without_any_or_with_few_moments_are_no_pattern() -> None:
    empty = EventSeries(service="a", host="", name="", ts=np.array([], dtype=np.int64))
    few = EventSeries(service="b", host="", name="", ts=np.array([1_735_689_600, 1_735_776_000]))
    assert PatternFinder().find_events([empty, few]) == []


@pytest.mark.parametrize("minutes", [1, 2, 10, 20, 40])
def test_samples_at_any_distance_show_a_job_once(minutes: int) -> None:
    ts = 1_735_686_000 + np.arange(0, 42 * 86_400, 60 * minutes)
    values = np.random.default_rng(1).standard_normal(len(ts)) + 30.0 * (ts % 86_400 // 3600 == 3)
    found = PatternFinder().find([Series(service="s", host="h", metric="m", ts=ts, values=values)])
    assert [(p.kind, p.start_local[:2]) for p in found] == [("daily", "03")]


@pytest.mark.parametrize("kept", [0.7, 0.6, 0.4])
def test_samples_missing_at_random_show_a_job_once(kept: float) -> None:
    rng = np.random.default_rng(3)
    ts = 1_735_686_000 + np.arange(56 * 288) * 300
    ts = ts[rng.random(len(ts)) < kept]
    values = rng.standard_normal(len(ts)) + 30.0 * (ts % 86_400 // 3600 == 3)
    found = PatternFinder().find([Series(service="s", host="h", metric="m", ts=ts, values=values)])
    assert [(p.kind, p.start_local, p.duration_minutes) for p in found] == [("daily", "03:00", 60)]

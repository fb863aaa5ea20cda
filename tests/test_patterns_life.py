"""What becomes of a pattern: identity, drift, growth, holidays, incidents beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from engine.domain import Pattern
from engine.patterns import PatternFinder, Series
from engine.patterns.capacity import growth_per_week, limit_of, weeks_until
from engine.patterns.holidays import country_of, holidays_of, moved, stays_away
from engine.patterns.joins import joined
from engine.patterns.life import State, carried, observed
from engine.patterns.occurrences import expected, occurrences, sentence
from engine.patterns.watch import watched, watched_events

BATCH = Pattern(
    service="billing",
    host="batch-01", metric="cpu", kind="weekly", rule="FREQ=WEEKLY;BYDAY=FR", timezone="Europe/Amsterdam",
    start_local="16:00", duration_minutes=50, level=84.0, baseline=31.0, hits=8, chances=8, q_value=1e-6,
    last_seen_at=datetime(2026, 3, 1, tzinfo=UTC), probability=0.94,
)  # fmt: skip
LATER = datetime(2026, 3, 15, tzinfo=UTC)


def test_a_load_found_again_keeps_its_id_and_one_that_moves_is_drifting() -> None:
    again = replace(BATCH, level=80.0, hits=10, chances=10, last_seen_at=LATER)
    kept, new = carried({"a": BATCH}, [again])
    assert (kept["a"].state, kept["a"].hits, new) == (State.ACTIVE, 10, [])
    assert kept["a"].first_seen_at == BATCH.last_seen_at
    moved, _ = carried(kept, [replace(again, start_local="16:40")])
    assert (moved["a"].state, moved["a"].shift_minutes) == (State.DRIFTING, 40)


def test_another_load_of_the_series_is_new_and_one_not_found_again_fades_and_goes() -> None:
    monday = replace(BATCH, rule="FREQ=WEEKLY;BYDAY=MO", last_seen_at=LATER)
    kept, new = carried({"a": BATCH}, [monday])
    assert [one.state for one in new] == [State.NEW]
    assert kept["a"].state == State.FADED
    long_after = replace(monday, last_seen_at=BATCH.last_seen_at + timedelta(days=90))
    assert "a" not in carried({"a": BATCH}, [long_after])[0]
    assert expected([kept["a"]], datetime(2026, 3, 20, 14, tzinfo=UTC), "billing", "", 4.0) == ()


def test_each_chance_that_passes_moves_the_probability_and_misses_end_it() -> None:
    once = observed(BATCH, True, LATER)
    assert (once.hits, once.chances) == (9, 9)
    missed = BATCH
    chances = []
    for week in range(10):
        missed = observed(missed, False, LATER + timedelta(weeks=week))
        chances.append(missed.probability or 0.0)
    assert chances == sorted(chances, reverse=True)
    assert missed.state == State.FADED
    back = missed
    for week in range(8):
        back = observed(back, True, LATER + timedelta(weeks=10 + week))
    assert back.state == State.ACTIVE


def test_growth_says_when_a_limit_is_passed_and_noise_says_nothing() -> None:
    days = np.arange(0, 84, 7)
    rng = np.random.default_rng(1)
    assert growth_per_week(days, 60 + 2.0 * np.arange(12) + rng.normal(0, 0.5, 12)) == pytest.approx(2.0, abs=0.3)
    assert growth_per_week(days, rng.normal(60, 5, 12)) == 0.0
    growing = replace(BATCH, growth_per_week=2.2)
    assert weeks_until(growing, 95.0) == pytest.approx(5.0)
    assert weeks_until(BATCH, 95.0) is None
    assert weeks_until(growing, 80.0) == 0.0


def test_holidays_are_those_of_the_zones_country() -> None:
    days = np.arange("2026-04-20", "2026-05-10", dtype="datetime64[D]")
    assert country_of("Europe/Amsterdam") == "NL"
    assert country_of("UTC") == ""
    assert [str(day) for day in days[holidays_of("NL", days)]] == ["2026-04-27"]
    assert not holidays_of("", days).any()


def test_a_pattern_that_stays_away_on_holidays_says_so_and_is_not_expected_then() -> None:
    days = np.arange("2026-01-01", "2026-06-30", dtype="datetime64[D]")
    weekdays = days[(days.astype(int) + 3) % 7 < 5]
    off = holidays_of("NL", weekdays)
    assert stays_away(~off, weekdays, "NL")
    assert not stays_away(np.ones(len(weekdays), dtype=bool), weekdays, "NL")
    monday = replace(BATCH, rule="FREQ=WEEKLY;BYDAY=MO", except_holidays="NL")
    starts = [one.start.date().isoformat() for one in occurrences(monday, datetime(2026, 4, 19, tzinfo=UTC), 20)]
    assert starts == ["2026-04-20", "2026-05-04"]
    assert sentence(monday).endswith("not on public holidays (NL)")


def test_incidents_that_follow_a_pattern_are_told_and_office_hours_are_not() -> None:
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    fridays = [one.start + timedelta(minutes=20) for one in occurrences(BATCH, since, 89)]
    found = joined(BATCH, [*fridays[:9], *(since + timedelta(days=9 * n, hours=3) for n in range(3))], since, until)
    assert (found.with_pattern, found.incidents) == (9, 12)
    assert found.lift > 5
    assert found.p_value < 1e-4
    assert found.advice
    rng = np.random.default_rng(4)
    days = [
        since + timedelta(days=int(d), minutes=int(m))
        for d, m in zip(range(4, 88), rng.integers(480, 1000, 84), strict=True)
    ]
    office = replace(BATCH, rule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", start_local="09:00", duration_minutes=480)
    assert not joined(office, [day for day in days if day.weekday() < 5], since, until).advice
    assert joined(BATCH, [], since, until).incidents == 0


def test_samples_that_come_in_are_hits_and_misses_and_a_gap_is_neither() -> None:
    ts = np.arange(int(LATER.timestamp()), int((LATER + timedelta(days=21)).timestamp()), 300)
    values = np.full(len(ts), 31.0)
    fridays = occurrences(BATCH, LATER, 21)
    inside = [(ts >= one.start.timestamp()) & (ts < one.end.timestamp()) for one in fridays]
    values[inside[0]] = 84.0
    seen = ~inside[2]
    after = watched(replace(BATCH, last_seen_at=LATER), ts[seen], values[seen])
    assert (after.hits, after.chances) == (BATCH.hits + 1, BATCH.chances + 2)
    assert (after.probability or 0.0) < (BATCH.probability or 0.0)
    assert watched(after, ts[seen], values[seen]) == after, "the same samples count once"


def test_events_that_come_in_are_hits_and_their_absence_a_miss() -> None:
    silent = replace(BATCH, metric="", of_events=True, last_seen_at=LATER)
    first = occurrences(silent, LATER, 14)[0]
    after = watched_events(silent, np.array([first.start.timestamp() + 60]), LATER + timedelta(days=14))
    assert (after.hits, after.chances) == (silent.hits + 1, silent.chances + 2)


def test_a_load_that_holidays_move_comes_on_the_next_working_day() -> None:
    monday = replace(BATCH, rule="FREQ=WEEKLY;BYDAY=MO", except_holidays="NL", holiday_shift=1)
    found = occurrences(monday, datetime(2026, 4, 26, tzinfo=UTC), 7)  # Monday the 27th is King's Day
    assert [one.start.date().isoformat() for one in found] == ["2026-04-28"]
    assert "the next working day instead" in sentence(monday)


def test_a_shift_by_holidays_is_found() -> None:
    days = np.arange("2025-01-06", "2026-01-05", dtype="datetime64[D]")
    mondays = days[(days.astype(int) + 3) % 7 == 0]
    came = moved(mondays, "GB", 1)
    ts = int(days[0].astype("datetime64[s]").astype(int)) + np.arange(len(days) * 288) * 300
    rng = np.random.default_rng(8)
    values = rng.standard_normal(len(ts))
    hour = ts // 3600 % 24
    values[np.isin(ts.astype("datetime64[s]").astype("datetime64[D]"), came) & (hour == 9)] += 8.0
    series = Series(service="s", host="h", metric="m", ts=ts, values=values)
    found = PatternFinder(timezone="UTC", country="GB").find([series])
    assert [(p.rule, p.except_holidays, p.holiday_shift) for p in found] == [("FREQ=WEEKLY;BYDAY=MO", "GB", 1)]


def test_growth_towards_a_limit_is_said_in_weeks() -> None:
    growing = replace(BATCH, growth_per_week=2.2)
    assert "past 95 in 5 weeks" in sentence(growing)
    assert limit_of(replace(growing, metric="orders")) is None
    assert limit_of(replace(growing, metric="cpu_util", level=0.8, baseline=0.3)) == 0.95


def test_triage_hears_until_when_the_load_that_runs_is_expected() -> None:
    running = expected([BATCH], datetime(2026, 3, 20, 15, 20, tzinfo=UTC), "billing", "", 4.0)
    assert running[0].sentence.startswith("running now, expected until 16:50: Fridays 16:00-16:50")


def test_two_loads_of_one_series_keep_their_own_ids_when_both_are_found_again() -> None:
    early = replace(BATCH, rule="FREQ=DAILY", start_local="04:00")
    late = replace(early, start_local="05:00")
    again = [replace(late, start_local="05:05", last_seen_at=LATER), replace(early, last_seen_at=LATER)]
    kept, new = carried({"early": early, "late": late}, again)
    assert (kept["early"].start_local, kept["late"].start_local, new) == ("04:00", "05:05", [])

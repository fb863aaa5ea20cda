"""What becomes of a pattern: identity, drift, growth, holidays, incidents beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from engine.domain import Pattern
from engine.patterns.capacity import growth_per_week, weeks_until
from engine.patterns.holidays import country_of, holidays_of, stays_away
from engine.patterns.joins import joined
from engine.patterns.life import State, carried, observed
from engine.patterns.occurrences import expected, occurrences, sentence

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

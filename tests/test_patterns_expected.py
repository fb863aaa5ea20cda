"""Expected load: any moment of the coming weeks gets a level, a range and a chance, by the local clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from engine.answering.register import Register
from engine.errors import NotFound
from engine.patterns.expected import expected_levels
from engine.store.records import Sample
from engine.store.store import Store

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
FIRST = datetime(2026, 1, 30, tzinfo=AMSTERDAM)  # a Friday, eight weeks before clocks change


def samples(days: int, minutes: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Samples around 31; between 16:00 and 17:00 of Fridays, local time, around 84."""
    begin = int(FIRST.timestamp())
    ts = np.arange(begin, begin + days * 86_400, 60 * minutes)
    local = [datetime.fromtimestamp(second, AMSTERDAM) for second in ts.tolist()]
    busy = np.array([one.weekday() == 4 and one.hour == 16 for one in local])
    return ts, np.where(busy, 84.0, 31.0) + np.random.default_rng(seed).normal(0, 2.0, len(ts))


def at(day: int, month: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=AMSTERDAM).astimezone(UTC)


@pytest.mark.parametrize("minutes", [5, 60])
def test_friday_afternoons_are_told_from_others_also_when_clocks_have_changed(minutes: int) -> None:
    ts, values = samples(56, minutes)
    friday, thursday, later = expected_levels(
        ts, values, "Europe/Amsterdam", [at(3, 4, 16, 20), at(2, 4, 16, 20), at(3, 4, 17, 20)]
    )
    assert friday.level > 65
    assert friday.chance_high > 0.35  # eight Fridays
    assert friday.low <= friday.level <= friday.high
    assert thursday.level == pytest.approx(31, abs=6)
    assert later.level == pytest.approx(31, abs=3)
    assert max(thursday.chance_high, later.chance_high) < friday.chance_high / 2
    assert friday.start <= at(3, 4, 16, 20) < friday.end
    assert friday.end - friday.start == timedelta(minutes=minutes)
    assert friday.days == 56


def test_most_of_what_comes_lies_in_the_range() -> None:
    ts, values = samples(84)
    known = ts < ts[0] + 56 * 86_400
    moments = [datetime.fromtimestamp(second, UTC) for second in ts[~known][::7].tolist()]
    told = expected_levels(ts[known], values[known], "Europe/Amsterdam", moments)
    inside = [one.low <= value <= one.high for one, value in zip(told, values[~known][::7], strict=True)]
    assert 0.7 < np.mean(inside) < 0.9


def test_the_range_of_a_job_that_comes_most_weeks_holds_both() -> None:
    ts, values = samples(84)
    weeks = (ts - ts[0]) // (7 * 86_400)
    values = np.where((values > 60) & np.isin(weeks, (3, 7, 9)), 31.0, values)
    told = expected_levels(ts, values, "Europe/Amsterdam", [at(24, 4, 16, 20)])[0]
    assert told.low < 40
    assert told.high > 75
    assert 50 < told.level < 80


def test_a_series_of_few_days_tells_nothing() -> None:
    ts, values = samples(6)
    assert expected_levels(ts, values, "Europe/Amsterdam", [at(6, 2, 12)]) == []
    assert expected_levels(np.empty(0, np.int64), np.empty(0), "UTC", [at(6, 2, 12)]) == []


def test_gaps_and_what_is_no_number_do_no_harm() -> None:
    ts, values = samples(56)
    values[::11] = np.nan
    night = (ts // 3600 % 24) < 6
    told = expected_levels(ts[~night], values[~night], "Europe/Amsterdam", [at(3, 4, 16, 20), at(3, 4, 3)])
    assert told[0].level > 65
    assert all(np.isfinite([one.level, one.low, one.high, one.chance_high]).all() for one in told)


def test_recorded_samples_are_asked_by_name(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'p.db'}")
    store.migrate()
    register = Register(store)
    ts, values = samples(14, 60)
    pairs = zip(ts.tolist(), values.tolist(), strict=True)
    register.record_metrics(
        [Sample(ts=datetime.fromtimestamp(t, UTC), service="batch", host="b1", metric="cpu", value=v) for t, v in pairs]
    )
    told = register.expected_levels(("batch", "b1", "cpu"), "Europe/Amsterdam", at(13, 2, 12), hours=5)
    assert [one.start for one in told] == [at(13, 2, 12) + timedelta(hours=hour) for hour in range(6)]
    assert told[0].level == pytest.approx(31, abs=6)
    with pytest.raises(NotFound, match="record a week"):
        register.expected_levels(("batch", "b1", "memory"), "UTC", at(13, 2, 12))
    store.close()

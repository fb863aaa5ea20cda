"""The life of stored patterns: samples and alerts that come in are hits and misses, and joins beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.answering.register import Register
from engine.domain import Pattern
from engine.store.records import Sample
from engine.store.store import Store

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
NIGHTLY = Pattern(
    service="billing", host="db-1", metric="cpu_percent", kind="daily", rule="FREQ=DAILY", timezone="UTC",
    start_local="04:00", duration_minutes=60, level=80.0, baseline=20.0, hits=20, chances=20, q_value=1e-9,
    last_seen_at=MONDAY, probability=0.95, growth_per_week=3.0,
)  # fmt: skip


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    store = Store(f"sqlite:///{tmp_path / 'lives.db'}")
    store.migrate()
    yield Register(store)
    store.close()


def day(at: datetime, level: float) -> list[Sample]:
    """A day of five-minute samples at 20, its hour from four o'clock at `level`."""
    moments = [at + timedelta(minutes=5 * n) for n in range(288)]
    return [
        Sample(ts=m, service="billing", host="db-1", metric="cpu_percent", value=level if m.hour == 4 else 20.0)
        for m in moments
    ]


def test_posted_samples_move_the_probability_of_their_pattern(register: Register) -> None:
    register.replace_patterns([NIGHTLY])
    register.record_metrics(day(MONDAY, 81.0))
    after = register.patterns()[0].pattern
    assert (after.hits, after.chances) == (21, 21)
    for n in range(1, 4):
        register.record_metrics(day(MONDAY + timedelta(days=n), 20.0))
    missed = register.patterns()[0].pattern
    assert (missed.hits, missed.chances) == (21, 24)
    assert (missed.probability or 1.0) < (after.probability or 0.0)


def test_samples_of_another_series_and_told_again_change_nothing(register: Register) -> None:
    register.replace_patterns([NIGHTLY])
    register.record_metrics(day(MONDAY, 81.0))
    before = register.patterns()
    register.record_metrics(day(MONDAY, 81.0))
    register.record_metrics([replace(one, host="db-2") for one in day(MONDAY, 20.0)])
    assert register.patterns() == before


def test_patterns_of_events_live_on_without_their_alerts(register: Register) -> None:
    register.replace_patterns([replace(NIGHTLY, metric="", of_events=True, level=0.95, baseline=0.01)])
    register.follow_events(MONDAY + timedelta(days=10))
    after = register.patterns()[0].pattern
    assert (after.hits, after.chances, after.state) == (20, 30, "new" if (after.probability or 0) >= 0.35 else "faded")


def test_growing_loads_are_listed_by_when_they_pass_their_limit(register: Register) -> None:
    register.replace_patterns([NIGHTLY, replace(NIGHTLY, host="db-2", growth_per_week=0.0)])
    found = register.crossings(MONDAY)
    assert [(one.limit, one.weeks, one.at) for one in found] == [(95.0, 5.0, MONDAY + timedelta(weeks=5))]
    assert register.crossings(MONDAY, limit=200.0) == []

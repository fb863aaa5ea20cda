"""Samples become five-minute means that survive any order and any cutting into requests."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta

import numpy as np
import pytest

from engine.store import metrics
from engine.store.records import Sample
from engine.store.store import Store
from tests.small_models import NOON


def sample(second: float, value: float, metric: str = "cpu") -> Sample:
    return Sample(ts=NOON + timedelta(seconds=second), service="pay", host="batch-1", metric=metric, value=value)


def test_means_equal_those_of_all_samples_however_they_arrive(store: Store) -> None:
    chance = random.Random(7)
    samples = [sample(chance.uniform(0, 200_000), chance.gauss(50, 10), chance.choice("ab")) for _ in range(600)]
    naive = defaultdict(list)
    for one in samples:
        naive[one.metric, int(one.ts.timestamp()) // 300 * 300].append(one.value)
    chance.shuffle(samples)
    while samples:
        with store.write() as tx:
            metrics.record(tx, samples[:130])
        samples = samples[130:]
    with store.read() as link:
        frame = metrics.frame(link)
    assert list(frame.columns) == ["ts", "service", "host", "metric", "value"]
    found = {(row.metric, int(row.ts.timestamp())): row.value for row in frame.itertuples()}
    assert found.keys() == naive.keys()
    for key, values in naive.items():
        assert found[key] == pytest.approx(np.mean(values), rel=1e-5)


def test_what_is_no_number_is_left_out(store: Store) -> None:
    with store.write() as tx:
        bad = [sample(0, float("nan")), sample(0, float("inf")), sample(0, 1e300)]
        assert metrics.record(tx, [*bad, sample(0, 2.0)]) == 1
    with store.read() as link:
        assert list(metrics.frame(link)["value"]) == [2.0]


def test_an_empty_store_gives_an_empty_frame(store: Store) -> None:
    with store.read() as link:
        assert metrics.frame(link).empty


def test_days_outside_the_asked_time_are_left_out(store: Store) -> None:
    with store.write() as tx:
        metrics.record(tx, [sample(day * 86_400, float(day)) for day in range(5)])
    with store.read() as link:
        frame = metrics.frame(link, NOON + timedelta(days=1), NOON + timedelta(days=3))
    assert list(frame["value"]) == [1.0, 2.0, 3.0]


def test_a_year_of_a_thousand_noisy_series_stays_below_500_mb() -> None:
    noise = np.random.default_rng(1)
    day = metrics.Day()
    day.add(np.arange(metrics.BINS), noise.normal(50, 20, metrics.BINS))
    row = len(day.pack()) + 40  # keys and the database's own bytes
    assert row * 365 * 1_000 < 500e6


def test_a_full_bin_stops_counting_and_keeps_its_mean() -> None:
    day = metrics.Day()
    for _ in range(2):
        day.add(np.zeros(60_000, dtype=int), np.full(60_000, 3.0))
    assert (day.counts[0], day.means[0]) == (65_535, 3.0)
    again = metrics.Day.unpack(day.pack())
    assert again.counts[0] == 65_535
    assert np.isnan(again.means[1])

"""Ends told of some alerts only: streams for learning have them added or left out, and grouping stays right."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from engine.domain import AlertStatus
from training import worlds
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.correlate_sets import natural
from training.benchmarks.grouping import bcubed
from training.benchmarks.ours import watched
from training.weighing.endings import Told, fewer, more, retold

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "datasets" / "correlation"


def told(seed: int) -> Told:
    world = worlds.draw(seed, 300)
    return list(zip(world.alerts, world.truth, strict=True))


def firing(stream: Told) -> Told:
    return [pair for pair in stream if pair[0].status is AlertStatus.FIRING]


def over(stream: Told) -> Told:
    return [pair for pair in stream if pair[0].status is AlertStatus.RESOLVED]


@pytest.mark.parametrize("seed", range(4))
def test_added_ends_follow_what_they_end_and_belong_to_its_incident(seed: int) -> None:
    plain = firing(told(1))
    found = more(plain, 0.5, random.Random(seed))
    assert firing(found) == plain
    begun = {alert.fingerprint: name for alert, name in plain}
    assert {alert.fingerprint for alert, _ in over(found)} <= begun.keys()
    assert Counter(name for _, name in over(found)) <= Counter(name for _, name in plain)
    assert all(alert.ends_at == alert.received_at >= alert.starts_at for alert, _ in over(found))
    assert [alert.received_at for alert, _ in found] == sorted(alert.received_at for alert, _ in found)
    assert 0.4 * len(plain) < len(over(found)) < 0.6 * len(plain)


def test_ends_left_out_take_no_beginning_with_them() -> None:
    stream = next(stream for stream in map(told, range(1, 20)) if len(over(stream)) > 100)
    assert fewer(stream, 0.0, random.Random(1)) == firing(stream)
    some = fewer(stream, 0.3, random.Random(1))
    assert firing(some) == firing(stream)
    assert 0.15 < len(over(some)) / len(over(stream)) < 0.45


def test_some_streams_are_left_as_they_are_and_some_are_not() -> None:
    stream = told(2)
    alerts, truth = [alert for alert, _ in stream], [name for _, name in stream]
    kept = [retold(alerts, truth, random.Random(seed)) == stream for seed in range(40)]
    assert 10 < sum(kept) < 35


@pytest.mark.skipif(not DATA.exists(), reason="the public alerts are not beside the project")
@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
def test_ends_of_some_alerts_do_not_glue_faults_that_follow_each_other(share: float) -> None:
    case = natural(DATA, True, 5_000)
    ended = more(list(zip(case.alerts, case.truth, strict=True)), share, random.Random(7))
    assert len(over(ended)) > 0.8 * share * len(case.alerts)
    stream = AlertSet(name="with ends", alerts=[alert for alert, _ in ended], truth=[name for _, name in ended])
    groups = watched(stream).groups
    began = [(name, group) for (alert, name), group in zip(ended, groups, strict=True) if alert.ends_at is None]
    assert bcubed([name for name, _ in began], [group for _, group in began])[2] > 0.9

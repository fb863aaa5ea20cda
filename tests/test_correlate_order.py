"""Late, shuffled and doubled deliveries give the groups that the order of events gives, within tolerance."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.correlate import Correlator
from engine.domain import Alert
from tests.naive.order import agreement, in_order
from training.benchmarks.grouping import bcubed
from training.correlate import group
from training.worlds import World, draw

SEEDS = range(6)
SAME_COMPANY = 0.85  # mean share of an alert's company that does not depend on the order of arrival
LOSS = 0.03  # B-cubed F1 that disorder may cost, mean over worlds
SCORE = 2.0  # log-odds by which the middle answer may differ: trees answer in steps


def arriving(alerts: Sequence[Alert], seed: int, delay_s: float = 30.0, twice: float = 0.05) -> list[Alert]:
    """`alerts` late by an exponential delay, some of them delivered twice."""
    chance = random.Random(seed)
    told = [alert for alert in alerts for _ in range(2 if chance.random() < twice else 1)]
    return sorted(told, key=lambda alert: alert.starts_at + timedelta(seconds=chance.expovariate(1.0 / delay_s)))


def groups(alerts: Sequence[Alert], world: World) -> dict[str, str]:
    return {row.alert_id: row.incident_id for row in group(alerts, topology=world.edges)}


@lru_cache
def regrouped(seed: int) -> tuple[World, dict[str, str], dict[str, str]]:
    """A world, its groups in the order of events (the obvious way), and in the order of arrival."""
    world = draw(seed, 240)
    late = arriving(world.alerts, seed)
    return world, groups(in_order(late), world), groups(late, world)


def test_disorder_leaves_each_alert_most_of_its_company() -> None:
    shares = [agreement(*regrouped(seed)[1:]) for seed in SEEDS]
    assert statistics.fmean(shares) >= SAME_COMPANY, shares


def test_disorder_costs_next_to_no_quality() -> None:
    losses = []
    for seed in SEEDS:
        world, ordered, arrived = regrouped(seed)
        names = [alert.id for alert in world.alerts]
        scores = [bcubed(world.truth, [found[name] for name in names])[2] for found in (ordered, arrived)]
        losses.append(scores[0] - scores[1])
    assert statistics.fmean(losses) <= LOSS, losses


@pytest.mark.parametrize("seed", [0, 3])
def test_a_stream_delivered_twice_in_a_row_has_the_same_groups(seed: int) -> None:
    world = draw(seed, 150)
    doubled = [alert for alert in world.alerts for _ in range(2)]
    assert agreement(groups(world.alerts, world), groups(doubled, world)) == 1.0


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), delay_s=st.floats(1.0, 120.0))
def test_what_is_known_does_not_depend_on_the_order_in_which_it_was_learned(seed: int, delay_s: float) -> None:
    world = draw(seed, 120)
    half = len(world.alerts) // 2
    late = arriving(world.alerts[:half], seed, delay_s, twice=0.2)
    incident_of = {alert.id: name for alert, name in zip(world.alerts, world.truth, strict=True)}
    straight, shuffled = (Correlator(topology=world.edges) for _ in range(2))
    for correlator, told in ((straight, in_order(late)), (shuffled, late)):
        for alert in told:
            correlator.learn_one(alert, incident_of[alert.id])
    asked = world.alerts[half : half + 40]
    answers = [(straight.predict_one(alert), shuffled.predict_one(alert)) for alert in asked]
    assert statistics.median(abs(one.score - other.score) for one, other in answers) <= SCORE
    assert statistics.fmean(one.incident_id == other.incident_id for one, other in answers) >= 0.9

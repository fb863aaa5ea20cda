"""What is weighed fast, many pairs at once, is the sum of what the signals measure slowly, case by case."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from engine.correlate import Correlator, Weights, shipped
from engine.correlate.asked import Asked, Scorer
from engine.correlate.cuts import cuts, seen_apart
from engine.correlate.reading import read
from engine.correlate.signals import measured, weighed
from engine.domain import Alert
from training.worlds import World, draw


class Everything(Mapping[str, float]):
    """A weight for any name, so that no measurement can be forgotten unnoticed."""

    def __getitem__(self, name: str) -> float:
        return random.Random(name).uniform(-1.0, 1.0)

    def __iter__(self) -> Iterator[str]:
        return iter(("any",))

    def __len__(self) -> int:
        return 1


def grouped(world: World, weights: Weights | None = None, *, past: bool = False, edges: bool = True) -> Correlator:
    """A correlator that has grouped a world but for its last fifty alerts."""
    correlator = Correlator(topology=world.edges if edges else (), weights=weights)
    if past:
        correlator.fit(world.alerts[:120], world.truth[:120])
    for number, each in enumerate(world.alerts[120:-50]):
        match = correlator.predict_one(each, explain=False)
        correlator.learn_one(each, match.incident_id or f"I{number}", alert_of=match.repeat_of)
    return correlator


def asked_of(correlator: Correlator, alert: Alert) -> Asked:
    return correlator._ask(read(alert), alert.starts_at.timestamp(), alert.fingerprint)


@pytest.mark.parametrize("weights", [shipped().join, Everything()], ids=["shipped", "any"])
@pytest.mark.parametrize(("seed", "past", "edges"), [(0, False, False), (1, False, True), (2, True, True)])
def test_scores_are_the_sum_of_the_named_measurements(
    seed: int, past: bool, edges: bool, weights: Mapping[str, float]
) -> None:
    world = draw(seed, 300)
    correlator, scorer = grouped(world, past=past, edges=edges), Scorer(weights)
    compared = 0
    for each in world.alerts[-50:]:
        cases, asked = correlator.candidates(each), asked_of(correlator, each)
        for score, case in zip(scorer.scores(asked.rows), cases, strict=True):
            assert score == pytest.approx(weighed(weights, measured(case)), abs=1e-9)
            compared += 1
    assert compared > 30


def test_the_case_of_a_line_stands_beside_its_rivals_as_when_all_are_compared() -> None:
    world = draw(5, 300)
    correlator = grouped(world)
    for each in world.alerts[-50:]:
        cases, asked = correlator.candidates(each), asked_of(correlator, each)
        for place, case in enumerate(cases):
            assert dict(measured(asked.case(place))) == pytest.approx(dict(measured(case)))


@pytest.mark.parametrize("weights", [None, Weights(join={}, merge=Everything(), split=Everything())])
def test_pairs_of_incidents_weigh_what_their_measurements_do(weights: Weights | None) -> None:
    world = draw(6, 300)
    correlator = grouped(world, weights and replace(weights, join=shipped().join))
    merger, met = correlator.merger(), 0
    for profile in list(correlator._profiles.open.values()):
        others = merger.neighbours(profile)
        slow = [weighed(merger.pair.weights, parts) for _, parts in merger.pairs(profile, others)]
        margins = [merger.repair.margin(profile, other) for other in others]
        fast = [nats + margin for nats, margin in zip(merger.one(profile, others), margins, strict=True)]
        assert fast == pytest.approx(slow, abs=1e-9)
        met += len(others)
    assert met > 10


@pytest.mark.parametrize("weights", [None, Weights(join={}, merge=Everything(), split=Everything())])
def test_sides_of_an_incident_weigh_what_their_measurements_do(weights: Weights | None) -> None:
    world = draw(6, 300)
    correlator = grouped(world, weights and replace(weights, join=shipped().join))
    merger, seen = correlator.merger(), 0
    for profile in list(correlator._profiles.open.values()):
        for sides in cuts(profile):
            small, large = (seen_apart(profile, side) for side in sides)
            apart, again = merger.sides(*sides)
            (_, parts), *_ = merger.pairs(small, [large])
            assert apart == pytest.approx(-weighed(merger.two.weights, parts), abs=1e-9)
            wanted = weighed(merger.pair.weights, parts) - merger.repair.margin(small, large)
            assert again == pytest.approx(wanted, abs=1e-9)
            seen += 1
    assert seen > 10

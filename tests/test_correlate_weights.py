"""Weights are learned from labelled streams: what tells incidents apart gets weight, and grouping gets better."""

from __future__ import annotations

import pytest

from engine.correlate import Correlator, Weights, shipped
from training import worlds
from training.benchmarks.grouping import bcubed
from training.correlate import group
from training.correlate_weights import Choice, Stream, choices, fit, fitted

IGNORANT = Weights(join={}, settle={}, concentrations=shipped().concentrations)


def stream(seed: int) -> Stream:
    world = worlds.draw(seed, alerts=300)
    return Stream(alerts=world.alerts, truth=world.truth)


def test_a_measurement_that_tells_gets_weight_and_one_that_does_not_gets_none() -> None:
    made = [Choice(candidates=[{"tells": 1.0, "noise": 1.0}, {"noise": 1.0}], right=0) for _ in range(50)]
    made += [Choice(candidates=[{"noise": 1.0}], right=-1) for _ in range(50)]
    found = fit(made, {})
    assert found["tells"] > 2.0
    assert found["noise"] < 0.0


def test_choices_name_the_true_incident() -> None:
    made = list(choices(stream(3), shipped()))
    assert len(made) > 100
    assert any(choice.right >= 0 for choice in made)
    assert any(choice.right < 0 for choice in made)
    assert all(choice.right < len(choice.candidates) for choice in made)


def test_learned_weights_group_a_world_they_never_saw() -> None:
    learned = fitted([stream(1), stream(2)], IGNORANT)
    unseen = stream(4)
    scores = {
        name: bcubed(unseen.truth, [row.incident_id for row in group(unseen.alerts, weights=weights)])[2]
        for name, weights in (("ignorant", IGNORANT), ("learned", learned))
    }
    assert scores["learned"] > scores["ignorant"] + 0.01
    assert Correlator(weights=learned).to_part().data["weights"]["join"] == learned.join


def test_nothing_to_learn_from_says_so() -> None:
    with pytest.raises(ValueError, match="nothing"):
        fit([], {})

"""The learned halves of routing: sparse rows, the linear model, the weighing of opinions, and its calibration."""

from __future__ import annotations

import numpy as np
import pytest

from engine.route.features import Features
from engine.route.linear import Examples, Recipe, choose, fit
from engine.route.reading import Reading
from engine.route.stacker import Asked, Stacker, threshold_for
from training.benchmarks.route import calibration_error, coverage

READINGS = [
    Reading({"disk": 2, "full": 1}, ("s=db", "p=1")),
    Reading({"disk": 1, "slow": 1}, ("s=db", "p=2")),
    Reading({"login": 1, "slow": 1}, ("s=web", "p=1")),
    Reading({"login": 1, "full": 3}, ("s=web", "p=2")),
]


def test_one_row_equals_the_row_of_many() -> None:
    features = Features().fit(READINGS)
    rows = features.rows(READINGS).toarray()
    for reading, row in zip(READINGS, rows, strict=True):
        columns, values = features.one(reading)
        built = np.zeros(features.width)
        built[columns] = values
        assert np.allclose(built, row, atol=1e-6)


def test_a_reading_with_nothing_known_has_the_constant_only() -> None:
    features = Features().fit(READINGS)
    columns, values = features.one(Reading({"zzz": 1}, ("s=new",)))
    assert columns.tolist() == [features.width - 1]
    assert values.tolist() == [0.5]


def examples(size: int, *, turned: bool = False) -> Examples:
    readings = [READINGS[place % 4] for place in range(size)]
    classes = np.array([(place % 4) // 2 for place in range(size)])
    if turned:
        classes[size // 2 :] = 1 - classes[size // 2 :]
    return Examples(Features().fit(READINGS).rows(readings), classes, np.arange(size, dtype=float))


def test_the_linear_model_learns_and_repeats_itself() -> None:
    seen = examples(200)
    model, again = fit(seen, 2, Recipe(epochs=4)), fit(seen, 2, Recipe(epochs=4))
    assert (model.log_chances(seen.rows).argmax(axis=1) == seen.classes).all()
    assert (model.weights_ == again.weights_).all()


def test_the_forgetting_model_follows_a_reorganisation() -> None:
    seen = examples(800, turned=True)
    recent = fit(seen, 2, Recipe(epochs=4, half_life_days=40.0))
    chances = recent.log_chances(seen.rows[600:])
    assert (chances.argmax(axis=1) == seen.classes[600:]).all()


def test_recipes_are_chosen_by_later_incidents() -> None:
    seen = examples(800, turned=True)
    earlier = Examples(seen.rows[:700], seen.classes[:700], seen.day[:700])
    later = Examples(seen.rows[700:], seen.classes[700:], seen.day[700:])
    recipes, models = choose(earlier, later, 2)
    assert len(recipes) == len(models) == 2
    assert np.isinf(recipes[0].half_life_days)
    assert recipes[1].half_life_days < 300


def questions(size: int, seed: int = 0) -> list[Asked]:
    """Three people; the first signal tells, the second is noise."""
    draw = np.random.default_rng(seed)
    asked = []
    for _ in range(size):
        opinions = draw.normal(size=(3, 2))
        chances = np.exp(2 * opinions[:, 0])
        asked.append(Asked(opinions, int(draw.choice(3, p=chances / chances.sum()))))
    return asked


def test_the_telling_signal_gets_the_weight_and_probabilities_are_true() -> None:
    stacker = Stacker(prior=(0.5, 0.5)).fit(questions(1500))
    assert stacker.weights_[0] == pytest.approx(2.0, abs=0.3)
    assert abs(stacker.weights_[1]) < 0.15
    fresh = questions(1500, seed=1)
    chances = [stacker.probabilities(question.opinions) for question in fresh]
    right = np.array([int(np.argmax(p)) == question.right for p, question in zip(chances, fresh, strict=True)])
    assert calibration_error(np.array([p.max() for p in chances]), right) < 0.05


def test_strangers_take_the_probability_that_they_took_before() -> None:
    asked = questions(400)
    strange = [Asked(question.opinions, -1) if place % 4 == 0 else question for place, question in enumerate(asked)]
    often, never = Stacker(prior=(0.5, 0.5)).fit(strange), Stacker(prior=(0.5, 0.5)).fit(asked)
    assert often.probabilities(asked[1].opinions).sum() < never.probabilities(asked[1].opinions).sum() - 0.05


def test_without_questions_the_prior_stands_and_nothing_is_automatic() -> None:
    stacker = Stacker(prior=(0.5, 0.1)).fit([])
    assert stacker.weights_.tolist() == [0.5, 0.1]
    assert stacker.threshold_ > 1


def test_the_threshold_keeps_the_precision_and_needs_enough_cases() -> None:
    assert threshold_for([(0.99, True)] * 10) > 1
    tops = [(0.9, True)] * 97 + [(0.9, False)] * 2 + [(0.8, False)] * 30
    assert threshold_for(tops) == 0.9
    assert threshold_for([(0.9, place % 10 > 0) for place in range(200)]) > 1


def test_figures_of_the_benchmark() -> None:
    chances, right = np.array([0.9, 0.9, 0.1, 0.1]), np.array([True, True, False, False])
    assert calibration_error(chances, right) == pytest.approx(0.1)
    assert coverage(chances, right) == 0.5

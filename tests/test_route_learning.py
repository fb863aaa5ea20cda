"""The learned halves of routing: sparse rows, the linear model, the weighing of opinions, and its calibration."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from engine.route.features import Features
from engine.route.linear import Course, Examples, follow, follow_margins
from engine.route.memory import Case
from engine.route.reading import Reading
from engine.route.rehearsal import plan, stands_for
from engine.route.stacker import Asked, Stacker
from engine.route.thresholds import NEVER, Thresholds, Top, lowest
from training.benchmarks.route import calibration_error, coverage

READINGS = [
    Reading({"disk": 2, "full": 1}, ("s=db", "p=1")),
    Reading({"disk": 1, "slow": 1}, ("s=db", "p=2")),
    Reading({"login": 1, "slow": 1}, ("s=web", "p=1")),
    Reading({"login": 1, "full": 3}, ("s=web", "p=2")),
]


PAIRED = [Reading(reading.words, (*reading.marks, "s*p=db&1", "@hour=3")) for reading in READINGS]


@pytest.mark.parametrize("plain", [False, True])
def test_one_row_equals_the_row_of_many(plain: bool) -> None:
    features = Features(plain=plain).fit(PAIRED * 2)
    rows = features.rows(PAIRED).toarray()
    for reading, row in zip(PAIRED, rows, strict=True):
        columns, values = features.one(reading)
        built = np.zeros(features.width)
        built[columns] = values
        assert np.allclose(built, row, atol=1e-6)


def test_plain_features_are_words_and_whole_values_and_pairs_weigh_half() -> None:
    plain, whole = Features(plain=True).fit(PAIRED * 2), Features().fit(PAIRED * 2)
    assert len(plain.word_hashes_) == 4
    assert len(plain.mark_hashes_) == 4
    marks = plain.rows(PAIRED).toarray()[:, 4:-1]
    assert np.allclose((marks**2).sum(axis=1), 1.0)
    values = whole.rows(PAIRED).toarray()[:, len(whole.word_hashes_) : -1]
    assert sorted(set(values[0].tolist())) == [0.0, 0.25, 0.5]


def test_a_reading_with_nothing_known_has_the_constant_only() -> None:
    features = Features().fit(READINGS * 2)
    columns, values = features.one(Reading({"zzz": 1}, ("s=new",)))
    assert columns.tolist() == [features.width - 1]
    assert values.tolist() == [0.5]


def examples(size: int, *, turned: bool = False) -> Examples:
    readings = [READINGS[place % 4] for place in range(size)]
    classes = np.array([(place % 4) // 2 for place in range(size)])
    if turned:
        classes[size // 2 :] = 1 - classes[size // 2 :]
    features, days = Features().fit(READINGS * 2), np.arange(size, dtype=float)
    return Examples(features.rows(readings), features.ridge, classes, days, days)


def test_the_linear_model_learns_and_repeats_itself() -> None:
    seen, asked = examples(2000), np.arange(1000, 2000)
    course = Course((1000.0, 1500.0), 2)
    for fit in (follow, partial(follow_margins, half_life_days=np.inf)):
        one, again = fit(seen, asked, course), fit(seen, asked, course)
        assert (one.told.argmax(axis=1) == seen.classes[asked]).all()
        assert (one.model.weights_ == again.model.weights_).all()


def test_what_is_asked_is_foretold_by_what_was_known_before_its_stage() -> None:
    seen, asked = examples(2000, turned=True), np.arange(1000, 2000)
    told = follow(seen, asked, Course((1000.0, 1500.0), 2)).told
    wrong = told[:500].argmax(axis=1) != seen.classes[1000:1500]
    assert wrong.all()  # nothing of the reorganisation was known


def test_the_model_follows_a_reorganisation() -> None:
    seen = examples(4000, turned=True)
    model = follow(seen, np.arange(2800, 4000), Course((2800.0, 3500.0), 2)).model
    chances = model.log_chances(seen.rows[3000:])
    assert (chances.argmax(axis=1) == seen.classes[3000:]).all()


def test_what_was_resolved_late_stands_for_what_is_still_open() -> None:
    every = [Case(str(n), Reading({}, ()), "ann", float(n), n + (80.0 if n % 4 == 0 else 0.5)) for n in range(200)]
    course = plan([case for case in every if case.known < 200], online=True)
    weights = stands_for(course)
    asked = [course.cases[n] for n in course.asked]
    assert weights.mean() == pytest.approx(1.0)
    by_known = sorted(zip(asked, weights, strict=True), key=lambda one: one[0].known)
    slow = [case.known - case.opened > 1 for case, _ in by_known]
    pairs = [(by_known[n][1], by_known[n - 1][1]) for n in range(1, len(slow)) if slow[n] and not slow[n - 1]]
    assert len(pairs) > 5
    assert all(late > 1.2 * quick for late, quick in pairs)
    assert (np.diff([weight for (_, weight), late in zip(by_known, slow, strict=True) if not late]) > 0).all()


def questions(size: int, seed: int = 0) -> list[Asked]:
    """Three people; the first signal tells, the second is noise."""
    draw = np.random.default_rng(seed)
    asked = []
    for _ in range(size):
        opinions = draw.normal(size=(3, 2))
        chances = np.exp(2 * opinions[:, 0])
        asked.append(Asked(opinions, int(draw.choice(3, p=chances / chances.sum())), np.arange(3)))
    return asked


def test_the_telling_signal_gets_the_weight_and_probabilities_are_true() -> None:
    stacker = Stacker(prior=(0.5, 0.2)).fit(questions(3000))
    assert stacker.weights_[0] == pytest.approx(1.8, abs=0.3)
    assert abs(stacker.weights_[1]) < 0.1
    fresh = questions(1500, seed=1)
    chances = [stacker.probabilities(question.opinions) for question in fresh]
    right = np.array([int(np.argmax(p)) == question.right for p, question in zip(chances, fresh, strict=True)])
    assert calibration_error(np.array([p.max() for p in chances]), right) < 0.05


def test_strangers_take_the_probability_that_they_took_before() -> None:
    asked = questions(400)
    strange = [replace(question, right=-1) if place % 4 == 0 else question for place, question in enumerate(asked)]
    often, never = Stacker(prior=(0.5, 0.5)).fit(strange), Stacker(prior=(0.5, 0.5)).fit(asked)
    assert often.probabilities(asked[1].opinions).sum() < never.probabilities(asked[1].opinions).sum() - 0.05


def test_without_questions_the_prior_stands_and_nothing_is_automatic() -> None:
    stacker = Stacker(prior=(0.5, 0.1)).fit([])
    assert stacker.weights_.tolist() == [0.5, 0.1]
    assert stacker.thresholds_.of(0) == NEVER


def test_how_sure_to_be_follows_how_it_went_of_late() -> None:
    """A surer answer that is wrong again and again is believed less, and not assigned by itself any longer."""
    opinions = np.array([[4.0], [0.0]])
    stacker = Stacker(prior=(1.0,)).fit([Asked(opinions.astype(np.float32), 0, np.arange(2)) for _ in range(400)])
    before = stacker.probabilities(opinions).max()
    assert before >= stacker.thresholds_.of(0)
    for _ in range(100):
        stacker.heed(opinions, 1)
    after = stacker.probabilities(opinions).max()
    assert after < min(before, stacker.thresholds_.of(0))
    for _ in range(600):
        stacker.heed(opinions, 0)
    assert stacker.probabilities(opinions).max() > after
    assert stacker.probabilities(opinions).max() >= stacker.thresholds_.of(0)


def tops(who: int, chance: float, right: int, wrong: int) -> list[Top]:
    return [Top(who, chance, True)] * right + [Top(who, chance, False)] * wrong


def test_the_threshold_keeps_the_precision_and_needs_enough_cases() -> None:
    assert lowest(tops(0, 0.99, 10, 0), 30) == NEVER
    assert lowest(tops(0, 0.9, 97, 2) + tops(0, 0.8, 0, 30), 30) == 0.9
    assert lowest(tops(0, 0.9, 180, 20), 30) == NEVER


def test_each_has_a_threshold_of_their_own() -> None:
    mixed = tops(1, 0.6, 60, 0) + tops(2, 0.9, 60, 0) + tops(2, 0.6, 10, 30)
    found = Thresholds().fit([mixed[place] for place in np.random.default_rng(0).permutation(len(mixed))])
    assert found.of(1) == 0.6
    assert found.of(2) == pytest.approx(0.9)
    assert found.of(None) == NEVER


def test_somebody_who_is_wrongly_named_is_not_assigned_to_where_others_are() -> None:
    mixed = tops(1, 0.9, 400, 0) + tops(2, 0.9, 20, 10)
    found = Thresholds().fit([mixed[place] for place in np.random.default_rng(0).permutation(len(mixed))])
    assert found.of(1) == 0.9
    assert found.of(2) > 0.9


def test_below_the_floor_nobody_is_known() -> None:
    found = Thresholds().fit([Top(0, 0.1, False, False)] * 40 + [Top(0, 0.7, True, True)] * 40)
    assert 0.1 <= found.floor < 0.7
    assert Thresholds.from_data(found.to_data()) == found


def test_figures_of_the_benchmark() -> None:
    chances, right = np.array([0.9, 0.9, 0.1, 0.1]), np.array([True, True, False, False])
    assert calibration_error(chances, right) == pytest.approx(0.1)
    assert coverage(chances, right) == 0.5

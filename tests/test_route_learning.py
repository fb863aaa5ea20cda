"""The learned halves of routing: sparse rows, the linear model, the weighing of opinions, and its calibration."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from engine.route import features as feature_rows
from engine.route.features import Features
from engine.route.linear import Course, Examples, Sheet, follow, follow_margins
from engine.route.memory import Case
from engine.route.reading import Reading
from engine.route.rehearsal import plan, stands_for
from engine.route.stacker import Asked, Stacker
from engine.route.sureness import Sureness
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
    return Examples([Sheet(features.rows(readings), features.ridge)] * 3, classes, days, days)


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
    chances = model.log_chances(seen.sheets[-1].rows[3000:])
    assert (chances.argmax(axis=1) == seen.classes[3000:]).all()


@pytest.mark.parametrize("plain", [False, True])
def test_rows_made_in_parts_are_those_made_at_once(plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = [Reading({f"w{n % 4}": 1 + n % 3, "disk": 1}, (f"s=x{n % 3}",)) for n in range(13)]
    features = Features(plain=plain).fit(readings)
    at_once = features.rows(readings).toarray()
    assert np.count_nonzero(at_once, axis=1).min() >= 4
    monkeypatch.setattr(feature_rows, "_BLOCK", 4)
    assert (features.rows(readings).toarray() == at_once).all()
    assert features.rows([]).shape == (0, features.width)


def test_a_question_is_read_by_the_features_that_were_known_before_its_stage() -> None:
    """Words that come up later are no part of it: else it would look stranger than what comes after the history."""
    early, late = Reading({"disk": 1}, ("s=db",)), Reading({"disk": 1, "grown": 1}, ("s=db", "p=new"))
    features = Features()
    hashed = features.hashed([early] * 3 + [late] * 3)
    then = features.fit_rows(hashed, np.arange(3)).toarray()
    assert np.allclose(then[5], then[0])
    assert np.allclose(then, Features().fit([early] * 3).rows([early] * 3 + [late] * 3).toarray())
    now = features.fit_rows(hashed, np.arange(6)).toarray()
    assert not np.allclose(now[5, :1], now[0, :1])
    assert np.allclose(now, Features().fit([early] * 3 + [late] * 3).rows([early] * 3 + [late] * 3).toarray())


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


def test_what_nothing_spoke_for_neither_spoils_the_weights_nor_is_promised() -> None:
    """One in eight ends with anybody: the sure answers are as sure as that allows, and no surer."""
    draw = np.random.default_rng(3)
    told = [np.array([[lead]] + [[0.0]] * 19, np.float32) for lead in (3.0, 6.0, 12.0)]
    asked = [Asked(told[place % 3], 0 if draw.random() > 1 / 8 else int(draw.integers(20)), np.arange(20))
             for place in range(3000)]  # fmt: skip
    stacker = Stacker(prior=(1.0,)).fit(asked)
    assert stacker.lost_ == pytest.approx(1 / 8, abs=0.05)
    assert stacker.weights_[0] > 0.9
    assert stacker.probabilities(told[2])[0] == pytest.approx(0.88, abs=0.03)
    again = Stacker.from_data(stacker.to_data())
    assert np.allclose(again.probabilities(asked[0].opinions, 0.5), stacker.probabilities(asked[0].opinions, 0.5))


def test_the_first_answer_is_as_sure_as_it_was_right_and_stays_the_first() -> None:
    draw = np.random.default_rng(4)
    chances = [np.array([0.9, 0.06, 0.02])] * 400 + [np.array([0.4, 0.35, 0.1])] * 400
    right = [bool(draw.random() < 0.7) for _ in range(400)] + [bool(draw.random() < 0.05) for _ in range(400)]
    sureness = Sureness().fit(chances, [0.0] * 800, right, [1.0] * 800)
    stated = sureness.state(chances[0], 0.0)
    assert stated[0] == pytest.approx(0.7, abs=0.06)
    assert stated[1] / stated[2] == pytest.approx(3.0)
    assert 1 - stated.sum() == pytest.approx(0.2 * (1 - stated[0]))  # somebody else gets their part too
    assert sureness.state(chances[-1], 0.0).argmax() == 0


def test_old_knowledge_is_believed_less_where_it_was_seen_to_age() -> None:
    chances, ages = [np.array([0.7, 0.2])] * 1000, [place / 1000 for place in range(1000)]
    right = [(place * 7919) % 1000 < 900 - 700 * age for place, age in enumerate(ages)]
    sureness = Sureness().fit(chances, ages, right, [1.0] * 1000)
    assert sureness.state(chances[0], 0.0)[0] > sureness.state(chances[0], 1.0)[0] + 0.2
    assert sureness.state(chances[0], 9.0)[0] == sureness.state(chances[0], 2.0)[0]  # nothing so old was judged


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


def test_where_every_past_answer_was_certain_a_slightly_less_certain_one_is_still_assigned() -> None:
    found = Thresholds().fit([Top(place % 4, 0.9997, True, True) for place in range(120)])
    assert found.of(0) <= 0.99

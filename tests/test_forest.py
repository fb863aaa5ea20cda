"""Trees: they add what a walk through them finds, reasons sum to it, and growing them makes right places likelier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.correlate import Correlator, Weights, shipped
from engine.correlate.forest import Forest
from engine.correlate.signals import SIGNALS
from engine.correlate.table import COLUMNS
from tests.naive.correlate import forest_score
from training.correlate_trees import grown, settled
from training.weighing.examples import examples
from training.weighing.growing import SHARES, Examples, Growth, grow, loss
from training.weighing.streams import Stream
from training.worlds import draw

SMALL = Growth(trees=12, depth=3)


def forest(seed: int = 0, trees: int = 7, depth: int = 4) -> Forest:
    chance = np.random.default_rng(seed)
    return Forest(
        columns=chance.integers(0, len(COLUMNS), (trees, depth)),
        cuts=chance.normal(size=(trees, depth)),
        values=chance.normal(size=(trees, 1 << depth)),
        covers=chance.random((trees, 1 << depth)),
    )


def stream(seed: int, family: str = "world", count: int = 220) -> Stream:
    world = draw(seed, count)
    return Stream(family=family, alerts=world.alerts, truth=world.truth, edges=world.edges)


@pytest.fixture(scope="module")
def met() -> tuple[Examples, Examples]:
    return examples(stream(41), replace(shipped(), forests={}), seed=0)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_what_a_walk_through_every_tree_finds(seed: int) -> None:
    rows = np.random.default_rng(seed + 100).normal(size=(9, len(COLUMNS)))
    found = forest(seed)
    assert found.scores(rows) == pytest.approx([forest_score(found, row.tolist()) for row in rows])


@pytest.mark.parametrize("seed", range(5))
def test_reasons_sum_to_the_score_and_name_signals(seed: int) -> None:
    rows = np.random.default_rng(seed + 200).normal(size=(9, len(COLUMNS)))
    found, known = forest(seed), {signal.name for signal in SIGNALS}
    for row, score in zip(rows, found.scores(rows), strict=True):
        reasons = found.reasons(row)
        assert sum(reasons.values()) == pytest.approx(score)
        assert reasons.keys() <= known


def test_what_no_question_is_about_has_no_reason() -> None:
    found = replace(forest(), columns=np.zeros((7, 4), dtype=np.int64))
    assert found.reasons(np.ones(len(COLUMNS))).keys() == {"background", COLUMNS[0][0]}


def test_trees_survive_being_stored() -> None:
    found, rows = forest(), np.random.default_rng(1).normal(size=(20, len(COLUMNS)))
    again = Forest.from_arrays("join", found.to_arrays("join"))
    assert again is not None
    assert again.scores(rows) == pytest.approx(found.scores(rows), abs=1e-5)
    assert Forest.from_arrays("settle", found.to_arrays("join")) is None


def test_trees_of_other_columns_are_refused() -> None:
    arrays = forest().to_arrays("join")
    arrays["join.columns"] = np.full((7, 4), len(COLUMNS), dtype=np.uint8)
    with pytest.raises(ValueError, match="retrain"):
        Forest.from_arrays("join", arrays)


def test_the_shipped_trees_decide() -> None:
    world, plain = draw(3, 200), Correlator(weights=replace(shipped(), forests={}))
    treed, other = Correlator(), 0
    for number, each in enumerate(world.alerts):
        one, two = treed.predict_one(each), plain.predict_one(each, explain=False)
        other += abs(one.score - two.score) > 0.01
        assert sum(reason.weight for reason in one.evidence) == pytest.approx(one.score)
        for correlator in (treed, plain):
            correlator.learn_one(each, one.incident_id or f"I{number}", alert_of=one.repeat_of)
    assert other > 50


def test_a_model_file_keeps_its_trees() -> None:
    part = Correlator(weights=replace(shipped(), forests={"join": forest()})).to_part()
    again = Correlator.from_part(part)._weights.forests
    assert again.keys() == {"join"}
    assert again["join"].columns.tolist() == forest().columns.tolist()


def test_a_model_file_from_before_there_were_trees_still_decides() -> None:
    part = Correlator(weights=Weights(join={"background": -2.0})).to_part()
    assert not Correlator.from_part(part)._weights.forests


def test_a_table_reads_what_a_case_reads() -> None:
    world, correlator = draw(5, 120), Correlator()
    for number, each in enumerate(world.alerts[:100]):
        correlator.learn_one(each, correlator.predict_one(each).incident_id or f"I{number}")
    compared = 0
    for each in world.alerts[100:]:
        cases = correlator.candidates(each)
        asked = correlator._ask(cases[0].reading, cases[0].at, each.fingerprint)
        for case, row in zip(cases, asked.rows, strict=True):
            told = dict(zip(COLUMNS, row.tolist(), strict=True))
            assert told["gap", "seconds"] == pytest.approx(case.gap)
            assert told["rivals", "count"] == case.rivals
            assert told["rivals", "nearest"] == case.nearest
            assert told["momentum", "nats"] == pytest.approx(case.momentum)
            assert told["age", "alerts"] == len(case.profile.members)
            assert told["pause", "longest"] == case.profile.longest
            assert told["host", "values"] == len(case.profile.inside.get("host", {}))
            assert told["things", "shared"] == pytest.approx(case.thing[0])
            assert told["tempo", "joined"] == correlator._world.background.tempo_total > 0
            compared += 1
    assert compared > 50


def test_grown_trees_make_right_places_likelier_also_where_they_were_not_shown(
    met: tuple[Examples, Examples],
) -> None:
    found = grow(met[0], SMALL)
    assert loss(met[0], found) < loss(met[0])
    unseen, _ = examples(stream(42), replace(shipped(), forests={}), seed=0)
    assert loss(unseen, found) < loss(unseen)


def test_growing_is_repeatable(met: tuple[Examples, Examples]) -> None:
    one, two = grow(met[1], SMALL), grow(met[1], SMALL)
    assert one.values.tolist() == two.values.tolist()
    assert grow(met[1], replace(SMALL, seed=1)).values.tolist() != one.values.tolist()


def test_families_weigh_their_shares_however_many_choices_they_have() -> None:
    made = Examples()
    for family, count in (("firm", 30), ("world", 3)):
        for _ in range(count):
            made.add(np.zeros((1, len(COLUMNS))), [0.0], [True], 1.0, family)
    weights = made.balanced()
    assert weights[:30].sum() / weights[30:].sum() == pytest.approx(SHARES["firm"] / SHARES["world"])


def test_without_a_choice_nothing_grows() -> None:
    with pytest.raises(ValueError, match="no tree can grow"):
        grow(Examples())


def test_rounds_grow_trees_for_arriving_alerts_and_for_those_asked_again() -> None:
    stages = list(grown([stream(43), stream(44)], shipped(), rounds=2, growth=SMALL))
    assert len(stages) == 2
    told, weights = stages[-1]
    assert "join" in told
    assert weights.forests.keys() == {"join", "settle"}
    assert weights.join == shipped().join
    both, rows = settled([stage for _, stage in stages]), np.random.default_rng(2).normal(size=(9, len(COLUMNS)))
    each = [stage.forests["join"].scores(rows) for _, stage in stages]
    assert both.forests["join"].scores(rows) == pytest.approx((each[0] + each[1]) / 2)
    assert (each[0] != each[1]).any()

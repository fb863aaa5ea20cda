"""What is weighed fast, many pairs at once, is the sum of what the signals measure slowly, case by case."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import pytest

from engine.correlate import Correlator, Weights, shipped
from engine.correlate.profile import Profile
from engine.correlate.question import Question
from engine.correlate.reading import read
from engine.correlate.repair import neighbours
from engine.correlate.sheet import Sheet, ask
from engine.correlate.signals import measured, weighed
from engine.correlate.weigher import Weigher
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


def question_of(correlator: Correlator, alert: Alert) -> Question:
    return Question(read(alert), alert.starts_at.timestamp(), alert.fingerprint, correlator._world)


@pytest.mark.parametrize("weights", [shipped().join, Everything()], ids=["shipped", "any"])
@pytest.mark.parametrize(("seed", "past", "edges"), [(0, False, False), (1, False, True), (2, True, True)])
def test_scores_are_the_sum_of_the_named_measurements(
    seed: int, past: bool, edges: bool, weights: Mapping[str, float]
) -> None:
    world = draw(seed, 300)
    correlator, weigher = grouped(world, past=past, edges=edges), Weigher(weights)
    compared = 0
    for each in world.alerts[-50:]:
        cases = correlator.candidates(each)
        asked = ask(question_of(correlator, each), [case.profile for case in cases])
        for score, case in zip(weigher.scores(asked.sheet), cases, strict=True):
            assert score == pytest.approx(weighed(weights, measured(case)), abs=1e-9)
            compared += 1
    assert compared > 30


def test_many_questions_on_one_sheet_score_as_each_alone() -> None:
    world = draw(4, 300)
    correlator, weigher = grouped(world), Weigher(shipped().settle)
    sheet, alone = Sheet(correlator._world), []
    for each in world.alerts[-20:]:
        question, profiles = question_of(correlator, each), [case.profile for case in correlator.candidates(each)]
        sheet.ask(question, profiles)
        alone += weigher.scores(ask(question, profiles).sheet)
    assert weigher.scores(sheet) == alone


def test_the_case_of_a_line_stands_beside_its_rivals_as_when_all_are_compared() -> None:
    world = draw(5, 300)
    correlator = grouped(world)
    for each in world.alerts[-50:]:
        cases = correlator.candidates(each)
        asked = ask(question_of(correlator, each), [case.profile for case in cases])
        for place, case in enumerate(cases):
            assert dict(measured(asked.case(place))) == pytest.approx(dict(measured(case)))


@pytest.mark.parametrize("weights", [None, Weights(join={}, merge=Everything(), split=Everything())])
def test_pairs_of_incidents_weigh_what_their_measurements_do(weights: Weights | None) -> None:
    world = draw(6, 300)
    correlator = grouped(world)
    merger, met = Correlator(weights=weights).merger(), 0
    merger.world, known = correlator._world, correlator._profiles
    for profile in list(known.open.values()):
        others: list[Profile] = neighbours(known, profile, merger.repair)
        slow = [weighed(merger.pair.weights, parts) for _, parts in merger.pairs(profile, others)]
        margins = [merger.repair.margin(profile, other) for other in others]
        fast = [nats + margin for nats, margin in zip(merger.one(profile, others), margins, strict=True)]
        assert fast == pytest.approx(slow, abs=1e-9)
        for other in others[:1]:
            apart, again = merger.sides(profile, other)
            (_, parts), *_ = merger.pairs(profile, [other])
            assert apart == pytest.approx(-weighed(merger.two.weights, parts), abs=1e-9)
            assert again + margins[0] == pytest.approx(weighed(merger.pair.weights, parts), abs=1e-9)
        met += len(others)
    assert met > 10

"""Weights are learned from labelled streams: what tells incidents apart gets weight, and grouping gets better."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from engine.correlate import Correlator, Weights, shipped
from engine.domain import Alert, fingerprint_of
from training import correlate_weights, worlds
from training.benchmarks import alert_sets
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.grouping import bcubed
from training.correlate import group
from training.correlate_weights import fitted, repair, teach
from training.weighing import endings
from training.weighing import streams as sources
from training.weighing.choices import add_arrivals
from training.weighing.fitting import Choices, Loss, fit
from training.weighing.repairs import Repairs, add_repairs
from training.weighing.streams import Stream, balanced, beginnings, sight

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
IGNORANT = Weights(join={}, concentrations=shipped().concentrations)


def stream(seed: int, alerts: int = 150) -> Stream:
    world = worlds.draw(seed, alerts=alerts)
    return Stream(family="world", alerts=world.alerts, truth=world.truth)


def alert(number: int, service: str, at_s: float) -> Alert:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=at_s)
    title = f"symptom {number} of {service}"
    return Alert(
        id=f"{service}{number}", source="probe", title=title, service=service, starts_at=at, received_at=at,
        fingerprint=fingerprint_of("probe", title, service, "", {}),
    )  # fmt: skip


def two_faults() -> Stream:
    """Two faults at a time, each on a service of its own, alerts of both in turn."""
    alerts = [alert(n, service, 40.0 * n + 5.0 * k) for n in range(40) for k, service in enumerate(("shop", "bank"))]
    return Stream(family="world", alerts=alerts, truth=[each.service for each in alerts])


def reluctant(weights: Weights, nats: float) -> Weights:
    """The weights of one who rather opens an incident than joins one."""
    less = {name: weight - nats * name.startswith("gap.") for name, weight in weights.join.items()}
    return replace(weights, join=less)


def drawn_choices() -> Choices:
    """Choices of one to four candidates, of which none, one or several are right."""
    chance, made = random.Random(3), Choices()
    for _ in range(30):
        candidates = [[(name, chance.uniform(-1, 1)) for name in "abcb"] for _ in range(chance.randint(1, 4))]
        made.add(candidates, [chance.random() < 0.4 for _ in candidates], chance.uniform(0.5, 2.0))
    return made


def slow_loss(made: Choices, tried: np.ndarray) -> float:
    """The loss as its definition says it: minus the log of the probability of all right rows of each choice."""
    table, right, total = made.table().toarray(), np.array(made.right, dtype=bool), 0.0
    ends = [*made.firsts[1:], len(right)]
    for begin, end, weight in zip(made.firsts, ends, made.weights, strict=True):
        odds = np.exp(table[begin:end] @ tried)
        total -= weight * np.log(odds[right[begin:end]].sum() / odds.sum())
    return float(total + tried @ tried / 2)


def test_a_measurement_that_tells_gets_weight_and_one_that_does_not_gets_none() -> None:
    made = Choices()
    for _ in range(50):
        made.add([[("tells", 1.0), ("noise", 1.0)], [("noise", 1.0)]], [True, False])
        made.add([[("noise", 1.0)]], [False])
    found = fit(made, {}).weights
    assert found["tells"] > 2.0
    assert found["noise"] < 0.0


def test_loss_and_gradient_are_those_of_the_definition() -> None:
    made = drawn_choices()
    loss = Loss(made, penalty=1.0)
    at = np.array([0.3, -0.7, 1.1])
    value, slope = loss(at)
    assert value == pytest.approx(slow_loss(made, at))
    steps = np.eye(3) * 1e-5
    numeric = [(slow_loss(made, at + step) - slow_loss(made, at - step)) / 2e-5 for step in steps]
    assert slope == pytest.approx(numeric, abs=1e-5)


def test_of_several_right_candidates_one_is_enough() -> None:
    made = Choices()
    for _ in range(50):
        made.add([[("whole", 1.0)], [("fragment", 1.0)], [("other", 1.0)]], [True, True, False])
    found = fit(made, {"whole": 3.0}).weights
    assert found["other"] < 0.0
    assert found["whole"] > found["fragment"]  # nothing pulls the less likely of two right ones up to the other
    assert Loss(made, penalty=0.0)(np.array([9.0, -9.0, -9.0]))[0] < 0.01


def test_none_is_right_where_no_candidate_is() -> None:
    made = Choices()
    made.add([[("a", 1.0)], [("b", 1.0)]], [False, True])
    made.add([[("a", 1.0)], [("b", 1.0)]], [False, False])
    made.add([], [])
    assert list(made.right) == [0, 1, 0, 0, 0, 1]
    assert len(made) == 2


def test_very_unlikely_right_candidates_still_teach() -> None:
    made = Choices()
    made.add([[("a", 1.0)], [("b", 1.0)]], [True, False])
    value, slope = Loss(made, penalty=0.0)(np.array([-2000.0, 2000.0]))
    assert value == pytest.approx(4000.0)
    assert slope == pytest.approx([-1.0, 1.0])


def test_the_heavier_choices_win() -> None:
    made = Choices()
    made.add([[("a", 1.0)]], [True], weight=30.0)
    made.add([[("a", 1.0)]], [False], weight=3.0)
    assert fit(made, {}).weights["a"] > 1.0


def test_arrivals_name_every_fragment_of_the_true_incident() -> None:
    made = Choices()
    add_arrivals(made, replace(stream(3), weight=0.5), reluctant(shipped(), 99.0))
    rights = np.add.reduceat(np.array(made.right), np.array(made.firsts))
    nones = np.array(made.right)[[*np.array(made.firsts[1:]) - 1, -1]]
    assert len(made) > 100
    assert set(made.weights) == {0.5}
    assert rights.max() > 1  # the model made fragments, and each of them is right
    assert 0 < nones.sum() < len(made)


def test_a_fit_makes_the_right_incident_likelier() -> None:
    _, learned = teach([two_faults()], IGNORANT)
    asked = Correlator(weights=learned)
    for number in range(4):
        for service in ("shop", "bank"):
            asked.learn_one(alert(number, service, 40.0 * number), service)
    match = asked.predict_one(alert(9, "bank", 200.0))
    assert match.incident_id == "bank"
    assert match.probability > 0.9


def test_pairs_of_one_incident_are_told_from_pairs_of_two() -> None:
    taught = two_faults()
    _, learned = teach([taught], IGNORANT)
    met = Repairs()
    add_repairs(met, taught, reluctant(learned, 99.0), random.Random(0))
    rights = np.array(met.pairs.right)[np.array(met.pairs.firsts)]
    assert 0 < rights.sum() < len(met.pairs)
    weights = fit(met.pairs, {}).weights
    scores = (met.pairs.table() @ np.array([weights[name] for name in met.pairs.names]))[np.array(met.pairs.firsts)]
    assert scores[rights == 1].mean() > scores[rights == 0].mean() + 2.0


def test_looking_back_puts_alerts_back_where_they_were() -> None:
    one, other = Repairs(), Repairs()
    add_repairs(one, stream(3, 60), replace(shipped(), merge={}), random.Random(0))
    add_repairs(other, stream(3, 60), replace(shipped(), merge={}), random.Random(1))  # takes other alerts out
    assert (one.pairs.right, one.pairs.weights) == (other.pairs.right, other.pairs.weights)
    assert one.places.values != other.places.values


def test_families_count_alike_whatever_their_sizes() -> None:
    small = replace(stream(1), family="firm")
    found = balanced([stream(1), stream(2), stream(3), small])
    of_worlds = sum(each.weight * len(each.alerts) for each in found if each.family == "world")
    of_firms = sum(each.weight * len(each.alerts) for each in found if each.family == "firm")
    assert 0.5 < of_worlds / of_firms < 2.0


def test_public_faults_that_are_measured_are_never_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SHARED / "datasets" / "correlation"
    if not folder.is_dir():
        pytest.skip(f"the public alert sets are not at {folder}")
    for name in ("FIRMS", "WORLDS", "CAMPAIGNS"):
        monkeypatch.setattr(sources, name, ())
    _, later = alert_sets.halves(alert_sets.fault_episodes(folder, tag=True))
    measured = {episode.incident_id for episode in later}
    found = list(sources.streams(SHARED))
    learned = {":".join(name.split(":")[-2:]) for each in found for name in each.truth}
    learned |= {name for each in found if each.history for name in each.history[1]}
    assert measured
    assert learned
    assert not learned & measured


def test_a_round_sees_the_same_each_time_and_another_round_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "AS_IT_IS", 1.0)
    known = [replace(stream(seed), family="fault", seen=20) for seed in (1, 2)]
    first, again, later = ([[a.id for a in s.alerts] for s in sight(known, number)] for number in (0, 0, 1))
    assert first == again != later
    assert [len(ids) for ids in first] == [20, 20]
    every = [stream(seed) for seed in (1, 2)]
    assert [s.truth for number in (0, 1) for s in sight(every, number)] == [s.truth for s in every]


def test_first_days_are_short_stretches_of_streams_that_know_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "AS_IT_IS", 1.0)
    past = (stream(1).alerts, stream(1).truth)
    known = [stream(seed, 200) for seed in (1, 2)] + [stream(3, 20), replace(stream(4, 200), history=past)]
    first, again, later = ([[a.id for a in s.alerts] for s in beginnings(known, number)] for number in (0, 0, 1))
    assert first == again != later
    assert {len(ids) for ids in first} == {60}
    assert len(first) == 12  # six of each long stream; none of the short one, none of the one with a history


def test_whole_streams_take_in_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SHARED / "datasets" / "correlation"
    if not folder.is_dir():
        pytest.skip(f"the public alert sets are not at {folder}")
    for name, few in (("FIRMS", ()), ("WORLDS", ()), ("AT_A_TIME", (1,))):
        monkeypatch.setattr(sources, name, few)
    asked: list[str] = []

    def read(folder: Path, *, tag: bool, scenarios: list[str], per_phase: int) -> AlertSet:
        asked.extend(scenarios)
        return AlertSet(name="", alerts=[], truth=[])

    monkeypatch.setattr(alert_sets, "attack_alerts", read)
    _, later = alert_sets.halves(alert_sets.fault_episodes(folder, tag=True, systems=sources.SYSTEMS))
    found = list(sources.streams(SHARED, whole=True))
    assert set(asked) == {*sources.CAMPAIGNS, *sources.MEASURED_CAMPAIGNS}
    faults = {":".join(name.split(":")[-2:]) for each in found if each.family == "fault" for name in each.truth}
    assert faults & {episode.incident_id for episode in later}


def test_learned_weights_group_a_world_they_never_saw() -> None:
    stages = list(fitted([stream(seed, 100) for seed in (1, 2)], rounds=1))
    assert [told.split(":")[0] for told, _ in stages] == ["taught", "join", "merge"]
    learned = stages[-1][1]
    assert learned.concentrations == shipped().concentrations
    assert learned.merge
    assert learned.settle
    unseen = stream(4, 100)
    scores = {
        name: bcubed(unseen.truth, [row.incident_id for row in group(unseen.alerts, weights=weights)])[2]
        for name, weights in (("ignorant", IGNORANT), ("learned", learned))
    }
    assert scores["learned"] > scores["ignorant"] + 0.01


def test_the_same_streams_give_the_same_weights() -> None:
    _, weights = teach([stream(1, 60)], IGNORANT)
    found = [repair([stream(1, 60)], weights, random.Random(5))[1].to_data() for _ in range(2)]
    assert found[0] == found[1]


def test_weights_are_written_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "weights.json"
    monkeypatch.setattr(sys, "argv", ["correlate_weights", str(out)])
    monkeypatch.setattr(correlate_weights, "streams", lambda shared: [stream(1, 40), stream(2, 40)])
    monkeypatch.setattr(correlate_weights, "ROUNDS", 1)
    correlate_weights.main()
    learned = Weights.from_data(json.loads(out.read_text(encoding="utf-8")))
    assert Correlator(weights=learned).to_part().data["weights"]["merge"] == learned.merge != {}


def test_nothing_to_learn_from_says_so() -> None:
    with pytest.raises(ValueError, match="nothing"):
        fit(Choices(), {})

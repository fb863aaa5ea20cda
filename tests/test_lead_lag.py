"""What brings what: learned from the stream alone, in one pass, equal to the slow and obvious way."""

from __future__ import annotations

import copy
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.correlate.lead_lag import LONG_S, SHORT_S, LeadLag
from tests.naive import lead_lag as naive
from training.benchmarks.edges import made_up, rows

RING = {str(place): [str((place + 1) % 4), str((place - 1) % 4)] for place in range(4)}
EVENTS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 1500).map(float), st.sampled_from("0123")),
    min_size=2,
    max_size=40,
).map(lambda found: sorted(found, key=lambda event: event[1]))


def learned(events: list[tuple[str, float, str]], neighbours: dict[str, list[str]] | None = None) -> LeadLag:
    learner = LeadLag(neighbours)
    learner.learn(events)
    return learner


def follows(times: int, first: str, second: str, delay_s: float, start: float = 0.0) -> list[tuple[str, float, str]]:
    pairs = [(start + 4000.0 * turn, f"p{turn % 3}") for turn in range(times)]
    return [event for at, place in pairs for event in ((first, at, place), (second, at + delay_s, place))]


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_one_pass_counts_what_a_search_through_all_earlier_events_counts(events: list[tuple[str, float, str]]) -> None:
    learner = learned(events, RING)
    counted = {(one, two): found for one, row in learner.counts.items() for two, found in row.items()}
    assert counted == naive.meetings(events, RING, SHORT_S, LONG_S)
    chances = learner.to_data()["chance"]
    for one, two in counted:
        near, far = chances[one][two]
        assert near == pytest.approx(naive.chance(events, RING, SHORT_S, (one, two)), abs=1e-3)
        assert near + far == pytest.approx(naive.chance(events, RING, LONG_S, (one, two)), abs=1e-3)


def test_a_steady_answer_is_an_edge_one_way_round() -> None:
    found = learned(follows(40, "disk full", "write errors", 10.0)).edges()
    assert [(lead.cause, lead.effect) for lead in found] == [("disk full", "write errors")]
    assert found[0].meetings == 40.0


def test_independent_events_give_no_edges() -> None:
    chance = random.Random(1)
    events = [(chance.choice("abcde"), chance.uniform(0, 1e6), chance.choice("0123")) for _ in range(3000)]
    assert learned(sorted(events, key=lambda event: event[1])).edges() == ()


def test_once_is_not_enough() -> None:
    assert learned(follows(1, "a", "b", 10.0)).edges() == ()


def test_an_answer_next_door_is_heard_only_where_neighbours_are_known() -> None:
    events = [event for turn in range(40) for event in (("a", 4000.0 * turn, "0"), ("b", 4000.0 * turn + 9.0, "1"))]
    assert learned(events).edges() == ()
    assert [(lead.cause, lead.effect) for lead in learned(events, RING).edges()] == [("a", "b")]


def test_where_short_and_long_delays_tell_opposite_orders_both_ways_are_told() -> None:
    events = follows(60, "a", "b", 5.0) + follows(60, "b", "a", 200.0, start=2000.0)
    learner = learned(sorted(events, key=lambda event: event[1]))
    assert learner.trust() < 0.2
    assert {(lead.cause, lead.effect) for lead in learner.edges()} == {("a", "b"), ("b", "a")}
    assert learned(follows(60, "a", "b", 5.0)).trust() == 1.0


def test_most_edges_of_networks_never_seen_are_found_and_none_the_wrong_way_round() -> None:
    for seed in (11, 12):
        known = made_up(seed)
        learner = LeadLag(known.neighbours)
        learner.learn(known.events)
        found = {(lead.cause, lead.effect) for lead in learner.edges()}
        assert len(found & known.truth) >= 0.9 * len(known.truth)
        assert not {(effect, cause) for cause, effect in known.truth} & found


def test_a_pair_that_two_stronger_steps_explain_is_left_out() -> None:
    chance = random.Random(3)
    events: list[tuple[str, float, str]] = []
    for turn in range(300):
        at = 4000.0 * turn
        for kind, delay, likely in (("a", 0.0, 1.0), ("b", 10.0, 0.8), ("c", 40.0, 0.8)):
            if chance.random() >= likely:
                break
            events.append((kind, at + delay, "x"))
        events.append(("c", at + 2000.0, "x"))
        events.append(("a", at + 2040.0 + 100.0 * (turn % 2), "x"))
    found = {(lead.cause, lead.effect) for lead in learned(sorted(events, key=lambda event: event[1])).edges()}
    assert ("b", "c") in found
    assert ("a", "c") not in found


def test_asking_changes_nothing_and_what_was_learned_survives_being_written() -> None:
    learner = learned(follows(30, "a", "b", 10.0))
    before = copy.deepcopy(learner.__dict__)
    edges = learner.edges()
    assert learner.score("a", "b") == edges[0].score
    assert learner.score("a", "unheard of") == 0.0
    assert learner.__dict__ == before
    again = LeadLag()
    again.take(json.loads(json.dumps(learner.to_data())))
    assert [lead[:2] for lead in again.edges()] == [("a", "b")]
    assert again.score("a", "b") == pytest.approx(edges[0].score, abs=1e-4)
    again.learn(follows(30, "a", "b", 10.0, start=1e6))
    assert again.edges()[0].meetings == 60.0


def test_memory_is_bounded_by_kinds_and_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.correlate.lead_lag._KINDS", 20)
    monkeypatch.setattr("engine.correlate.lead_lag._PLACES", 30)
    learner = LeadLag()
    for number in range(2000):
        learner.learn_one(f"kind {number % 97}", 20.0 * number, f"place {number % 61}")
        learner.learn_one("always", 20.0 * number, f"place {number % 61}")
        learner.learn_one("after", 20.0 * number + 3.0, f"place {number % 61}")
    assert len(learner.events) <= 30
    assert len(learner.counts) <= 20
    assert ("always", "after") in {(lead.cause, lead.effect) for lead in learner.edges()}


def test_of_many_partners_the_most_frequent_are_kept() -> None:
    events = [("hub", 1000.0 * turn, "x") for turn in range(600)]
    events += [(f"once {turn}", 1000.0 * turn + 5.0, "x") for turn in range(600) if turn % 3]
    events += [("often", 1000.0 * turn + 9.0, "x") for turn in range(0, 600, 3)]
    learner = learned(sorted(events, key=lambda event: event[1]))
    assert len(learner.counts["hub"]) <= 128
    assert learner.counts["hub"]["often"][1] == 200.0


def test_the_benchmark_measures_ours_beside_plain_counting() -> None:
    found = {row.method: row.metrics for row in rows(None, quick=True)}
    assert found["PathFinder, one pass"]["f1"] > found["lagged co-occurrence, 3 deviations"]["f1"]
    assert found["every pair that ever met"]["recall"] == pytest.approx(1.0, abs=0.1)

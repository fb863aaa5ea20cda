"""What routing remembers equals the slow form, in bulk and one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.route.memory import Case, Memory
from engine.route.reading import Reading
from engine.route.shares import Setting, importances, shares
from tests.naive import route as naive

WORDS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 4), max_size=5)
MARKS = st.sets(st.sampled_from(["p=1", "p=2", "q=1", "q=2", "r=9"]), max_size=3).map(
    lambda found: tuple(sorted(found))
)
CASES = st.lists(st.tuples(WORDS, MARKS, st.sampled_from(["ann", "bob", "cat"])), min_size=1, max_size=12)


def cases_of(drawn: list[tuple[dict[str, int], tuple[str, ...], str]]) -> list[Case]:
    return [
        Case(f"i{place}", Reading(words, marks), who, float(place), float(place))
        for place, (words, marks, who) in enumerate(drawn)
    ]


@settings(max_examples=60, deadline=None)
@given(drawn=CASES, words=WORDS, marks=MARKS)
def test_likeness_and_agreement_equal_the_slow_form(drawn: list, words: dict[str, int], marks: tuple[str, ...]) -> None:
    cases = cases_of(drawn)
    memory = Memory().learn_all(cases)
    assert np.allclose(memory.likeness(words), naive.likeness(cases, Counter(words)))
    importance = {"p=": 0.7, "q=": 0.2}
    assert np.allclose(memory.agreement(marks, importance), naive.agreement(cases, marks, importance))


@settings(max_examples=40, deadline=None)
@given(drawn=CASES, words=WORDS)
def test_neighbour_shares_equal_the_slow_form(drawn: list, words: dict[str, int]) -> None:
    cases = cases_of(drawn)
    memory = Memory().learn_all(cases)
    like = [value**2 for value in naive.likeness(cases, Counter(words))]
    now, half_life = 50.0, 7.0
    decays = [0.5 ** ((now - case.known) / half_life) for case in cases]
    opinions = shares(memory, Reading(words, ()), now, Setting(half_life, half_life))
    if not words or sum(like) < 1e-12:
        assert not opinions[:, 0].any()
        return
    wanted = naive.neighbour_shares(like, decays, [case.responder for case in cases])
    prior = np.exp(opinions[:, 6])
    found = (np.exp(opinions[:, 0]) * prior - 0.03 * prior) / 0.97
    assert np.allclose(found, [wanted[person] for person in memory.people])


def test_what_became_known_later_is_not_looked_at() -> None:
    early = Case("1", Reading({"disk": 1}, ("s=db",)), "ann", 1.0, 1.0)
    late = Case("2", Reading({"disk": 1}, ("s=db",)), "bob", 2.0, 9.0)
    memory = Memory().learn_all([early, late])
    opinions = shares(memory, early.reading, 9.0, Setting(importance={"s=": 1.0}))
    assert opinions[0, 0] > opinions[1, 0]
    assert opinions[0, 4] > opinions[1, 4]


def test_another_outcome_of_the_same_incident_replaces_the_first() -> None:
    memory = Memory()
    reading = Reading({"disk": 1}, ())
    memory.learn(Case("1", reading, "ann", 1.0, 1.0))
    memory.learn(Case("1", reading, "bob", 1.0, 2.0))
    opinions = shares(memory, reading, 5.0, Setting())
    assert opinions[1, 0] > opinions[0, 0]
    before = len(memory)
    memory.learn(Case("1", reading, "bob", 1.0, 2.0))
    assert len(memory) == before


def test_a_column_that_says_nothing_has_no_importance() -> None:
    who = np.array([0, 1] * 30)
    readings = [Reading({}, (f"id={place}", f"owner={person}", "all=same")) for place, person in enumerate(who)]
    found = importances(readings, who, 2)
    assert found["owner="] > 0.5
    assert found["id="] < 1e-9
    assert found["all="] < 0.01

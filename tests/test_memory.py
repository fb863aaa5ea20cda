"""What routing remembers equals the slow form, in bulk and one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.route.memory import Case, Memory
from engine.route.reading import Reading
from engine.route.signals import FIXED, Lines, Setting, importances, opinions
from tests.naive import route as naive

WORDS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 4), max_size=5)
MARKS = st.sets(st.sampled_from(["p=1", "p=2", "q=1", "q=2", "r=9"]), max_size=3).map(
    lambda found: tuple(sorted(found))
)
CASES = st.lists(st.tuples(WORDS, MARKS, st.sampled_from(["ann", "bob", "cat"])), min_size=1, max_size=12)
TEXT, SHARE = FIXED.index("similar text, short"), FIXED.index("share, short")


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
    table = opinions(memory.pace((half_life,) * 3), Reading(words, ()), now, Setting({}), Lines()).table
    if not words or sum(like) < 1e-12:
        assert not table[:, TEXT].any()
        return
    wanted = naive.neighbour_shares(like, decays, [case.responder for case in cases])
    prior = np.exp(table[:, SHARE])
    found = (np.exp(table[:, TEXT]) * prior - 0.03 * prior) / 0.97
    assert np.allclose(found, [wanted[person] for person in memory.people])


def test_what_became_known_later_is_not_looked_at() -> None:
    early = Case("1", Reading({"disk": 1}, ("s=db",)), "ann", 1.0, 1.0)
    late = Case("2", Reading({"disk": 1}, ("s=db",)), "bob", 2.0, 9.0)
    memory = Memory().learn_all([early, late])
    table = opinions(memory, early.reading, 9.0, Setting({"s=": 1.0}, ("s=",)), Lines()).table
    for signal in (SHARE, TEXT, len(FIXED)):
        assert table[0, signal] > table[1, signal]


def test_a_column_that_names_who_ends_it_speaks_for_people_it_never_named() -> None:
    cases = [Case(str(n), Reading({}, (f"by=p{n}", f"site=p{n // 2}")), f"P{n}", float(n), float(n)) for n in range(30)]
    again = [replace(case, id=f"again {case.id}", known=50.0, opened=50.0) for case in cases[:25]]
    memory = Memory().learn_all([*cases, *again])
    asked = Reading({}, ("by=p27",))
    named = opinions(memory, asked, 99.0, Setting({}), Lines()).table[:, FIXED.index("named")]
    assert int(named.argmax()) == memory.number_of("P27")
    assert named[memory.number_of("P27")] > 2 > 0 > np.delete(named, memory.number_of("P27")).max()
    elsewhere = Reading({}, ("site=p27",))  # it names people, but hardly who ends it
    told = opinions(memory, elsewhere, 99.0, Setting({}), Lines()).table[:, FIXED.index("named")]
    assert told.max() < named.max() - 1


def test_values_that_happen_to_be_names_are_not_believed() -> None:
    draw = np.random.default_rng(0)
    cases = [
        Case(str(n), Reading({}, (f"code={draw.integers(3)}",)), str(draw.integers(3)), float(n), float(n))
        for n in range(600)
    ]
    memory = Memory().learn_all(cases)
    named = opinions(memory, Reading({}, ("code=1",)), 999.0, Setting({}), Lines()).table[:, FIXED.index("named")]
    assert np.ptp(named) < 0.3


def test_another_outcome_of_the_same_incident_replaces_the_first() -> None:
    memory = Memory()
    reading = Reading({"disk": 1}, ())
    memory.learn(Case("1", reading, "ann", 1.0, 1.0))
    memory.learn(Case("1", reading, "bob", 1.0, 2.0))
    table = opinions(memory, reading, 5.0, Setting({}), Lines()).table
    assert table[1, TEXT] > table[0, TEXT]
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


@settings(max_examples=40, deadline=None)
@given(drawn=CASES, half_life=st.sampled_from([0.01, 3.0, 400.0]))
def test_weights_kept_up_one_by_one_equal_those_made_at_once(drawn: list, half_life: float) -> None:
    cases = cases_of(drawn)
    one_by_one = Memory().pace((half_life,) * 3)
    for case in cases:
        one_by_one.learn(case)
    at_once = Memory().learn_all(cases).pace((half_life,) * 3)
    now = float(len(cases))
    days = [case.known for case in cases]
    wanted = naive.weights(days, max(days), half_life)
    for memory in (one_by_one, at_once):
        view = memory.view(now)
        assert np.allclose(view.weights[0] * view.scales[0], wanted)
        assert np.allclose(view.mass[0], np.bincount(memory.who.seen(), wanted, len(memory.people)))


def test_a_long_silence_does_not_lose_what_comes_after_it() -> None:
    memory = Memory().pace((0.01, 1.0, 10.0))
    for number, day in enumerate((1.0, 2.0, 5000.0)):
        memory.learn(Case(str(number), Reading({"disk": 1}, ()), "ann" if number < 2 else "bob", day, day))
    mass = memory.view(5000.5).mass[1]
    assert mass[1] > 0.5 > 1e-6 > mass[0]


def test_a_silence_makes_nobody_less_known() -> None:
    memory = Memory().pace((1.0, 10.0, 100.0))
    for number in range(4):
        memory.learn(Case(str(number), Reading({"disk": 1}, ()), "ann" if number else "bob", 1.0, 1.0 + number))
    soon, late = memory.view(5.0), memory.view(300.0)
    assert np.allclose(soon.mass[0], late.mass[0])
    assert late.mass[0][1] > late.mass[0][0] > 0


def test_who_worked_on_similar_ones_is_known() -> None:
    memory = Memory()
    for number in range(5):
        case = Case(str(number), Reading({"disk": 1}, ()), "ann", 1.0, 1.0, involved=("bob", "ann"))
        memory.learn(case)
    memory.learn(Case("x", Reading({"link": 1}, ()), "cat", 1.0, 1.0))
    table = opinions(memory, Reading({"disk": 1}, ()), 2.0, Setting({}), Lines()).table
    worked = table[:, FIXED.index("worked on similar")]
    assert worked[memory.number_of("bob")] > max(worked[memory.number_of(who)] for who in ("ann", "cat"))


def test_who_gets_it_handed_on_is_credited_with_who_hands_it_on() -> None:
    memory = Memory()
    for number in range(9):
        memory.learn(Case(str(number), Reading({}, ()), "bob", 1.0, 1.0, involved=("ann",)))
    memory.learn(Case("x", Reading({}, ()), "cat", 1.0, 1.0))
    chances = np.full(3, 1e-6)
    chances[memory.number_of("ann")] = 1.0
    table = opinions(memory, Reading({}, ()), 2.0, Setting({}), Lines(people=np.log(chances))).table
    handed = table[:, FIXED.index("handed on")]
    assert handed.argmax() == memory.number_of("bob")

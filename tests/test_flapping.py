"""Flapping of one symptom: two thresholds, decay in event time, no matter of order."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.lifecycle.flapping import KEPT, Change, Flap, Flapping, own_changes, remember
from tests.naive import quiet as naive
from tests.small_models import alert, moment


def course(*seconds: float) -> tuple[Change, ...]:
    """It begins, ends, begins ... at these moments."""
    return tuple(Change(moment(at), number % 2 == 0) for number, at in enumerate(seconds))


def verdicts(changes: tuple[Change, ...]) -> list[Flap]:
    """After each change, told one by one."""
    told: list[Flap] = []
    kept: tuple[Change, ...] = ()
    since = None
    for change in changes:
        kept = remember(kept, change)
        told.append(Flapping().judge(kept, since))
        since = told[-1].since
    return told


def test_four_changes_in_quick_succession_are_flapping_and_three_are_not() -> None:
    assert [flap.since for flap in verdicts(course(0, 60, 120, 180, 240))] == [None] * 3 + [moment(180)] * 2


@pytest.mark.parametrize("gap_s", [600, 900, 3600])
def test_a_symptom_that_comes_and_goes_slowly_is_not_flapping(gap_s: float) -> None:
    assert not any(flap.since for flap in verdicts(course(*(gap_s * number for number in range(40)))))


@pytest.mark.parametrize("changes", [4, 6, 12, 60])
def test_it_is_calm_within_half_an_hour_however_long_it_went_on(changes: int) -> None:
    seconds = [60.0 * number for number in range(changes)]
    flap = verdicts(course(*seconds))[-1]
    assert flap.calm_at is not None
    assert moment(seconds[-1] + 600) < flap.calm_at <= moment(seconds[-1] + 1800)


def test_calm_and_then_one_change_is_no_flapping() -> None:
    seconds = [60.0 * number for number in range(8)]
    calm = verdicts(course(*seconds))[-1].calm_at
    assert calm is not None
    later = (calm - moment(0)).total_seconds()
    assert verdicts(course(*seconds, later - 1))[-1].since is not None
    assert verdicts(course(*seconds, later + 1))[-1].since is None


def test_a_repeat_or_a_second_end_is_no_change() -> None:
    repeats = tuple(Change(moment(at), True) for at in range(0, 600, 30))
    assert Flapping().judge(repeats).changes == 1
    assert Flapping().judge((Change(moment(0), False), Change(moment(9), False))).changes == 0


def test_an_end_and_the_next_beginning_at_one_moment_are_two_changes() -> None:
    both = (Change(moment(0), True), Change(moment(60), True), Change(moment(60), False))
    flap = Flapping().judge(remember(both))
    assert (flap.changes, flap.firing) == (3, True)


def test_a_delivery_tells_a_beginning_an_end_or_both() -> None:
    assert own_changes(alert(at=5)) == (Change(moment(5), True),)
    assert own_changes(alert(at=65, start=5, resolved=True)) == (Change(moment(5), True), Change(moment(65), False))
    assert own_changes(alert(at=5, resolved=True)) == (Change(moment(5), False),)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=KEPT), st.integers(0, 2_000))
def test_the_verdict_is_that_of_a_walk_second_by_second(gaps: list[int], later: int) -> None:
    seconds = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    changes = course(*seconds)
    flap = Flapping().judge(changes)
    at = moment(seconds[-1] + later)
    if flap.calm_at is None or abs((flap.calm_at - at).total_seconds()) > 1:
        assert (flap.calm_at is not None and at < flap.calm_at) is naive.flaps(changes, at, Flapping())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_the_order_of_telling_makes_no_difference(seconds: list[int], chance: random.Random) -> None:
    told = [Change(moment(at * 10), bool(number % 2)) for number, at in enumerate(seconds)]
    in_order: tuple[Change, ...] = ()
    shuffled: tuple[Change, ...] = ()
    for change in told:
        in_order = remember(in_order, change)
    for change in chance.sample(told, len(told)):
        shuffled = remember(shuffled, change, change)
    assert in_order == shuffled
    assert Flapping().judge(in_order) == Flapping().judge(shuffled)


@settings(max_examples=100, deadline=None)
@given(st.floats(20, 900), st.floats(0, 0.6), st.integers(0, 10_000))
def test_the_verdict_itself_does_not_flap(gap_s: float, jitter: float, seed: int) -> None:
    """Two hundred changes at one pace, however uneven: with one threshold the verdict turns much more often."""
    chance = random.Random(seed)
    seconds, at = [], 0.0
    for _ in range(200):
        at += gap_s * chance.uniform(1 - jitter, 1 + jitter)
        seconds.append(at)
    turns = _turns(verdicts(course(*seconds)))
    single = Flapping(stop=3.49)
    alone = [single.judge(course(*seconds[: n + 1])[-KEPT:]) for n in range(200)]
    assert turns <= max(2, _turns(alone) // 2 + 1)


def _turns(told: list[Flap]) -> int:
    """How often the verdict changes, the calm between two changes included."""
    states: list[bool] = []
    for flap, following in pairwise([*told, told[-1]]):
        states.append(flap.since is not None)
        if flap.calm_at and following.since and following.since > flap.calm_at:
            states.append(False)
    return sum(one is not other for one, other in pairwise(states))

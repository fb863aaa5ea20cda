"""The rotation null against all rotations, the scan's sums against loops, and false discoveries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.patterns.calendar import rule_table
from engine.patterns.contrasts import Contrasts, flanks_of, highest
from engine.patterns.edges import best_box
from engine.patterns.periods import folds_of
from engine.patterns.scan import Candidate, View, best_of
from engine.patterns.scores import Scored, median_of, middle_of
from engine.patterns.significance import adjusted, log_tail, shares
from tests.naive import patterns as naive


@given(seed=st.integers(0, 10_000), width=st.integers(1, 5), minutes=st.sampled_from((10, 60)))
@settings(deadline=None, max_examples=40)
def test_contrasts_equal_those_cut_out_one_by_one(seed: int, width: int, minutes: int) -> None:
    score = np.random.default_rng(seed).standard_normal((10, 24)).astype(np.float32)
    found = Contrasts(Scored(score, np.ones(score.shape, dtype=bool)), minutes).of(width).ravel()
    flanks = flanks_of(width, minutes)
    slow = [naive.contrast(score.ravel(), width, flank, of=np.mean if minutes > 10 else max) for flank in flanks]
    inner = slice(max(flanks), -max(flanks) - width)  # the ends lean on what lies beyond
    assert any(found[inner] == pytest.approx((one - np.median(one))[inner], abs=0.35) for one in slow)
    assert any(np.ptp((found - one)[inner]) < 1e-4 for one in slow)


@given(seed=st.integers(0, 10_000), reach=st.integers(1, 6))
@settings(deadline=None, max_examples=30)
def test_the_highest_nearby_is_the_largest_of_its_neighbours(seed: int, reach: int) -> None:
    course = np.random.default_rng(seed).standard_normal(40)
    slow = [course[at - reach : at + reach + 1].max() for at in range(reach, 40 - reach)]
    assert highest(course, reach).tolist() == slow


@given(seed=st.integers(0, 10_000), days=st.integers(3, 7))
@settings(deadline=None, max_examples=40)
def test_the_tail_is_near_the_exact_one_over_all_rotations(seed: int, days: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.clip(rng.standard_normal((days, 5)) / 3, -1, 1)
    total = float(np.sort(scores.max(axis=1))[-2:].sum() + np.median(scores))
    exact = naive.rotation_tail(scores, total)
    bound = float(np.exp(log_tail(shares(scores), total)))
    assert exact <= 2.5 * bound + 1e-9  # a tail that is too small would report patterns that are none


def scan(unit: np.ndarray) -> list[Candidate]:
    """The windows of one width in scores of consecutive days from a Monday."""
    return best_of([View(unit, 1)], rule_table(20_001, len(unit), 4), 60, paid=0.0, within_day=False)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_the_scan_finds_the_largest_sum_of_a_rules_days(seed: int) -> None:
    rng = np.random.default_rng(seed)
    unit = np.clip(rng.standard_normal((21, 24)) / 4, -1, 1)
    unit[:, 7] = 0.9
    best = scan(unit)[0]
    _, at = naive.best_total(unit, best.days)
    assert best.start == at == 7
    assert best.days.all()


def test_chance_is_even_in_the_long_run() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        unit = np.clip(rng.standard_normal((28, 24)) / 6, -1, 1)
        found = scan(unit)
        hits += bool(found) and found[0].log_p < np.log(0.05)
    assert hits <= 27  # 15 expected: 5 % of series without any pattern


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_keep_order_and_never_fall_below_p(p: list[float]) -> None:
    q = adjusted(np.array(p))
    assert (q >= np.array(p) - 1e-12).all()
    assert (np.diff(q[np.argsort(p, kind="stable")]) >= -1e-12).all()


@given(seed=st.integers(0, 1000), axis=st.integers(0, 1))
def test_the_median_passes_over_what_was_not_seen(seed: int, axis: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((6, 9)) < 0.3, np.nan, rng.standard_normal((6, 9)))
    values[0, :], values[:, 0] = 1.0, 1.0
    assert median_of(values, axis) == pytest.approx(np.nanmedian(values, axis=axis))
    assert middle_of(values[:, 1:][np.isfinite(values[:, 1:])]) == pytest.approx(np.nanmedian(values[:, 1:]))


@given(seed=st.integers(0, 1000), thin=st.integers(1, 3), length=st.floats(4.0, 9.0))
@settings(deadline=None)
def test_folds_of_several_periods_equal_sums_taken_one_by_one(seed: int, thin: int, length: float) -> None:
    course = np.random.default_rng(seed).standard_normal(80)
    lengths = np.array([length, length + 0.3])
    slow = naive.folds(course, lengths.tolist(), 6, thin)
    np.testing.assert_allclose(folds_of(course, lengths, 6, thin), slow, atol=1e-9)


@given(seed=st.integers(0, 1000), middle=st.integers(0, 11))
def test_the_best_box_splits_no_worse_than_any_other_around_its_middle(seed: int, middle: int) -> None:
    course = np.random.default_rng(seed).standard_normal(12)
    course[middle] += 3.0
    low, high = best_box(course, middle, (1.0, 6.0))
    assert low <= middle < high
    assert naive.split(course, low, high) == pytest.approx(
        max(naive.split(course, a, b) for a in range(middle + 1) for b in range(middle + 1, 13) if b - a <= 6)
    )

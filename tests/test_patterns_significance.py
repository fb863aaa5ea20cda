"""The rotation null against all rotations, the scan's sums against loops, and false discoveries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.patterns.scan import best_of
from engine.patterns.scores import Scored, Sums, contrast, median_of
from engine.patterns.significance import adjusted, cumulants, log_tail
from tests.naive import patterns as naive


@given(seed=st.integers(0, 10_000), width=st.integers(1, 5), flank=st.integers(1, 5), holes=st.floats(0, 0.5))
@settings(deadline=None, max_examples=40)
def test_contrasts_equal_those_cut_out_one_by_one(seed: int, width: int, flank: int, holes: float) -> None:
    rng = np.random.default_rng(seed)
    seen = rng.random((3, 12)) >= holes
    data = Scored(np.where(seen, rng.standard_normal((3, 12)), 0.0), seen)
    value, valid = contrast(Sums.of(data, 12), width, flank)
    slow_value, slow_valid = naive.contrast(data.score, seen, width, flank)
    assert (valid == slow_valid).all()
    assert value == pytest.approx(slow_value)


@given(seed=st.integers(0, 10_000), days=st.integers(3, 7))
@settings(deadline=None, max_examples=40)
def test_the_tail_is_near_the_exact_one_over_all_rotations(seed: int, days: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.clip(rng.standard_normal((days, 5)) / 3, -1, 1)
    total = float(np.sort(scores.max(axis=1))[-2:].sum() + np.median(scores))
    exact = naive.rotation_tail(scores, total)
    bound = float(np.exp(log_tail(cumulants(scores).sum(axis=1, keepdims=True), np.array([total]))[0]))
    assert exact <= 2.5 * bound + 1e-9  # a tail that is too small would report patterns that are none


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_the_scan_finds_the_largest_sum_of_a_rules_days(seed: int) -> None:
    rng = np.random.default_rng(seed)
    unit = np.clip(rng.standard_normal((20, 24)) / 4, -1, 1)
    unit[:, 7] = 0.9
    member = np.ones((1, 20))
    found = best_of(unit, member, np.zeros(1), 1)
    total, at = naive.best_total(unit, member[0])
    assert found.start == at == 7
    assert total == pytest.approx(unit[:, 7].sum())


def test_chance_is_even_in_the_long_run() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        unit = np.clip(rng.standard_normal((30, 48)) / 6, -1, 1)
        hits += best_of(unit, np.ones((1, 30)), np.zeros(1), 1).log_p < np.log(0.05)
    assert hits <= 35  # 20 expected: 5 % of series without any pattern


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

"""The compiled loops against sums, medians and tails written out."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compiler import Compiler
from engine.patterns import loops
from engine.patterns.calendar import rule_table
from engine.patterns.contrasts import Contrasts
from engine.patterns.peel import Peeled
from engine.patterns.scores import Scored
from engine.patterns.sieve import Sieve, candidates
from engine.patterns.significance import log_tail, shares
from tests.naive import patterns as naive
from tests.test_patterns_shapes import grid_of

ALL = np.zeros((0, 0), dtype=bool)


def test_a_loop_runs_without_numba_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    total = Compiler("tests", ()).whole(lambda course: course.sum() + 1.0)
    assert [total(np.ones(3)), total(np.ones(5))] == [4.0, 6.0]


def test_a_loop_takes_arrays_of_any_type() -> None:
    values = np.array([3.0, 1.0, 2.0])
    both = [loops.between(values, np.argsort(values), values.astype(kind)[:1], values[:1]) for kind in ("f4", "f8")]
    assert both[0] == pytest.approx(both[1])


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_lines_between_knots_are_numpys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.standard_normal(30), [-9.0, 9.0]])
    knots = np.unique(rng.standard_normal(rng.integers(1, 9)))
    heights = rng.standard_normal(len(knots))
    assert loops.between(values, np.argsort(values), knots, heights) == pytest.approx(np.interp(values, knots, heights))


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_moments_are_those_of_what_was_seen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen = rng.random((4, 9)) < 0.7
    seen[:, 0] = True
    unit = (rng.standard_normal((4, 9)) * seen).astype(np.float32)
    rows = [row[own] for row, own in zip(unit, seen, strict=True)]
    mean, variance = loops.moments(unit, seen)
    assert mean == pytest.approx([row.mean() for row in rows], abs=1e-6)
    assert variance == pytest.approx([row.var() for row in rows], abs=1e-6)
    assert loops.moments(unit, ALL)[1] == pytest.approx(unit.var(axis=1), abs=1e-6)


@given(seed=st.integers(0, 1000), days=st.integers(1, 6))
@settings(deadline=None, max_examples=30)
def test_the_tail_takes_the_least_bound_of_all_tilts(seed: int, days: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.clip(rng.standard_normal((days, 12)) / 3, -1, 1)
    share = shares(scores)
    total = float(rng.uniform(-days, days))
    assert log_tail(share, total) == pytest.approx(naive.log_tail(share, total), abs=1e-6)


@given(seed=st.integers(0, 1000), width=st.integers(1, 6))
@settings(deadline=None, max_examples=30)
def test_windows_count_where_half_of_them_and_of_their_sides_was_seen(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    seen = rng.random((5, 24)) < 0.7
    found = Contrasts(Scored(np.zeros(seen.shape, dtype=np.float32), seen), 60).valid(width)
    assert found.ravel().tolist() == naive.seen_enough(seen.ravel().tolist(), width, 1)


def test_a_sieve_leaves_out_views_that_showed_nothing() -> None:
    noise = np.random.default_rng(4).standard_normal((35, 288))
    noise[:, 100:106] += 3.0
    left, table = Peeled.of(grid_of(noise)), rule_table(19_723, 35, 4)
    scores, sieve = left.lenses[0]
    first = candidates(Contrasts(scores, 5), [2, 6, 12], table, sieve)
    assert abs(first[0].start - 100) <= 1
    looked = len(sieve.views)
    gone = np.zeros(noise.size, dtype=bool)
    gone.reshape(noise.shape)[:, 94:112] = True
    scores.take_out(np.flatnonzero(gone))
    sieve.take_out(gone)
    keys = list(sieve.views)
    assert len(sieve.passed(keys, table, 5, -4.0)) < looked
    assert all(c.log_p > -4.0 for c in candidates(Contrasts(scores, 5), [2, 6, 12], table, Sieve()))

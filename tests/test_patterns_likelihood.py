"""How much likelier values are raised: by their own density, bursts and ordinary noise told apart."""

from __future__ import annotations

import numpy as np
import pytest

from engine.patterns.likelihood import has_bursts, likelihoods, log_ratios
from tests.naive import patterns as naive

RNG = np.random.default_rng(11)
QUIET = RNG.standard_normal(6_000)
BURSTY = QUIET + np.repeat(RNG.random(600) < 0.15, 10) * np.repeat(3.0 + 4.0 * RNG.pareto(1.5, 600), 10)


def test_ordinary_noise_has_no_bursts_and_no_likelihoods() -> None:
    assert not has_bursts(QUIET)
    assert has_bursts(BURSTY)
    assert likelihoods(QUIET.reshape(30, -1), (1.0,)) == ()


def test_ratios_equal_those_of_densities_summed_value_by_value() -> None:
    sample = BURSTY[:400]
    (fast,) = log_ratios(sample, (2.0,))
    for at in range(0, 400, 40):
        assert fast[at] == pytest.approx(naive.log_ratio(sample.tolist(), float(sample[at]), 2.0), abs=0.15)


def test_a_burst_speaks_less_for_a_small_rise_than_a_value_of_its_height_does() -> None:
    (ratio,) = log_ratios(np.concatenate([BURSTY, [0.0, 2.0, 30.0]]), (2.0,))
    low, right, burst = ratio[-3:]
    assert low < 0 < right
    assert abs(burst) < 0.3 * right


def test_what_was_not_seen_says_nothing() -> None:
    course = BURSTY.reshape(30, -1).copy()
    course[3, :50] = np.nan
    (score,) = likelihoods(course, (2.0,))
    assert not score.seen[3, :50].any()
    assert (score.score[3, :50] == 0.0).all()

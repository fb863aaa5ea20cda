"""The matched filter against sums written out, and the noise it follows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from engine.patterns.matched import autoregression, evidence, response
from tests.naive import patterns as naive


@given(seed=st.integers(0, 1000), low=st.integers(0, 20), width=st.integers(1, 9))
@settings(deadline=None, max_examples=30)
def test_evidence_equals_the_match_of_whitened_window_and_whitened_course(seed: int, low: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    course, whitening = rng.standard_normal(60), np.concatenate([[1.0], rng.uniform(-0.3, 0.3, 8)])
    sums = evidence(course, whitening)
    match, energy = naive.match(course.tolist(), whitening.tolist(), low, low + width)
    assert sums[low + width] - sums[low] == pytest.approx(match)
    assert response(width, whitening) == pytest.approx(energy)


def test_noise_that_follows_its_last_step_is_seen_through() -> None:
    noise = lfilter([1.0], [1.0, -0.9], np.random.default_rng(3).standard_normal(20_000))
    assert autoregression(noise)[:2] == pytest.approx([1.0, -0.9], abs=0.03)
    assert np.abs(autoregression(noise)[2:]).max() < 0.05

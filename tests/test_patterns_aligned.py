"""Windows of few occurrences that come early or late: their common begin and length."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from engine.patterns.contrasts import Contrasts
from engine.patterns.scores import Scored

_DAYS, _BINS, _AT, _WIDTH = 120, 288, 100, 12


def _seen(seed: int, came: np.ndarray, height: float) -> tuple[Contrasts, np.ndarray]:
    """A course in autoregressive noise with windows up to two bins off on every twentieth day, where they `came`."""
    rng = np.random.default_rng(seed)
    course = lfilter([0.44], [1.0, -0.9], rng.standard_normal(_DAYS * _BINS)).astype(np.float32)
    cells = np.arange(5, _DAYS, 20) * _BINS + _AT
    for cell, here in zip(cells, came, strict=True):
        low = cell + int(rng.integers(-2, 3))
        course[low : low + _WIDTH + int(rng.integers(-1, 2))] += height * here
    course = course.reshape(_DAYS, _BINS)
    return Contrasts(Scored(course, np.ones(course.shape, dtype=bool)), 5), cells


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("seed", range(4))
def test_begin_and_length_are_found_though_each_comes_early_or_late(seed: int, sign: int) -> None:
    contrasts, cells = _seen(seed, np.array([1, 1, 1, 1, 1, 1]), 4.0 * sign)
    for shift, width in ((0, _WIDTH), (6, _WIDTH // 2), (-3, 2 * _WIDTH)):  # found right, late and short, wide
        begin, length = contrasts.common_box(cells + shift, width, sign)
        assert abs(begin + shift) <= 2
        assert abs(length - _WIDTH) <= 2


def test_occurrences_that_stayed_away_say_nothing() -> None:
    contrasts, cells = _seen(5, np.array([1, 0, 1, 1, 0, 1]), 4.0)
    begin, length = contrasts.common_box(cells + 3, _WIDTH, 1)
    assert abs(begin + 3) <= 2
    assert abs(length - _WIDTH) <= 2


def test_noise_alone_gives_a_box_and_no_error() -> None:
    contrasts, cells = _seen(6, np.zeros(6), 0.0)
    begin, length = contrasts.common_box(cells, _WIDTH, 1)
    assert abs(begin) <= _WIDTH
    assert 1 <= length <= 2.5 * _WIDTH + 1

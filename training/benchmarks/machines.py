"""Made-up machines: load with jobs that often come, wander, begin or end on the way, in noise with bursts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import lfilter

SORTS = ("strong", "mid", "plateau", "strong", "mid", "weekly", "hourly", "plateau")
_BINS = 288
_LENGTHS = (5, 10, 15, 20, 30, 45, 60, 90, 120)  # minutes of a job


def machine(sort: str, seed: int, days: int = 77) -> np.ndarray:
    """Load of one machine of a sort in `SORTS`, bins of five minutes: (days * 288,)."""
    rng = np.random.default_rng([seed, 977])
    base = float(rng.uniform(1, 15))
    load = _idle(base, days, rng)
    if sort == "strong":
        for _ in range(rng.integers(1, 4)):
            _work(load, rng, rng.uniform(0.8, 1.0), base * rng.uniform(3, 12), range(7))
    elif sort == "mid":
        for _ in range(rng.integers(1, 4)):
            which = range(7) if rng.random() < 0.5 else range(5)
            _work(load, rng, rng.uniform(0.35, 0.75), base * rng.uniform(2, 6), which)
        if rng.random() < 0.5:  # one that begins or ends on the way
            half = load[: load.size // 2] if rng.random() < 0.5 else load[load.size // 2 :]
            _work(half, rng, 0.9, base * rng.uniform(3, 12), range(7))
    elif sort == "weekly":
        _work(
            load, rng, 0.9, base * rng.uniform(3, 12), [int(rng.integers(7))], minutes=int(rng.choice([60, 120, 240]))
        )
    elif sort == "hourly":
        every = int(rng.choice([12, 24, 48, 72]))
        for start in range(int(rng.integers(every)), load.size, every):
            load[start : start + int(rng.integers(1, 4))] += base * rng.uniform(1.5, 4) * (rng.random() < 0.8)
    else:
        _office(load, rng, base)
    return np.asarray(np.maximum(load, 0.0))


def _idle(base: float, days: int, rng: np.random.Generator) -> np.ndarray:
    """Autocorrelated noise around `base` with bursts at any time."""
    n, a = days * _BINS, float(rng.uniform(0.8, 0.98))
    noise = lfilter([1], [1, -a], rng.standard_normal(n + 500) * np.sqrt(1 - a * a))[500:]
    load = np.asarray(base * np.exp(rng.uniform(0.05, 0.4) * noise))
    for at in np.flatnonzero(rng.random(n) < rng.uniform(0.3, 6) / _BINS):
        load[at : at + int(rng.integers(1, 20))] += base * rng.uniform(0.3, 2) * (1 + rng.pareto(2))
    return load


def _work(
    load: np.ndarray, rng: np.random.Generator, share: float, height: float, weekdays: Sequence[int], minutes: int = 0
) -> None:
    """Raise `load` by a job on a `share` of its days, a little early or late and shorter or longer."""
    begin, length = int(rng.integers(_BINS)), minutes or int(rng.choice(_LENGTHS))
    jitter = float(rng.choice([0, 1, 2, 4]))  # bins
    for day in range(load.size // _BINS):
        if day % 7 in weekdays and rng.random() < share:
            start = max(0, day * _BINS + begin + round(float(rng.normal(0, jitter))))
            load[start : start + max(1, round(length / 5 * rng.uniform(0.7, 1.3)))] += height * rng.uniform(0.7, 1.3)


def _office(load: np.ndarray, rng: np.random.Generator, base: float) -> None:
    """Raise `load` over the hours of work of weekdays, some days more than others, with soft edges."""
    days = load.size // _BINS
    begin, end = int(rng.integers(84, 120)), int(rng.integers(192, 240))
    hours = np.zeros((days, _BINS))
    hours[:, begin:end] = np.exp(0.4 * rng.standard_normal(days))[:, None] * (np.arange(days) % 7 < 5)[:, None]
    soft = np.hanning(int(rng.integers(6, 40)))
    load += base * rng.uniform(0.5, 3) * np.convolve(hours.ravel(), soft / soft.sum(), "same")

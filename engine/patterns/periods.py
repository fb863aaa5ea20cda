"""Free periods: load that returns every so many minutes or hours, whatever the clock says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log, sqrt

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from engine.lazy import lazy
from engine.patterns import loops
from engine.patterns.contrasts import Contrasts
from engine.patterns.edges import box_around
from engine.patterns.naming import around, hits_of, weight_of
from engine.patterns.scan import positions
from engine.patterns.scores import middle_of
from engine.patterns.significance import log_tail, shares

fft = lazy("scipy.fft")

_WIDTH_MINUTES = (10, 20, 45, 90, 180)
_SHORTEST_MINUTES = 40
_LEAST_CYCLES = 8
_LOG_PERIODS = 9.5  # nats: periods, widths and their refinements that were tried
_TEETH = 10  # multiples of a period that its comb looks at
_ROUND_MINUTES = (360, 60, 30, 15, 10, 5, 1)  # a period is told as the roundest number that fits
_CALENDAR_MINUTES = tuple(60 * hours for hours in (1, 2, 3, 4, 6, 8, 12))  # and whole days
_LEAST_SHARE = 0.5
_FOLDS = 4  # periods that are folded
_AS_HIGH = 0.93  # of the highest peak that a rounder period must reach
_TRIES = 20  # periods to each side of the middle that one round of folding compares at most
_LOG_WORTH = log(0.01)
_LOG_LIKELY = -1.0  # a fold must promise so much to be weighed exactly: most tails are heavier than normal


@dataclass(frozen=True)
class Period:
    """A window that returns at a fixed distance."""

    log_p: float
    minutes: float  # from one occurrence to the next
    width: int  # bins
    sign: int
    hits: np.ndarray  # bool, per chance
    cells: np.ndarray  # flat cell in which each chance's window begins
    weight: float  # as of a calendar window: sum of contrasts over the root of their number


@dataclass(frozen=True)
class _Fold:
    log_p: float
    length: float  # bins from one occurrence to the next
    start: float  # bin of the cycle
    width: int
    sign: int


def best_period(contrasts: Contrasts, least_z: float = 5.0) -> Period | None:
    """The free period that explains most of what is contrasted (cells evenly spaced), None where none holds up.

    `least_z` is how many robust deviations its comb must rise above other autocorrelations to be folded at all.
    """
    bin_minutes = contrasts.bin_minutes
    likely: list[tuple[float, float, int, np.ndarray]] = []
    for width in sorted({max(1, m // bin_minutes) for m in _WIDTH_MINUTES}):
        course = contrasts.even(width)
        if course is not None:
            thin = max(1, width // 2)
            periods = likely_periods(course[::thin], width / thin, bin_minutes * thin, least_z)
            likely += [(z, length * thin, width, course) for z, length in periods]
    likely.sort(key=lambda row: -row[0])
    folds = [
        fold for _, length, width, course in likely[:_FOLDS] for fold in _folded(course, length, width, bin_minutes)
    ]
    held = [(fold, _measured(contrasts, fold)) for fold in folds if fold.log_p < _LOG_WORTH]
    pairs = [(fold, period) for fold, period in held if period is not None]
    best = max(pairs, key=lambda pair: pair[1].weight, default=None)
    return None if best is None else _shortest(contrasts, *best)


def _shortest(contrasts: Contrasts, fold: _Fold, period: Period) -> Period:
    """`period`, or a part of it that explains clearly more: a load also recurs at every multiple of its period."""
    for parts in (2, 3, 4, 5, 7):
        length = fold.length / parts
        if length * contrasts.bin_minutes >= _SHORTEST_MINUTES and length > 2 * period.width:
            shorter = _measured(contrasts, replace(fold, length=length, start=fold.start % length))
            if shorter is not None and shorter.weight > 1.1 * period.weight:
                period = shorter
    return period


def likely_periods(
    course: np.ndarray, width: float, bin_minutes: int, least_z: float = 5.0, most: int = 2
) -> list[tuple[float, float]]:
    """Periods in bins under whose multiples `course` resembles itself, each after its z: clearest and shortest."""
    size = fft.next_fast_len(2 * len(course))
    power = np.abs(fft.rfft(course - course.mean(), size)) ** 2
    own = fft.irfft(power, size)[: len(course) // 2]
    noise = middle_of(np.abs(own[int(2 * width) :])) / 0.6745
    if noise == 0:
        return []
    grid, index, counted, known = _teeth(len(course), width, bin_minutes)
    comb = loops.comb(own, index, counted) / noise
    free = ~known
    top = float(comb[free].max(initial=0.0))
    if top < max(
        least_z, 0.75 * float(comb[~free].max(initial=0.0))
    ):  # what the calendar explains better is left to it
        return []
    strong = np.flatnonzero(free & (comb > max(least_z, 0.6 * top)))
    distinct: list[tuple[float, float]] = []
    for at in strong[np.argsort(comb[strong])[::-1][:400]]:
        if all(abs(grid[at] / p - 1) > 0.01 for _, p in distinct):
            distinct.append((float(comb[at]), float(grid[at])))
    shortest = sorted(distinct, key=lambda row: row[1])
    return list(dict.fromkeys(distinct[:most] + shortest[:most]))


@lru_cache(maxsize=32)
def _teeth(cells: int, width: float, bin_minutes: int) -> tuple[np.ndarray, ...]:
    """Periods to try (bins), lags of their multiples (teeth, periods), which of those lie within the data.

    And which periods are of the calendar: bool (periods,).
    """
    low, high = max(_SHORTEST_MINUTES / bin_minutes, 3.0 * width), cells / _LEAST_CYCLES
    step = width / (2.0 * _TEETH * high) + 0.0005
    grid = low * np.exp(np.arange(0, max(0.0, np.log(high / low)) + step, step))
    index = np.rint(np.arange(1, _TEETH + 1)[:, None] * grid).astype(int)
    inside = index < cells // 2
    inside[0] = True
    return grid, np.minimum(index, cells // 2 - 1), inside, of_calendar(grid * bin_minutes)


def of_calendar(minutes: np.ndarray) -> np.ndarray:
    """Which periods are ones that rules of the wall clock already speak for.

    Examples
    --------
    >>> of_calendar(np.array([60.0, 70.0, 2880.0])).tolist()
    [True, False, True]
    """
    days = 1440 * np.maximum(1, np.rint(minutes / 1440))
    known = np.stack([np.broadcast_to(m, minutes.shape) for m in _CALENDAR_MINUTES] + [days])
    return np.asarray((np.abs(minutes / known - 1) < 0.004).any(axis=0))


def _folded(course: np.ndarray, length: float, width: int, bin_minutes: int) -> Iterator[_Fold]:
    """The best fold of `course` near `length`, for rises and for falls; those that promise too little are left out."""
    cycles = int(len(course) / length) - 1
    reach = width / (1.5 * _TEETH) + 0.002 * length
    cost = _LOG_PERIODS + log(positions(int(length), width))
    for sign, sharpest in zip((1, -1), _sharpest(course, length, width, cycles, reach), strict=True):
        best = _roundest(course, sharpest, reach, cycles, bin_minutes, sign)
        total = sign * _fold(course, best, cycles)
        if cost + _log_normal(total, course, cycles) < _LOG_LIKELY:
            log_p = log_tail(shares(sign * _cycles_of(course, best, cycles)), float(total.max()))
            yield _Fold(log_p + cost, best, float(total.argmax()), width, sign)


def _log_normal(total: np.ndarray, course: np.ndarray, cycles: int) -> float:
    """Log of the chance of the highest of the sums `total` over `cycles`, as if they were normal."""
    variance = float(course @ course) / len(course) * cycles
    z = float(total.max() - total.mean()) / sqrt(max(variance, 1e-12))
    return -0.5 * z * z - log(max(2.5 * z, 1.0))


def _sharpest(course: np.ndarray, length: float, width: int, cycles: int, reach: float) -> Iterator[float]:
    """The periods within `reach` of `length` whose folds rise highest, and fall lowest.

    Folds of a quarter of all cycles show where to look, those of all decide.
    """
    some, thin = max(_LEAST_CYCLES, cycles // 4), max(1, width // 4)  # windows so close to each other say the same
    step = max(width / (2.5 * some), reach / _TRIES)
    tries = length + np.arange(-reach, reach + step / 2, step)
    folds = folds_of(course, tries, some, thin)
    near = 3.0 * step
    step = max(width / (2.5 * cycles), near / _TRIES)
    for sign in (1, -1):
        middle = float(tries[int((sign * folds).max(axis=1).argmax())])
        closer = middle + np.arange(-near, near + step / 2, step)
        yield float(closer[int((sign * folds_of(course, closer, cycles, thin)).max(axis=1).argmax())])


def _roundest(course: np.ndarray, length: float, reach: float, cycles: int, bin_minutes: int, sign: int) -> float:
    """The roundest period within `reach` of `length` whose fold peaks about as high."""
    top = (sign * _fold(course, length, cycles)).max()
    for unit in _ROUND_MINUTES:
        tried = round(length * bin_minutes / unit) * unit / bin_minutes
        near = tried > 0 and abs(tried - length) <= reach
        if near and (sign * _fold(course, tried, cycles)).max() > _AS_HIGH * top:
            return tried
    return length


def _fold(course: np.ndarray, length: float, cycles: int) -> np.ndarray:
    """Sums of `course` over the first `cycles` stretches that begin `length` bins apart: (bins,)."""
    return np.asarray(folds_of(course, np.array([length]), cycles, 1)[0])


def folds_of(course: np.ndarray, lengths: np.ndarray, cycles: int, thin: int) -> np.ndarray:
    """The folds of several lengths at once, every `thin`-th bin, as many bins as the shortest has: (lengths, bins)."""
    return np.asarray(loops.folded(course, lengths, cycles, thin, int(lengths.min())))


def _cycles_of(course: np.ndarray, length: float, cycles: int) -> np.ndarray:
    """The first `cycles` stretches of `course` that begin `length` bins apart: (cycles, bins)."""
    stretches = sliding_window_view(course, int(length))
    return np.asarray(stretches[np.minimum(np.rint(np.arange(cycles) * length).astype(int), len(stretches) - 1)])


def _measured(contrasts: Contrasts, fold: _Fold) -> Period | None:
    """The period with its edges, its hits and its roundest length; None where too few occurrences are hits."""
    data, bin_minutes = contrasts.data, contrasts.bin_minutes
    cells = _cells(fold.start, fold.length, data.score.size)
    box = box_around(data, cells, fold.width, int((fold.length - fold.width) // 2), fold.sign)
    if box is None:
        return None
    start, width = fold.start + box[0], box[1] - box[0]
    length = fold.length
    value, valid = contrasts.of(width), contrasts.valid(width)
    cells = _cells(start, length, data.score.size)
    cells = cells[valid.ravel()[cells]]
    hits = hits_of(around(fold.sign * value, cells, min(width, 15 // bin_minutes)))
    if len(hits) < _LEAST_CYCLES or hits.mean() < _LEAST_SHARE or of_calendar(np.array([length * bin_minutes]))[0]:
        return None
    values = fold.sign * value.ravel()[cells]
    return Period(fold.log_p, length * bin_minutes, width, fold.sign, hits, cells, weight_of(values))


def _cells(start: float, length: float, size: int) -> np.ndarray:
    first = start % length
    return np.asarray(np.rint(np.arange(first, size - 1, length)), dtype=int)

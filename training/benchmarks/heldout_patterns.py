"""Held-out occurrence: learn from the first weeks of real series, predict the high load of the last two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from engine.patterns import PatternFinder, Series
from engine.patterns.occurrences import occurrences
from training.benchmarks.report import Row

_BIN_S = 300
_DAY_BINS, _WEEK_BINS = 288, 2016
_TEST_BINS = 2 * _WEEK_BINS
_SLACK = 2  # bins on each side of a stretch that count as it
_LEAST_DAYS = 28
_SURE = 0.5  # chance from which an occurrence is predicted


@dataclass(frozen=True)
class Course:
    """A real series in bins of five minutes, and where it is high."""

    name: str
    first: int  # UTC seconds of the first bin
    values: np.ndarray  # (n,), nan where nothing was measured
    timezone: str

    @property
    def split(self) -> int:
        """First bin of the part that is predicted."""
        return len(self.values) - _TEST_BINS

    @property
    def spikes(self) -> np.ndarray:
        """bool (n,): above the 95th percentile and three robust deviations of what is learned from."""
        known = self.values[: self.split]
        middle = np.nanmedian(known)
        most = 3 * np.nanmedian(np.abs(known - middle))
        least = max(float(np.nanquantile(known, 0.95)), float(middle + most))
        return np.asarray(np.nan_to_num(self.values, nan=-np.inf) > least)


Predict = Callable[[Course], np.ndarray]  # bool (_TEST_BINS,)


def by_pattern(course: Course) -> np.ndarray:
    """Coming occurrences, likely ones only, of the rising patterns that are found in the first part."""
    ts = course.first + np.arange(course.split) * _BIN_S
    series = Series(service="s", host="h", metric="m", ts=ts, values=course.values[: course.split])
    begin = course.first + course.split * _BIN_S
    predicted = np.zeros(_TEST_BINS, dtype=bool)
    cut = np.nanquantile(course.values[: course.split], 0.95)
    for pattern in PatternFinder(timezone=course.timezone).find([series]):
        if pattern.level > max(pattern.baseline, 0.5 * (cut + pattern.baseline)):
            for one in occurrences(pattern, datetime.fromtimestamp(begin, UTC), 14):
                low, high = (int((moment.timestamp() - begin) // _BIN_S) for moment in (one.start, one.end))
                predicted[max(low, 0) : max(high, 0)] |= one.probability >= _SURE
    return predicted


def by_last_week(course: Course) -> np.ndarray:
    """Seasonal naive: high where it was high a week before."""
    last = course.spikes[course.split - _WEEK_BINS : course.split]
    return np.tile(last, 2)


def by_share(course: Course, period: int) -> np.ndarray:
    """High where it was high in at least half of the periods that were learned from."""
    known = course.spikes[: course.split]
    whole = known[len(known) % period :].reshape(-1, period).mean(axis=0)
    return np.resize(whole >= _SURE, _TEST_BINS)


METHODS: dict[str, Predict] = {
    "PathFinder": by_pattern,
    "seasonal naive, a week": by_last_week,
    "time of day": lambda course: by_share(course, _DAY_BINS),
    "time of week": lambda course: by_share(course, _WEEK_BINS),
}


def run(shared: Path | None, *, most: int = 60) -> list[Row]:
    """F1, hits and false alarms of each method on real series that last long enough; none where data are missing."""
    courses = [one for one in _courses(shared) if one.spikes[one.split :].any()][:most]
    return [_row(name, predict, courses) for name, predict in METHODS.items()] if courses else []


def measure(predicted: np.ndarray, high: np.ndarray) -> tuple[float, float, float]:
    """Share of stretches hit (half of one is covered), of predicted time that is high, of windows that are not.

    Examples
    --------
    >>> high = np.array([0, 0, 0, 0, 1, 1, 0, 0, 0, 0], dtype=bool)
    >>> measure(high, high)
    (1.0, 1.0, 0.0)
    """
    wide, near = _widened(predicted), _widened(high)
    hits = [wide[low:end].mean() >= 0.5 for low, end in _stretches(high)]
    false = [not near[low:end].any() for low, end in _stretches(predicted)]
    precise = float(near[predicted].mean()) if predicted.any() else 0.0
    return float(np.mean(hits)) if hits else 0.0, precise, float(np.mean(false)) if false else 0.0


def _row(name: str, predict: Predict, courses: list[Course]) -> Row:
    told = np.array([measure(predict(one), one.spikes[one.split :]) for one in courses])
    both = 2 * told[:, 0] * told[:, 1] / np.maximum(told[:, 0] + told[:, 1], 1e-9)
    metrics = {
        "F1": float(both.mean()),
        "hit": float(told[:, 0].mean()),
        "time precision": float(told[:, 1].mean()),
        "false alarms": float(told[:, 2].mean()),
    }
    return Row(dataset=f"held-out high load, {len(courses)} real series", method=name, metrics=metrics)


def _courses(shared: Path | None) -> list[Course]:
    folder = None if shared is None else shared / "datasets" / "patterns"
    if folder is None or not folder.exists():
        return []
    found: list[Course] = []
    kpi = folder / "aiops_kpi_5min" / "kpi_5min.csv.gz"
    if kpi.exists():
        frame = pd.read_csv(kpi, usecols=["kpi", "ts", "value"])
        found += [
            _course(str(name), part["ts"].to_numpy(np.int64), part["value"].to_numpy(float), "Asia/Shanghai")
            for name, part in frame.groupby("kpi")
        ]
    nab = folder / "nab_daily_weekly" / "series.csv.gz"
    if nab.exists():
        frame = pd.read_csv(nab)
        seconds = pd.to_datetime(frame["timestamp"]).astype("datetime64[s]").astype("int64")
        found += [
            _course(str(name), seconds[part.index].to_numpy(), part["value"].to_numpy(float), "UTC")
            for name, part in frame.groupby("series")
        ]
    return [one for one in found if len(one.values) >= _LEAST_DAYS * _DAY_BINS]


def _course(name: str, ts: np.ndarray, values: np.ndarray, timezone: str) -> Course:
    first = int(ts.min()) // _BIN_S
    course = np.full(int(ts.max()) // _BIN_S - first + 1, np.nan)
    course[ts // _BIN_S - first] = values
    return Course(name, first * _BIN_S, course, timezone)


def _widened(mask: np.ndarray) -> np.ndarray:
    return np.convolve(mask, np.ones(2 * _SLACK + 1), mode="same") > 0


def _stretches(mask: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

"""Held-out occurrence: learn from the first weeks of real series, predict the high load of the last two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from engine.patterns import PatternFinder, Series
from engine.patterns.calendar import DAY_S, day_facts, day_grid, local_seconds
from engine.patterns.chances import Past, chances, worth_telling
from training.benchmarks.machines import SORTS, machine
from training.benchmarks.report import Row
from training.patterns import coming as coming_of

_BIN_S = 300
_DAY_BINS, _WEEK_BINS = 288, 2016
_TEST_BINS = 2 * _WEEK_BINS
_SLACK = 2  # bins on each side of a stretch that count as it
_LEAST_DAYS = 28
_SURE = 0.5  # share of periods, or chance of a window, from which on it is predicted
_MONDAY = 1_735_516_800  # UTC seconds


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


def coming(course: Course) -> list[tuple[int, int, float]]:
    """Occurrences in the second part of rising patterns found in the first: first bin, bin after the last, chance."""
    ts = course.first + np.arange(course.split) * _BIN_S
    series = Series(service="s", host="h", metric="m", ts=ts, values=course.values[: course.split])
    begin = course.first + course.split * _BIN_S
    days = _TEST_BINS // _DAY_BINS
    found: list[tuple[int, int, float]] = []
    for pattern in PatternFinder(timezone=course.timezone).find([series]):
        if pattern.level > pattern.baseline:
            for one in coming_of(pattern, days):
                low, high = (int((moment.timestamp() - begin) // _BIN_S) for moment in (one.start, one.end))
                found.append((max(low, 0), min(high, _TEST_BINS), one.probability))
    return found


def by_pattern(course: Course) -> np.ndarray:
    """All coming occurrences."""
    predicted = np.zeros(_TEST_BINS, dtype=bool)
    for low, high, _ in coming(course):
        predicted[low:high] = True
    return predicted


def calibration(courses: Sequence[Course]) -> float:
    """Mean gap, over tenths of the chance told, between it and the share of occurrences that were high."""
    told = [
        (chance, float(_widened(one.spikes[one.split :])[low:high].any()))
        for one in courses
        for low, high, chance in coming(one)
    ]
    chance, high = np.array(told).reshape(-1, 2).T
    tenth = np.minimum((chance * 10).astype(int), 9)
    return float(sum(abs((chance - high)[tenth == one].sum()) for one in range(10)) / max(len(told), 1))


def by_slot(course: Course) -> np.ndarray:
    """Slots of the local week by the chance that the load is high in them, where it is worth telling: no windows."""
    seconds = course.first + np.arange(len(course.values)) * _BIN_S
    known = np.isfinite(course.values[: course.split])
    ts, values = seconds[: course.split][known], course.values[: course.split][known]
    chance = chances(Past.of(day_grid(ts, values, course.timezone, _BIN_S // 60)))
    local = local_seconds(seconds[course.split :], course.timezone)
    weekday = day_facts((local // DAY_S).astype("datetime64[D]")).weekday
    return np.asarray(chance[weekday, local % DAY_S // _BIN_S] >= worth_telling(chance))


def by_last_week(course: Course) -> np.ndarray:
    """Seasonal naive: high where it was high a week before."""
    last = course.spikes[course.split - _WEEK_BINS : course.split]
    return np.tile(last, 2)


def by_share(course: Course, period: int) -> np.ndarray:
    """High where it was high in at least half of the periods that were learned from."""
    known = course.spikes[: course.split]
    whole = known[len(known) % period :].reshape(-1, period).mean(axis=0)
    return np.resize(whole >= _SURE, _TEST_BINS)


def by_likely(course: Course) -> np.ndarray:
    """Coming occurrences that are more likely high than not."""
    predicted = np.zeros(_TEST_BINS, dtype=bool)
    for low, high, chance in coming(course):
        predicted[low:high] |= chance >= _SURE
    return predicted


METHODS: dict[str, Predict] = {
    "PathFinder": by_pattern,
    "PathFinder, likely windows": by_likely,
    "chances of slots, no windows": by_slot,
    "seasonal naive, a week": by_last_week,
    "time of day": lambda course: by_share(course, _DAY_BINS),
    "time of week": lambda course: by_share(course, _WEEK_BINS),
}


def run(shared: Path | None, *, most: int = 60, seed: int = 0) -> list[Row]:
    """F1, hits and false alarms of each method on real series that last long enough; none where data are missing."""
    real = [one for one in _courses(shared) if one.spikes[one.split :].any()][:most]
    sets = {"real series": real, "made-up machines": _machines(most, seed)}
    return [
        _row(f"held-out high load, {len(courses)} {what}", name, predict, courses)
        for what, courses in sets.items()
        for name, predict in METHODS.items()
        if courses
    ]


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


def _row(dataset: str, name: str, predict: Predict, courses: list[Course]) -> Row:
    told = np.array([measure(predict(one), one.spikes[one.split :]) for one in courses])
    both = 2 * told[:, 0] * told[:, 1] / np.maximum(told[:, 0] + told[:, 1], 1e-9)
    metrics = {
        "F1": float(both.mean()),
        "hit": float(told[:, 0].mean()),
        "time precision": float(told[:, 1].mean()),
        "false alarms": float(told[:, 2].mean()),
    }
    if predict in (by_pattern, by_likely):
        metrics["ECE"] = calibration(courses)
    return Row(dataset=dataset, method=name, metrics=metrics)


def _machines(most: int, seed: int) -> list[Course]:
    """Made-up machines of all sorts that are high at some time of their last two weeks."""
    names = [SORTS[n % len(SORTS)] for n in range(min(most, 40))]
    made = [Course(f"{sort} {n}", _MONDAY, machine(sort, n + 1000 * seed), "UTC") for n, sort in enumerate(names)]
    return [one for one in made if one.spikes[one.split :].any()]


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
    return [one for one in found if len(one.values) >= _LEAST_DAYS * _DAY_BINS and np.isfinite(one.values).mean() > 0.5]


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

"""What makes patterns hard to see: holes, drift, outliers, a strong swing of the day; real noise without a clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

Samples = tuple[np.ndarray, np.ndarray]  # ts (UTC seconds), values
Condition = Callable[[np.ndarray, np.ndarray, np.random.Generator], Samples]


def with_holes(ts: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> Samples:
    """A tenth of the samples and two whole days missing."""
    day = (ts - ts[0]) // 86_400
    keep = (rng.random(len(ts)) > 0.1) & ~np.isin(day, rng.choice(day.max() + 1, 2, replace=False))
    return ts[keep], values[keep]


def with_drift(ts: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> Samples:
    """A rise of four standard deviations from end to end, and a jump of three somewhere."""
    unit = float(np.std(values))
    jump = 3.0 * (np.arange(len(ts)) > rng.integers(len(ts) // 5, 4 * len(ts) // 5))
    return ts, values + unit * (4.0 * np.linspace(0, 1, len(ts)) + jump)


def with_outliers(ts: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> Samples:
    """One sample in two hundred off by twenty standard deviations."""
    hit = rng.random(len(ts)) < 0.005
    return ts, values + hit * rng.choice([-20.0, 20.0], len(ts)) * float(np.std(values))


def with_swing(ts: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> Samples:  # noqa: ARG001 - one form for all
    """A daily sine of 1.5 standard deviations."""
    return ts, values + 1.5 * float(np.std(values)) * np.sin(2 * np.pi * ts / 86_400)


CONDITIONS: dict[str, Condition] = {
    "missing samples": with_holes,
    "trend and level shift": with_drift,
    "outliers": with_outliers,
    "strong daily swing": with_swing,
}


def real_courses(shared: Path | None) -> list[np.ndarray]:
    """Values of real service metrics, to be cut in pieces and shuffled; none where the data are missing."""
    path = None if shared is None else shared / "datasets" / "patterns" / "aiops_kpi_5min" / "kpi_5min.csv.gz"
    if path is None or not path.exists():
        return []
    frame = pd.read_csv(path, usecols=["kpi", "ts", "value"])
    return [part.sort_values("ts")["value"].to_numpy(float) for _, part in frame.groupby("kpi")]

"""Patterns beside the plain methods of the field: injected loads, series without, clock changes, cron."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from engine.domain import Pattern
from engine.patterns import EventSeries, PatternFinder
from training.benchmarks import heldout_patterns
from training.benchmarks.injected import FIRST_DAY, KINDS, MONTH_KINDS, Case, Score, count, make, vary
from training.benchmarks.pattern_conditions import CONDITIONS, Condition, real_courses
from training.benchmarks.plain_patterns import fft_snapped, hour_of_week
from training.benchmarks.report import Row
from training.progress import track

Method = Callable[[Case], list[Pattern]]
_BACKGROUNDS = ("white", "ar90", "ar99", "walk", "bursts")
_BEFORE_CHANGE = datetime(2025, 3, 3, tzinfo=UTC)  # four weeks before Europe's clocks change
METHODS: dict[str, Method] = {
    "PathFinder": lambda case: PatternFinder(timezone=case.timezone).find([case.series]),
    "PathFinder in UTC": lambda case: PatternFinder().find([case.series]),
    "FFT and ACF, calendar snap": fft_snapped,
    "hour-of-week mean, t-test, BH": hour_of_week,
}
_BURSTY = ("sshd", "ftpd", "kernel", "telnetd", "named")


def run(shared: Path | None, *, quick: bool = False) -> list[Row]:
    """All rows; `quick` takes a few series of each kind. Real data are read where `shared` holds them."""
    each = 5 if quick else 18
    real = real_courses(shared)
    sets = {
        "injected, 8 weeks": _cases(KINDS, each, real, weeks=8),
        "weekly rules alone, 8 weeks": _cases(("weekly",), 2 * each, real, weeks=8),
        "injected, weekdays across a clock change": _cases(("daily", "weekdays"), each, weeks=8, start=_BEFORE_CHANGE),
        "injected, rules of the month, 26 weeks": _cases(MONTH_KINDS, max(3, each // 2), real, weeks=26),
        "no pattern": _cases((None,), each * 6, real, weeks=8),
    } | {name: _under(how, max(3, each // 2)) for name, how in CONDITIONS.items()}
    rows = [_row(name, method, METHODS[method], cases) for name, cases in sets.items() for method in METHODS]
    rows += heldout_patterns.run(shared, most=12 if quick else 60)
    folder = None if shared is None else shared / "datasets" / "patterns" / "linux_syslog_events"
    return rows + ([_syslog(folder)] if folder is not None and folder.exists() else [])


def draw(rows: Sequence[Row], path: Path) -> None:
    """F1 of each method on each set, and the share of pattern-free series in which it finds something."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 1))
    for axis, name in ((left, "F1"), (right, "null flagged")):
        told = [row for row in rows if name in row.metrics]
        names = list(dict.fromkeys(row.dataset for row in told))
        methods = list(dict.fromkeys(row.method for row in told))
        for at, method in enumerate(methods):
            own = {row.dataset: row.metrics[name] for row in told if row.method == method}
            place = np.arange(len(names)) + 0.8 * at / len(methods)
            axis.barh(place, [own.get(one, 0.0) for one in names], height=0.8 / len(methods), label=method)
        axis.set(yticks=np.arange(len(names)) + 0.3, yticklabels=names, xlim=(0, 1), xlabel=name)
        axis.invert_yaxis()
    left.legend(fontsize=7)
    figure.savefig(path, dpi=90)


def _under(how: Condition, each: int) -> list[Case]:
    """Daily, weekday and weekly patterns of three standard deviations under one condition."""
    plain = [
        make(kind, seed=60_000 + 89 * i, name=_BACKGROUNDS[i % 5], amplitude=3.0)
        for kind in ("daily", "weekdays", "weekly")
        for i in range(each)
    ]
    return [vary(case, how, seed) for seed, case in enumerate(plain)]


def _cases(
    kinds: Sequence[str | None], each: int, real: Sequence[np.ndarray] = (), *, weeks: int, start: datetime = FIRST_DAY
) -> list[Case]:
    names = (*_BACKGROUNDS, "real") if real else _BACKGROUNDS
    return [
        make(
            kind,
            seed=40_000 + 97 * i,
            name=names[i % len(names)],
            amplitude=(1.0, 2.0, 4.0)[(i // len(names) + i) % 3],
            weeks=weeks,
            real=real,
            start=start,
        )
        for kind in kinds
        for i in range(each)
    ]


def _row(dataset: str, name: str, method: Method, cases: Sequence[Case]) -> Row:
    started = time.process_time()
    found = [method(case) for case in track(cases, f"{name}: {dataset}")]
    seconds = time.process_time() - started
    metrics = count(cases, found, Score()).metrics() | {"series/s": len(cases) / max(seconds, 1e-9)}
    return Row(dataset=dataset, method=name, metrics=metrics)


def _syslog(folder: Path) -> Row:
    """Rules of cron's jobs found of four, the worst edge in minutes, and what was said of bursts and attacks."""
    frame = pd.read_csv(folder / "events.csv.gz")
    ts = pd.to_datetime(frame["local_time"]).astype("datetime64[s]").astype("int64").to_numpy()
    series = [
        EventSeries(service=str(program), host="", name="", ts=ts[part.index.to_numpy()])
        for program, part in frame.groupby("program")
    ]
    found = PatternFinder().find_events(series)
    truth = {"logrotate": "daily", "su": "daily", "cups": "weekly", "syslogd 1.4.1": "weekly"}
    right = [p for p in found if truth.get(p.service) == p.kind and p.start_local.startswith("04:")]
    late = [abs(int(p.start_local[3:]) - 2) for p in right]
    false = sum(p.service in _BURSTY for p in found)
    metrics = {
        "rules found": float(len({p.service for p in right})),
        "worst start, min": float(np.max(late, initial=0)),
        "false": float(false),
    }
    return Row(dataset="Linux syslog", method="PathFinder", metrics=metrics)

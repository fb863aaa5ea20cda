"""Patterns beside the plain methods of the field: injected loads, series without, clock changes, cron."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from engine.domain import Pattern
from engine.errors import InvalidInput
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
PARTS = ("injected", "weekly", "clock", "month", "none", "hard", "heldout", "syslog")
_DRAW = 1_000_003  # between the seeds of one draw and of the next
_BURSTY = ("sshd", "ftpd", "kernel", "telnetd", "named")


def run(shared: Path | None, *, quick: bool = False, only: Sequence[str] = ()) -> list[Row]:
    """All rows, or those of the parts in `only`; `quick` takes a few series of each kind.

    Parts are injected, weekly, clock, month, none, hard, heldout and syslog. `seed:N` in `only` draws other series than
    those the usual figures are of. Real data are read where `shared` holds them.

    Raises
    ------
    InvalidInput
        If `only` names what is no part.
    """
    seed, parts = _seed_and_parts(only)
    each = 5 if quick else 18
    real = real_courses(shared)
    weeks8 = partial(_cases, real=real, weeks=8, seed=seed)
    sets: dict[str, tuple[str, Callable[[], list[Case]]]] = {
        "injected, 8 weeks": ("injected", partial(weeks8, KINDS, each)),
        "weekly rules alone, 8 weeks": ("weekly", partial(weeks8, ("weekly",), 2 * each)),
        "injected, weekdays across a clock change": (
            "clock", partial(_cases, ("daily", "weekdays"), each, weeks=8, start=_BEFORE_CHANGE, seed=seed),
        ),
        "injected, rules of the month, 26 weeks": (
            "month", partial(_cases, MONTH_KINDS, max(3, each // 2), real, weeks=26, seed=seed),
        ),
        "no pattern": ("none", partial(weeks8, (None,), each * 6)),
    }  # fmt: skip
    sets |= {name: ("hard", partial(_under, how, max(3, each // 2), seed)) for name, how in CONDITIONS.items()}
    drawn = {name: cases() for name, (part, cases) in sets.items() if part in parts}
    rows = [_row(name, method, METHODS[method], cases) for name, cases in drawn.items() for method in METHODS]
    if "heldout" in parts:
        rows += heldout_patterns.run(shared, most=12 if quick else 60, seed=seed)
    folder = None if shared is None else shared / "datasets" / "patterns" / "linux_syslog_events"
    return rows + ([_syslog(folder)] if "syslog" in parts and folder is not None and folder.exists() else [])


def _seed_and_parts(only: Sequence[str]) -> tuple[int, Sequence[str]]:
    """Which draw of the series, 0 for the usual one, and which parts."""
    seeds = [name.partition(":")[2] for name in only if name.startswith("seed:")]
    parts = [name.lower() for name in only if not name.startswith("seed:")] or list(PARTS)
    if set(parts) - set(PARTS) or not all(seed.isdecimal() for seed in seeds):
        raise InvalidInput(f"only: parts are {', '.join(PARTS)}, and seed:N")
    return int(seeds[-1]) if seeds else 0, parts


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


def _under(how: Condition, each: int, draw: int) -> list[Case]:
    """Daily, weekday and weekly patterns of three standard deviations under one condition."""
    plain = [
        make(kind, seed=60_000 + 89 * i + _DRAW * draw, name=_BACKGROUNDS[i % 5], amplitude=3.0)
        for kind in ("daily", "weekdays", "weekly")
        for i in range(each)
    ]
    return [vary(case, how, number + _DRAW * draw) for number, case in enumerate(plain)]


def _cases(
    kinds: Sequence[str | None],
    each: int,
    real: Sequence[np.ndarray] = (),
    *,
    weeks: int,
    start: datetime = FIRST_DAY,
    seed: int = 0,
) -> list[Case]:
    names = (*_BACKGROUNDS, "real") if real else _BACKGROUNDS
    return [
        make(
            kind,
            seed=40_000 + 97 * i + _DRAW * seed,
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

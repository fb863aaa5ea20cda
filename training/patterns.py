"""How patterns are found in batch: files of samples or of alerts in, recurring windows with their next times out."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from engine.clock import to_text
from engine.domain import Alert, AlertStatus, Occurrence, Pattern
from engine.patterns import EventSeries, PatternFinder, Series
from engine.patterns.capacity import limit_of, weeks_until
from engine.patterns.occurrences import occurrences, sentence
from engine.text import template
from training.files import read_metrics
from training.progress import Track, quiet

NEXT_DAYS = 28
_LEAST_FORETOLD = 0.3  # chance of an occurrence below which it is not told as coming: the pattern is over
_LEAST_EVENTS = 4
_MANY_SERIES = 64  # from which on starting more processes pays


def from_metrics(metrics: pd.DataFrame | Path, timezone: str, progress: Track = quiet) -> list[dict[str, Any]]:
    """Patterns of METRICS (`ts,service,host,metric,value`, or the file's path) in the form of patterns.json.

    Raises
    ------
    InvalidInput
        If the file cannot be read or `timezone` names no zone.
    """
    frame = read_metrics(metrics) if isinstance(metrics, Path) else metrics
    return [as_row(pattern) for pattern in patterns_of_metrics(frame, timezone, progress)]


def patterns_of_metrics(frame: pd.DataFrame, timezone: str, progress: Track = quiet) -> list[Pattern]:
    """Patterns of samples as `read_metrics` gives them. Raises InvalidInput if `timezone` names no zone."""
    return found_in(series_of(frame), PatternFinder(timezone=timezone), progress)


def found_in(series: Sequence[Series], finder: PatternFinder, progress: Track = quiet) -> list[Pattern]:
    """Patterns of `series`, looked for in several processes where there are many."""
    with threadpool_limits(1, "blas"):  # products as small as these wait for threads longer than they take
        if len(series) < _MANY_SERIES:
            return finder.decide([finder.scan(one) for one in progress(series, "patterns", len(series))])
        first = finder.scan(series[0])  # what has to be compiled is so once, and not by each process
        with ProcessPoolExecutor(os.cpu_count(), initializer=threadpool_limits, initargs=(1, "blas")) as pool:
            scanned = pool.map(finder.scan, series[1:], chunksize=16)
            return finder.decide(list(progress(chain([first], scanned), "patterns", len(series))))


def from_events(alerts: Sequence[Alert], timezone: str, progress: Track = quiet) -> list[dict[str, Any]]:
    """Patterns of when `alerts` fire, in the form of patterns.json: of a service as a whole, else of one of its titles.

    Raises
    ------
    InvalidInput
        If `timezone` names no zone.
    """
    return [as_row(pattern) for pattern in patterns_of_events(alerts, timezone, progress)]


def patterns_of_events(alerts: Sequence[Alert], timezone: str, progress: Track = quiet) -> list[Pattern]:
    """Patterns of when `alerts` fire. Raises InvalidInput if `timezone` names no zone."""
    series = event_series(alerts)
    return PatternFinder(timezone=timezone).find_events(list(progress(series, "patterns", len(series))))


def series_of(frame: pd.DataFrame) -> list[Series]:
    """One `Series` for every service, host and metric of `frame`, its samples in order of time."""
    seconds = pd.to_datetime(frame["ts"], utc=True).dt.as_unit("s").astype("int64")
    frame = frame.assign(ts=seconds).sort_values("ts", kind="stable")
    return [
        Series(
            service=service, host=host, metric=metric, ts=part["ts"].to_numpy(), values=part["value"].to_numpy(float)
        )
        for (service, host, metric), part in frame.groupby(["service", "host", "metric"], sort=True)
    ]


def event_series(alerts: Sequence[Alert]) -> list[EventSeries]:
    """When alerts fired: for each service all of them, then by host and by title, where those are parts."""
    moments: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    hosts: dict[str, set[str]] = defaultdict(set)
    for alert in alerts:
        if alert.status is AlertStatus.FIRING:
            service = alert.service or alert.host or alert.source
            keys = {(service, "", ""), (service, alert.host, ""), (service, "", template(alert.title))}
            hosts[service].add(alert.host)
            for key in keys:
                moments[key].append(alert.starts_at.timestamp())
    return [
        EventSeries(service=service, host=host or _only(hosts[service]), name=name, ts=np.array(times, dtype=np.int64))
        for (service, host, name), times in sorted(moments.items())
        if len(times) >= _LEAST_EVENTS and _says_more((service, host, name), moments)
    ]


def as_row(pattern: Pattern) -> dict[str, Any]:
    """`pattern` in the form of patterns.json, with its occurrences of the 28 days after the last sample."""
    return {
        "service": pattern.service,
        "host": pattern.host,
        "metric": pattern.metric,
        "kind": pattern.kind,
        "rule": pattern.rule,
        "start_local": pattern.start_local,
        "duration_minutes": pattern.duration_minutes,
        "level": round(pattern.level, 6),
        "baseline": round(pattern.baseline, 6),
        "support": pattern.support,
        "q_value": pattern.q_value,
        "of_rate": pattern.of_rate,
        "sentence": sentence(pattern),
        "growth_per_week": round(pattern.growth_per_week, 6),
        "passes": _passes(pattern),
        "next": [_window(one) for one in coming(pattern, NEXT_DAYS)],
    }


def coming(pattern: Pattern, days: int) -> list[Occurrence]:
    """Occurrences of the `days` after the last sample, each with the chance that the load is high in it.

    Where that is not known, of events and of loads that fall, it is the chance that they come. None of what is over.
    """
    sure = pattern.chance_high
    return [
        one if sure is None else replace(one, probability=sure)
        for one in occurrences(pattern, pattern.last_seen_at, days)
        if one.probability >= _LEAST_FORETOLD
    ]


def _passes(pattern: Pattern) -> dict[str, float] | None:
    """The limit of a growing load and the weeks until it passes it; None where there is none."""
    limit = limit_of(pattern)
    weeks = None if limit is None else weeks_until(pattern, limit)
    return None if limit is None or weeks is None else {"limit": limit, "weeks": round(weeks, 1)}


def _window(one: Occurrence) -> dict[str, Any]:
    return {"start": to_text(one.start), "end": to_text(one.end), "probability": round(one.probability, 4)}


def _only(hosts: set[str]) -> str:
    """The one host of a service, "" where it has several."""
    return next(iter(hosts)) if len(hosts) == 1 else ""


def _says_more(key: tuple[str, str, str], moments: dict[tuple[str, str, str], list[float]]) -> bool:
    """Whether a part of a service is less than the whole of it."""
    whole = (key[0], "", "")
    return key == whole or len(moments[key]) < len(moments[whole])

"""`patterns`: samples or alerts in, recurring load out; beside it a calendar, silences, sentences and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from engine.clock import utc_now
from engine.domain import Pattern
from engine.errors import InvalidInput
from engine.patterns.feeds import calendar_feed, silences
from engine.patterns.occurrences import sentence
from engine.store.reference import pattern_id
from training import files, pattern_pictures, prometheus
from training import patterns as job
from training.progress import track
from training.verbs.screen import OUT, tell


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where samples or events come from; one of the three."""

    metrics: Path | None = None
    events: Path | None = None
    server: str = ""  # of Prometheus, asked for `query` over `days`
    query: str = ""
    days: int = 56


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What is written besides the list, where a path is given."""

    calendar: Path | None = None  # iCalendar
    silences: Path | None = None  # JSON for Alertmanager
    sentences: Path | None = None  # text, a line each
    pictures: Path | None = None  # folder of PNG


def run(source: Source, timezone: str, out: Path, beside: Beside | None = None) -> None:
    """Find patterns in samples (file or server) or in alerts; see `training.patterns`."""
    frame = _samples(source)
    if frame is not None:
        found = job.patterns_of_metrics(frame, timezone, track)
    elif source.events is not None:
        read = files.read_alerts(source.events)
        tell(source.events, read.problems)
        found = job.patterns_of_events(read.alerts, timezone, track)
    else:
        raise InvalidInput("name METRICS.csv, or --events ALERTS.jsonl, or --server URL with --query")
    files.write_json(out, [job.as_row(pattern) for pattern in found])
    OUT.print(f"{len(found)} patterns -> {out}")
    _write(found, frame, beside or Beside())


def _samples(source: Source) -> pd.DataFrame | None:
    if sum((source.metrics is not None, source.events is not None, bool(source.server))) > 1:
        raise InvalidInput("name one source: METRICS.csv, --events ALERTS.jsonl, or --server URL")
    if source.metrics is not None:
        return files.read_metrics(source.metrics)
    if not source.server:
        return None
    until: datetime = utc_now()
    return prometheus.read(source.server, source.query, until - timedelta(days=source.days), until, progress=track)


def _write(found: list[Pattern], frame: pd.DataFrame | None, beside: Beside) -> None:
    known = {pattern_id(pattern): pattern for pattern in found}
    latest = max((pattern.last_seen_at for pattern in found), default=utc_now())
    if beside.calendar:
        beside.calendar.write_text(calendar_feed(known, utc_now()), encoding="utf-8", newline="")
    if beside.silences:
        files.write_json(beside.silences, silences(known, latest))
    if beside.sentences:
        beside.sentences.write_text("".join(f"{sentence(pattern)}\n" for pattern in found), encoding="utf-8")
    if beside.pictures and frame is not None:
        series = {(one.service, one.host, one.metric): one for one in job.series_of(frame)}
        drawn = pattern_pictures.draw(known, series, beside.pictures)
        OUT.print(f"{len(drawn)} pictures -> {beside.pictures}")

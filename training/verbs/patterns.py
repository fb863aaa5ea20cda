"""`patterns`: samples or alerts in, recurring load out."""

from __future__ import annotations

from pathlib import Path

from engine.errors import InvalidInput
from training import files
from training import patterns as job
from training.progress import track
from training.verbs.screen import OUT, tell


def run(metrics: Path | None, events: Path | None, timezone: str, out: Path) -> None:
    """Find patterns in one file of samples or of alerts; see `training.patterns`."""
    if metrics is not None and events is None:
        found = job.from_metrics(files.read_metrics(metrics), timezone, track)
    elif events is not None and metrics is None:
        read = files.read_alerts(events)
        tell(events, read.problems)
        found = job.from_events(read.alerts, timezone, track)
    else:
        raise InvalidInput("name either METRICS.csv or --events ALERTS.jsonl")
    files.write_json(out, found)
    OUT.print(f"{len(found)} patterns -> {out}")

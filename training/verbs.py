"""What each verb of `python -m training` does: read files, call the part, write files, say what happened."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

from rich.console import Console

from engine.domain import Edge
from engine.errors import InvalidInput
from training import correlate as correlate_job
from training import files, progress
from training import patterns as patterns_job
from training import route as route_job
from training import suggest as suggest_job

_OUT = Console(stderr=True)
_SHOWN_PROBLEMS = 5


def correlate(alerts: Path, out: Path, history: Path | None, topology: Path | None) -> None:
    """Group the alerts of one file; see `training.correlate.group`."""
    read = files.read_alerts(alerts)
    _tell(alerts, read.problems)
    past = None
    if history is not None:
        known = files.read_alerts(history)
        _tell(history, known.problems)
        past = (known.alerts, known.incident_ids)
    edges: list[Edge] = files.read_edges(topology) if topology is not None else []
    rows = correlate_job.group(read.alerts, history=past, topology=edges, progress=progress.track)
    files.write_rows(out, correlate_job.GroupRow, rows)
    _OUT.print(f"{len(rows)} alerts in {len({row.incident_id for row in rows})} incidents -> {out}")


def suggest(history: Path, queries: Path, out: Path, top: int) -> None:
    """Rank past incidents for each query; see `training.suggest.rank`."""
    past, asked = _history_and_queries(history, queries)
    rows = suggest_job.rank(past.incidents, asked.incidents, top=top, progress=progress.track)
    files.write_rows(out, suggest_job.RankRow, rows)
    _OUT.print(f"{len(asked.incidents)} queries against {len(past.incidents)} past incidents -> {out}")


def route(history: Path, queries: Path, out: Path, target: str, top: int) -> None:
    """Rank responders for each query; see `training.route.rank`."""
    past, asked = _history_and_queries(history, queries)
    whom = cast(Literal["resolver", "team"], target)
    rows = route_job.rank(past.incidents, asked.incidents, target=whom, top=top, progress=progress.track)
    files.write_rows(out, route_job.RouteRow, rows)
    sure = sum(row.automatic for row in rows)
    _OUT.print(f"{len(asked.incidents)} queries, {sure} sure enough to assign without asking -> {out}")


def patterns(metrics: Path | None, events: Path | None, timezone: str, out: Path) -> None:
    """Find patterns in one file of samples or of alerts; see `training.patterns`."""
    if (metrics is None) == (events is None):
        raise InvalidInput("name either METRICS.csv or --events ALERTS.jsonl")
    if metrics is not None:
        found = patterns_job.from_metrics(files.read_metrics(metrics), timezone, progress.track)
    else:
        read = files.read_alerts(cast(Path, events))
        _tell(cast(Path, events), read.problems)
        found = patterns_job.from_events(read.alerts, timezone, progress.track)
    files.write_json(out, found)
    _OUT.print(f"{len(found)} patterns -> {out}")


def _history_and_queries(history: Path, queries: Path) -> tuple[files.IncidentFile, files.IncidentFile]:
    past = files.read_incidents(history)
    asked = files.read_incidents(queries, undated_from=past.latest() + files.UNDATED_STEP)
    _tell(history, past.problems)
    _tell(queries, asked.problems)
    return past, asked


def _tell(path: Path, problems: list[files.Problem]) -> None:
    for problem in problems[:_SHOWN_PROBLEMS]:
        _OUT.print(f"[yellow]{path.name} line {problem.line}: {problem.reason}; left out[/]")
    if len(problems) > _SHOWN_PROBLEMS:
        _OUT.print(f"[yellow]... and {len(problems) - _SHOWN_PROBLEMS} further rows of {path.name}[/]")

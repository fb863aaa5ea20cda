"""`correlate`: alerts in, groups out."""

from __future__ import annotations

from pathlib import Path

from engine.domain import Edge
from training import correlate as job
from training import files
from training.progress import track
from training.verbs.screen import OUT, tell


def run(alerts: Path, out: Path, history: Path | None, topology: Path | None) -> None:
    """Group the alerts of one file; see `training.correlate.group`."""
    read = files.read_alerts(alerts)
    tell(alerts, read.problems)
    past = None
    if history is not None:
        known = files.read_alerts(history)
        tell(history, known.problems)
        past = (known.alerts, known.incident_ids)
    edges: list[Edge] = files.read_edges(topology) if topology is not None else []
    rows = job.group(read.alerts, history=past, topology=edges, progress=track)
    files.write_rows(out, job.GroupRow, rows)
    OUT.print(f"{len(rows)} alerts in {len({row.incident_id for row in rows})} incidents -> {out}")

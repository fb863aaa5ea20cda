"""`route`: a history and queries in, ranks out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

from training import files
from training import route as job
from training.progress import track
from training.verbs.incidents import history_and_queries
from training.verbs.screen import OUT


def run(history: Path, queries: Path, out: Path, target: str, top: int) -> None:
    """Rank responders for each query; see `training.route.rank`."""
    past, asked = history_and_queries(history, queries)
    whom = cast(Literal["resolver", "team"], target)
    rows = job.rank(past.incidents, asked.incidents, target=whom, top=top, progress=track)
    files.write_rows(out, job.RouteRow, rows)
    sure = sum(row.automatic for row in rows)
    OUT.print(f"{len(asked.incidents)} queries, {sure} sure enough to assign without asking -> {out}")

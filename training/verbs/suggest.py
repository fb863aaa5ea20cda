"""`suggest`: a history and queries in, ranks out."""

from __future__ import annotations

from pathlib import Path

from training import files
from training import suggest as job
from training.progress import track
from training.verbs.incidents import history_and_queries
from training.verbs.screen import OUT


def run(history: Path, queries: Path, out: Path, top: int) -> None:
    """Rank past incidents for each query; see `training.suggest.rank`."""
    past, asked = history_and_queries(history, queries)
    rows = job.rank(past.incidents, asked.incidents, top=top, progress=track, say=OUT.print)
    files.write_rows(out, job.RankRow, rows)
    OUT.print(f"{len(asked.incidents)} queries against {len(past.incidents)} past incidents -> {out}")

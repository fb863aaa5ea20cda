"""Reading what `suggest` and `route` are asked about."""

from __future__ import annotations

from pathlib import Path

from training import files
from training.verbs.screen import tell


def history_and_queries(history: Path, queries: Path) -> tuple[files.IncidentFile, files.IncidentFile]:
    """Past incidents and queries; queries without times come after all that is known of the past."""
    past = files.read_incidents(history)
    asked = files.read_incidents(queries, undated_from=past.latest() + files.UNDATED_STEP)
    tell(history, past.problems)
    tell(queries, asked.problems)
    return past, asked

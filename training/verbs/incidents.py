"""Reading what `suggest` and `route` are asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine.domain import Incident
from training import files
from training.verbs.screen import tell


def history_and_queries(history: Path, queries: Path) -> tuple[files.IncidentFile, files.IncidentFile]:
    """Past incidents and queries.

    Queries without times, and those whose times put nothing of the past before any of them, come after all of it: the
    files alone say what came first.
    """
    past = files.read_incidents(history)
    asked = files.read_incidents(queries, undated_from=past.latest() + files.UNDATED_STEP)
    tell(history, past.problems)
    tell(queries, asked.problems)
    last = max((one.opened_at for one in asked.incidents), default=files.EPOCH)
    if all(one.known_from >= last for one in past.incidents):
        asked = replace(asked, incidents=_after(past, asked.incidents))
    return past, asked


def _after(past: files.IncidentFile, asked: Sequence[Incident]) -> list[Incident]:
    begin = past.latest()
    return [replace(one, opened_at=begin + place * files.UNDATED_STEP) for place, one in enumerate(asked, 1)]

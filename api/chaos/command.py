"""What `python -m api chaos` prints."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from api.chaos.faults import AT_ONCE, STORMS, WRITERS, Told
from api.chaos.faults import run as storm_over
from engine.errors import InvalidInput


def run(storms: Sequence[str], rounds: int, seconds: float, seed: int) -> None:
    """Every storm asked for, one line each; exits with 1 if anything was lost or went otherwise than it should.

    Raises
    ------
    InvalidInput
        If a storm is none.
    """
    known = [*STORMS, WRITERS]
    if unknown := set(storms) - set(known):
        raise InvalidInput(f"{len(unknown)} of the storms is none: known are {', '.join(known)}")
    _say(f"{'storm':14}{'rounds':>7}{'acknowledged':>14}{'stored':>9}{'lost':>6}")
    bad = False
    for storm in storms or [*AT_ONCE, WRITERS]:
        with tempfile.TemporaryDirectory(prefix="pathfinder-chaos-") as folder:
            told = asyncio.run(storm_over(storm, Path(folder), rounds, seconds, seed))
        _say(line(told))
        bad = bad or bool(told.lost or told.failed)
    if bad:
        raise SystemExit(1)


def line(told: Told) -> str:
    """One storm in one line.

    Examples
    --------
    >>> line(Told(storm="kill -9", rounds=2, acknowledged=9, stored=9, notes=["integrity ok"]))
    'kill -9             2             9        9     0  integrity ok'
    """
    counts = f"{told.storm:14}{told.rounds:>7}{told.acknowledged:>14,}{told.stored:>9,}{told.lost:>6}"
    wrong = [f"FAILED: {told.failed}"] if told.failed else []
    return f"{counts}  {', '.join([*told.notes, *wrong])}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()

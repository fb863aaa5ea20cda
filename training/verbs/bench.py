"""`benchmark`: a part beside the plain methods of the field."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from rich.console import Console

from engine.errors import InvalidInput
from training.benchmarks import report
from training.verbs.screen import OUT

_IN_PARTS = ("correlate", "suggest", "route", "intake", "patterns")  # benchmarks that consist of several
_FILE_WIDTH = 180  # columns where a table goes to a file: nothing is cut there


def benchmark(part: str, quick: bool, full: bool, only: list[str], shared: Path, out: Path | None) -> None:
    """Measure one part beside the plain methods of the field; see `training.benchmarks`.

    Raises
    ------
    InvalidInput
        If `full` or `only` is asked of a part that has no such choice.
    """
    if (full and part != "correlate") or (only and part not in _IN_PARTS):
        raise InvalidInput(f"--full is for correlate, --only for {', '.join(_IN_PARTS)}: {part} is measured as a whole")
    job = import_module(f"training.benchmarks.{part}")
    found = shared if shared.is_dir() else None
    if found is None:
        OUT.print(f"[yellow]{shared} is missing: only the seeded firm is measured[/]")
    chosen = {**({"full": full} if part == "correlate" else {}), **({"only": only} if part in _IN_PARTS else {})}
    rows = job.run(found, quick=quick, **chosen)
    screen = Console()
    report.show(part, rows, screen if screen.is_terminal else Console(width=_FILE_WIDTH))
    target = out or Path("data") / f"benchmark-{part}.json"
    report.write(part, rows, target)
    OUT.print(f"-> {target}")
    if hasattr(job, "draw"):
        job.draw(rows, target.with_suffix(".png"))
        OUT.print(f"-> {target.with_suffix('.png')}")

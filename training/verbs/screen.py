"""What verbs say to people: on standard error, so that standard output stays for results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Console

OUT = Console(stderr=True)
_SHOWN = 5


class Named(Protocol):
    """A row that was left out."""

    @property
    def line(self) -> int: ...

    @property
    def reason(self) -> str: ...


def tell(path: Path, problems: Sequence[Named]) -> None:
    """Name the first rows of `path` that were left out, and count the others."""
    for problem in problems[:_SHOWN]:
        OUT.print(f"[yellow]{path.name} line {problem.line}: {problem.reason}; left out[/]")
    if len(problems) > _SHOWN:
        OUT.print(f"[yellow]... and {len(problems) - _SHOWN} further rows of {path.name}[/]")

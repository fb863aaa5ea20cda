"""Progress on the terminal for everything that may take more than two seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


class Track(Protocol):
    """How batch jobs report progress: wrap what is iterated, say what it is and how many there are."""

    def __call__(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]: ...


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` while a bar on standard error shows how far it is; silent where that is no terminal."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        yield from progress.track(items, total=total, description=description)


def quiet(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:  # noqa: ARG001 - one form with `track`
    """Yield `items` and show nothing: for tests and for callers that print elsewhere."""
    yield from items


def unheard(text: str) -> None:
    """Say nothing: for tests and for callers that have nobody to tell."""

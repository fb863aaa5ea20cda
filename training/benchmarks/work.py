"""Pieces of a benchmark done side by side, one process per core, with a bar that tells how far it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from training.benchmarks.report import Row
from training.progress import track

_MOST_PROCESSES = 4


@dataclass(frozen=True)
class Task:
    """One piece of work: a partial of a module's function, so that another process can do it."""

    protocol: str
    work: Callable[[], list[Row]]
    alone: bool = False  # in a process of its own, with nothing beside it: what memory and cost are measured in


def done(tasks: Sequence[Task], title: str, *, inline: bool = False) -> list[Row]:
    """The rows of all tasks, in the order of the tasks; `inline` does them here, one after the other."""
    found = dict(track(_inline(tasks) if inline else _side_by_side(tasks), title, len(tasks)))
    return [row for place in sorted(found) for row in found[place]]


def _inline(tasks: Sequence[Task]) -> Iterator[tuple[int, list[Row]]]:
    for place, task in enumerate(tasks):
        yield place, task.work()


def _side_by_side(tasks: Sequence[Task]) -> Iterator[tuple[int, list[Row]]]:
    shared = [(place, task) for place, task in enumerate(tasks) if not task.alone]
    alone = [(place, task) for place, task in enumerate(tasks) if task.alone]
    processes = min(_MOST_PROCESSES, os.cpu_count() or 1, max(1, len(shared)))
    if shared:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            places = {pool.submit(task.work): place for place, task in shared}
            for future in as_completed(places):
                yield places[future], future.result()
    if alone:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
            for place, task in alone:
                yield place, pool.submit(task.work).result()

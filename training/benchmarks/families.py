"""Kinds of methods, of which the best stands for all: how the picture and the one table are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.benchmarks.beside import ORACLE_SYSTEM
from training.benchmarks.ours import COLD, WITH_ALL, WITH_TOPOLOGY
from training.benchmarks.plain_grouping import RULES
from training.benchmarks.report import Row

_HEADLINES = ("bcubed_f1", "macro_f1")


@dataclass(frozen=True)
class Family:
    """Methods that stand for one kind in the picture: the best of them is drawn."""

    name: str
    starts: tuple[str, ...]  # of the methods' names
    colour: str
    dashed: bool = False

    def has(self, method: str) -> bool:
        """Whether a method is of this kind; our ways are told apart by their whole names."""
        return method in self.starts if method.startswith("PathFinder") else method.startswith(self.starts)

    def best(self, rows: Sequence[Row], figure: str) -> tuple[float, float] | None:
        """The highest `figure` of its methods among `rows`, with its spread; None if there is none.

        Methods that were measured on the beginning of a stream alone are not compared.
        """
        found = [
            (row.metrics[figure], row.metrics.get(f"{figure} ±", 0.0))
            for row in rows
            if figure in row.metrics and self.has(row.method) and ", first" not in row.method
        ]
        return max(found, default=None)


FAMILIES = (
    Family("best rule, in hindsight", (*RULES, "best label", "Keep", "AECID"), "#9a9a9a"),
    Family("best clusterer, in batch", ("DBSCAN", "HDBSCAN", "river"), "#c9a66b"),
    Family("Alertmanager", ("Alertmanager",), "#d9663f"),
    Family("ours, cold", (COLD,), "#9ecae1"),
    Family("ours, topology", (WITH_TOPOLOGY,), "#4292c6"),
    Family("ours, topology and history", (WITH_ALL,), "#08519c"),
)
ORACLE = Family("knows which are open, and the system", (ORACLE_SYSTEM,), "black", dashed=True)


def overview(rows: Sequence[Row]) -> list[Row]:
    """One table: a line per stream, a column per kind, B-cubed F1 (macro over phases where a stream is judged so)."""
    found = []
    for dataset in dict.fromkeys(row.dataset for row in rows):
        own = [row for row in rows if row.dataset == dataset]
        bests = {
            family.name: best[0]
            for family in (*FAMILIES, ORACLE)
            for figure in _HEADLINES
            if (best := family.best(own, figure))
        }
        if bests:
            found.append(Row(dataset="all streams, B-cubed F1", method=dataset, metrics=bests))
    return found

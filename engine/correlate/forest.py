"""Trees that weigh measurements together: 8 s of silence are long in a storm, short in a slow incident.

Every tree asks the same few questions of all rows (oblivious trees: Kohavi 1994; boosted: Prokhorenkova et al. 2018),
so that a handful of array operations answers a whole table; a row's answer is a place in a small array of nats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.correlate.table import COLUMNS, Table


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees of `depth` questions each.

    Parameters
    ----------
    columns
        (trees, depth): which of `COLUMNS` a question is about.
    cuts
        (trees, depth): whether that is more than this.
    values
        (trees, 2 ** depth): nats of each place; the answer to question d is bit d of the place.
    covers
        (trees, 2 ** depth): how much of what it learned from lay there, from which reasons are told.
    """

    columns: NDArray[np.int64]
    cuts: NDArray[np.float64]
    values: NDArray[np.float64]
    covers: NDArray[np.float64]
    _asked: NDArray[np.int64] = field(init=False)  # the first questions of all trees, then their second ones ...
    _limits: Table = field(init=False)
    _trees: NDArray[np.int64] = field(init=False)
    _firsts: NDArray[np.int64] = field(init=False)  # where the values of a tree begin among those of all
    _start: float = field(init=False)  # nats before any question, of all trees
    _changes: NDArray[np.float64] = field(init=False)  # tree x place x question: nats that its answer adds there
    _signals: tuple[str, ...] = field(init=False)  # those that any question is about
    _about: NDArray[np.int64] = field(init=False)  # the place among them of all questions, one after the other

    def __post_init__(self) -> None:
        trees, depth = self.columns.shape
        names = [COLUMNS[column][0] for column in self.columns.ravel()]
        signals = tuple(dict.fromkeys(names))
        means = [self._mean(answers)[:, np.arange(1 << depth) & ((1 << answers) - 1)] for answers in range(depth + 1)]
        derived = {
            "_asked": self.columns.T.ravel(),
            "_limits": self.cuts.T.ravel(),
            "_trees": np.arange(trees),
            "_firsts": np.arange(trees) << depth,
            "_start": float(means[0][:, 0].sum()),
            "_changes": np.ascontiguousarray(np.diff(np.stack(means, axis=2), axis=2)),
            "_signals": signals,
            "_about": np.array([signals.index(name) for name in names], dtype=np.int64),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def __deepcopy__(self, memo: object) -> Forest:
        return self  # nothing changes it

    def scores(self, rows: Table) -> Table:
        """Nats of each row (rows x `COLUMNS`): the sum over all trees."""
        found: Table = self.values.take(self._firsts + self._places(rows)).sum(axis=1)
        return found

    def reasons(self, row: Table) -> dict[str, float]:
        """The nats of one row by signal; they sum to its score.

        A question is credited with what its answer changes in the mean of all that is still possible (Saabas 2014);
        the mean before any question is the background's.
        """
        changes = self._changes[self._trees, self._places(row[None, :])[0]]
        sums = np.bincount(self._about, changes.ravel(), len(self._signals))
        found = dict(zip(self._signals, sums.tolist(), strict=True))
        found["background"] = found.get("background", 0.0) + self._start
        return found

    def to_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Its arrays, each called `name`.field."""
        return {
            f"{name}.columns": self.columns.astype(np.uint8),
            f"{name}.cuts": self.cuts.astype(np.float32),
            f"{name}.values": self.values.astype(np.float32),
            f"{name}.covers": self.covers.astype(np.float32),
        }

    @classmethod
    def from_arrays(cls, name: str, arrays: Mapping[str, np.ndarray]) -> Forest | None:
        """The inverse of `to_arrays`; None where `arrays` hold none of that name.

        Raises
        ------
        ValueError
            If the arrays do not fit together or know of other columns.
        """
        if f"{name}.columns" not in arrays:
            return None
        columns, cuts, values, covers = (arrays[f"{name}.{part}"] for part in ("columns", "cuts", "values", "covers"))
        trees, depth = columns.shape
        fits = cuts.shape == (trees, depth) and values.shape == covers.shape == (trees, 1 << depth)
        if not fits or (columns.size and int(columns.max()) >= len(COLUMNS)):
            raise ValueError(f"the trees of {name} do not fit this version: retrain")
        return cls(columns.astype(np.int64), cuts.astype(float), values.astype(float), covers.astype(float))

    def _places(self, rows: Table) -> NDArray[np.int64]:
        trees, depth = self.columns.shape
        answers = (rows.take(self._asked, axis=1) > self._limits).reshape(len(rows), depth, trees)
        found = answers[:, -1].astype(np.int64)
        for question in range(depth - 2, -1, -1):
            found += found
            found += answers[:, question]
        return found

    def _mean(self, depth: int) -> Table:
        """(trees, 2 ** depth): after so many answers, the mean value of the places still possible."""
        shape = len(self.values), -1, 1 << depth
        values, covers = self.values.reshape(shape), self.covers.reshape(shape) + 1e-9
        found: Table = (values * covers).sum(axis=1) / covers.sum(axis=1)
        return found

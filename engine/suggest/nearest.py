"""Search by meaning that grows one by one: exact for as many vectors as that is quick, an approximate graph beyond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.suggest.columns import Column
from engine.suggest.graph import Graph, Names
from engine.suggest.index import Floats, Slots, highest
from engine.suggest.rows import BLOCK, Rows

_EXACT = 100_000  # vectors compared one by one: 5 ms of one core at 384 numbers each
_STEP = 2_048  # vectors moved into the graph between two questions: under a second of one core
_WIDER = 4  # times as many are taken from the graph as asked for, as some may not be used; more where few are left
_NONE = -1


class VectorIndex:
    """Cosine against the unit vectors of slots 0, 1, 2 ...; a slot without a vector is not found and scores 0.

    New vectors are compared one by one. Once these are more than `exact`, `tidying` moves them, 8 bits a number, into
    a graph on disk; what comes after is again compared one by one, so that nothing waits to be found. The graph knows
    vectors by the names of their texts: `adopt` takes what an earlier process left.

    Parameters
    ----------
    exact
        Vectors that are compared one by one for long.
    path
        The graph's file, which stays; a temporary one if None.
    """

    def __init__(self, exact: int = _EXACT, path: Path | None = None) -> None:
        self.exact = exact
        self.path = path
        self.names_ = Column(np.uint64)  # of the text of each slot
        self.size_ = 0
        self.dim_ = 0
        self.graph_: Graph | None = None
        self.deep_: Slots = np.zeros(0, dtype=np.intp)  # slots whose vectors are in the graph, by name ...
        self.deep_names_: Names = np.zeros(0, dtype=np.uint64)  # ... and these names
        self.recent_ = Rows()  # vectors that are not in the graph
        self.row_of_: NDArray[np.int32] = np.full(16, _NONE, dtype=np.int32)  # by slot
        self.slot_of_: Slots = np.zeros(0, dtype=np.intp)  # by row

    def __len__(self) -> int:
        return self.size_

    def grow(self, size: int, name: int | None = None) -> None:
        """Make room for slots up to `size`; new ones have no vector yet. `name` stands for the text of the last one.

        Without one, a slot's text is named by its number: right for as long as this index alone uses the graph.
        """
        if size > len(self.row_of_):
            more = np.full(max(size, 2 * len(self.row_of_)) - len(self.row_of_), _NONE, dtype=np.int32)
            self.row_of_ = np.concatenate([self.row_of_, more])
        for slot in range(self.size_, size):
            self.names_.add(slot if name is None else name)
        self.size_ = max(size, self.size_)

    def adopt(self, path: Path, dim: int) -> Slots:
        """Use the graph in the file `path`, if there is one, from now on; the slots whose vectors are in it.

        Later ones are written there too. Nothing is taken where there are vectors already.
        """
        self.path = path
        graph = Graph.opened(path, dim) if not self.dim_ else None
        if graph is None:
            return self.deep_
        self._restart(dim)
        self._rest_on(graph)
        return self.deep_

    def put(self, slots: Sequence[int], vectors: Floats) -> None:
        """Set the unit rows of `slots`: shape (slots, dim). Rows of another length than before replace all."""
        if not len(slots):
            return
        if vectors.shape[1] != self.dim_:
            self._restart(vectors.shape[1])
        for slot in slots:
            if self.row_of_[slot] == _NONE:
                self._open_row(slot)
        self.recent_.set(self.row_of_[np.asarray(slots)].astype(np.intp), vectors)

    def rows(self, slots: Slots) -> Floats:
        """The vectors of `slots`, zeros where there is none: shape (slots, dim). Those of the graph are rounded."""
        found = np.zeros((len(slots), self.dim_), dtype=np.float32)
        places = self.row_of_[slots].astype(np.intp)
        found[places != _NONE] = self.recent_.take(places[places != _NONE])
        if self.graph_ is not None:
            deep = np.flatnonzero(places == _NONE)
            names = self.names_.values[slots[deep]]
            there = self.graph_.has(names)
            if there.any():
                found[deep[there]] = self.graph_.rows(names[there])
        return found

    def asked(self, vector: Floats) -> Near:
        """The search for slots whose vectors point where `vector`, a unit one, does."""
        return Near(self, vector)

    def scores(self, vector: Floats) -> Floats:
        """Cosine of every slot with `vector`: shape (slots,), -1..1."""
        return self.asked(vector).of(np.arange(self.size_))

    def kept(self, slots: Sequence[int]) -> VectorIndex:
        """An index of the vectors of `slots` alone, in that order, of which none is in a graph yet."""
        fresh, chosen = VectorIndex(self.exact, self.path), np.asarray(slots, dtype=np.intp)
        for place, slot in enumerate(slots, 1):
            fresh.grow(place, int(self.names_.values[slot]))
        for first in range(0, len(chosen), BLOCK):
            rows = self.rows(chosen[first : first + BLOCK])
            has = np.flatnonzero(rows.any(axis=1))
            fresh.put((first + has).tolist(), rows[has])
        return fresh

    def tidying(self, lock: AbstractContextManager[Any] | None = None) -> Iterator[int]:
        """Move vectors into the graph where they are many, step by step; yields how many are still to go.

        All vectors are found all the time. `lock` is held where this index is read or changed, not while the graph
        grows beside it: with the lock of those who ask and add, that may be done in a thread of its own.
        """
        held = lock or nullcontext()
        with held:
            if len(self.recent_) <= self.exact:
                return
            dim, before, moved = self.dim_, self.graph_, self.slot_of_[: len(self.recent_)].copy()
        fresh = before.longer() if before is not None else Graph(dim)
        for first in range(0, len(moved), _STEP):
            part = moved[first : first + _STEP]
            with held:
                if self.dim_ != dim:
                    return  # another encoder has come: these vectors are gone
                rows, names = self.rows(part), self.names_.values[part].copy()
            fresh.add(names, rows)
            yield len(moved) - first - len(part)
        settled = fresh.settled(self.path)
        with held:
            if self.dim_ == dim:
                self._settle(settled, moved)

    def _settle(self, graph: Graph, moved: Slots) -> None:
        rest = np.setdiff1d(self.slot_of_[: len(self.recent_)], moved)
        rows = self.rows(rest)
        deep = np.union1d(moved, self.deep_)
        self._restart(self.dim_)
        self._rest_on(graph, deep)
        self.put(rest.tolist(), rows)

    def _rest_on(self, graph: Graph, among: Slots | None = None) -> None:
        """Take `graph`; only slots of `among` can be in it (all, if None)."""
        self.graph_ = graph
        chosen = np.arange(self.size_) if among is None else among
        chosen = chosen[graph.has(self.names_.values[chosen])]
        self.deep_ = chosen[np.argsort(self.names_.values[chosen], kind="stable")]
        self.deep_names_ = self.names_.values[self.deep_]

    def named(self, names: Names) -> Slots:
        """The slots in the graph whose texts have one of `names`: several may share a text."""
        starts, ends = (np.searchsorted(self.deep_names_, names, side=side) for side in ("left", "right"))
        spans = [self.deep_[start:end] for start, end in zip(starts, ends, strict=True)]
        return np.concatenate([np.zeros(0, dtype=np.intp), *spans])

    def _restart(self, dim: int) -> None:
        self.dim_ = dim
        self.graph_ = None
        self.deep_, self.deep_names_ = np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.uint64)
        self.row_of_[:] = _NONE
        self.recent_ = Rows(dim)
        self.slot_of_ = np.zeros(0, dtype=np.intp)

    def _open_row(self, slot: int) -> None:
        row = self.recent_.open()
        if row == len(self.slot_of_):
            self.slot_of_ = np.concatenate([self.slot_of_, np.zeros(BLOCK, dtype=np.intp)])
        self.slot_of_[row] = slot
        self.row_of_[slot] = row


class Near:
    """One question to the vectors."""

    def __init__(self, index: VectorIndex, vector: Floats) -> None:
        self._index = index
        self._vector = vector
        self._fits = index.dim_ == len(vector)

    def best(self, usable: NDArray[np.bool_], count: int) -> Slots:
        """The `count` nearest slots among `usable`, of those nearer than a right angle."""
        if not self._fits:
            return np.zeros(0, dtype=np.intp)
        slots = self._index.slot_of_[: len(self._index.recent_)]
        found: Slots = slots[self._index.recent_.nearest(self._vector, np.flatnonzero(usable[slots]), count)]
        if self._index.graph_ is not None:
            found = np.union1d(found, self._deep(self._index.graph_, usable, count))
        cosines = self.of(found)
        found, cosines = found[cosines > 0], cosines[cosines > 0]
        return np.asarray(found[highest(cosines, count)])

    def of(self, slots: Slots) -> Floats:
        """Cosines of `slots`: shape (slots,), -1..1; 0 without a vector."""
        if not self._fits:
            return np.zeros(len(slots), dtype=np.float32)
        return np.asarray(self._index.rows(slots) @ self._vector, dtype=np.float32)

    def _deep(self, graph: Graph, usable: NDArray[np.bool_], count: int) -> Slots:
        """Usable slots of the graph near the question; asks wider until there are `count`, or all were seen."""
        wanted = count * _WIDER
        while True:
            found = self._index.named(graph.nearest(self._vector, wanted))
            kept = found[usable[found] & (self._index.row_of_[found] == _NONE)]
            if len(kept) >= count or wanted >= len(graph):
                return np.asarray(kept[:count])
            wanted *= _WIDER * _WIDER

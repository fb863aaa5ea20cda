"""An approximate index of many vectors, 8 bits a number, in a memory-mapped file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.lazy import lazy
from engine.suggest.quantised import rounded

index = lazy("usearch.index")

Floats = NDArray[np.float32]
Names = NDArray[np.uint64]

_CONNECTIVITY = 16  # neighbours per vector and level
_WIDTH_BUILT, _WIDTH_ASKED = 64, 192  # candidates kept while a vector is placed, and while a question is answered


class Graph:
    """Hierarchical navigable small world (Malkov and Yashunin 2016), as usearch builds it; immutable once settled.

    About 0.4 ms of one core and 850 bytes of the file per vector of 384 numbers; a settled one is read through the
    page cache, so that its memory is the system's to take back. Vectors go by numbers of 64 bits that name their
    texts, so that a later process finds in the file what it has the texts of.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.index_: Any = index.Index(
            ndim=dim,
            metric="cos",
            dtype="i8",
            connectivity=_CONNECTIVITY,
            expansion_add=_WIDTH_BUILT,
            expansion_search=_WIDTH_ASKED,
        )
        self.path_ = ""  # of the file it is read from
        self.held_: Any = None  # keeps a file without a name of its own from going

    def __len__(self) -> int:
        return len(self.index_)

    @classmethod
    def opened(cls, path: Path, dim: int) -> Graph | None:
        """The graph that `settled` left at `path`, mapped and not read; None where there is none of this kind."""
        graph = cls(dim)
        try:
            facts = index.Index.metadata(str(path)) if path.is_file() else None
            if facts is None or facts["dimensions"] != dim or str(facts["kind_scalar"]) != str(graph.index_.dtype):
                return None
            graph.index_.view(str(path))
        except (OSError, RuntimeError, ValueError, KeyError):
            return None  # damaged, or of another version of the library: it is made again
        graph.path_ = str(path)
        return graph

    def longer(self) -> Graph:
        """A copy in memory to which more can be added; this one goes on answering."""
        fresh = Graph(self.dim)
        if self.path_:
            fresh.index_.load(self.path_)
        return fresh

    def add(self, names: Names, vectors: Floats) -> None:
        """Add unit rows under `names`; of those that are there already, and of equal ones, one row is kept."""
        _, firsts = np.unique(names, return_index=True)
        fresh = firsts[~self.has(names[firsts])]
        if len(fresh):
            self.index_.add(names[fresh], rounded(vectors[fresh]))

    def settled(self, path: Path | None = None) -> Self:
        """The same, on disk from now on: at `path`, whole or not at all, or in a file that goes with this process."""
        if path is None:
            self.held_ = tempfile.NamedTemporaryFile(prefix="vectors-", suffix=".usearch")  # noqa: SIM115 - kept open
            target = self.held_.name
            self.index_.save(target)
        else:
            target = str(path)
            _save_whole(self.index_, path)
        self.index_.view(target)
        self.path_ = target
        return self

    def nearest(self, vector: Floats, count: int) -> Names:
        """The names of about the `count` nearest to a unit vector, nearest first."""
        found = self.index_.search(rounded(vector[None])[0], min(count, len(self)))
        return np.asarray(found.keys, dtype=np.uint64)

    def has(self, names: Names) -> NDArray[np.bool_]:
        """Per name whether it is in here."""
        if not len(names) or not len(self):
            return np.zeros(len(names), dtype=np.bool_)
        return np.asarray(self.index_.contains(names), dtype=np.bool_)

    def rows(self, names: Names) -> Floats:
        """The unit vectors of `names`, all of which are in here, as near as 8 bits tell: shape (names, dim)."""
        rows = np.asarray(self.index_.get(names), dtype=np.float32).reshape(len(names), self.dim)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _save_whole(built: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    built.save(str(beside))
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.replace(path)

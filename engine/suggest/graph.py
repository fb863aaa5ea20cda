"""An approximate index of many vectors, 8 bits a number, in a memory-mapped file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.lazy import lazy

index = lazy("usearch.index")

Floats = NDArray[np.float32]
Slots = NDArray[np.intp]

_LEVELS = 127  # of each sign that 8 bits hold
_CONNECTIVITY = 16  # neighbours per vector and level
_WIDTH_BUILT, _WIDTH_ASKED = 64, 192  # candidates kept while a vector is placed, and while a question is answered


class Graph:
    """Hierarchical navigable small world (Malkov and Yashunin 2016), as usearch builds it; immutable once settled.

    About 0.4 ms of one core and 850 bytes of the file per vector of 384 numbers; a settled one is read through the
    page cache, so that its memory is the system's to take back.
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
        self.file_: Any = None

    def __len__(self) -> int:
        return len(self.index_)

    def longer(self) -> Graph:
        """A copy in memory to which more can be added; this one goes on answering."""
        fresh = Graph(self.dim)
        if self.file_ is not None:
            fresh.index_.load(self.file_.name)
        return fresh

    def add(self, slots: Slots, vectors: Floats) -> None:
        """Add unit rows under `slots`, none of which may be in it."""
        self.index_.add(slots.astype(np.uint64), rounded(vectors))

    def settled(self, folder: Path | None = None) -> Self:
        """The same, on disk from now on, in a file of `folder` that is gone with this process."""
        file = tempfile.NamedTemporaryFile(prefix="vectors-", suffix=".usearch", dir=folder)  # noqa: SIM115 - kept open
        self.index_.save(file.name)
        self.index_.view(file.name)
        self.file_ = file
        return self

    def nearest(self, vector: Floats, count: int) -> Slots:
        """About the `count` nearest slots to a unit vector, nearest first."""
        found = self.index_.search(rounded(vector[None])[0], min(count, len(self)))
        return np.asarray(found.keys, dtype=np.intp)

    def has(self, slots: Slots) -> NDArray[np.bool_]:
        """Per slot whether it is in here."""
        return np.asarray(self.index_.contains(slots.astype(np.uint64)), dtype=np.bool_)

    def rows(self, slots: Slots) -> Floats:
        """The unit vectors of `slots`, all of which are in here, as near as 8 bits tell: shape (slots, dim)."""
        rows = np.asarray(self.index_.get(slots.astype(np.uint64)), dtype=np.float32).reshape(len(slots), self.dim)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def rounded(vectors: Floats) -> NDArray[np.int8]:
    """Rows scaled to use all of 8 bits: directions stay, lengths go.

    Examples
    --------
    >>> rounded(np.array([[0.6, -0.8]], dtype=np.float32)).tolist()
    [[95, -127]]
    """
    highest = np.abs(vectors).max(axis=1, keepdims=True)
    return np.round(vectors / np.where(highest, highest, 1) * _LEVELS).astype(np.int8)

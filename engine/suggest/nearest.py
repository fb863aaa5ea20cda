"""Search by meaning that grows one by one: cosine over the vectors of past incidents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.suggest.index import Floats, Slots, highest


class VectorIndex:
    """Cosine against unit vectors held in one growing array; a slot without a vector scores 0."""

    def __init__(self) -> None:
        self.rows_: Floats = np.zeros((0, 0), dtype=np.float32)
        self.has_: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self.size_ = 0

    def __len__(self) -> int:
        return self.size_

    def grow(self, size: int) -> None:
        """Make room for slots up to `size`; new ones have no vector yet."""
        if size > len(self.has_):
            room = max(size, 2 * len(self.has_), 16)
            self.rows_ = _padded(self.rows_, room)
            self.has_ = _padded(self.has_, room)
        self.size_ = max(size, self.size_)

    def put(self, slots: Sequence[int], vectors: Floats) -> None:
        """Set the unit rows of `slots`: shape (slots, dim)."""
        if not len(slots):
            return
        if self.rows_.shape[1] != vectors.shape[1]:
            self.rows_ = np.zeros((len(self.has_), vectors.shape[1]), dtype=np.float32)
            self.has_[:] = False
        self.rows_[list(slots)] = vectors
        self.has_[list(slots)] = True

    def rows(self, slots: Sequence[int]) -> Floats:
        """The vectors of `slots`: shape (slots, dim), zeros where there is none."""
        return self.rows_[list(slots)]

    def asked(self, vector: Floats) -> Near:
        """The search for slots whose vectors point where `vector`, a unit one, does."""
        return Near(self, vector)

    def scores(self, vector: Floats) -> Floats:
        """Cosine of every slot with `vector`: shape (slots,), -1..1."""
        return self.asked(vector).of(np.arange(self.size_))


class Near:
    """One question to the vectors."""

    def __init__(self, index: VectorIndex, vector: Floats) -> None:
        rows = index.rows_[: index.size_]
        self._cosines: Floats = rows @ vector if rows.shape[1] else np.zeros(len(rows), dtype=np.float32)

    def best(self, usable: NDArray[np.bool_], count: int) -> Slots:
        """The `count` nearest slots among `usable`, of those nearer than a right angle."""
        among = np.flatnonzero(usable & (self._cosines > 0))
        return among[highest(self._cosines[among], count)]

    def of(self, slots: Slots) -> Floats:
        """Cosines of `slots`: shape (slots,), -1..1; 0 without a vector."""
        return self._cosines[slots]


def _padded(values: Any, room: int) -> Any:
    wider = np.zeros((room, *values.shape[1:]), dtype=values.dtype)
    wider[: len(values)] = values
    return wider

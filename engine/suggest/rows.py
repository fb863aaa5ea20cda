"""Unit vectors in blocks that grow, each beside its 8 bits: searched by these first, answered from the whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.lazy import lazy
from engine.suggest.index import Floats, Slots
from engine.suggest.quantised import LEVELS, rounded

numkong = lazy("numkong")

BLOCK = 4_096  # rows taken from the system at a time
_WHOLE = 1_024  # rows that are compared as they are: 8 bits save nothing there
_ROUNDING = 1e-5  # what sums of 32-bit numbers are off by, at most


@dataclass(frozen=True)
class _Block:
    """Some rows: as they are, and as 8 bits times a scale, with the length of what is lost."""

    exact: Floats  # shape (BLOCK, dim)
    coarse: NDArray[np.int8]  # shape (BLOCK, dim)
    scale: Floats  # shape (BLOCK,)
    lost: Floats  # shape (BLOCK,)


class Rows:
    """Rows 0, 1, 2 ... of `dim` numbers, of length one or all zero."""

    def __init__(self, dim: int = 0) -> None:
        self.dim = dim
        self._blocks: list[_Block] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def open(self) -> int:
        """Make room for one more row, all zero until it is set; returns its number."""
        if self._count == len(self._blocks) * BLOCK:
            shape = (BLOCK, self.dim)
            exact, coarse = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.int8)
            self._blocks.append(_Block(exact, coarse, np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)))
        self._count += 1
        return self._count - 1

    def set(self, rows: Slots, vectors: Floats) -> None:
        """Set `rows`, all open, to `vectors`, unit ones: shape (rows, dim)."""
        coarse, scale, lost = _coarse(vectors)
        for number in np.unique(rows // BLOCK).tolist():
            here, block = rows // BLOCK == number, self._blocks[number]
            places = rows[here] % BLOCK
            block.exact[places], block.coarse[places] = vectors[here], coarse[here]
            block.scale[places], block.lost[places] = scale[here], lost[here]

    def take(self, rows: Slots) -> Floats:
        """The vectors of `rows`: shape (rows, dim)."""
        found = np.zeros((len(rows), self.dim), dtype=np.float32)
        for number in np.unique(rows // BLOCK).tolist():
            here = rows // BLOCK == number
            found[here] = self._blocks[number].exact[rows[here] % BLOCK]
        return found

    def nearest(self, vector: Floats, among: Slots, count: int) -> Slots:
        """Those of `among` that can be of its `count` nearest to a unit `vector`: all that are, and a few more.

        A product of 8 bits is off by no more than what both sides lost (Cauchy and Schwarz), so that whatever cannot
        reach the `count`-th surest one is out. A quarter of the memory is read, which is what takes the time.
        """
        if len(among) <= max(count, _WHOLE):
            return among
        coarse, scale, lost = _coarse(vector[None])
        near = np.concatenate([_products(block, coarse) for block in self._blocks])[among] * scale
        slack = np.concatenate([block.lost for block in self._blocks])[among] * (1 + lost) + lost + _ROUNDING
        sure = np.partition(near - slack, len(among) - count)[len(among) - count]
        return np.asarray(among[near + slack >= sure])


def _products(block: _Block, coarse: NDArray[np.int8]) -> Floats:
    products: Floats = np.asarray(numkong.cdist(coarse, block.coarse, "dot"), dtype=np.float32)[0]
    return np.asarray(products * block.scale)


def _coarse(vectors: Floats) -> tuple[NDArray[np.int8], Floats, Floats]:
    """`vectors` in 8 bits, the scale of each row, and the length of what is lost by it."""
    coarse = rounded(vectors)
    scale = np.abs(vectors).max(axis=1) / LEVELS
    lost = np.linalg.norm(vectors - coarse * scale[:, None], axis=1)
    return coarse, scale.astype(np.float32), lost.astype(np.float32)

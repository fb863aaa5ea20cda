"""Arrays that grow at their end without being copied at every step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_ROOM = 16  # values there is room for at first


class Column:
    """One growing array; `values` is a view of what is in it, valid until the next `add`."""

    def __init__(self, dtype: DTypeLike) -> None:
        self._kept: NDArray[Any] = np.zeros(_ROOM, dtype=dtype)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> NDArray[Any]:
        """All values in order: shape (length,). Writing into it changes the column."""
        return self._kept[: self._size]

    def add(self, value: float) -> None:
        """Append one value."""
        if self._size == len(self._kept):
            self._kept = np.concatenate([self._kept, np.zeros_like(self._kept)])
        self._kept[self._size] = value
        self._size += 1

    def take(self, values: NDArray[Any]) -> None:
        """Hold exactly `values`."""
        self._kept = np.array(values, dtype=self._kept.dtype)
        self._size = len(values)
        if not self._size:
            self._kept = np.zeros(_ROOM, dtype=self._kept.dtype)

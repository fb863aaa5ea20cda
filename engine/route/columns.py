"""Growing arrays: appending is cheap, and what reads them is not disturbed by it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Column:
    """A growing array; `seen()` is what it holds so far."""

    __slots__ = ("_data", "_size")

    def __init__(self, dtype: str, values: Iterable[float] = ()) -> None:
        self._data = np.array(list(values), dtype=dtype)
        self._size = len(self._data)

    @classmethod
    def over(cls, values: NDArray[Any]) -> Self:
        """A column that starts with `values` and shares them until something is appended."""
        column = cls("float64")
        column._data, column._size = values, len(values)
        return column

    def append(self, value: float) -> None:
        """Add one value."""
        if self._size == len(self._data):
            self._data = np.concatenate([self._data, np.zeros(max(4, self._size), self._data.dtype)])
        self._data[self._size] = value
        self._size += 1

    def seen(self) -> NDArray[Any]:
        """The values so far, in order."""
        return self._data[: self._size]

    def __len__(self) -> int:
        return self._size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Column) and np.array_equal(self.seen(), other.seen())

    __hash__ = None  # type: ignore[assignment]

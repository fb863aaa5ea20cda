"""Vectors in 8 bits a number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.suggest.index import Floats

LEVELS = 127  # of each sign that 8 bits hold


def rounded(vectors: Floats) -> NDArray[np.int8]:
    """Rows scaled to use all of 8 bits: directions stay, lengths go.

    Examples
    --------
    >>> rounded(np.array([[0.6, -0.8]], dtype=np.float32)).tolist()
    [[95, -127]]
    """
    highest = np.abs(vectors).max(axis=1, keepdims=True)
    return np.round(vectors / np.where(highest, highest, 1) * LEVELS).astype(np.int8)

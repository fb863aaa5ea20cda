"""Vectors come back bit by bit under their own model; storage that is away costs nothing but time."""

from __future__ import annotations

import numpy as np

from engine.store.store import Store


def test_vectors_come_back_under_their_model_only(store: Store) -> None:
    vectors = {f"h{n}": np.arange(4, dtype=np.float32) / (n + 1) for n in range(3)}
    store.embeddings.put("mini", vectors)
    store.embeddings.put("mini", {"h0": vectors["h1"]})
    found = store.embeddings.get("mini", ["h0", "h1", "h2", "h3"])
    assert found.keys() == {"h0", "h1", "h2"}
    assert all(vector.dtype == np.float32 for vector in found.values())
    np.testing.assert_array_equal(found["h0"], vectors["h1"])
    np.testing.assert_array_equal(found["h2"], vectors["h2"])
    assert store.embeddings.get("other", ["h0"]) == {}
    assert store.embeddings.get("mini", []) == {}


def test_a_locked_database_loses_vectors_and_raises_nothing(url: str) -> None:
    holder, other = Store(url), Store(url, wait_s=0.2)
    with holder.write():
        other.embeddings.put("mini", {"h": np.ones(2, dtype=np.float32)})
    assert other.embeddings.get("mini", ["h"]) == {}
    holder.close()
    other.close()

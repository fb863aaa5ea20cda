"""Vectors of texts, by model and text hash: no text is encoded twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
from sqlalchemy import select

from engine.errors import Unavailable
from engine.store.database import Database
from engine.store.tables import EmbeddingRow
from engine.store.writing import chunks, upsert


class Embeddings:
    """The encoder's cache port over the store. Storage that cannot answer costs time only: texts are encoded again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, model: str, hashes: Sequence[str]) -> dict[str, np.ndarray]:
        """The known ones among `hashes`: float32 vectors."""
        found: dict[str, np.ndarray] = {}
        with suppress(Unavailable), self._database.read() as link:
            for part in chunks(hashes):
                query = select(EmbeddingRow.text_hash, EmbeddingRow.vector)
                rows = link.execute(query.where(EmbeddingRow.model == model, EmbeddingRow.text_hash.in_(part)))
                found.update({row.text_hash: np.frombuffer(row.vector, dtype="<f4") for row in rows})
        return found

    def put(self, model: str, vectors: Mapping[str, np.ndarray]) -> None:
        """Keep `vectors`, by text hash."""
        rows = [
            {"model": model, "text_hash": key, "vector": np.asarray(vector, dtype="<f4").tobytes()}
            for key, vector in vectors.items()
        ]
        if rows:
            with suppress(Unavailable), self._database.write() as tx:
                upsert(tx.link, EmbeddingRow, rows)

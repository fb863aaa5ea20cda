"""Vectors that batch jobs remember on disk, so that a second run over the same texts encodes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_HASH_BYTES = 33  # 32 hex digits and a line end


class FolderCache:
    """A `VectorCache` of two growing files per model: hashes, and float32 rows beside them.

    Rows are only ever appended; a row cut short by a crash is dropped at the next opening. One process writes at a
    time; nothing is lost but work if two do. Deleting the folder is safe.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known_: dict[str, dict[str, Floats]] = {}

    def get(self, model: str, hashes: Sequence[str]) -> dict[str, Floats]:
        """The vectors known for `hashes`."""
        known = self._opened(model)
        return {name: known[name] for name in hashes if name in known}

    def put(self, model: str, vectors: Mapping[str, Floats]) -> None:
        """Remember `vectors`, unit rows of one length, on disk and in memory."""
        known = self._opened(model)
        fresh = {name: vector for name, vector in vectors.items() if name not in known}
        if not fresh:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        dim = len(next(iter(fresh.values())))
        names, rows = self._paths(model)
        with rows.open("ab") as file:
            np.array(list(fresh.values()), dtype="<f4").tofile(file)
        with names.open("ab") as file:
            file.write(b"".join(f"{name}\n".encode("ascii") for name in fresh))
        (self.folder / f"{names.stem}.dim").write_text(str(dim), encoding="ascii")
        known.update(fresh)

    def _paths(self, model: str) -> tuple[Path, Path]:
        stem = hashlib.sha256(model.encode()).hexdigest()[:16]
        return self.folder / f"{stem}.names", self.folder / f"{stem}.rows"

    def _opened(self, model: str) -> dict[str, Floats]:
        if model not in self.known_:
            self.known_[model] = self._read(model)
        return self.known_[model]

    def _read(self, model: str) -> dict[str, Floats]:
        names, rows = self._paths(model)
        try:
            dim = int((self.folder / f"{names.stem}.dim").read_text(encoding="ascii"))
            hashes = names.read_bytes()
            values = np.fromfile(rows, dtype="<f4")
        except (OSError, ValueError):
            self._forget(model)
            return {}
        count = min(len(hashes) // _HASH_BYTES, len(values) // max(dim, 1))
        if count * _HASH_BYTES != len(hashes) or count * dim != len(values):
            self._cut(model, count, dim)
        found = hashes[: count * _HASH_BYTES].decode("ascii").split()
        return dict(zip(found, values[: count * dim].reshape(count, dim), strict=True))

    def _cut(self, model: str, count: int, dim: int) -> None:
        names, rows = self._paths(model)
        for path, size in ((names, count * _HASH_BYTES), (rows, count * dim * 4)):
            with path.open("r+b") as file:
                file.truncate(size)

    def _forget(self, model: str) -> None:
        for path in self._paths(model):
            path.unlink(missing_ok=True)

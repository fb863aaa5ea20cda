"""The encoder loads late, encodes once, and says why it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import ModelUnusable
from engine.suggest import Encoder, MemoryCache
from engine.suggest import encoder as module
from engine.suggest.encoder import batches, text_hash
from training.vectors import FolderCache


class CountingModel:
    """Stands in for sentence-transformers: counts letters, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], **_: Any) -> np.ndarray:
        self.asked += texts
        rows = np.array([[text.count(letter) + 0.1 for letter in "aeiou"] for text in texts], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def counting(cache: Any = None) -> tuple[Encoder, CountingModel]:
    encoder, model = Encoder("counting", cache=cache), CountingModel()
    encoder.model_ = model
    return encoder, model


def test_constructing_reads_nothing() -> None:
    assert not Encoder("/nowhere").loaded


def test_known_texts_are_not_encoded_again() -> None:
    encoder, model = counting()
    first = encoder.encode(["disk full", "pool slow", "disk full"])
    assert encoder.encode(["pool slow", "disk full"]).tolist() == first[[1, 0]].tolist()
    assert model.asked == ["disk full", "pool slow"]


def test_nothing_in_nothing_out() -> None:
    assert len(counting()[0].encode([])) == 0


def test_a_missing_folder_is_a_reason_and_stays_one() -> None:
    encoder = Encoder("/nowhere/at/all")
    for _ in range(2):
        with pytest.raises(ModelUnusable, match="cannot be loaded"):
            encoder.encode(["disk full"])


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHA256", "0" * 64)
    with pytest.raises(ModelUnusable, match="sha256"):
        Encoder().load()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PACKAGE", "no_such_package_at_all")
    with pytest.raises(ModelUnusable, match="no-such-package-at-all"):
        Encoder().load()


def test_the_memory_cache_forgets_the_oldest() -> None:
    cache = MemoryCache(limit=2)
    cache.put("m", {name: np.ones(2, dtype=np.float32) for name in "abc"})
    assert set(cache.get("m", ["a", "b", "c"])) == {"b", "c"}
    assert cache.get("other", ["b"]) == {}


def test_the_folder_cache_survives_the_process_and_a_torn_write(tmp_path: Path) -> None:
    encoder, _ = counting(FolderCache(tmp_path))
    wanted = encoder.encode(["disk full", "pool slow"])
    rows = next(tmp_path.glob("*.rows"))
    rows.write_bytes(rows.read_bytes()[:-3])
    again, model = counting(FolderCache(tmp_path))
    assert again.encode(["disk full", "pool slow"]).tolist() == wanted.tolist()
    assert model.asked == ["pool slow"]
    third, idle = counting(FolderCache(tmp_path))
    assert third.encode(["disk full", "pool slow"]).tolist() == wanted.tolist()
    assert idle.asked == []


def test_two_models_do_not_share_vectors(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path)
    cache.put("one", {text_hash("x"): np.ones(2, dtype=np.float32)})
    assert cache.get("two", [text_hash("x")]) == {}


def test_other_weights_in_the_same_folder_are_another_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"one")
    before = Encoder(str(tmp_path)).name
    assert Encoder(str(tmp_path)).name == before
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert Encoder(str(tmp_path)).name != before
    assert Encoder().name == "all-MiniLM-L6-v2@128"


def test_batches_hold_every_text_once() -> None:
    texts = ["x" * (7 * i % 11) for i in range(25)]
    assert sorted(place for group in batches(texts, 4) for place in group) == list(range(25))


@pytest.mark.slow
def test_the_packaged_model_knows_what_is_alike() -> None:
    vectors = Encoder(threads=1).encode(["disk is full", "no space left on device", "certificate has expired"])
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]

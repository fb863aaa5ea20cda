"""Exact search that grows one by one: BM25 over a field of past incidents, and cosine over their vectors."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Slots = NDArray[np.intp]

_FOLD_AT = 64  # documents in the tail before the first fold


class FieldIndex:
    """BM25 (Lucene's form) over one field; documents have slots 0, 1, 2 ... in the order they came.

    Most documents lie in a bm25s index. Those that came after it was built lie in postings beside it, weighed with
    the same collection statistics, so that one more document is found at once and costs no rebuild. When the tail
    has grown to half the bulk (64 documents at least) all are indexed afresh and the statistics follow.

    Parameters
    ----------
    k1, b
        BM25's saturation of repeated terms (> 0) and its penalty on length (0..1).
    """

    def __init__(self, k1: float = 1.2, b: float = 0.75) -> None:
        self.k1 = k1
        self.b = b
        self.documents_: list[NDArray[np.int32]] = []
        self.vocabulary_: dict[str, int] = {}
        self.lengths_: array[int] = array("i")
        self.own_: array[float] = array("f")  # each document's score against itself
        self._clear_tail(0)
        self._take(None, 0.0)

    def __len__(self) -> int:
        return len(self.documents_)

    def fit(self, documents: Iterable[Sequence[str]]) -> FieldIndex:
        """Index `documents` (lists of terms) from nothing."""
        self.vocabulary_, self.documents_, self.lengths_ = {}, [], array("i")
        for terms in documents:
            self.stage(terms)
        return self.settle()

    def stage(self, terms: Sequence[str]) -> None:
        """Append one document of many; `settle` makes them searchable."""
        self.documents_.append(self._ids(terms))
        self.lengths_.append(len(terms))

    def settle(self) -> FieldIndex:
        """Index everything afresh, with the statistics of what there is now."""
        self._fold()
        return self

    def kept(self, slots: Sequence[int]) -> FieldIndex:
        """An index of the documents of `slots` alone, in that order."""
        fresh = FieldIndex(self.k1, self.b)
        fresh.vocabulary_ = dict(self.vocabulary_)
        fresh.documents_ = [self.documents_[slot] for slot in slots]
        fresh.lengths_ = array("i", [self.lengths_[slot] for slot in slots])
        return fresh.settle()

    def add(self, terms: Sequence[str]) -> None:
        """Append one document; the next `scores` sees it."""
        slot = len(self.documents_)
        self.stage(terms)
        own = 0.0
        for term, weight in self._weights(self.documents_[slot]):
            slots, weights = self.tail_.setdefault(term, (array("q"), array("f")))
            slots.append(slot)
            weights.append(weight)
            own += weight
        self.own_.append(own)
        self.tail_size_ += 1
        if self.tail_size_ >= max(_FOLD_AT, self.bulk_size_ // 2):
            self._fold()

    def scores(self, terms: Iterable[str]) -> Floats:
        """BM25 of every document for the distinct `terms`: shape (documents,), >= 0, higher is closer."""
        found = np.zeros(len(self.documents_), dtype=np.float32)
        known = {self.vocabulary_[term] for term in terms if term in self.vocabulary_}
        for term in sorted(known):
            start, end = self._span(term)
            if end > start:
                found[self.bulk_["indices"][start:end]] += self.bulk_["data"][start:end]
            if term in self.tail_:
                slots, weights = self.tail_[term]
                found[np.array(slots)] += np.array(weights)
        return found

    def self_score(self, terms: Sequence[str]) -> float:
        """The score that a document of these `terms` would have against itself: what full agreement is worth."""
        counts = Counter(terms)
        length = sum(counts.values())
        return sum(self._weight(self.vocabulary_.get(term, -1), count, length) for term, count in counts.items())

    def self_scores(self) -> Floats:
        """`self_score` of every document: shape (documents,)."""
        return np.array(self.own_, dtype=np.float32)

    def lengths(self) -> Floats:
        """Terms of every document: shape (documents,)."""
        return np.array(self.lengths_, dtype=np.float32)

    def equal(self, terms: Sequence[str], slots: Slots) -> NDArray[np.bool_]:
        """Per slot whether its document is exactly `terms`: shape (slots,); nothing equals an empty document."""
        asked = np.array([self.vocabulary_.get(term, -1) for term in terms], dtype=np.int32)
        return np.array(
            [len(asked) > 0 and np.array_equal(asked, self.documents_[slot]) for slot in slots], dtype=np.bool_
        )

    def shared(self, terms: Iterable[str], slot: int, count: int) -> list[str]:
        """The `count` rarest of `terms` that the document in `slot` also holds, rarest first."""
        held = set(self.documents_[slot].tolist())
        common = {term for term in terms if self.vocabulary_.get(term, -1) in held}
        return sorted(common, key=lambda term: (-self._idf(self.vocabulary_[term]), term))[:count]

    def _ids(self, terms: Sequence[str]) -> NDArray[np.int32]:
        vocabulary = self.vocabulary_
        return np.array([vocabulary.setdefault(term, len(vocabulary)) for term in terms], dtype=np.int32)

    def _span(self, term: int) -> tuple[int, int]:
        pointers = self.bulk_["indptr"]
        return (int(pointers[term]), int(pointers[term + 1])) if 0 <= term < len(pointers) - 1 else (0, 0)

    def _idf(self, term: int) -> float:
        start, end = self._span(term)
        return float(np.log1p((self.bulk_size_ - (end - start) + 0.5) / (end - start + 0.5)))

    def _weight(self, term: int, count: int, length: int) -> float:
        relative = length / self.mean_length_ if self.mean_length_ else 1.0
        return self._idf(term) * count / (count + self.k1 * (1 - self.b + self.b * relative))

    def _weights(self, document: NDArray[np.int32]) -> list[tuple[int, float]]:
        return [(term, self._weight(term, count, len(document))) for term, count in Counter(document.tolist()).items()]

    def _fold(self) -> None:
        lengths = self.lengths_
        self._clear_tail(0)
        if not sum(lengths):
            self._take(None, 0.0)
            self.own_ = array("f", [0.0] * len(lengths))
            return
        engine = bm25s.BM25(k1=self.k1, b=self.b, method="lucene")
        ids = [document.tolist() for document in self.documents_]
        engine.index((ids, dict(self.vocabulary_)), create_empty_token=False, show_progress=False)
        self._take(engine.scores, sum(lengths) / len(lengths))
        own = np.bincount(self.bulk_["indices"], weights=self.bulk_["data"], minlength=len(lengths))
        self.own_ = array("f", own.tolist())

    def _take(self, scores: dict[str, Any] | None, mean_length: float) -> None:
        empty: dict[str, Any] = {
            "data": np.zeros(0, np.float32),
            "indices": np.zeros(0, np.int32),
            "indptr": np.zeros(1, np.int64),
        }
        self.bulk_ = scores or empty
        self.bulk_size_ = len(self.documents_)
        self.mean_length_ = mean_length

    def _clear_tail(self, size: int) -> None:
        self.tail_: dict[int, tuple[array[int], array[float]]] = {}
        self.tail_size_ = size


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

    def missing(self) -> list[int]:
        """Slots that have no vector yet."""
        return np.flatnonzero(~self.has_[: self.size_]).tolist()

    def scores(self, vector: Floats) -> Floats:
        """Cosine of every slot with `vector`: shape (slots,), -1..1."""
        if not self.rows_.shape[1]:
            return np.zeros(self.size_, dtype=np.float32)
        return np.asarray(self.rows_[: self.size_] @ vector, dtype=np.float32)


def _padded(values: Any, room: int) -> Any:
    wider = np.zeros((room, *values.shape[1:]), dtype=values.dtype)
    wider[: len(values)] = values
    return wider

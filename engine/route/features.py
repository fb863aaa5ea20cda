"""Readings as sparse rows of hashed features: words, word pairs and marks, for the linear model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any, Self, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from engine.lazy import lazy
from engine.route.columns import Floats, Ints
from engine.route.memory import column_of
from engine.route.reading import Reading

sparse = lazy("scipy.sparse")

_SPACE = 2**30  # hashes; large enough that two features that matter never share one
_MAX_FEATURES = 60_000
_LEAST_TEXTS = 3  # texts in which a word, pair or piece must occur
_LEAST_MARKED = 2  # incidents that must have a mark
_BLOCK = 4096  # rows made at a time
_WORD_RIDGE, _MARK_RIDGE = 0.1, 0.5  # how strongly a linear model's weights are pulled towards 0
_MARK, _PAIR = 0.5, 0.25  # values of a mark and of a pair of them: what one field tells is learned first
_PIECED_WORDS = 40  # first distinct words of a text that are also read in pieces
Matrix: TypeAlias = Any  # scipy.sparse CSR of float32; scipy brings no types


@dataclass(frozen=True, slots=True)
class Hashed:
    """Readings as counts of hashed words and marks, and which of the hashes are those of pairs of marks."""

    words: Matrix
    marks: Matrix
    pairs: Ints


class Features:
    """Which features matter, learned from readings: words by tf-idf of length 1, marks as indicators, a constant."""

    def __init__(self, *, plain: bool = False) -> None:
        self.plain = plain  # only words and whole values of columns, the values of a row of length 1 together
        self.word_hashes_: Ints = np.zeros(0, np.int64)  # ascending
        self.mark_hashes_: Ints = np.zeros(0, np.int64)  # ascending
        self.mark_values_: NDArray[np.float32] = np.zeros(0, np.float32)
        self.idf_: NDArray[np.float32] = np.zeros(0, np.float32)

    @property
    def width(self) -> int:
        """Columns of a row, the constant included."""
        return len(self.word_hashes_) + len(self.mark_hashes_) + 1

    @property
    def ridge(self) -> Floats:
        """How strongly the weights of each column are pulled towards 0; the constant's not at all."""
        words, marks = np.full(len(self.word_hashes_), _WORD_RIDGE), np.full(len(self.mark_hashes_), _MARK_RIDGE)
        return np.concatenate([words, marks, [0.0]])

    def fit(self, readings: Sequence[Reading], limit: int = _MAX_FEATURES) -> Self:
        """Keep the features that some of `readings` share, the most frequent `limit` of each kind."""
        self.fit_rows(self.hashed(readings), np.arange(len(readings)), limit)
        return self

    def hashed(self, readings: Sequence[Reading]) -> Hashed:
        """`readings` as `fit_rows` takes them."""
        pairs = {mark for reading in readings for mark in reading.marks if "*" in column_of(mark)}
        words, marks = self._read(readings)
        return Hashed(_without_rare(words, _LEAST_TEXTS), _without_rare(marks, _LEAST_MARKED), _hashes(pairs))

    def fit_rows(self, hashed: Hashed, known: Ints, limit: int = _MAX_FEATURES) -> Matrix:
        """`fit` to the `known` ones of the readings, and the rows of all: what is new in the others is not read."""
        words, marks = hashed.words[known], hashed.marks[known]
        self.word_hashes_, df = _shared(words, limit, _LEAST_TEXTS)
        self.mark_hashes_, _ = _shared(marks, limit, _LEAST_MARKED)
        self.mark_values_ = np.where(np.isin(self.mark_hashes_, hashed.pairs), _PAIR, _MARK).astype(np.float32)
        self.idf_ = (1 + np.log((1 + len(known)) / (1 + df))).astype(np.float32)
        return self._rows(hashed.words, hashed.marks)

    def rows(self, readings: Sequence[Reading]) -> Matrix:
        """One sparse row a reading, `width` wide."""
        return self._rows(*self._read(readings))

    def _read(self, readings: Sequence[Reading]) -> tuple[Matrix, Matrix]:
        return _hashed(map(self._words_of, readings)), _hashed(map(self._marks_of, readings))

    def _words_of(self, reading: Reading) -> list[str]:
        return _repeated(reading) if self.plain else _word_features(reading)

    def _marks_of(self, reading: Reading) -> Sequence[str]:
        return [mark for mark in reading.marks if _is_plain(mark)] if self.plain else reading.marks

    def _rows(self, words: Matrix, marks: Matrix) -> Matrix:
        return _stacked([self._block(*pair) for pair in zip(_blocks_of(words), _blocks_of(marks), strict=True)])

    def _block(self, words: Matrix, marks: Matrix) -> Matrix:
        words = _select(words, self.word_hashes_)
        words.data = (1 + np.log(np.maximum(words.data, 1))) * self.idf_[words.indices]
        marks = _select(marks, self.mark_hashes_)
        marks.data = self.mark_values_[marks.indices]
        marks = _unit(marks) if self.plain else marks
        ones = sparse.csr_matrix(np.full((marks.shape[0], 1), 0.5, np.float32))
        return sparse.hstack([_unit(words), marks, ones], format="csr", dtype=np.float32)

    def one(self, reading: Reading) -> tuple[Ints, NDArray[np.float32]]:
        """Columns and values of one reading's row: what `rows` gives for it, without the cost of matrices."""
        columns, values = _find(self._words_of(reading), self.word_hashes_)
        words = (1 + np.log(values)) * self.idf_[columns]
        words /= np.sqrt(words @ words) or 1.0
        marks, _ = _find(self._marks_of(reading), self.mark_hashes_)
        told = self.mark_values_[marks]
        told = told / (np.sqrt(told @ told) or 1.0) if self.plain else told
        places = np.concatenate([columns, marks + len(self.word_hashes_), [self.width - 1]])
        weights = np.concatenate([words, told, [0.5]])
        return places, weights.astype(np.float32)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned."""
        return {"words": self.word_hashes_, "marks": self.mark_hashes_, "values": self.mark_values_, "idf": self.idf_}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], *, plain: bool = False) -> Self:
        """The features that `to_arrays` described."""
        features = cls(plain=plain)
        features.word_hashes_, features.mark_hashes_ = arrays["words"], arrays["marks"]
        features.mark_values_, features.idf_ = arrays["values"], arrays["idf"]
        return features


def _word_features(reading: Reading) -> list[str]:
    found = list(reading.words)
    return _repeated(reading) + _pieces(found[:_PIECED_WORDS]) + [f"{a} {b}" for a, b in pairwise(found)]


def _repeated(reading: Reading) -> list[str]:
    return [word for word, count in reading.words.items() for _ in range(min(count, 8))]


def _is_plain(mark: str) -> bool:
    """Whether it is the value of one column, as it is written.

    Examples
    --------
    >>> [_is_plain(mark) for mark in ("site=ams", "site*kind=ams&disk", "site~ams", "@hour=3")]
    [True, False, False, False]
    """
    column = column_of(mark)
    return column.endswith("=") and "*" not in column and not mark.startswith("@")


def _pieces(found: Sequence[str]) -> list[str]:
    """Runs of four letters with the ends of words marked: kin words and misspellings share some."""
    marked = (f"<{word}>" for word in found)
    return list({f"…{word[begin : begin + 4]}" for word in marked for begin in range(max(1, len(word) - 3))})


def _find(features: Sequence[str], hashes: Ints) -> tuple[Ints, Ints]:
    """Places in `hashes` of the known features, each once, and how often it occurs."""
    unique, counts = np.unique(_hashes(features), return_counts=True)
    place = np.minimum(np.searchsorted(hashes, unique), max(0, len(hashes) - 1))
    known = hashes[place] == unique if len(hashes) else np.zeros(len(unique), bool)
    return place[known], counts[known]


def _hashes(features: Iterable[str]) -> Ints:
    """A number below `_SPACE` for each feature. CRC-32: scikit-learn's hasher takes seconds to import."""
    return np.array([crc32(feature.encode("utf-8", "surrogatepass")) & (_SPACE - 1) for feature in features], np.int64)


def _hashed(features: Iterable[Sequence[str]]) -> Matrix:
    """How often each hash occurs in each row; the features of one row are forgotten before the next is read."""
    hashed, blocks = (_hashes(row).astype(np.int32) for row in features), []
    while block := list(islice(hashed, _BLOCK)):
        ends = np.cumsum([0, *map(len, block)])
        found = np.concatenate(block)
        counts = sparse.csr_matrix((np.ones(len(found), np.float32), found, ends), shape=(len(block), _SPACE))
        counts.sum_duplicates()
        blocks.append(counts)
    return _stacked(blocks) if blocks else sparse.csr_matrix((0, _SPACE), dtype=np.float32)


def _blocks_of(rows: Matrix) -> list[Matrix]:
    return [rows[begin : begin + _BLOCK] for begin in range(0, max(1, rows.shape[0]), _BLOCK)]


def _stacked(blocks: Sequence[Matrix]) -> Matrix:
    return sparse.vstack(blocks, format="csr") if len(blocks) > 1 else blocks[0]


def _shared(counts: Matrix, limit: int, least: int) -> tuple[Ints, Ints]:
    hashes, df = np.unique(counts.indices, return_counts=True)
    keep = np.flatnonzero(df >= least)
    if len(keep) > limit:
        keep = np.sort(keep[np.argsort(-df[keep], kind="stable")[:limit]])
    return hashes[keep].astype(np.int64), df[keep]


def _without_rare(counts: Matrix, least: int) -> Matrix:
    """Without hashes that occur in fewer than `least` rows: they are no feature of any part of the rows either."""
    hashes, _ = _shared(counts, counts.nnz, least)
    return _stacked([_of_known(block, hashes) for block in _blocks_of(counts)])


def _of_known(counts: Matrix, hashes: Ints) -> Matrix:
    known, _ = _places(counts, hashes)
    return sparse.csr_matrix((counts.data[known], counts.indices[known], _ends(counts, known)), shape=counts.shape)


def _places(counts: Matrix, hashes: Ints) -> tuple[NDArray[np.bool_], Ints]:
    """Which values of `counts` are of `hashes` (ascending), and the places of all in these."""
    place = np.searchsorted(hashes, counts.indices)
    known = place < len(hashes)
    known[known] = hashes[place[known]] == counts.indices[known]
    return known, place


def _ends(counts: Matrix, known: NDArray[np.bool_]) -> Ints:
    """Where the rows of `counts` end once only the `known` of its values are kept."""
    return np.asarray(np.concatenate([np.zeros(1, np.int64), np.cumsum(known)])[counts.indptr], np.int64)


def _select(counts: Matrix, hashes: Ints) -> Matrix:
    known, place = _places(counts, hashes)
    shape = (counts.shape[0], len(hashes))
    return sparse.csr_matrix((counts.data[known], place[known], _ends(counts, known)), shape=shape, dtype=np.float32)


def _unit(rows: Matrix) -> Matrix:
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return sparse.diags_array((1 / np.where(length > 0, length, 1)).astype(np.float32)).dot(rows).tocsr()

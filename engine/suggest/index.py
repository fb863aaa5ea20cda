"""Search by words that grows one by one: BM25 over a field of past incidents, with bounded work per question."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from engine.suggest.columns import Column
from engine.suggest.postings import MOST_DOCUMENTS, Packed, Postings, key_of, keys_of, packed, renumbered

Floats = NDArray[np.float32]
Slots = NDArray[np.intp]

_FOLD_AT = 64  # documents in the tail before the first fold
_PACK_AT = 1 << 21  # staged terms that are packed together: bounds what building takes beside its result
_READ = 150_000  # postings read to find candidates in one field: 2 ms; what is rarer is read first
_SAMPLED = 16_384  # scores from which on the highest are looked for among those above a bar that a sample gives
_SAMPLE = 2_048  # scores
_MARGIN = 3  # times as many as asked for should be above that bar
_WIDER = 4  # times as many candidates as asked for are looked at again, where common terms were left for later


class FieldIndex:
    """BM25 (Lucene's form) over one field; documents have slots 0, 1, 2 ... in the order they came.

    Most documents lie in sorted postings. Those that came after these were built lie in a tail beside them, weighed
    with the same collection statistics, so that one more document is found at once and costs no rebuild. When the
    tail has grown to half the bulk (64 documents at least) all are sorted afresh and the statistics follow.

    Parameters
    ----------
    k1, b
        BM25's saturation of repeated terms (> 0) and its penalty on length (0..1).
    read
        Postings read at most before candidates are chosen. Rare terms are read whole first; those left over (MaxScore's
        non-essential lists: Turtle and Flood 1995) only add to candidates, so every score that is given is exact.
    """

    def __init__(self, k1: float = 1.2, b: float = 0.75, read: int = _READ) -> None:
        self.k1 = k1
        self.b = b
        self.read = read
        self._forget()

    def __len__(self) -> int:
        return len(self.lengths_)

    def fit(self, documents: Iterable[Sequence[str]]) -> FieldIndex:
        """Index `documents` (lists of terms) from nothing."""
        self._forget()
        for terms in documents:
            self.stage(terms)
        return self.settle()

    def stage(self, terms: Sequence[str]) -> None:
        """Append one document of many; `settle` makes them searchable."""
        self._measure(terms)
        self.staged_.extend(map(key_of, terms))
        if len(self.staged_) >= _PACK_AT:
            self._pack()

    def settle(self) -> FieldIndex:
        """Index everything afresh, with the statistics of what there is now."""
        self._pack()
        self._rebuild(np.concatenate([self.bulk_.packed(), *self.packs_, self._tail_packed()]))
        return self

    def kept(self, slots: Sequence[int]) -> FieldIndex:
        """An index of the documents of `slots` alone, in that order."""
        fresh, chosen = FieldIndex(self.k1, self.b, self.read), np.asarray(slots, dtype=np.intp)
        everything = renumbered(np.concatenate([self.bulk_.packed(), self._tail_packed()]), slots, len(self))
        return fresh.take(everything, self.lengths_.values[chosen], self.digests_.values[chosen])

    def take(self, everything: Packed, lengths: Floats, digests: NDArray[np.uint32]) -> FieldIndex:
        """Hold exactly the documents whose postings, lengths and digests (`digest_of`) are given, by slot."""
        self.lengths_.take(lengths)
        self.digests_.take(digests)
        self._rebuild(everything)
        return self

    def add(self, terms: Sequence[str]) -> None:
        """Append one document; the next question sees it."""
        slot, norm = len(self), self._norm(len(terms))
        self._measure(terms)
        counts = Counter(map(key_of, terms))
        for key, count in counts.items():
            slots, times = self.tail_.setdefault(key, (array("i"), array("B")))
            slots.append(slot)
            times.append(min(count, 255))
        self.norms_.add(norm)
        self.own_.add(self._own(counts, norm))
        self.tail_size_ += 1
        if self.tail_size_ >= max(_FOLD_AT, self.bulk_size_ // 2):
            self.settle()

    def asked(self, terms: Iterable[str]) -> Asked:
        """The search for documents like `terms`: distinct terms count once."""
        return Asked(self, sorted(set(terms)))

    def scores(self, terms: Iterable[str]) -> Floats:
        """BM25 of every document for the distinct `terms`: shape (documents,), >= 0, higher is closer."""
        return self.asked(terms).of(np.arange(len(self)))

    def self_score(self, terms: Sequence[str]) -> float:
        """The score that a document of these `terms` would have against itself: what full agreement is worth."""
        return self._own(Counter(map(key_of, terms)), self._norm(len(terms)))

    def self_scores(self) -> Floats:
        """`self_score` of every document: shape (documents,)."""
        return self.own_.values

    def lengths(self) -> Floats:
        """Terms of every document: shape (documents,)."""
        return self.lengths_.values

    def equal(self, terms: Sequence[str], slots: Slots) -> NDArray[np.bool_]:
        """Per slot whether its document is exactly `terms`: shape (slots,); nothing equals an empty document."""
        return np.asarray((self.digests_.values[slots] == digest_of(terms)) & (len(terms) > 0))

    def _forget(self) -> None:
        self.packed_size_ = 0
        self.lengths_, self.norms_, self.own_ = Column(np.float32), Column(np.float32), Column(np.float32)
        self.digests_ = Column(np.uint32)
        self.staged_ = array("I")  # keys of documents that are not packed yet
        self._rebuild(np.zeros(0, dtype=np.uint64))

    def _measure(self, terms: Sequence[str]) -> None:
        if len(self) >= MOST_DOCUMENTS:
            raise OverflowError(f"an index holds {MOST_DOCUMENTS} documents at most")
        self.lengths_.add(len(terms))
        self.digests_.add(digest_of(terms))

    def _pack(self) -> None:
        slots = np.arange(self.packed_size_, len(self))
        lengths = self.lengths_.values[self.packed_size_ :].astype(np.int64)
        if len(self.staged_):
            self.packs_.append(packed(np.repeat(slots, lengths), np.array(self.staged_, dtype=np.uint32)))
        self.staged_ = array("I")
        self.packed_size_ = len(self)

    def _tail_packed(self) -> Packed:
        parts = [
            (np.uint64(key) << np.uint64(32))
            | (np.array(slots, np.uint64) << np.uint64(8))
            | np.array(times, np.uint64)
            for key, (slots, times) in self.tail_.items()
        ]
        return np.concatenate([np.zeros(0, dtype=np.uint64), *parts])

    def _rebuild(self, everything: Packed) -> None:
        self.bulk_, self.bulk_size_ = Postings(everything), len(self)
        self.packed_size_ = len(self)  # documents that are packed
        self.packs_: list[Packed] = []
        self.tail_: dict[int, tuple[array[int], array[int]]] = {}  # slots and counts by key
        self.tail_size_ = 0
        lengths = self.lengths_.values
        self.mean_length_ = float(lengths.mean()) if len(lengths) else 0.0
        relative = lengths / self.mean_length_ if self.mean_length_ else np.ones_like(lengths)
        self.norms_.take(self.k1 * (1 - self.b + self.b * relative))
        self.own_.take(self._owns())

    def _owns(self) -> Floats:
        total, bulk = np.zeros(len(self), dtype=np.float64), self.bulk_
        held = np.diff(bulk.starts)
        for first in range(0, len(bulk), _PACK_AT):
            part = slice(first, first + _PACK_AT)
            terms = np.searchsorted(bulk.starts, np.arange(first, min(first + _PACK_AT, len(bulk))), side="right") - 1
            weights = self._weigh(self._idf(held)[terms], bulk.slots[part], bulk.counts[part])
            total += np.bincount(bulk.slots[part], weights=weights, minlength=len(self))
        return total.astype(np.float32)

    def _norm(self, length: float) -> float:
        """What the count of a term is divided by, beside itself: k1 for a document of mean length."""
        return float(self.k1 * (1 - self.b + self.b * (length / self.mean_length_ if self.mean_length_ else 1.0)))

    def _idf(self, holders: NDArray[np.int64]) -> Floats:
        return np.log1p((self.bulk_size_ - holders + 0.5) / (holders + 0.5)).astype(np.float32)

    def _weigh(self, idf: Floats, slots: NDArray[np.int32], counts: NDArray[np.uint8]) -> Floats:
        return np.asarray(idf * counts / (counts + self.norms_.values.take(slots)), dtype=np.float32)

    def _own(self, counts: Counter[int], norm: float) -> float:
        starts, ends = self.bulk_.spans(np.array(list(counts), dtype=np.uint32))
        times = np.minimum(np.array(list(counts.values()), dtype=np.float32), 255)
        return float((self._idf(ends - starts) * times / (times + norm)).sum())


class Asked:
    """One question to one field: rare terms are added up for every document at once, common ones where asked for."""

    def __init__(self, index: FieldIndex, terms: Sequence[str]) -> None:
        self._index = index
        keys = keys_of(terms)
        starts, ends = index.bulk_.spans(keys)
        order = np.argsort(ends - starts, kind="stable")  # rarest first
        self._terms, self._keys = [terms[place] for place in order], keys[order]
        self._starts, self._ends = starts[order], ends[order]
        self._idf = index._idf(self._ends - self._starts)
        self._read = max(1, int(np.searchsorted(np.cumsum(self._ends - self._starts), index.read, side="right")))
        self._found = np.zeros(len(index), dtype=np.float32)
        self._add_rare()
        if index.tail_:
            self._add_tail()

    def best(self, usable: NDArray[np.bool_], count: int) -> Slots:
        """The `count` slots with the highest scores above 0 among `usable`; of equals, the later ones."""
        among = np.flatnonzero((self._found > 0) & usable)
        if self._read < len(self._starts):
            among = among[highest(self._found[among], count * _WIDER)]
        return among[highest(self.of(among), count)]

    def of(self, slots: Slots) -> Floats:
        """The scores of `slots`: shape (slots,)."""
        scores, wanted = self._found[slots], slots.astype(np.int32)  # numbers of one size: else `held` is copied
        for place in range(self._read, len(self._starts)):
            held = self._index.bulk_.slots[self._starts[place] : self._ends[place]]
            at = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
            there = held[at] == slots
            counts = self._index.bulk_.counts[self._starts[place] : self._ends[place]][at[there]]
            scores[there] += self._index._weigh(self._idf[place], slots[there], counts)
        return scores

    def shared(self, slot: int, count: int) -> list[str]:
        """The `count` rarest terms of the question that the document in `slot` also holds, rarest first."""
        holds = self._in_bulk if slot < self._index.bulk_size_ else self._in_tail
        return list(islice((term for place, term in enumerate(self._terms) if holds(place, slot)), count))

    def _in_bulk(self, place: int, slot: int) -> bool:
        return self._index.bulk_.holds(int(self._starts[place]), int(self._ends[place]), slot)

    def _in_tail(self, place: int, slot: int) -> bool:
        return slot in self._index.tail_.get(int(self._keys[place]), _NOTHING)[0]

    def _add_rare(self) -> None:
        bulk = self._index.bulk_
        parts = [slice(*span) for span in zip(self._starts[: self._read], self._ends[: self._read], strict=True)]
        if parts:
            idf = np.repeat(self._idf[: self._read], (self._ends - self._starts)[: self._read])
            self._add(
                idf,
                np.concatenate([bulk.slots[part] for part in parts]),
                np.concatenate([bulk.counts[part] for part in parts]),
            )

    def _add_tail(self) -> None:
        for idf, key in zip(self._idf, self._keys.tolist(), strict=True):
            if key in self._index.tail_:
                slots, counts = self._index.tail_[key]
                self._add(idf, np.array(slots, dtype=np.int32), np.array(counts, dtype=np.uint8))

    def _add(self, idf: Floats, slots: NDArray[np.int32], counts: NDArray[np.uint8]) -> None:
        np.add.at(self._found, slots, self._index._weigh(idf, slots, counts))


_NOTHING: tuple[array[int], array[int]] = (array("i"), array("B"))


def digest_of(terms: Sequence[str]) -> int:
    """A number that tells two documents apart, order and all."""
    return crc32("\x1f".join(terms).encode("utf-8", "replace"))


def highest(scores: Floats, count: int) -> Slots:
    """Places of the `count` highest of `scores`; of equals, the last ones."""
    if len(scores) <= count:
        return np.arange(len(scores))
    if len(scores) > _SAMPLED:
        among = np.flatnonzero(scores >= _low_bar(scores, count))
        if count <= len(among) < len(scores):
            return among[highest(scores[among], count)]
    bar = np.partition(scores, len(scores) - count)[len(scores) - count]
    above, level = np.flatnonzero(scores > bar), np.flatnonzero(scores == bar)
    return np.concatenate([above, level[len(level) - (count - len(above)) :]])


def _low_bar(scores: Floats, count: int) -> float:
    """What a few more than `count` of many `scores` should reach, by a sample: telling them apart is then less work."""
    sample = scores[:: len(scores) // _SAMPLE]
    place = len(sample) - max(1, _MARGIN * count * len(sample) // len(scores))
    return float(np.partition(sample, place)[place]) if place > 0 else -np.inf

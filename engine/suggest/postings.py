"""Which documents hold which terms, how often: flat arrays sorted by term, built from packed integers by one sort."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint32]
Packed = NDArray[np.uint64]

_TERM, _SLOT, _COUNT = (
    np.uint64(32),
    np.uint64(8),
    np.uint64(0xFF),
)  # bits: 32 of the term, 24 of the slot, 8 of the count
_SLOTS = np.uint64(0xFFFFFF)
MOST_DOCUMENTS = 1 << 24


def key_of(term: str) -> int:
    """The number that stands for `term` (CRC-32): two of 100,000 terms share one about once, which costs little.

    Examples
    --------
    >>> key_of("disk") == key_of("disk"), key_of("disk") == key_of("disc")
    (True, False)
    """
    return crc32(term.encode("utf-8", "replace"))


class Postings:
    """Immutable: for each distinct key its documents in order, with counts up to 255. Five bytes per posting.

    A dictionary of words would cost twenty times the twelve bytes a key takes here, and pairs of words are many.
    """

    def __init__(self, packed: Packed | None = None) -> None:
        ordered = np.zeros(0, dtype=np.uint64) if packed is None else np.sort(packed)
        terms = (ordered >> _TERM).astype(np.uint32)
        firsts = np.flatnonzero(np.diff(terms, prepend=terms[:1] ^ np.uint32(1)))
        self.keys: Keys = terms[firsts]
        self.starts = np.append(firsts, len(terms)).astype(np.int64)
        self.slots = ((ordered >> _SLOT) & _SLOTS).astype(np.int32)
        self.counts = (ordered & _COUNT).astype(np.uint8)

    def __len__(self) -> int:
        return len(self.slots)

    def spans(self, asked: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the postings of each of `asked` begin and end; an unknown key has none."""
        if not len(self.keys):
            nothing = np.zeros(len(asked), dtype=np.int64)
            return nothing, nothing
        places = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
        known = self.keys[places] == asked
        return np.where(known, self.starts[places], 0), np.where(known, self.starts[places + 1], 0)

    def holds(self, start: int, end: int, slot: int) -> bool:
        """Whether the document in `slot` is in one span of `spans`."""
        place = bisect_left(self.slots, slot, start, end)
        return place < end and bool(self.slots[place] == slot)

    def packed(self) -> Packed:
        """The integers that this was built from, in order."""
        terms = np.repeat(self.keys, np.diff(self.starts)).astype(np.uint64)
        return (terms << _TERM) | (self.slots.astype(np.uint64) << _SLOT) | self.counts


def packed(slots: NDArray[np.int64], keys: Keys) -> Packed:
    """One integer per distinct pair of `slots` and `keys` (run side by side), with how often the pair is there."""
    pairs = (keys.astype(np.uint64) << _TERM) | (slots.astype(np.uint64) << _SLOT)
    pairs.sort()
    firsts = np.flatnonzero(np.diff(pairs, prepend=~pairs[:1]))
    counts = np.diff(np.append(firsts, len(pairs)))
    return np.asarray(pairs[firsts] | np.minimum(counts, 255).astype(np.uint64))


def renumbered(postings: Packed, slots: Sequence[int], size: int) -> Packed:
    """The postings of `slots` alone, which become 0, 1, 2 ...; there were `size` documents."""
    place = np.full(size, -1, dtype=np.int64)
    place[np.asarray(slots, dtype=np.intp)] = np.arange(len(slots))
    moved = place[((postings >> _SLOT) & _SLOTS).astype(np.intp)]
    rest = postings & ~(_SLOTS << _SLOT)
    return np.asarray((rest | (np.maximum(moved, 0).astype(np.uint64) << _SLOT))[moved >= 0])


def keys_of(terms: Iterable[str]) -> Keys:
    """The keys of `terms`, in their order."""
    return np.fromiter((key_of(term) for term in terms), dtype=np.uint32)

"""Slow, obvious twins of the search in suggest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.suggest.index import Floats, Slots
from engine.suggest.signals import Scan


def bm25(
    documents: Sequence[Sequence[str]], counted: int, query: Sequence[str], k1: float = 1.2, b: float = 0.75
) -> list[float]:
    """Lucene's BM25 of every document for the distinct terms of `query`, statistics taken from the first `counted`."""
    base = documents[:counted]
    mean = sum(len(document) for document in base) / len(base) if base else 0.0
    scores = []
    for document in documents:
        total = 0.0
        for term in set(query):
            holders = sum(term in each for each in base)
            idf = math.log(1 + (len(base) - holders + 0.5) / (holders + 0.5))
            count = Counter(document)[term]
            relative = len(document) / mean if mean else 1.0
            total += idf * count / (count + k1 * (1 - b + b * relative)) if count else 0.0
        scores.append(total)
    return scores


def cosines(vectors: Sequence[Sequence[float] | None], asked: Sequence[float]) -> list[float]:
    """Dot product of unit vectors; 0 where there is none."""
    return [0.0 if row is None else sum(x * y for x, y in zip(row, asked, strict=True)) for row in vectors]


def nearest(cosines: Sequence[float], count: int) -> list[int]:
    """Places of the `count` highest cosines above 0."""
    order = sorted(range(len(cosines)), key=lambda place: -cosines[place])
    return [place for place in order[:count] if cosines[place] > 0]


def highest(scores: Sequence[float], count: int) -> set[int]:
    """Places of the `count` highest; of equals, the last ones."""
    return set(sorted(range(len(scores)), key=lambda place: (-scores[place], -place))[:count])


def duplicates_first(wanted: set[str], ranked: Sequence[str]) -> int | None:
    """Place (1 is first) of the first wanted id, None if none is there."""
    return next((place for place, name in enumerate(ranked, 1) if name in wanted), None)


def told(scan: Scan, vector: Floats, slots: Slots) -> Floats:
    """The columns of `slots` had the question come with the `vector` of its text: all is looked up anew."""
    question = replace(scan.question, vector=vector)
    return Scan(scan.memory, question, np.array(scan.usable)).columns(slots)

"""What routing remembers of resolved incidents: who, when, and in which of them a word or mark occurs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.route.reading import Reading

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Case:
    """A resolved incident as it is learned: what was read, who resolved it, and its days since 1970 UTC."""

    id: str
    reading: Reading
    responder: str
    opened: float
    known: float


class Column:
    """A growing array: appending is cheap, and a reader that holds `seen()` is not disturbed by it."""

    __slots__ = ("_data", "_size")

    def __init__(self, dtype: str, values: Iterable[float] = ()) -> None:
        self._data = np.array(list(values), dtype=dtype)
        self._size = len(self._data)

    @classmethod
    def over(cls, values: NDArray[Any]) -> Self:
        """A column that starts with `values` and shares them until something is appended."""
        column = cls("float64")
        column._data, column._size = values, len(values)
        return column

    def append(self, value: float) -> None:
        """Add one value."""
        if self._size == len(self._data):
            self._data = np.concatenate([self._data, np.zeros(max(4, self._size), self._data.dtype)])
        self._data[self._size] = value
        self._size += 1

    def seen(self) -> NDArray[Any]:
        """The values so far, in order."""
        return self._data[: self._size]

    def __len__(self) -> int:
        return self._size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Column) and np.array_equal(self.seen(), other.seen())

    __hash__ = None  # type: ignore[assignment]


class Memory:
    """Resolved incidents as rows, with an inverted index of words (cosine of tf-idf) and one of marks.

    A row's weights are fixed when it is learned, from the document frequencies known then.
    """

    def __init__(self) -> None:
        self.people: list[str] = []  # number -> responder
        self.ids: list[str] = []  # row -> incident id
        self.who = Column("int64")  # row -> number of the responder
        self.day = Column("float64")  # row -> when it became known, days since 1970 UTC
        self.alive = Column("float64")  # row -> 1, or 0 once replaced
        self.words: dict[str, tuple[Column, Column]] = {}  # word -> rows, weights
        self.marks: dict[str, Column] = {}  # mark -> rows
        self._number: dict[str, int] = {}
        self._row: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def number_of(self, responder: str) -> int | None:
        """The responder's number, None for one never seen."""
        return self._number.get(responder)

    def learn(self, case: Case) -> None:
        """Add one resolved incident, in place of what was known of the same id."""
        if self._knows(case):
            return
        row = len(self.ids)
        self._enter(case)
        for word, weight in self.weigh(case.reading.words).items():
            rows, weights = self.words.setdefault(word, (Column("int64"), Column("float64")))
            rows.append(row)
            weights.append(weight)
        for mark in case.reading.marks:
            self.marks.setdefault(mark, Column("int64")).append(row)

    def learn_all(self, cases: Sequence[Case]) -> Self:
        """Add many at once to an empty memory; the weights go by the document frequencies of all of them."""
        place_of: dict[str, int] = {}
        places, rows, counts, marks = [], [], [], {}  # type: ignore[var-annotated]
        for case in cases:
            if self._knows(case):
                continue
            row = len(self.ids)
            self._enter(case)
            places += [place_of.setdefault(word, len(place_of)) for word in case.reading.words]
            counts += case.reading.words.values()
            rows += [row] * len(case.reading.words)
            for mark in case.reading.marks:
                marks.setdefault(mark, []).append(row)
        self.marks = {mark: Column("int64", found) for mark, found in marks.items()}
        self._weigh_all(list(place_of), np.array(places, np.int64), np.array(rows, np.int64), np.array(counts))
        return self

    def _weigh_all(self, words: Sequence[str], places: Ints, rows: Ints, counts: Ints) -> None:
        df, size = np.bincount(places, minlength=len(words)), len(self.ids)
        raw = (1 + np.log(counts)) * (1 + np.log((1 + size) / (1 + df)))[places]
        length = np.sqrt(np.bincount(rows, raw * raw, size))
        order = np.argsort(places, kind="stable")
        edges = np.cumsum(df)[:-1]
        found = np.split(rows[order], edges)
        weights = np.split((raw / length[rows])[order], edges)
        self.words = {
            word: (Column.over(some), Column.over(values))
            for word, some, values in zip(words, found, weights, strict=False)
        }

    def _knows(self, case: Case) -> bool:
        """Whether the very outcome is remembered; another outcome of the same incident is forgotten."""
        row = self._row.get(case.id)
        if row is None:
            return False
        if self.people[self.who.seen()[row]] == case.responder and self.day.seen()[row] == case.known:
            return True
        self.alive.seen()[row] = 0.0
        return False

    def _enter(self, case: Case) -> None:
        self._row[case.id] = len(self.ids)
        if case.responder not in self._number:
            self._number[case.responder] = len(self.people)
            self.people.append(case.responder)
        self.ids.append(case.id)
        self.who.append(self._number[case.responder])
        self.day.append(case.known)
        self.alive.append(1.0)

    def weigh(self, counts: Mapping[str, int]) -> dict[str, float]:
        """Tf-idf weights of a text's words, of length 1, by the document frequencies known now."""
        size = len(self.ids)
        raw = {word: (1 + math.log(count)) * self._idf(word, size) for word, count in counts.items()}
        length = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        return {word: weight / length for word, weight in raw.items()}

    def likeness(self, counts: Mapping[str, int], most: int = 80) -> Floats:
        """Cosine (0..1) of a text to every row, over its `most` telling words."""
        scores = np.zeros(len(self.ids))
        weighed = sorted(self.weigh(counts).items(), key=lambda item: (-item[1], item[0]))
        for word, weight in weighed[:most]:
            if word in self.words:
                rows, weights = self.words[word]
                scores[rows.seen()] += weight * weights.seen()
        return scores

    def agreement(self, marks: Sequence[str], importance: Mapping[str, float]) -> Floats:
        """Share (0..1) of the incident's marks that each row has, by the importance of their columns."""
        scores = np.zeros(len(self.ids))
        total = 0.0
        for mark in marks:
            weight = importance.get(column_of(mark), 0.0)
            total += weight
            if weight and mark in self.marks:
                scores[self.marks[mark].seen()] += weight
        return scores / total if total else scores

    def to_parts(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Everything remembered, as arrays and JSON."""
        rows, weights, sizes = [], [], []
        for found, values in self.words.values():
            rows.append(found.seen())
            weights.append(values.seen())
            sizes.append(len(found))
        mark_rows = [found.seen() for found in self.marks.values()]
        arrays = {
            "who": self.who.seen(),
            "day": self.day.seen(),
            "alive": self.alive.seen(),
            "word_rows": _joined(rows, np.int64),
            "word_weights": _joined(weights, np.float64),
            "word_sizes": np.array(sizes, np.int64),
            "mark_rows": _joined(mark_rows, np.int64),
            "mark_sizes": np.array([len(found) for found in mark_rows], np.int64),
        }
        names = {"people": self.people, "ids": self.ids, "words": list(self.words), "marks": list(self.marks)}
        return arrays, names

    @classmethod
    def from_parts(cls, arrays: Mapping[str, NDArray[Any]], names: Mapping[str, Any]) -> Self:
        """The memory that `to_parts` described."""
        memory = cls()
        memory.people, memory.ids = list(names["people"]), list(names["ids"])
        memory.who, memory.day = Column("int64", arrays["who"]), Column("float64", arrays["day"])
        memory.alive = Column("float64", arrays["alive"])
        memory._number = {responder: number for number, responder in enumerate(memory.people)}
        memory._row = {incident_id: row for row, incident_id in enumerate(memory.ids)}
        edges = np.cumsum(arrays["word_sizes"])[:-1]
        rows, weights = np.split(arrays["word_rows"], edges), np.split(arrays["word_weights"], edges)
        for word, found, values in zip(names["words"], rows, weights, strict=False):
            memory.words[word] = (Column.over(found), Column.over(values))
        mark_rows = np.split(arrays["mark_rows"], np.cumsum(arrays["mark_sizes"])[:-1])
        for mark, found in zip(names["marks"], mark_rows, strict=False):
            memory.marks[mark] = Column.over(found)
        return memory

    def _idf(self, word: str, size: int) -> float:
        df = len(self.words[word][0]) if word in self.words else 0
        return 1.0 + math.log((1.0 + size) / (1.0 + df))


def column_of(mark: str) -> str:
    """The column and kind of a mark.

    Examples
    --------
    >>> column_of("location=12"), column_of("age#3")
    ('location=', 'age#')
    """
    for place, letter in enumerate(mark):
        if letter in "=~#":
            return mark[: place + 1]
    return mark


def _joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)

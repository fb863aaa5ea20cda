"""An incident as routing reads it: words of its text and marks (`column=value`) of its fields, never its outcome."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from sys import intern
from typing import Any, Self

import numpy as np

from engine.domain import Incident
from engine.text import template, words

_RAW = re.compile(r"\w+")
_PART = re.compile(r"[^\W_]+")
_TEXT_LIMIT = 6000  # characters read of one text: what people need to know stands at its beginning
_MANY_WORDS = 4.0  # mean words of a value from which a column counts as prose
_NUMERIC_SHARE = 0.95  # of a column's values that must be numbers for it to be cut into bins as well
_MIN_DISTINCT = 20  # numbers a numeric column must hold: below it each value stands for itself
_BINS = 10
_DATED_FROM_YEAR = 1980  # before it, times are made up for files that have none
_TITLE_LIMIT = 160  # characters of a title that can come back as a whole
_CLOCK_DAYS = 14.0  # of history from which the hour and weekday of opening are read


@dataclass(frozen=True, slots=True)
class Reading:
    """What routing reads of one incident. `words` maps a word to its count; `marks` are sorted, each once."""

    words: Mapping[str, int]
    marks: tuple[str, ...]


class Reader:
    """Turns incidents into readings; `fit` learns which columns are numbers or prose, and whether times are real."""

    def __init__(self, *, columns: frozenset[str] | None = None) -> None:
        self.columns = columns  # extra columns that may be read; None: all
        self.edges_: dict[str, list[float]] = {}  # column -> bin edges, ascending
        self.prose_: frozenset[str] = frozenset()
        self.clock_ = False
        self.crossed_: tuple[str, ...] = ()  # columns (`location=`) whose values are also read in pairs

    def fit(self, incidents: Sequence[Incident]) -> Self:
        """Learn the kinds of the columns from past incidents."""
        values: dict[str, list[str]] = {}
        for incident in incidents:
            for column, value in self._columns_of(incident):
                values.setdefault(column, []).append(value)
        self.edges_ = {column: edges for column, found in values.items() if (edges := _bin_edges(found))}
        self.prose_ = frozenset(column for column, found in values.items() if _is_prose(found))
        opened = [incident.opened_at for incident in incidents]
        dated = bool(opened) and min(opened).year >= _DATED_FROM_YEAR
        self.clock_ = dated and (max(opened) - min(opened)).total_seconds() > _CLOCK_DAYS * 86400
        return self

    def read(self, incident: Incident) -> Reading:
        """The words and marks of `incident`; its resolution and closing are not looked at."""
        texts, marks = [incident.text()], []
        for column, value in self._columns_of(incident):
            if column in self.prose_:
                texts.append(value)
            else:
                marks += self._marks_of(column, value)
        if self.clock_:
            marks.append(f"@hour={incident.opened_at.hour // 4}")
            marks.append(f"@weekday={incident.opened_at.weekday()}")
        if incident.title and len(incident.title) <= _TITLE_LIMIT:
            marks.append(f"@title={template(incident.title)}")
        counts = _count("\n".join(text for text in texts if text))
        return self.cross(Reading(words=counts, marks=tuple(sorted(set(marks)))))

    def cross(self, reading: Reading) -> Reading:
        """`reading` with the pairs of values of the crossed columns."""
        own = [mark for column in self.crossed_ for mark in reading.marks if mark.startswith(column)]
        pairs = [_pair(one, other) for one, other in combinations(own, 2)]
        return Reading(words=reading.words, marks=(*reading.marks, *pairs)) if pairs else reading

    def to_data(self) -> dict[str, Any]:
        """What was learned, JSON-able."""
        columns = None if self.columns is None else sorted(self.columns)
        return {
            "columns": columns,
            "edges": self.edges_,
            "prose": sorted(self.prose_),
            "clock": self.clock_,
            "crossed": list(self.crossed_),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The reader that `to_data` described."""
        reader = cls(columns=None if data["columns"] is None else frozenset(data["columns"]))
        reader.edges_ = {str(name): [float(edge) for edge in edges] for name, edges in data["edges"].items()}
        reader.prose_ = frozenset(data["prose"])
        reader.clock_ = bool(data["clock"])
        reader.crossed_ = tuple(data["crossed"])
        return reader

    def _columns_of(self, incident: Incident) -> Iterable[tuple[str, str]]:
        named = (("service", incident.service), ("category", incident.category), ("priority", incident.priority))
        yield from ((column, value) for column, value in named if value)
        for column, value in incident.fields.items():
            if value and (self.columns is None or column in self.columns):
                yield column, str(value)

    def _marks_of(self, column: str, value: str) -> list[str]:
        value = as_mark(value)
        marks = [f"{column}={value}"]
        parts = _PART.findall(value)
        if len(parts) > 1:
            marks += [f"{column}~{part}" for part in parts[:8]]
        if column in self.edges_ and (number := _number(value)) is not None:
            marks.append(f"{column}#{int(np.searchsorted(self.edges_[column], number))}")
        return marks


def as_mark(value: str) -> str:
    """A value as marks have it."""
    return value.strip().lower()[:200]


def _pair(one: str, other: str) -> str:
    """The mark of two marks of single values.

    Examples
    --------
    >>> _pair("site=ams", "kind=disk")
    'site*kind=ams&disk'
    """
    (left, left_value), (right, right_value) = one.split("=", 1), other.split("=", 1)
    return f"{left}*{right}={left_value}&{right_value}"


def _count(text: str) -> Counter[str]:
    """Words as `engine.text` gives them, and as written those it masks or cannot read: hashed tokens, other scripts."""
    text = text[:_TEXT_LIMIT]
    found = Counter(words(text))
    raw = Counter(_RAW.findall(text.lower()))
    found.update({word: count for word, count in raw.items() if word not in found})
    return Counter({intern(word): count for word, count in found.items()})  # many texts share a word: it is held once


def _bin_edges(values: Sequence[str]) -> list[float]:
    numbers = [number for value in values if (number := _number(value)) is not None]
    if len(numbers) < _NUMERIC_SHARE * len(values) or len(set(numbers)) < _MIN_DISTINCT:
        return []
    cuts = np.quantile(np.asarray(numbers), np.linspace(0, 1, _BINS + 1)[1:-1])
    return [float(cut) for cut in np.unique(cuts)]


def _is_prose(values: Sequence[str]) -> bool:
    sample = values[:: max(1, len(values) // 500)]
    mean_words = sum(len(value.split()) for value in sample) / len(sample)
    return mean_words >= _MANY_WORDS and len(set(sample)) > len(sample) / 2


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None

"""What routing remembers of resolved incidents: who ended them, who worked on them, when, and what occurs in them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.route.columns import Column, Floats, Ints
from engine.route.decay import Decay
from engine.route.reading import Reading, as_mark

K = TypeVar("K", bound=Hashable)
LATEST = 2500  # rows read of one word or mark: the latest ones, so that an answer costs the same in a longer history
_BEHIND_NAMING = 3.0  # pseudo-incidents behind the share of values that name who ends it
HALF_LIVES = (30.0, 120.0, 720.0)  # days, before any history taught better ones


@dataclass(frozen=True, slots=True)
class Case:
    """A resolved incident as it is learned: what was read, who resolved it, and its days since 1970 UTC."""

    id: str
    reading: Reading
    responder: str
    opened: float
    known: float
    team: str = ""
    involved: tuple[str, ...] = ()  # who else worked on it, in order


@dataclass(slots=True)
class Naming:
    """How a column's values that are the names of responders went: how many, how many of them ended the incident."""

    told: int = 0
    right: int = 0
    by_chance: float = 0.0  # how many would have been right if nothing were meant by it

    @property
    def meant(self) -> float:
        """Share (0..1) of the values that name who will end the incident, beyond what chance explains."""
        return max(0.0, self.right - self.by_chance) / (self.told - self.by_chance + _BEHIND_NAMING)


@dataclass(frozen=True, slots=True)
class View:
    """The memory as of a moment: `weights[h] * scales[h]` is what each row counts under half-life h."""

    day: float
    weights: tuple[Floats, ...]
    scales: tuple[float, ...]
    mass: tuple[Floats, ...]  # per person, as of `day`

    def shares(self, who: Ints, rows: Ints, pace: int, people: int) -> Floats:
        """Weight of the rows of each person."""
        return np.asarray(np.bincount(who[rows], self.weights[pace][rows], people) * self.scales[pace], np.float64)


class Memory:
    """Resolved incidents as rows, with inverted indices of words (cosine of tf-idf), marks, teams and helpers.

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
        self.teams: dict[str, Column] = {}  # team -> rows
        self.worked: dict[int, Column] = {}  # number -> rows that the person worked on, the ended ones included
        self.helpers: dict[int, tuple[int, ...]] = {}  # row -> numbers of who else worked on it
        self.decays = [Decay(days) for days in HALF_LIVES]
        self.naming: dict[str, Naming] = {}  # column -> how its values went that are somebody's name
        self.latest = -math.inf  # day of the latest row
        self.first = math.inf  # of the earliest
        self._number: dict[str, int] = {}
        self._ended: list[int] = []  # number -> incidents ended, replaced ones included
        self._called: dict[str, int] = {}  # name as marks have it -> number
        self._row: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def number_of(self, responder: str) -> int | None:
        """The responder's number, None for one never seen."""
        return self._number.get(responder)

    def named(self, reading: Reading) -> list[tuple[Naming, int]]:
        """Who is named by whole values of columns, and how far each such column is to be believed."""
        return [
            (self.naming[column], number) for column, number in self._names_in(reading.marks) if column in self.naming
        ]

    def _names_in(self, marks: Sequence[str]) -> list[tuple[str, int]]:
        whole = ((column_of(mark), mark) for mark in marks)
        found = [(column, self._called.get(mark[len(column) :])) for column, mark in whole if column.endswith("=")]
        return [(column, number) for column, number in found if number is not None]

    def knows(self, incident_id: str, responder: str, known: float) -> bool:
        """Whether this very outcome is remembered."""
        row = self._row.get(incident_id)
        if row is None:
            return False
        return self.people[self.who.seen()[row]] == responder and bool(self.day.seen()[row] == known)

    def age(self, day: float) -> float:
        """For how long nothing had become known on `day`, in quarters of the history so far."""
        seen = self.day.seen()
        last = self.latest if day > self.latest else float(seen[seen < day].max(initial=-math.inf))
        span = last - self.first
        return 4 * (day - last) / span if span > 0 else 0.0

    def pace(self, half_lives: Sequence[float]) -> Self:
        """Let rows count by these half-lives, in days, shortest first."""
        alive = self.alive.seen()
        for place, days in enumerate(half_lives):
            self.decays[place] = Decay(days).start(self.day.seen(), self.who.seen(), len(self.people))
            for row in np.flatnonzero(alive == 0):
                self.decays[place].drop(int(row), int(self.who.seen()[row]))
        return self

    def view(self, day: float) -> View:
        """The rows known before `day`; a silence since the latest of them makes none count less."""
        seen = self.day.seen()
        last = self.latest if day > self.latest else float(seen[seen < day].max(initial=-math.inf))
        scales = tuple(decay.scale(last if len(seen) else day) for decay in self.decays)
        weights = tuple(decay.weights.seen() for decay in self.decays)
        if day > self.latest:
            mass = tuple(decay.mass.seen() * scale for decay, scale in zip(self.decays, scales, strict=True))
            return View(day, weights, scales, mass)
        weights = tuple(np.where(self.day.seen() < day, one, 0.0) for one in weights)
        who, people = self.who.seen(), len(self.people)
        mass = tuple(
            np.asarray(np.bincount(who, one, people) * scale, np.float64)
            for one, scale in zip(weights, scales, strict=True)
        )
        return View(day, weights, scales, mass)

    def learn(self, case: Case) -> None:
        """Add one resolved incident, in place of what was known of the same id."""
        if self._forget_other(case):
            return
        row = self._enter(case)
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
            if self._forget_other(case):
                continue
            row = self._enter(case)
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

    def _forget_other(self, case: Case) -> bool:
        """Whether the very outcome is remembered; another outcome of the same incident is forgotten."""
        if self.knows(case.id, case.responder, case.known):
            return True
        row = self._row.get(case.id)
        if row is not None:
            self.alive.seen()[row] = 0.0
            for decay in self.decays:
                decay.drop(row, int(self.who.seen()[row]))
        return False

    def _enter(self, case: Case) -> int:
        row, number = len(self.ids), self._take(case.responder)
        self._note_naming(case, number)
        self._row[case.id] = row
        self.ids.append(case.id)
        self.who.append(number)
        self.day.append(case.known)
        self.alive.append(1.0)
        self.latest, self.first = max(self.latest, case.known), min(self.first, case.known)
        for decay in self.decays:
            decay.add(case.known, number)
        helpers = tuple(self._take(who) for who in dict.fromkeys(case.involved) if who and who != case.responder)
        if helpers:
            self.helpers[row] = helpers
        for one in (number, *helpers):
            self.worked.setdefault(one, Column("int64")).append(row)
        if case.team:
            self.teams.setdefault(case.team, Column("int64")).append(row)
        return row

    def _note_naming(self, case: Case, right: int) -> None:
        size = max(1, len(self.ids))
        for column, number in self._names_in(case.reading.marks):
            naming = self.naming.setdefault(column, Naming())
            naming.told += 1
            naming.right += number == right
            naming.by_chance += self._ended[number] / size
        self._ended[right] += 1

    def _take(self, responder: str) -> int:
        if responder not in self._number:
            self._number[responder] = len(self.people)
            self.people.append(responder)
            self._called.setdefault(as_mark(responder), len(self.people) - 1)
            self._ended.append(0)
            for decay in self.decays:
                decay.mass.append(0.0)
        return self._number[responder]

    def weigh(self, counts: Mapping[str, int]) -> dict[str, float]:
        """Tf-idf weights of a text's words, of length 1, by the document frequencies known now."""
        size = len(self.ids)
        raw = {word: (1 + math.log(count)) * self._idf(word, size) for word, count in counts.items()}
        length = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        return {word: weight / length for word, weight in raw.items()}

    def likeness(self, counts: Mapping[str, int], most: int = 80) -> Floats:
        """Cosine (0..1) of a text to every row, over its `most` telling words, each in its latest rows."""
        scores = np.zeros(len(self.ids))
        weighed = sorted(self.weigh(counts).items(), key=lambda item: (-item[1], item[0]))
        for word, weight in weighed[:most]:
            if word in self.words:
                rows, weights = self.words[word]
                scores[rows.seen()[-LATEST:]] += weight * weights.seen()[-LATEST:]
        return scores

    def agreement(self, marks: Sequence[str], importance: Mapping[str, float]) -> Floats:
        """Share (0..1) of the incident's marks that each row has, by the importance of their columns."""
        scores = np.zeros(len(self.ids))
        total = 0.0
        for mark in marks:
            weight = importance.get(column_of(mark), 0.0)
            total += weight
            if weight and mark in self.marks:
                scores[latest_of(self.marks, mark)] += weight
        return scores / total if total else scores

    def _idf(self, word: str, size: int) -> float:
        df = len(self.words[word][0]) if word in self.words else 0
        return 1.0 + math.log((1.0 + size) / (1.0 + df))

    def to_parts(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Everything remembered, as arrays and JSON."""
        words, weights = [pair[0] for pair in self.words.values()], [pair[1] for pair in self.words.values()]
        arrays = {"who": self.who.seen(), "day": self.day.seen(), "alive": self.alive.seen()}
        arrays |= _packed("word", words) | _packed("mark", self.marks.values()) | _packed("team", self.teams.values())
        arrays["word_weights"] = _joined([column.seen() for column in weights], np.float64)
        arrays["help_rows"] = np.array(list(self.helpers), np.int64)
        arrays |= _packed("help", [Column("int64", numbers) for numbers in self.helpers.values()])
        names = {"people": self.people, "ids": self.ids, "words": list(self.words), "marks": list(self.marks)}
        half_lives = [decay.half_life_days for decay in self.decays]
        naming = {column: [one.told, one.right, one.by_chance] for column, one in self.naming.items()}
        return arrays, {**names, "teams": list(self.teams), "half_lives": half_lives, "naming": naming}

    @classmethod
    def from_parts(cls, arrays: Mapping[str, NDArray[Any]], names: Mapping[str, Any]) -> Self:
        """The memory that `to_parts` described."""
        memory = cls()
        memory.people, memory.ids = list(names["people"]), list(names["ids"])
        memory.who, memory.day = Column("int64", arrays["who"]), Column("float64", arrays["day"])
        memory.alive = Column("float64", arrays["alive"])
        memory.latest = float(arrays["day"].max()) if len(arrays["day"]) else -math.inf
        memory.first = float(arrays["day"].min()) if len(arrays["day"]) else math.inf
        memory._number = {responder: number for number, responder in enumerate(memory.people)}
        memory._called = {as_mark(name): number for number, name in reversed(list(enumerate(memory.people)))}
        memory._ended = np.bincount(arrays["who"], minlength=len(memory.people)).tolist()
        memory.naming = {column: Naming(*told) for column, told in names["naming"].items()}
        memory._row = {incident_id: row for row, incident_id in enumerate(memory.ids)}
        weights = np.split(arrays["word_weights"], np.cumsum(arrays["word_sizes"])[:-1])
        rows = _unpacked("word", names["words"], arrays)
        memory.words = {word: (rows[word], Column.over(own)) for word, own in zip(rows, weights, strict=False)}
        memory.marks = _unpacked("mark", names["marks"], arrays)
        memory.teams = _unpacked("team", names["teams"], arrays)
        helpers = _unpacked("help", arrays["help_rows"].tolist(), arrays)
        memory.helpers = {row: tuple(int(one) for one in found.seen()) for row, found in helpers.items()}
        for row, number in enumerate(memory.who.seen()):
            for one in (int(number), *memory.helpers.get(row, ())):
                memory.worked.setdefault(one, Column("int64")).append(row)
        return memory.pace(names["half_lives"])


def latest_of(index: Mapping[K, Column], key: K) -> Ints:
    """The latest rows under `key`."""
    return index[key].seen()[-LATEST:] if key in index else np.zeros(0, np.int64)


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


def _packed(name: str, columns: Any) -> dict[str, NDArray[Any]]:
    found = [column.seen() for column in columns]
    return {f"{name}_ids": _joined(found, np.int64), f"{name}_sizes": np.array([len(one) for one in found], np.int64)}


def _unpacked(name: str, keys: Sequence[K], arrays: Mapping[str, NDArray[Any]]) -> dict[K, Column]:
    edges = np.cumsum(arrays[f"{name}_sizes"])[:-1]
    parts = np.split(arrays[f"{name}_ids"], edges)
    return {key: Column.over(found) for key, found in zip(keys, parts, strict=False)}


def _joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)

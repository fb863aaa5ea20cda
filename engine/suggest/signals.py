"""What speaks for a past incident: one column of numbers per signal, for all candidates of a question at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain import Alert, Incident
from engine.suggest.document import FIELDS, Document, document_of
from engine.suggest.index import Floats, Slots
from engine.suggest.memory import Labels, Memory, fingerprints

_DAY_S = 86_400.0
_EVERYTHING = 400  # with no more known incidents than this, all are candidates
_FEW = 1e-6
_SOFT = 1.0  # nats added to both sides of a ratio, so that one shared common word is no full agreement

# column: the signal it belongs to, as people read it. Order is the order of the columns.
COLUMNS = {
    **{f"{field}_{form}": signal for field, signal in FIELDS.items() for form in ("match", "best", "strength")},
    "title_in_body": "same title",
    "body_in_title": "same title",
    "title_equal": "same title",
    "length": "length of the text",
    "length_apart": "length of the text",
    "meaning": "same meaning",
    "meaning_best": "same meaning",
    "service_same": "same service",
    "service_rare": "same service",
    "service_other": "same service",
    "category_same": "same category",
    "category_rare": "same category",
    "category_other": "same category",
    "priority_same": "same priority",
    "symptoms": "same alerts",
    "gap_log": "time between",
    "gap_day": "time between",
    "gap_month": "time between",
    "gap_year": "time between",
    "named": "named in the text",
    "fixed": "has a fix",
}


def needs_encoder(column: str) -> bool:
    """Whether a column is nothing without an encoder."""
    return COLUMNS[column] == "same meaning"


@dataclass(frozen=True)
class Question:
    """An incident asked about, read once."""

    incident: Incident
    document: Document
    symptoms: frozenset[str]
    vector: Floats | None = None  # unit vector of its text, if an encoder answers


def question_of(incident: Incident, alerts: Sequence[Alert], vector: Floats | None = None) -> Question:
    """Read `incident` and its leading `alerts`."""
    return Question(incident, document_of(incident, alerts), fingerprints(alerts), vector)


class Scan:
    """The scores of all remembered incidents for one question; `columns` reads them for the candidates."""

    def __init__(self, memory: Memory, question: Question, usable: NDArray[np.bool_]) -> None:
        self.memory = memory
        self.question = question
        self.usable = usable
        asked = question.document.fields
        self.scores = {name: index.scores(asked[name]) for name, index in memory.fields.items()}
        self.title_in_body = memory.fields["body"].scores(asked["title"])
        self.body_in_title = memory.fields["title"].scores(asked["body"])
        self.meaning = memory.vectors.scores(question.vector) if question.vector is not None else None

    def candidates(self, per_channel: int) -> Slots:
        """Slots worth weighing: the best of every channel, or all where they are few."""
        usable = np.flatnonzero(self.usable)
        if len(usable) <= max(_EVERYTHING, per_channel):
            return usable
        channels = [*self.scores.values(), self.title_in_body, self.body_in_title]
        if self.meaning is not None:
            channels.append(self.meaning)
        chosen = [_best(channel, usable, per_channel) for channel in channels]
        chosen.append(self._same_symptoms(usable)[-per_channel:])
        chosen.append(self._same_service(usable)[-per_channel // 2 :])
        return np.unique(np.concatenate(chosen))

    def columns(self, slots: Slots) -> Floats:
        """The columns of `COLUMNS` for `slots`: shape (slots, columns)."""
        if not len(slots):
            return np.zeros((0, len(COLUMNS)), np.float32)
        fields = [column for name in FIELDS for column in self._field(name, slots)]
        parts = [*fields, *self._across(slots), *self._meaning(slots), *self._labels(slots)]
        parts += [self._symptoms(slots), *self._time(slots), self._named(slots)]
        parts.append(np.array(self.memory.fixed, dtype=np.float32)[slots])
        return np.column_stack(parts).astype(np.float32)

    def _field(self, name: str, slots: Slots) -> list[Floats]:
        index, scores = self.memory.fields[name], self.scores[name][slots]
        own, past = index.self_score(self.question.document.fields[name]), index.self_scores()[slots]
        best = max(float(self.scores[name][self.usable].max(initial=0)), _FEW)
        return [scores / np.sqrt((own + _SOFT) * (past + _SOFT)), scores / best, np.log1p(scores)]

    def _across(self, slots: Slots) -> list[Floats]:
        title, body = self.memory.fields["title"], self.memory.fields["body"]
        asked = self.question.document.fields
        lengths = np.log1p(body.lengths()[slots])
        return [
            self.title_in_body[slots] / (body.self_score(asked["title"]) + _SOFT),
            self.body_in_title[slots] / (title.self_scores()[slots] + _SOFT),
            title.equal(asked["title"], slots),
            lengths,
            np.abs(lengths - np.log1p(len(asked["body"]))),
        ]

    def _meaning(self, slots: Slots) -> list[Floats]:
        if self.meaning is None:
            nothing = np.zeros(len(slots), dtype=np.float32)
            return [nothing, nothing]
        best = self.meaning[self.usable].max(initial=-1.0)
        return [self.meaning[slots], self.meaning[slots] - best]

    def _labels(self, slots: Slots) -> list[Floats]:
        asked, memory = self.question.incident, self.memory
        service = _agreement(memory.services, asked.service, slots)
        category = _agreement(memory.categories, asked.category, slots)
        return [*service, *category, _agreement(memory.priorities, asked.priority, slots)[0]]

    def _symptoms(self, slots: Slots) -> Floats:
        return np.array([_overlap(self.question.symptoms, self.memory.symptoms[slot]) for slot in slots], np.float32)

    def _time(self, slots: Slots) -> list[Floats]:
        moment = self.question.incident.opened_at.timestamp()
        days = np.maximum(moment - np.array(self.memory.opened)[slots], 0) / _DAY_S
        return [np.log1p(days), np.exp(-days), np.exp(-days / 30), np.exp(-days / 365)]

    def _named(self, slots: Slots) -> Floats:
        mentions, incidents = set(self.question.document.fields["names"]), self.memory.incidents
        return np.array([incidents[slot].id.casefold() in mentions for slot in slots], np.float32)

    def _same_symptoms(self, usable: Slots) -> Slots:
        asked = self.question.symptoms
        found = [slot for slot in usable if asked & self.memory.symptoms[slot]] if asked else []
        return np.array(found, dtype=np.intp)

    def _same_service(self, usable: Slots) -> Slots:
        same, _, _ = self.memory.services.agreement(self.question.incident.service)
        return usable[same[usable]]


def _agreement(labels: Labels, value: str, slots: Slots) -> list[Floats]:
    same, other, rarity = labels.agreement(value)
    return [same[slots].astype(np.float32), same[slots] * np.float32(rarity), other[slots].astype(np.float32)]


def _best(scores: Floats, usable: Slots, count: int) -> Slots:
    among = scores[usable]
    if len(among) > count:
        usable = usable[np.argpartition(-among, count)[:count]]
    return usable[scores[usable] > 0]


def _overlap(asked: frozenset[str], past: frozenset[str]) -> float:
    return len(asked & past) / len(asked | past) if asked and past else 0.0

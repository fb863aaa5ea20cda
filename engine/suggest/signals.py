"""What speaks for a past incident: one column of numbers per signal, for all candidates of a question at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.domain import Alert, Incident
from engine.suggest.document import Document, document_of, fix_is_useful
from engine.suggest.index import Floats
from engine.suggest.memory import Labels, Memory, fingerprints

Candidates = NDArray[np.intp]

_DAY_S = 86_400.0
_EVERYTHING = 400  # with no more known incidents than this, all are candidates
_FEW = 1e-6

# column: the signal it belongs to, as people read it. Order is the order of the columns.
COLUMNS = {
    "body_cover": "same words",
    "body_match": "same words",
    "body_best": "same words",
    "body_strength": "same words",
    "title_cover": "same title",
    "title_match": "same title",
    "title_best": "same title",
    "title_in_body": "same title",
    "body_in_title": "same title",
    "title_equal": "same title",
    "names_match": "same identifiers",
    "names_best": "same identifiers",
    "names_strength": "same identifiers",
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


@dataclass(frozen=True)
class Question:
    """An incident asked about, read once."""

    incident: Incident
    document: Document
    symptoms: frozenset[str]
    vector: Floats | None = None  # unit vector of its text, if an encoder answers
    mentions: frozenset[str] = field(default_factory=frozenset)  # names in its text, as other incidents' ids may be


def question_of(incident: Incident, alerts: Sequence[Alert], vector: Floats | None = None) -> Question:
    """Read `incident` and its leading `alerts`."""
    document = document_of(incident, alerts)
    return Question(incident, document, fingerprints(alerts), vector, frozenset(document.names))


class Scan:
    """The scores of all remembered incidents for one question; `columns` reads them for the candidates."""

    def __init__(self, memory: Memory, question: Question, usable: NDArray[np.bool_]) -> None:
        self.memory = memory
        self.question = question
        self.usable = usable
        asked = question.document
        self.body = memory.body.scores(asked.body)
        self.title = memory.title.scores(asked.title)
        self.names = memory.names.scores(asked.names)
        self.title_in_body = memory.body.scores(asked.title)
        self.body_in_title = memory.title.scores(asked.body)
        self.meaning = memory.vectors.scores(question.vector) if question.vector is not None else None

    def candidates(self, per_channel: int) -> Candidates:
        """Slots worth weighing: the best of every channel, or all where they are few."""
        usable = np.flatnonzero(self.usable)
        if len(usable) <= max(_EVERYTHING, per_channel):
            return usable
        channels = [self.body, self.title, self.names, self.title_in_body, self.body_in_title]
        if self.meaning is not None:
            channels.append(self.meaning)
        chosen = [_best(channel, usable, per_channel) for channel in channels]
        chosen.append(self._same_symptoms(usable)[-per_channel:])
        chosen.append(self._same_service(usable)[-per_channel // 2 :])
        return np.unique(np.concatenate(chosen))

    def columns(self, slots: Candidates) -> Floats:
        """The columns of `COLUMNS` for `slots`: shape (slots, columns)."""
        parts = [
            *self._words(slots),
            *self._labels(slots),
            self._symptoms(slots),
            *self._time(slots),
            self._named(slots),
            self._fixed(slots),
        ]
        return np.column_stack(parts).astype(np.float32) if len(slots) else np.zeros((0, len(COLUMNS)), np.float32)

    def _words(self, slots: Candidates) -> list[Floats]:
        memory, asked = self.memory, self.question.document
        body, title, names = self.body[slots], self.title[slots], self.names[slots]
        own_body, own_title = memory.body.self_score(asked.body), memory.title.self_score(asked.title)
        own_names = memory.names.self_score(asked.names)
        past_title = memory.title.self_scores()[slots]
        heading = " ".join(asked.title)
        return [
            body / (own_body + 1),
            body / np.sqrt((own_body + 1) * (memory.body.self_scores()[slots] + 1)),
            self._relative(self.body)[slots],
            np.log1p(body),
            title / (own_title + 1),
            title / np.sqrt((own_title + 1) * (past_title + 1)),
            self._relative(self.title)[slots],
            self.title_in_body[slots] / (memory.body.self_score(asked.title) + 1),
            self.body_in_title[slots] / (past_title + 1),
            np.array([bool(heading) and heading == " ".join(memory.documents[slot].title) for slot in slots]),
            names / np.sqrt((own_names + 1) * (memory.names.self_scores()[slots] + 1)),
            self._relative(self.names)[slots],
            np.log1p(names),
            *self._meaning(slots),
        ]

    def _meaning(self, slots: Candidates) -> list[Floats]:
        if self.meaning is None:
            nothing = np.zeros(len(slots), dtype=np.float32)
            return [nothing, nothing]
        best = self.meaning[self.usable].max(initial=_FEW)
        return [self.meaning[slots], self.meaning[slots] - best]

    def _relative(self, scores: Floats) -> Floats:
        return np.asarray(scores / max(float(scores[self.usable].max(initial=0)), _FEW))

    def _labels(self, slots: Candidates) -> list[Floats]:
        asked, memory = self.question.incident, self.memory
        service = _agreement(memory.services, asked.service, slots)
        category = _agreement(memory.categories, asked.category, slots)
        return [*service, *category, _agreement(memory.priorities, asked.priority, slots)[0]]

    def _symptoms(self, slots: Candidates) -> Floats:
        return np.array([_overlap(self.question.symptoms, self.memory.symptoms[slot]) for slot in slots], np.float32)

    def _time(self, slots: Candidates) -> list[Floats]:
        moment = self.question.incident.opened_at.timestamp()
        days = np.maximum(moment - np.array(self.memory.opened)[slots], 0) / _DAY_S
        return [np.log1p(days), np.exp(-days), np.exp(-days / 30), np.exp(-days / 365)]

    def _named(self, slots: Candidates) -> Floats:
        mentions, incidents = self.question.mentions, self.memory.incidents
        return np.array([bool(mentions) and incidents[slot].id.lower() in mentions for slot in slots], np.float32)

    def _fixed(self, slots: Candidates) -> Floats:
        return np.array([fix_is_useful(self.memory.incidents[slot].resolution) for slot in slots], np.float32)

    def _same_symptoms(self, usable: Candidates) -> Candidates:
        asked = self.question.symptoms
        found = [slot for slot in usable if asked & self.memory.symptoms[slot]] if asked else []
        return np.array(found, dtype=np.intp)

    def _same_service(self, usable: Candidates) -> Candidates:
        same, _, _ = self.memory.services.agreement(self.question.incident.service.casefold())
        return usable[same[usable]]


def _agreement(labels: Labels, value: str, slots: Candidates) -> list[Floats]:
    same, other, rarity = labels.agreement(value.casefold())
    return [same[slots].astype(np.float32), same[slots] * np.float32(rarity), other[slots].astype(np.float32)]


def _best(scores: Floats, usable: Candidates, count: int) -> Candidates:
    among = scores[usable]
    if len(among) > count:
        usable = usable[np.argpartition(-among, count)[:count]]
    return usable[scores[usable] > 0]


def _overlap(asked: frozenset[str], past: frozenset[str]) -> float:
    return len(asked & past) / len(asked | past) if asked and past else 0.0

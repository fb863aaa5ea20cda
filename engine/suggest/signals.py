"""What speaks for a past incident: one column of numbers per signal, for all candidates of a question at once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.domain import Alert, Edge, Incident
from engine.suggest.document import FIELDS, Document, document_of, teller_of
from engine.suggest.index import Floats, Slots
from engine.suggest.memory import Labels, Memory, fingerprints

_DAY_S = 86_400.0
_EVERYTHING = 400  # with no more known incidents than this, all are candidates
_NEIGHBOURS = 20  # neighbouring services whose latest incidents are weighed
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
    "service_near": "neighbouring service",
    "category_same": "same category",
    "category_rare": "same category",
    "category_other": "same category",
    "priority_same": "same priority",
    "symptoms": "same alerts",
    "teller_same": "same reporter",
    "teller_day": "same reporter",
    "gap_log": "time between",
    "gap_day": "time between",
    "gap_month": "time between",
    "gap_year": "time between",
    "named": "named in the text",
    "fixed": "has a fix",
}

# How a person reads them: the five terms of an explanation. What is no evidence of sameness is part of the start.
TERM_OF = {
    "before any evidence": "before any evidence",
    "length of the text": "before any evidence",
    "has a fix": "before any evidence",
    "same identifiers": "entity",
    "same labels": "entity",
    "named in the text": "entity",
    "same title": "problem",
    "same words": "problem",
    "same phrases": "problem",
    "same meaning": "problem",
    "same alerts": "problem",
    "same category": "impact",
    "same priority": "impact",
    "same service": "topology",
    "neighbouring service": "topology",
    "time between": "time",
    "same reporter": "time",
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
    near: frozenset[str] = frozenset()  # services beside the asked one in the topology, case-folded
    vector: Floats | None = None  # unit vector of its text, if an encoder answers


def question_of(incident: Incident, alerts: Sequence[Alert], topology: Sequence[Edge] = ()) -> Question:
    """Read `incident` and its leading `alerts`."""
    near = neighbours(topology, incident.service)
    return Question(incident, document_of(incident, alerts), fingerprints(alerts), near)


def neighbours(topology: Sequence[Edge], service: str) -> frozenset[str]:
    """The names beside `service` in `topology`, case-folded, itself left out.

    Examples
    --------
    >>> neighbours([Edge(source="Web", target="db"), Edge(source="db", target="disk")], "DB") == {"web", "disk"}
    True
    """
    own = service.casefold()
    if not own:
        return frozenset()
    ends = [(edge.source.casefold(), edge.target.casefold()) for edge in topology]
    return frozenset(other for pair in ends if own in pair for other in pair if other != own)


class Search(Protocol):
    """One question to one channel, by words or by meaning."""

    def best(self, usable: NDArray[np.bool_], count: int) -> Slots:
        """The `count` slots of `usable` (a mask over all) that answer best; fewer where no more answer at all."""

    def of(self, slots: Slots) -> Floats:
        """Scores of `slots`, higher is closer: shape (slots,)."""


class Scan:
    """One question to all remembered incidents: `candidates` finds those worth weighing, `columns` reads them."""

    def __init__(self, memory: Memory, question: Question, usable: NDArray[np.bool_]) -> None:
        self.memory = memory
        self.question = question
        self.usable = usable
        asked, fields = question.document.fields, memory.fields
        self.words = {name: index.asked(asked[name]) for name, index in fields.items()}
        self.title_in_body = fields["body"].asked(asked["title"])
        self.body_in_title = fields["title"].asked(asked["body"])
        self.meaning = memory.vectors.asked(question.vector) if question.vector is not None else None

    def told(self, vector: Floats) -> Scan:
        """The same question, whose words are not looked up again, with the unit `vector` of its text."""
        other = copy(self)
        other.question = replace(self.question, vector=vector)
        other.meaning = self.memory.vectors.asked(vector)
        return other

    def candidates(self, per_channel: int) -> Slots:
        """Slots worth weighing: the best of every channel, or all where they are few."""
        if np.count_nonzero(self.usable) <= max(_EVERYTHING, per_channel):
            return np.flatnonzero(self.usable)
        channels: list[Search] = [*self.words.values(), self.title_in_body, self.body_in_title]
        if self.meaning is not None:
            channels.append(self.meaning)
        chosen = [channel.best(self.usable, per_channel) for channel in channels]
        chosen.append(self._usable(self.memory.with_symptoms(self.question.symptoms))[-per_channel:])
        same_service = self.memory.services.slots_of(self.question.incident.service)
        chosen.append(self._usable(same_service)[-per_channel // 2 :])
        near = [self.memory.services.slots_of(service) for service in sorted(self.question.near)[:_NEIGHBOURS]]
        chosen += [self._usable(slots)[-per_channel // 10 :] for slots in near]
        return np.unique(np.concatenate(chosen))

    def columns(self, slots: Slots) -> Floats:
        """The columns of `COLUMNS` for `slots`: shape (slots, columns)."""
        if not len(slots):
            return np.zeros((0, len(COLUMNS)), np.float32)
        fields = [column for name in FIELDS for column in self._field(name, slots)]
        parts = [*fields, *self._across(slots), *self._meaning(slots), *self._labels(slots)]
        parts += [self._symptoms(slots), *self._teller(slots), *self._time(slots), self._named(slots)]
        parts.append(self.memory.fixed.values[slots].astype(np.float32))
        return np.column_stack(parts).astype(np.float32)

    def _usable(self, slots: Slots) -> Slots:
        return slots[self.usable[slots]]

    def _field(self, name: str, slots: Slots) -> list[Floats]:
        index, scores = self.memory.fields[name], self.words[name].of(slots)
        own, past = index.self_score(self.question.document.fields[name]), index.self_scores()[slots]
        best = max(float(scores.max()), _FEW)  # the best of the field is among its candidates
        return [scores / np.sqrt((own + _SOFT) * (past + _SOFT)), scores / best, np.log1p(scores)]

    def _across(self, slots: Slots) -> list[Floats]:
        title, body = self.memory.fields["title"], self.memory.fields["body"]
        asked = self.question.document.fields
        lengths = np.log1p(body.lengths()[slots])
        return [
            self.title_in_body.of(slots) / (body.self_score(asked["title"]) + _SOFT),
            self.body_in_title.of(slots) / (title.self_scores()[slots] + _SOFT),
            title.equal(asked["title"], slots).astype(np.float32),
            lengths,
            np.abs(lengths - np.log1p(len(asked["body"]))),
        ]

    def _meaning(self, slots: Slots) -> list[Floats]:
        if self.meaning is None:
            nothing = np.zeros(len(slots), dtype=np.float32)
            return [nothing, nothing]
        cosines = self.meaning.of(slots)
        return [cosines, cosines - cosines.max()]

    def _labels(self, slots: Slots) -> list[Floats]:
        asked, memory = self.question.incident, self.memory
        service = _agreement(memory.services, asked.service, slots)
        category = _agreement(memory.categories, asked.category, slots)
        near = np.zeros(len(slots), dtype=np.float32)
        for other in self.question.near:
            near += np.isin(slots, memory.services.slots_of(other))
        return [*service, near, *category, _agreement(memory.priorities, asked.priority, slots)[0]]

    def _symptoms(self, slots: Slots) -> Floats:
        asked, past = self.question.symptoms, self.memory.symptoms
        if not asked:
            return np.zeros(len(slots), dtype=np.float32)
        return np.array([_overlap(asked, past[slot]) for slot in slots.tolist()], np.float32)

    def _teller(self, slots: Slots) -> list[Floats]:
        same = self.memory.tellers.agreement(teller_of(self.question.incident), slots)[0].astype(np.float32)
        return [same, same * np.exp(-self._days(slots)).astype(np.float32)]

    def _days(self, slots: Slots) -> NDArray[np.float64]:
        moment = self.question.incident.opened_at.timestamp()
        return np.asarray(np.maximum(moment - self.memory.opened.values[slots], 0) / _DAY_S)

    def _time(self, slots: Slots) -> list[Floats]:
        days = self._days(slots)
        return [np.log1p(days), np.exp(-days), np.exp(-days / 30), np.exp(-days / 365)]

    def _named(self, slots: Slots) -> Floats:
        mentions, incidents = set(self.question.document.fields["names"]), self.memory.incidents
        return np.array([incidents[slot].id.casefold() in mentions for slot in slots.tolist()], np.float32)


def _agreement(labels: Labels, value: str, slots: Slots) -> list[Floats]:
    same, other, rarity = labels.agreement(value, slots)
    return [same.astype(np.float32), same * np.float32(rarity), other.astype(np.float32)]


def _overlap(asked: frozenset[str], past: frozenset[str]) -> float:
    return len(asked & past) / len(asked | past) if asked and past else 0.0

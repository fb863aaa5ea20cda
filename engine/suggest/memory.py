"""What the recommender remembers of past incidents: their documents, moments and labels, slot by slot."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from engine.domain import Alert, Incident
from engine.suggest.document import Document, document_of
from engine.suggest.index import FieldIndex, VectorIndex

_NOTHING = -1
_COMPACT_AT = 256  # slots of replaced incidents before the memory is built afresh


class Labels:
    """One categorical column: how many incidents carry each value, and which value each slot has."""

    def __init__(self) -> None:
        self.codes_: dict[str, int] = {}
        self.counts_: list[int] = []
        self.column_: array[int] = array("i")

    def add(self, value: str) -> None:
        """Append the value of the next slot; empty means unknown."""
        code = _NOTHING
        if value:
            code = self.codes_.setdefault(value, len(self.codes_))
            self.counts_.extend([0] * (code + 1 - len(self.counts_)))
            self.counts_[code] += 1
        self.column_.append(code)

    def agreement(self, value: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_], float]:
        """Per slot whether it has `value`, whether it has another one, and how rare the value is (nats, 0..8)."""
        column = np.array(self.column_)
        if not value:
            nowhere = np.zeros(len(column), dtype=np.bool_)
            return nowhere, nowhere, 0.0
        code = self.codes_.get(value, _NOTHING - 1)
        seen = self.counts_[code] if code >= 0 else 0
        rarity = float(np.clip(np.log((len(column) + 1) / (seen + 1)), 0, 8))
        return column == code, (column != code) & (column != _NOTHING), rarity


class Memory:
    """Past incidents in slots; a replaced incident gets a new slot and its old one falls silent."""

    def __init__(self) -> None:
        self.incidents: list[Incident] = []
        self.documents: list[Document] = []
        self.symptoms: list[frozenset[str]] = []  # alert fingerprints of each incident
        self.slot_of: dict[str, int] = {}
        self.opened: array[float] = array("d")  # epoch seconds
        self.known: array[float] = array("d")  # epoch seconds, from when others may learn from it; inf when replaced
        self.services, self.categories, self.priorities = Labels(), Labels(), Labels()
        self.title, self.body, self.names = FieldIndex(), FieldIndex(), FieldIndex()
        self.vectors = VectorIndex()
        self.silent = 0

    def __len__(self) -> int:
        return len(self.incidents)

    def fit(self, incidents: Sequence[Incident], alerts: Mapping[str, Sequence[Alert]]) -> Memory:
        """Remember `incidents`, of which a later one replaces an earlier one of the same id."""
        for incident in {incident.id: incident for incident in incidents}.values():
            told = alerts.get(incident.id, ())
            self._append(incident, document_of(incident, told), fingerprints(told))
        self._index()
        return self

    def add(self, incident: Incident, alerts: Sequence[Alert] = ()) -> int:
        """Remember one more incident, or a newer form of a known one; returns its slot."""
        old = self.slot_of.get(incident.id)
        if old is not None:
            self.known[old] = np.inf
            self.silent += 1
        slot = self._append(incident, document_of(incident, alerts), fingerprints(alerts))
        document = self.documents[slot]
        for index, terms in ((self.title, document.title), (self.body, document.body), (self.names, document.names)):
            index.add(terms)
        self.vectors.grow(len(self))
        return slot

    @property
    def worn(self) -> bool:
        """Whether so many slots are silent that building afresh pays."""
        return self.silent > max(_COMPACT_AT, len(self) // 2)

    @property
    def encoded(self) -> bool:
        """Whether every slot that still counts has a vector."""
        return bool((self.vectors.has_[: len(self)] | np.isinf(np.array(self.known))).all())

    def missing(self) -> list[int]:
        """Slots that still count and have no vector yet, newest first: the newest are asked for most."""
        living = set(self.slot_of.values())
        return [slot for slot in reversed(self.vectors.missing()) if slot in living]

    def compacted(self) -> Memory:
        """The same memory without its silent slots."""
        living = sorted(self.slot_of.values())
        fresh = Memory()
        for slot in living:
            fresh._append(self.incidents[slot], self.documents[slot], self.symptoms[slot])
        fresh._index()
        with_vector = [place for place, slot in enumerate(living) if self.vectors.has_[slot]]
        if with_vector:
            fresh.vectors.put(with_vector, self.vectors.rows_[[living[place] for place in with_vector]])
        return fresh

    def known_at(self, moment: datetime, asked: str) -> NDArray[np.bool_]:
        """Per slot whether an incident opened at `moment` with id `asked` may learn from it."""
        usable = np.array(self.known) < moment.timestamp()
        if asked in self.slot_of:
            usable[self.slot_of[asked]] = False
        return usable

    def _index(self) -> None:
        self.title.fit(document.title for document in self.documents)
        self.body.fit(document.body for document in self.documents)
        self.names.fit(document.names for document in self.documents)
        self.vectors.grow(len(self))

    def _append(self, incident: Incident, document: Document, symptoms: frozenset[str]) -> int:
        slot = len(self.incidents)
        self.incidents.append(incident)
        self.documents.append(document)
        self.symptoms.append(symptoms)
        self.slot_of[incident.id] = slot
        self.opened.append(incident.opened_at.timestamp())
        self.known.append(incident.known_from.timestamp())
        self.services.add(incident.service.casefold())
        self.categories.add(incident.category.casefold())
        self.priorities.add(incident.priority.casefold())
        return slot


def fingerprints(alerts: Sequence[Alert]) -> frozenset[str]:
    """Which symptoms `alerts` are about."""
    return frozenset(alert.fingerprint for alert in alerts)

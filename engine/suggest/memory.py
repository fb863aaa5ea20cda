"""What the recommender remembers of past incidents: their fields, moments and labels, slot by slot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain import Alert, Incident
from engine.suggest.columns import Column
from engine.suggest.document import FIELDS, Document, document_of, teller_of
from engine.suggest.encoder import text_hash
from engine.suggest.index import FieldIndex, Floats, Slots
from engine.suggest.nearest import VectorIndex
from engine.suggest.resolutions import fix_is_useful

_NOTHING = -1
_NAME_DIGITS = 16  # hex digits of a text's hash that name its vector: two of a million are one in 40 million times
_COMPACT_AT = 256  # slots of replaced incidents before the memory is built afresh


class Labels:
    """One categorical column: which incidents carry each value, and which value each slot has."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.holders: list[Column] = []  # slots by code
        self.column = Column(np.int32)

    def add(self, value: str) -> None:
        """Append the value of the next slot; empty means unknown. Case does not matter."""
        code = _NOTHING
        if value:
            code = self.codes.setdefault(value.casefold(), len(self.codes))
            if code == len(self.holders):
                self.holders.append(Column(np.int32))
            self.holders[code].add(len(self.column))
        self.column.add(code)

    def slots_of(self, value: str) -> Slots:
        """The slots that have `value`, in order."""
        code = self.codes.get(value.casefold(), _NOTHING)
        return self.holders[code].values.astype(np.intp) if code >= 0 else np.zeros(0, dtype=np.intp)

    def agreement(self, value: str, slots: Slots) -> tuple[NDArray[np.bool_], NDArray[np.bool_], float]:
        """Per slot whether it has `value`, whether it has another one, and how rare the value is (nats, 0..8)."""
        column = self.column.values[slots]
        if not value:
            nowhere = np.zeros(len(column), dtype=np.bool_)
            return nowhere, nowhere, 0.0
        code = self.codes.get(value.casefold(), _NOTHING - 1)
        seen = len(self.holders[code]) if code >= 0 else 0
        rarity = float(np.clip(np.log((len(self.column) + 1) / (seen + 1)), 0, 8))
        return column == code, (column != code) & (column != _NOTHING), rarity


class Memory:
    """Past incidents in slots; a replaced incident gets a new slot and its old one falls silent."""

    def __init__(self) -> None:
        self.incidents: list[Incident] = []
        self.symptoms: list[frozenset[str]] = []  # alert fingerprints of each incident
        self.slot_of: dict[str, int] = {}
        self.opened = Column(np.float64)  # epoch seconds
        self.known = Column(np.float64)  # epoch seconds from which others may learn from it; inf when replaced
        self.fixed = Column(np.int8)  # 1 where the resolution says what to do
        self.symptom_holders: dict[str, Column] = {}  # slots by alert fingerprint
        self.services, self.categories, self.priorities = Labels(), Labels(), Labels()
        self.tellers = Labels()
        self.fields = {name: FieldIndex() for name in FIELDS}
        self.vectors = VectorIndex()
        self.waiting: dict[int, str] = {}  # texts of slots that have no vector yet
        self.silent = 0

    def __len__(self) -> int:
        return len(self.incidents)

    def fit(self, incidents: Iterable[Incident], alerts: Mapping[str, Sequence[Alert]]) -> Memory:
        """Remember `incidents`, of which a later one replaces an earlier one of the same id."""
        for incident in {incident.id: incident for incident in incidents}.values():
            told = alerts.get(incident.id, ())
            document = document_of(incident, told)
            self.remember(incident, fingerprints(told), document.encoded)
            for name, index in self.fields.items():
                index.stage(document.fields[name])
        for index in self.fields.values():
            index.settle()
        return self

    def add(self, incident: Incident, document: Document, symptoms: frozenset[str]) -> int:
        """Remember one more incident, or a newer form of a known one; returns its slot."""
        old = self.slot_of.get(incident.id)
        if old is not None:
            self.known.values[old] = np.inf
            self.waiting.pop(old, None)
            self.silent += 1
        slot = self.remember(incident, symptoms, document.encoded)
        for name, index in self.fields.items():
            index.add(document.fields[name])
        return slot

    @property
    def worn(self) -> bool:
        """Whether so many slots are silent that building afresh pays."""
        return self.silent > max(_COMPACT_AT, len(self) // 2)

    def compacted(self) -> Memory:
        """The same memory without its silent slots."""
        living = sorted(self.slot_of.values())
        fresh = Memory()
        for slot in living:
            fresh.remember(self.incidents[slot], self.symptoms[slot], self.waiting.get(slot, ""))
        fresh.fields = {name: index.kept(living) for name, index in self.fields.items()}
        fresh.vectors = self.vectors.kept(living)
        for place, slot in enumerate(living):
            if slot not in self.waiting:
                fresh.waiting.pop(place)
        return fresh

    def encoded(self, slots: Sequence[int], vectors: Floats) -> None:
        """Take the unit vectors of the texts of `slots`; a slot that fell silent meanwhile takes none."""
        wanted = [place for place, slot in enumerate(slots) if self.waiting.pop(slot, None) is not None]
        self.vectors.put([slots[place] for place in wanted], vectors[wanted])

    def adopt(self, path: Path, dim: int) -> None:
        """Take the vectors, of `dim` numbers, that an earlier process left in the file `path`; they wait no more."""
        for slot in self.vectors.adopt(path, dim).tolist():
            self.waiting.pop(slot, None)

    def newest_waiting(self, count: int) -> dict[int, str]:
        """The texts of the `count` newest slots that wait for their vectors, by slot."""
        return {slot: self.waiting[slot] for slot in islice(reversed(self.waiting), count)}

    def known_at(self, moment: datetime, asked: str) -> NDArray[np.bool_]:
        """Per slot whether an incident opened at `moment` with id `asked` may learn from it."""
        usable: NDArray[np.bool_] = self.known.values < moment.timestamp()
        if asked in self.slot_of:
            usable[self.slot_of[asked]] = False
        return usable

    def with_symptoms(self, symptoms: Iterable[str]) -> Slots:
        """The slots of incidents that share at least one alert fingerprint with `symptoms`, in order."""
        held = [self.symptom_holders[one].values for one in symptoms if one in self.symptom_holders]
        return np.unique(np.concatenate(held)).astype(np.intp) if held else np.zeros(0, dtype=np.intp)

    def remember(self, incident: Incident, symptoms: frozenset[str], text: str) -> int:
        """Take all but the words of one more incident, whose `text` waits for its vector; returns its slot."""
        slot = len(self.incidents)
        self.incidents.append(incident)
        self.symptoms.append(symptoms)
        for one in symptoms:
            self.symptom_holders.setdefault(one, Column(np.int32)).add(slot)
        self.slot_of[incident.id] = slot
        self.opened.add(incident.opened_at.timestamp())
        self.known.add(incident.known_from.timestamp())
        self.fixed.add(fix_is_useful(incident.resolution))
        self.services.add(incident.service)
        self.categories.add(incident.category)
        self.priorities.add(incident.priority)
        self.tellers.add(teller_of(incident))
        self.vectors.grow(len(self), int(text_hash(text)[:_NAME_DIGITS], 16))
        self.waiting[slot] = text
        return slot


def fingerprints(alerts: Sequence[Alert]) -> frozenset[str]:
    """Which symptoms `alerts` are about."""
    return frozenset(alert.fingerprint for alert in alerts)

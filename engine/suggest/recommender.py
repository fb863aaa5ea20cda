"""Past incidents that resemble the one asked about, with the fix that ended them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np

from engine.domain import Alert, Edge, Incident, ModelPart, Runbook, Rung, Suggestions
from engine.errors import ModelUnusable
from engine.suggest.answer import Weighed, judged
from engine.suggest.document import document_of
from engine.suggest.encoder import Encoder, batches, text_hash
from engine.suggest.fix import fixes_of
from engine.suggest.index import Floats, Slots
from engine.suggest.memory import Memory, fingerprints
from engine.suggest.rerank import Fusion
from engine.suggest.runbooks import Shelf
from engine.suggest.signals import Question, Scan, question_of

Lock = AbstractContextManager[Any]

_BY_WORDS = "compared by words alone"
_READ_FOR_FIXES = 30  # matches whose resolutions are read
_ASKED_TOGETHER = 12  # questions of a batch whose texts are encoded together
_WARM_GROUP = 512  # texts sorted by length together, so that a batch holds texts of like length


class Recommender:
    """Candidates from words, identifiers, meaning, alerts and service, weighed by `Fusion`; history is never cut.

    `learn_one` is the only thing that changes what is known; it is seen by the next question. Answers come from
    words alone until `warm` has loaded the encoder and encoded what is remembered, and say so.

    Parameters
    ----------
    encoder
        Turns texts into vectors; None answers from words alone.
    fusion
        Weights of the signals; None takes those that PathFinder comes with.
    per_channel
        Candidates taken from each channel before they are weighed together.
    closer_look
        Of these, how many are also compared by meaning where not everything is encoded.
    topology
        What depends on what: incidents of neighbouring services are candidates too.
    folder
        Where the graph of many vectors stays for the next start; None keeps it in a temporary file.
    """

    def __init__(
        self,
        *,
        encoder: Encoder | None = None,
        fusion: Fusion | None = None,
        per_channel: int = 100,
        closer_look: int = 20,
        topology: Sequence[Edge] = (),
        folder: Path | None = None,
    ) -> None:
        self.encoder = encoder
        self.fusion = fusion
        self.per_channel = per_channel
        self.closer_look = closer_look
        self.topology = topology
        self.folder = folder
        self.memory = Memory()
        self.shelf = Shelf()
        self.said: dict[str, list[bool]] = {}
        self.failure = ""

    def fit(self, incidents: Iterable[Incident], alerts: Mapping[str, Sequence[Alert]] | None = None) -> Self:
        """Forget everything and remember `incidents`, with the alerts of each by its id where known."""
        self.memory = Memory().fit(incidents, alerts or {})
        self.said = {}
        return self

    def learn_one(self, incident: Incident, alerts: Sequence[Alert] = ()) -> None:
        """Remember `incident`, or its newer form. A closed one with a resolution is what others learn from."""
        slot = self.memory.add(incident, document_of(incident, alerts), fingerprints(alerts))
        if self.memory.worn:
            self._compact()
        elif self.encoder is not None and self.encoder.loaded:
            self._encode_all([slot])

    def learn_opinion(self, incident_id: str, helped: bool) -> None:
        """Take in that somebody tried the fix of a past incident again, and whether it helped."""
        self.said.setdefault(incident_id, []).append(helped)

    def take_runbooks(self, runbooks: Iterable[Runbook]) -> None:
        """Keep exactly these runbooks at hand."""
        told = tuple(runbooks)
        if told != self.shelf.runbooks:
            self.shelf = Shelf(told)

    def take_topology(self, topology: Sequence[Edge]) -> None:
        """Know from now on what depends on what."""
        self.topology = topology

    def predict_one(self, incident: Incident, *, alerts: Sequence[Alert] = (), top: int = 10) -> Suggestions:
        """The `top` past incidents most probably of the same problem, known before `incident` opened; best first.

        With them the fixes that ended such incidents and the runbooks that speak of it. Where it is too improbable
        that any past incident is of its kind, the answer is `new_kind`: no fix, and the incidents are merely near.
        """
        weighed = self.weigh(incident, alerts=alerts, depth=max(top, self.closer_look))
        rung = Rung.LEXICAL if weighed.lexical else Rung.FULL
        asked = weighed.scan.question.document
        answer = Suggestions(
            items=(),
            rung=rung,
            note=weighed.note,
            runbooks=self.shelf.find(asked, incident.service, alerts),
            new_kind=True,
        )
        found = judged(weighed, self._fusion)
        if found is None:
            return answer
        fixes = () if found.new_kind else fixes_of(found.matches(_READ_FOR_FIXES), incident.opened_at, self.said)
        return replace(
            answer,
            items=tuple(found.suggestions(top)),
            fixes=fixes,
            probability=found.probability,
            new_kind=found.new_kind,
        )

    def weigh(self, incident: Incident, *, alerts: Sequence[Alert] = (), depth: int = 0) -> Weighed:
        """The candidates with their columns and scores, in no order: what `predict_one` chooses from.

        While texts of past incidents still wait for their vectors, the `depth` best by words are compared by meaning
        too, if those have theirs.
        """
        question = question_of(incident, alerts, self.topology)
        vector, note = self._vector(question)
        partly = vector is not None and bool(self.memory.waiting)
        scan = self._scan(question, None if partly else vector)
        weighed = self._weighed(scan, scan.candidates(self.per_channel), note)
        return self._looked_closer(weighed, vector, depth) if partly and vector is not None else weighed

    @property
    def ready(self) -> bool:
        """Whether answers come from the best rung: encoder loaded, everything remembered encoded."""
        return self.encoder is not None and self.encoder.loaded and not self.memory.waiting

    def warm(self, lock: Lock | None = None) -> Self:
        """Load the encoder and encode what is remembered; may take long, and goes on where it stopped.

        A model that cannot be loaded is not an error: answers stay lexical and say why. See `warming` for `lock`.
        """
        for _ in self.warming(lock):
            pass
        return self

    def warming(self, lock: Lock | None = None) -> Iterator[int]:
        """`warm` step by step, a second or so each: yields how many texts still wait, newest incidents first.

        `lock` is held where the memory is read or changed, and let go where the encoder or the disk is at work: with
        the lock that questions and lessons take, other threads may ask and teach meanwhile.
        """
        held = lock or nullcontext()
        try:
            if self.encoder is not None:
                self.encoder.load()
                self._adopt(self.encoder, held)
                yield from self._backfill(self.encoder, held)
            yield from self._tidying(held)
        except ModelUnusable as error:
            self.failure = str(error)

    def warming_for(self, incidents: Iterable[Incident]) -> Iterator[int]:
        """Encode only what the questions `incidents` will look at closer, as `closer_look` says; yields per question.

        For batches that ask few questions of a long history: as good as `warm` at a fraction of its cost. Texts of
        several questions are encoded together, so that those of like length stand side by side.
        """
        spoken = type(self)(fusion=self.fusion, per_channel=self.per_channel, topology=self.topology)
        spoken.memory = self.memory
        left = iter(incidents)
        try:
            while group := list(islice(left, _ASKED_TOGETHER)):
                if self.encoder is not None:
                    self.encoder.load()
                weighed = [spoken.weigh(incident) for incident in group]
                closest = [each.slots[each.order()[: self.closer_look]] for each in weighed]
                self._encode_all(np.unique(np.concatenate(closest)).tolist())
                self._remember([each.scan.question.document.encoded for each in weighed])
                for _ in group:
                    yield len(self.memory.waiting)
        except ModelUnusable as error:
            self.failure = str(error)

    def steps_to_warm(self) -> int:
        """How many steps `warming` will about take."""
        return -(-len(self.memory.waiting) // self.encoder.batch_size) if self.encoder is not None else 0

    def to_part(self) -> ModelPart:
        """The weights, never the incidents: those are rows of the store."""
        return self._fusion.to_part()

    @classmethod
    def from_part(cls, part: ModelPart, encoder: Encoder | None = None) -> Self:
        """A recommender with stored weights and an empty memory."""
        return cls(encoder=encoder, fusion=Fusion.from_part(part))

    @property
    def _fusion(self) -> Fusion:
        return self.fusion or Fusion.shipped()

    def _scan(self, question: Question, vector: Floats | None) -> Scan:
        usable = self.memory.known_at(question.incident.opened_at, question.incident.id)
        return Scan(self.memory, replace(question, vector=vector), usable)

    def _weighed(self, scan: Scan, slots: Slots, note: str) -> Weighed:
        columns, lexical = scan.columns(slots), scan.meaning is None
        return Weighed(scan, slots, columns, self._fusion.scores(columns, lexical=lexical), lexical, note)

    def _looked_closer(self, weighed: Weighed, vector: Floats, depth: int) -> Weighed:
        closest = np.sort(weighed.slots[weighed.order()[:depth]])
        if any(slot in self.memory.waiting for slot in closest.tolist()):
            return replace(weighed, note=f"{len(self.memory.waiting)} past incidents are not encoded yet: {_BY_WORDS}")
        return self._weighed(weighed.scan.told(vector), closest, "")

    def _vector(self, question: Question) -> tuple[Floats | None, str]:
        if self.encoder is None:
            return None, f"no encoder is configured: {_BY_WORDS}"
        if not self.encoder.loaded:
            reason = self.failure or self.encoder.failure_ or "the encoder is being prepared"
            return None, f"{reason}: {_BY_WORDS}"
        return self.encoder.encode([question.document.encoded])[0], ""

    def _backfill(self, encoder: Encoder, lock: Lock) -> Iterator[int]:
        while True:
            with lock:
                memory, newest = self.memory, self.memory.newest_waiting(_WARM_GROUP)
            if not newest:
                return
            for slots, vectors in _encoded(encoder, newest):
                with lock:
                    memory.encoded(slots, vectors)
                yield len(memory.waiting)
                if memory is not self.memory:
                    break

    def _adopt(self, encoder: Encoder, lock: Lock) -> None:
        if self.folder is not None:
            path = self.folder / f"{text_hash(encoder.name)}.usearch"
            with lock:
                self.memory.adopt(path, encoder.dim)

    def _tidying(self, lock: Lock) -> Iterator[int]:
        memory = self.memory
        for _ in memory.vectors.tidying(lock):
            yield len(memory.waiting)

    def _encode_all(self, slots: Sequence[int]) -> None:
        waiting = {slot: self.memory.waiting[slot] for slot in slots if slot in self.memory.waiting}
        for some, vectors in _encoded(self.encoder, waiting) if self.encoder is not None else ():
            self.memory.encoded(some, vectors)

    def _remember(self, texts: Sequence[str]) -> None:
        """Have the encoder know `texts` before they are asked for one by one."""
        if self.encoder is not None:
            for group in batches(texts, self.encoder.batch_size):
                self.encoder.encode([texts[place] for place in group])

    def _compact(self) -> None:
        self.memory = self.memory.compacted()
        if self.encoder is not None and self.encoder.loaded:
            self._encode_all(list(self.memory.waiting))


def _encoded(encoder: Encoder, waiting: Mapping[int, str]) -> Iterator[tuple[list[int], Floats]]:
    """Slots and their vectors, in batches of texts of like length."""
    slots, texts = list(waiting), list(waiting.values())
    for group in batches(texts, encoder.batch_size):
        yield [slots[i] for i in group], encoder.encode([texts[i] for i in group])

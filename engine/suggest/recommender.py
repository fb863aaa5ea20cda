"""Past incidents that resemble the one asked about, with the fix that ended them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np

from engine.domain import Alert, Evidence, Incident, ModelPart, Rung, Suggestion, Suggestions
from engine.errors import ModelUnusable
from engine.suggest.document import document_of
from engine.suggest.encoder import Encoder, batches
from engine.suggest.explain import reasons
from engine.suggest.index import Floats, Slots
from engine.suggest.memory import Memory, fingerprints
from engine.suggest.rerank import Fusion, probability
from engine.suggest.signals import Scan, question_of

_DAY_S = 86_400.0
_WARM_BATCH = 256  # texts between two looks at what is missing


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
    """

    def __init__(self, *, encoder: Encoder | None = None, fusion: Fusion | None = None, per_channel: int = 100) -> None:
        self.encoder = encoder
        self.fusion = fusion
        self.per_channel = per_channel
        self.memory_ = Memory()
        self.failure_ = ""

    def fit(self, incidents: Iterable[Incident], alerts: Mapping[str, Sequence[Alert]] | None = None) -> Self:
        """Forget everything and remember `incidents`, with the alerts of each by its id where known."""
        self.memory_ = Memory().fit(incidents, alerts or {})
        return self

    def learn_one(self, incident: Incident, alerts: Sequence[Alert] = ()) -> None:
        """Remember `incident`, or its newer form. A closed one with a resolution is what others learn from."""
        slot = self.memory_.add(incident, document_of(incident, alerts), fingerprints(alerts))
        if self.memory_.worn:
            self._compact()
        elif self.encoder is not None and self.encoder.loaded:
            self._encode([slot])

    def predict_one(self, incident: Incident, *, alerts: Sequence[Alert] = (), top: int = 10) -> Suggestions:
        """The `top` past incidents most probably of the same problem, known before `incident` opened; best first."""
        vector, note = self._vector(incident, alerts)
        scan = self._scan(incident, alerts, vector)
        slots = scan.candidates(self.per_channel)
        columns = scan.columns(slots)
        lexical = vector is None
        scores = self._fusion.scores(columns, lexical=lexical)
        order = self._ordered(slots, scores)[:top]
        items = tuple(self._suggestion(scan, int(slots[i]), columns[i], lexical) for i in order)
        return Suggestions(items=items, rung=Rung.LEXICAL if lexical else Rung.FULL, note=note)

    @property
    def ready(self) -> bool:
        """Whether answers come from the best rung: encoder loaded, everything remembered encoded."""
        return self.encoder is not None and self.encoder.loaded and not self.memory_.waiting

    def warm(self) -> Self:
        """Load the encoder and encode what is remembered; may take long, and goes on where it stopped.

        A model that cannot be loaded is not an error: answers stay lexical and say why.
        """
        if self.encoder is None:
            return self
        try:
            self.encoder.load()
            while waiting := sorted(self.memory_.waiting)[-_WARM_BATCH:]:
                self._encode(waiting)
        except ModelUnusable as error:
            self.failure_ = str(error)
        return self

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

    def _scan(self, incident: Incident, alerts: Sequence[Alert], vector: Floats | None) -> Scan:
        usable = self.memory_.known_at(incident.opened_at, incident.id)
        return Scan(self.memory_, question_of(incident, alerts, vector), usable)

    def _vector(self, incident: Incident, alerts: Sequence[Alert]) -> tuple[Floats | None, str]:
        if self.encoder is None:
            return None, "no encoder is configured: compared by words alone"
        if not self.ready:
            reason = self.failure_ or self.encoder.failure_ or "the encoder is being prepared"
            return None, f"{reason}: compared by words alone"
        try:
            return self.encoder.encode([document_of(incident, alerts).encoded])[0], ""
        except ModelUnusable as error:
            return None, f"{error}: compared by words alone"

    def _encode(self, slots: Sequence[int]) -> None:
        if self.encoder is None:
            return
        texts = [self.memory_.waiting[slot] for slot in slots]
        for group in batches(texts, self.encoder.batch_size):
            self.memory_.encoded([slots[i] for i in group], self.encoder.encode([texts[i] for i in group]))

    def _compact(self) -> None:
        self.memory_ = self.memory_.compacted()
        if self.encoder is not None and self.encoder.loaded:
            self._encode(sorted(self.memory_.waiting))

    def _ordered(self, slots: Slots, scores: Floats) -> list[int]:
        opened = np.array(self.memory_.opened)[slots]
        return [int(i) for i in np.lexsort((-slots, -opened, -scores))]

    def _suggestion(self, scan: Scan, slot: int, values: Floats, lexical: bool) -> Suggestion:
        past = self.memory_.incidents[slot]
        terms = self._fusion.terms(values, lexical=lexical)
        because = tuple(
            Evidence(signal=signal, weight=weight, detail=reasons(scan, slot, signal))
            for signal, weight in sorted(terms.items(), key=lambda term: -abs(term[1]))
            if weight
        )
        asked = scan.question.incident.opened_at
        return Suggestion(
            incident=past,
            score=probability(sum(terms.values())),
            age_days=(asked - past.known_from).total_seconds() / _DAY_S,
            because=because,
        )

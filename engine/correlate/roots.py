"""The probable root of an incident: the thing that broke, and the alert that shows it best."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from engine.correlate.habits import Habits
from engine.correlate.lead_lag import LONG_S, LeadLag
from engine.correlate.rarity import Rarity
from engine.correlate.root_signals import Known, Measured, measure, phrase
from engine.correlate.suspects import Row, Scene, Sight, scene_of, shown, symptom_of
from engine.correlate.topology import Topology
from engine.domain import Evidence

_SHIPPED = Path(__file__).with_name("root_weights.json")
_GROWN = 1.25  # times the incidents at which what brings what is worked out anew
_ENOUGH = 10.0  # past incidents from which on what is unusual is known
_SOON_S = 60.0  # after which an alert speaks half as much for its thing
_TOLD = 16  # suspects told with reasons, and whose alerts are looked at
_PARTNERS = 16  # symptoms that a symptom may bring
_LEARNED = 256  # alerts of an incident that are learned from


class Root(NamedTuple):
    """One suspect, weighed."""

    name: str
    score: float  # log-odds up to a constant that all suspects of the incident share; the reasons sum to it
    reasons: tuple[Evidence, ...]  # strongest first
    probability: float  # 0..1, among the suspects


class RootRanker:
    """Ranks what may have broken, learning from past incidents what is usual.

    `learn` is given whole incidents, without their roots. `suspects` and `rank` change nothing, and are sensible before
    anything was learned and without a topology.

    Parameters
    ----------
    topology
        Who needs, runs on and is part of whom.
    weights
        Measurement -> log-odds, "cold" until enough incidents were learned, then "known"; None means the shipped.
    """

    def __init__(
        self, topology: Topology | None = None, weights: Mapping[str, Mapping[str, float]] | None = None
    ) -> None:
        self.topology = topology or Topology()
        self.weights = weights or shipped_root_weights()
        self.rarity = Rarity()
        self.habits = Habits()
        self.leads = LeadLag(partners=_PARTNERS)
        self._clock = 0.0  # runs only while incidents do
        self._known: Known | None = None  # of the moment when there were so many incidents:
        self._weighed_at = 0.0

    def learn(self, rows: Iterable[Row]) -> None:
        """One more incident is over: it consisted of `rows`."""
        ordered = sorted(rows, key=lambda row: (row.at, row.alert_id))[:_LEARNED]
        if not ordered:
            return
        self.rarity.learn(shown(ordered))
        sights = scene_of(ordered, self.topology).sights
        self.habits.learn((sight.thing, sight.symptom) for sight in sights if not sight.call)
        start = self._clock - ordered[0].at
        for row in ordered:
            self.leads.learn_one(symptom_of(row.reading), start + row.at, "")
        self._clock = start + ordered[-1].at + 2.0 * LONG_S
        if self.rarity.incidents > _GROWN * self._weighed_at:
            self._known = None

    @property
    def experienced(self) -> bool:
        """Whether enough was learned to know what is usual."""
        return self.rarity.incidents >= _ENOUGH

    def suspects(self, rows: Iterable[Row]) -> tuple[Root, ...]:
        """The likeliest roots, at most 16, of the incident that consists of `rows`, best first; () without rows."""
        rows = list(rows)
        if not rows:
            return ()
        scene = scene_of(rows, self.topology)
        measured = measure(scene, self._learned())
        weights = self._weights()
        chances = self._chances(measured)
        told = ((name, _reasons(measured[name], weights)) for name in _likeliest(chances))
        return tuple(Root(name, math.fsum(r.weight for r in found), found, chances[name]) for name, found in told)

    def measurements(self, rows: Iterable[Row]) -> dict[str, Measured]:
        """Suspect -> what speaks for it, before weighing: what weights are fitted to."""
        return measure(scene_of(rows, self.topology), self._learned())

    def rank(self, rows: Iterable[Row]) -> tuple[tuple[str, float], ...]:
        """(alert id, 0..1) of each row, the alert that shows the root best first; scores sum to nearly 1."""
        rows = list(rows)
        if len(rows) < 2:
            return tuple((row.alert_id, 1.0) for row in rows)
        scene = scene_of(rows, self.topology)
        scores = dict.fromkeys((row.alert_id for row in sorted(rows, key=lambda row: (row.at, row.alert_id))), 0.0)
        chances = self._chances(measure(scene, self._learned()))
        for name in _likeliest(chances):
            for alert_id, share in self._speaking(name, scene):
                scores[alert_id] += chances[name] * share
        return tuple(sorted(scores.items(), key=lambda pair: -pair[1]))

    def to_data(self) -> dict[str, Any]:
        """What was learned, JSON-able."""
        return {"rarity": self.rarity.to_data(), "habits": self.habits.to_data(), "leads": self.leads.to_data()}

    def take(self, data: Mapping[str, Any]) -> None:
        """Take over what `to_data` wrote."""
        self.rarity.take(data["rarity"])
        if "habits" in data:
            self.habits.take(data["habits"])
        self.leads.take(data["leads"])
        self._known = None

    def _learned(self) -> Known:
        """What is known of past incidents: nothing until there were enough."""
        if not self.experienced:
            return Known(Rarity(), {}, Habits())
        if self._known is None:
            self._known, self._weighed_at = Known(self.rarity, self.leads.scores(), self.habits), self.rarity.incidents
        return self._known

    def _weights(self) -> Mapping[str, float]:
        return self.weights["known" if self.experienced else "cold"]

    def _chances(self, measured: Mapping[str, Measured]) -> dict[str, float]:
        """Suspect -> probability, summing to 1."""
        weigh = self._weights().get
        scores = {
            name: math.fsum(weigh(key, 0.0) * value for key, value in found.items()) for name, found in measured.items()
        }
        best = max(scores.values())
        odds = {name: math.exp(score - best) for name, score in scores.items()}
        total = math.fsum(odds.values())
        return {name: value / total for name, value in odds.items()}

    def _speaking(self, name: str, scene: Scene) -> list[tuple[str, float]]:
        """The alerts that speak for a suspect, and how much of its chance each gets, summing to 1."""
        suspect = scene.suspects[name]
        sights = suspect.sights or [s for part in suspect.parts for s in scene.suspects[part].sights] or suspect.blamed
        loud = [(sight.alert_id, self._loudness(sight, scene)) for sight in sights or scene.sights]
        total = math.fsum(value for _, value in loud)
        return [(alert_id, value / total) for alert_id, value in loud]

    def _loudness(self, sight: Sight, scene: Scene) -> float:
        surprise = self._learned().rarity.surprise(sight.thing, sight.symptom)
        alone = 1.0 / len(scene.showing[sight.symptom])
        late = (sight.at - scene.first) / _SOON_S
        return math.exp(3.0 * surprise + alone + sight.harm + (not sight.call)) * (0.1 + 0.9 * math.exp2(-late))


def _likeliest(chances: Mapping[str, float]) -> list[str]:
    return sorted(chances, key=lambda name: (-chances[name], name))[:_TOLD]


@lru_cache(maxsize=1)
def shipped_root_weights() -> Mapping[str, Mapping[str, float]]:
    """The weights that come with the package; `training.root_weights` fits them."""
    found: dict[str, dict[str, float]] = json.loads(_SHIPPED.read_text(encoding="utf-8"))
    return found


def _reasons(measured: Measured, weights: Mapping[str, float]) -> tuple[Evidence, ...]:
    found = [
        Evidence(signal=name, weight=weights[name] * value, detail=phrase(name))
        for name, value in measured.items()
        if weights.get(name)
    ]
    return tuple(sorted(found, key=lambda reason: (-abs(reason.weight), reason.signal)))

"""What the engine asks of its learning parts. The folders keep these forms; tests put small fakes in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from engine.domain import Alert, Edge, Incident, Match, Routing, Runbook, Suggestion, Suggestions, Suspect
from engine.route import Roster

NEVER = datetime(9000, 1, 1, tzinfo=UTC)


class Revised(Protocol):
    """A proposed move: later evidence says that an alert belongs elsewhere."""

    @property
    def alert_id(self) -> str:
        """The alert that moves."""

    @property
    def from_incident(self) -> str:
        """Where it is."""

    @property
    def to_incident(self) -> str:
        """Where it belongs; "" asks for a new incident."""

    @property
    def beside(self) -> str:
        """Of those that ask for a new incident, all that name the same alert here share one; "" shares with none."""

    @property
    def reason(self) -> str:
        """Why, for people."""


class CorrelatorPort(Protocol):
    """Groups alerts. Held in memory, rebuilt from the store by replay."""

    def predict_one(self, alert: Alert) -> Match:
        """Where `alert` belongs, without changing anything."""

    def learn_one(self, alert: Alert, incident_id: str, *, alert_of: str | None = None) -> None:
        """Take in that `alert` is in `incident_id`; or that it repeats or resolves `alert_of`, wherever that one is."""

    def close(self, incident_id: str, at: datetime) -> None:
        """Take in that the incident ended at `at`; at `NEVER`, that it goes on after all."""

    def roots(self, incident_id: str) -> Sequence[tuple[str, float]]:
        """Alert ids of the incident with root scores, best first."""

    def suspects(self, alerts: Iterable[Alert]) -> Sequence[Suspect]:
        """What may have broken in the incident that consists of `alerts`, likeliest first."""

    def revise(self, now: datetime) -> Sequence[Revised]:
        """Moves that later evidence speaks for."""

    def move(self, alert_id: str, incident_id: str) -> None:
        """Take in that the alert was put into another incident."""

    def explain(self, alert_id: str) -> Match | None:
        """Why the alert is where it is, as what is known by now weighs it; None where that does not speak for it."""

    def correct(self, alert_ids: Sequence[str], incident_id: str) -> None:
        """Take in that an operator put the alerts into that incident, known or new: they stay there, and it teaches."""

    def merge(self, source_id: str, target_id: str) -> None:
        """Take in that an operator says both incidents are one: all of `source_id` is in `target_id` now."""

    def pin(self, alert_ids: Iterable[str]) -> None:
        """Take in that these alerts stay where they are."""

    def unpin(self, alert_ids: Iterable[str]) -> None:
        """Take in that these alerts may move again."""

    def part(self, one_id: str, other_id: str) -> None:
        """Take in that these two incidents are not one, whatever the evidence says."""

    def lessons(self) -> Mapping[str, float]:
        """What operators' corrections have taught, as plain data."""

    def take_lessons(self, lessons: Mapping[str, float]) -> None:
        """Take up what `lessons` gave before."""


class RecommenderPort(Protocol):
    """Finds past fixes."""

    @property
    def ready(self) -> bool:
        """Whether answers come from the best rung."""

    def warm(self, lock: AbstractContextManager[Any] | None = None) -> Any:
        """Load what takes long; `lock` is held only where what questions read is changed."""

    def fit(self, incidents: Iterable[Incident], alerts: Mapping[str, Sequence[Alert]] | None = None) -> Any:
        """Learn a history anew, with the leading alerts of each incident by its id."""

    def learn_one(self, incident: Incident, alerts: Sequence[Alert] = ()) -> None:
        """Add or replace one resolved incident."""

    def learn_opinion(self, incident_id: str, helped: bool) -> None:
        """Take in that somebody tried the fix of a past incident again, and whether it helped."""

    def take_runbooks(self, runbooks: Iterable[Runbook]) -> None:
        """Keep exactly these runbooks at hand."""

    def take_topology(self, topology: Sequence[Edge]) -> None:
        """Know from now on what depends on what."""

    def predict_one(self, incident: Incident, *, alerts: Sequence[Alert] = (), top: int = 10) -> Suggestions:
        """Past incidents that resemble this one, best first."""


class RouterPort(Protocol):
    """Finds who should take an incident."""

    def fit(self, incidents: Iterable[Incident]) -> Any:
        """Learn a history anew."""

    def learned(self, incidents: Iterable[Incident]) -> RouterPort:
        """A new one of the same kind, fitted to a history; this one goes on answering meanwhile."""

    def catch_up(self, incidents: Iterable[Incident]) -> Any:
        """Learn those of `incidents` that are not known yet, with the weights that are there: quicker than `fit`."""

    def learn_one(self, incident: Incident) -> None:
        """Add or replace one resolved incident."""

    def predict_one(
        self,
        incident: Incident,
        *,
        similar: Sequence[Suggestion] = (),
        roster: Roster | None = None,
        chosen: str = "",
        top: int = 10,
    ) -> Routing:
        """Responders, best first; `chosen` by a person already is reviewed."""

    def assign(self, incidents: Sequence[Incident], roster: Roster) -> dict[str, str]:
        """Responder per incident id, given out together; "" for its queue."""


class CorrelatorFactory(Protocol):
    """Makes a correlator with learned weights and no open incidents."""

    def __call__(self, topology: Sequence[Edge]) -> CorrelatorPort:
        """A fresh one that knows this topology."""


@dataclass(frozen=True, kw_only=True)
class Models:
    """One model version, ready to serve: how to make a fresh correlator, and the two parts that learn a history."""

    version: str
    correlator: CorrelatorFactory
    recommender: RecommenderPort
    router: RouterPort
    router_is_fitted: bool = False  # its weights are learned: a longer history needs `catch_up` only

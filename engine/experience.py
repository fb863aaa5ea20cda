"""What past incidents teach: the recommender and the router of this process, and the answer they give together."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from threading import RLock

from engine.domain import (
    Alert,
    Candidate,
    Evidence,
    Incident,
    IncidentStatus,
    Pattern,
    Responder,
    Routing,
    Rung,
    Suggestions,
    Triage,
)
from engine.errors import ModelUnusable
from engine.patterns.occurrences import expected
from engine.ports import Models
from engine.store import alerts, incidents
from engine.store.database import Connection, revision_of
from engine.store.records import IncidentRecord
from engine.store.store import Store

log = logging.getLogger(__name__)
LEADING = 8  # alerts that speak for an incident: its probable roots
HORIZON_HOURS = 12.0  # how far ahead an answer looks for expected load
# Resolutions at once (an import) from which on everything is learned anew: answers come from words until `warm` has
# encoded them, instead of a question waiting for it.
_MANY = 100
_RUNGS = tuple(Rung)  # best first


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The people and the clockwork at the moment of asking."""

    staff: Sequence[Responder]
    load: Mapping[str, int]  # open incidents by responder id
    patterns: Sequence[Pattern]
    queue: str
    last_resolvers: Sequence[str]  # of the same service, latest first: for when the router cannot answer


class Experience:
    """Level with the store's resolutions up to `revision`; any process's resolution counts at the next question."""

    def __init__(self, store: Store, models: Models) -> None:
        """Of unlearned `models`; nothing is read before `catch_up`."""
        self.models = models
        self.revision = -1
        self._store = store
        self._lock = RLock()  # one question or lesson at a time: the parts are not made for threads

    def catch_up(self) -> None:
        """Learn the resolutions that were stored since the last time. Raises Unavailable."""
        with self._lock:
            with self._store.read() as link:
                revision = revision_of(link)
                if revision == self.revision:
                    return
                records = list(incidents.fixed_since(link, self.revision))
                anew = self.revision < 0 or len(records) > _MANY
                if anew:
                    records = list(incidents.fixed_since(link, -1))
                leading = leading_alerts(link, records)
            if anew:
                self._learn_all(records, leading)
            else:
                for record in records:
                    self._learn_one(record.incident, leading.get(record.incident.id, ()))
            self.revision = revision

    def answer(self, incident: Incident, leading: Sequence[Alert], desk: Desk, at: datetime) -> Triage:
        """Everything known about `incident` at `at`; a part that cannot answer lowers the rung, no more."""
        # Asked now, about what was known when it opened: the outcome of the incident itself is never an input.
        asked = replace(incident, opened_at=at, closed_at=None, resolution=None, status=IncidentStatus.OPEN)
        with self._lock:
            suggestions = self._suggestions(asked, leading)
            routing = self._routing(asked, suggestions, desk)
        host = next((alert.host for alert in leading if alert.host), "")
        return Triage(
            suggestions=suggestions,
            routing=routing if routing.queue else replace(routing, queue=desk.queue),
            expected=expected(desk.patterns, at, incident.service, host, HORIZON_HOURS),
            rung=max(suggestions.rung, routing.rung, key=_RUNGS.index),
            model_version=self.models.version,
        )

    def warm(self) -> None:
        """Make the recommender ready for the best rung; seconds to minutes, in a thread of its own.

        Questions and lessons go on: the lock is theirs while the encoder works.
        """
        self.models.recommender.warm(self._lock)

    def _learn_all(self, records: Sequence[IncidentRecord], leading: Mapping[str, Sequence[Alert]]) -> None:
        past = [record.incident for record in records]
        with _going_on("past incidents"):
            self.models.recommender.fit(past, leading)
        with _going_on("past incidents"):
            learn = self.models.router.refit if self.models.router_is_fitted else self.models.router.fit
            learn(past)

    def _learn_one(self, incident: Incident, leading: Sequence[Alert]) -> None:
        with _going_on(incident.id):
            self.models.recommender.learn_one(incident, leading)
        with _going_on(incident.id):
            self.models.router.learn_one(incident)

    def _suggestions(self, asked: Incident, leading: Sequence[Alert]) -> Suggestions:
        try:
            return self.models.recommender.predict_one(asked, alerts=leading)
        except ModelUnusable as error:
            return Suggestions(items=(), rung=Rung.RULES, note=str(error))

    def _routing(self, asked: Incident, suggestions: Suggestions, desk: Desk) -> Routing:
        try:
            return self.models.router.predict_one(asked, similar=suggestions.items, staff=desk.staff, load=desk.load)
        except ModelUnusable as error:
            return by_rule(desk, str(error))


def leading_alerts(link: Connection, records: Sequence[IncidentRecord]) -> dict[str, list[Alert]]:
    """The probable roots of each incident, likeliest first, by its id."""
    ids = {record.incident.id: [alert_id for alert_id, _ in record.roots[:LEADING]] for record in records}
    found = alerts.by_ids(link, [alert_id for some in ids.values() for alert_id in some])
    return {key: [found[one].membership.alert for one in some if one in found] for key, some in ids.items()}


@contextmanager
def _going_on(lesson: str) -> Iterator[None]:
    try:
        yield
    except ModelUnusable:
        log.exception("a model cannot learn from %s: it goes on without", lesson)


def by_rule(desk: Desk, note: str) -> Routing:
    """Whoever ended the latest incidents of the service: the answer that needs no model."""
    because = (Evidence(signal="last resolver", weight=0.0, detail="ended a late incident of the same service"),)
    last = list(desk.last_resolvers)
    share = 1.0 / (len(last) + 1)
    candidates = tuple(Candidate(responder=one, probability=share, because=because) for one in last)
    return Routing(candidates=candidates, automatic=False, queue=desk.queue, rung=Rung.RULES, note=note)

"""What past incidents teach: the recommender and the router of this process, and the answer they give together."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from threading import RLock

from engine.answering import staffing
from engine.domain import (
    Alert,
    Candidate,
    Evidence,
    Incident,
    IncidentStatus,
    Pattern,
    Routing,
    Rung,
    Suggestions,
    Triage,
)
from engine.errors import ModelUnusable
from engine.patterns.occurrences import expected
from engine.ports import Models
from engine.route import Roster
from engine.store import alerts, incidents, reference, routing, runbooks
from engine.store.database import Connection, revision_of
from engine.store.records import Event, IncidentRecord
from engine.store.store import Store

log = logging.getLogger(__name__)
LEADING = 8  # alerts that speak for an incident: its probable roots
HORIZON_HOURS = 12.0  # how far ahead an answer looks for expected load
# Resolutions at once (an import) from which on everything is learned anew: answers come from words until `warm` has
# encoded them, instead of a question waiting for it.
_MANY = 100
_ENOUGH = 60  # resolved incidents from which the router can learn weights of its own
_RUNGS = tuple(Rung)  # best first


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The people and the clockwork at the moment of asking."""

    roster: Roster
    patterns: Sequence[Pattern]
    queue: str
    last_resolvers: Sequence[str]  # of the same service, latest first: for when the router cannot answer
    said: Sequence[Event] = ()  # who took the incident or commented on it
    chosen: str = ""  # whom a person has given it to


class Experience:
    """Level with the store's resolutions up to `revision`; any process's resolution counts at the next question."""

    def __init__(self, store: Store, models: Models) -> None:
        """Of unlearned `models`; nothing is read before `catch_up`."""
        self.models = models
        self.revision = -1
        self._heard = 0  # id of the last opinion on a fix that was taken in
        self._topology = -1  # revision of the topology that was taken in
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
                retold = routing.changed_since(link, self.revision, staffing.CHANGES_LESSONS)
                anew = self.revision < 0 or len(records) > _MANY or retold
                if anew:
                    records = list(incidents.fixed_since(link, -1))
                leading = leading_alerts(link, records)
                lessons = staffing.lessons(link, records, leading)
                lessons += staffing.prior(link) if anew else []
                opinions = runbooks.opinions_after(link, 0 if anew else self._heard)
                self._look_around(link)
            if anew:
                self._learn_all(records, leading, lessons)
            else:
                for record, lesson in zip(records, lessons, strict=True):
                    self._learn_one(record.incident, leading.get(record.incident.id, ()), lesson)
            for opinion in opinions:
                self.models.recommender.learn_opinion(opinion.fix_of, opinion.helped)
                self._heard = opinion.id
            self.revision = revision

    def answer(self, incident: Incident, leading: Sequence[Alert], desk: Desk, at: datetime) -> Triage:
        """Everything known about `incident` at `at`; a part that cannot answer lowers the rung, no more."""
        # Asked now, about what was known when it opened: the outcome of the incident itself is never an input.
        asked = replace(incident, opened_at=at, closed_at=None, resolution=None, status=IncidentStatus.OPEN)
        with self._lock:
            suggestions = self._suggestions(asked, leading)
            found = self._routing(staffing.told(asked, leading, desk.said), suggestions, desk)
        host = next((alert.host for alert in leading if alert.host), "")
        return Triage(
            suggestions=suggestions,
            routing=found if found.queue else replace(found, queue=desk.queue),
            expected=expected(desk.patterns, at, incident.service, host, HORIZON_HOURS),
            rung=max(suggestions.rung, found.rung, key=_RUNGS.index),
            model_version=self.models.version,
        )

    def warm(self) -> None:
        """Make the recommender ready for the best rung; seconds to minutes, in a thread of its own.

        Questions and lessons go on: the lock is theirs while the encoder works.
        """
        self.models.recommender.warm(self._lock)
        self._fit_router()

    def assign(self, asked: Sequence[Incident], roster: Roster, at: datetime) -> dict[str, tuple[str, float]]:
        """Responder ("" for its queue) and probability per incident id: all given out together."""
        opened = [replace(one, opened_at=at, closed_at=None, resolution=None) for one in asked]
        with self._lock:
            given = self.models.router.assign(opened, roster)
            chances = {
                one.id: {who.responder: who.probability for who in self._candidates(one, roster, given[one.id])}
                for one in opened
            }
        return {key: (who, chances[key].get(who, 0.0)) for key, who in given.items()}

    def _candidates(self, asked: Incident, roster: Roster, who: str) -> Sequence[Candidate]:
        return self.models.router.predict_one(asked, roster=roster).candidates if who else ()

    def _look_around(self, link: Connection) -> None:
        """Take up what stands beside the history: runbooks, and the topology where it is another one."""
        self.models.recommender.take_runbooks(runbooks.every(link))
        changed = runbooks.topology_revision(link)
        if changed != self._topology:
            self.models.recommender.take_topology(reference.edges(link))
            self._topology = changed

    def _fit_router(self) -> None:
        """Where no model version has taught the router, let a new one learn its weights beside this one."""
        if self.models.router_is_fitted:
            return
        with self._store.read() as link:
            records = list(incidents.fixed_since(link, -1))
            if len(records) < _ENOUGH:
                return
            lessons = _lessons(link, records)
        with _going_on("past incidents"):
            learned = self.models.router.learned(lessons)
            with self._lock, self._store.read() as link:
                told = _lessons(link, list(incidents.fixed_since(link, -1)))  # with what came meanwhile
                learned.catch_up([*staffing.prior(link), *told])
                self.models = replace(self.models, router=learned, router_is_fitted=True)

    def _learn_all(
        self, records: Sequence[IncidentRecord], leading: Mapping[str, Sequence[Alert]], lessons: Sequence[Incident]
    ) -> None:
        past = [record.incident for record in records]
        with _going_on("past incidents"):
            self.models.recommender.fit(past, leading)
        with _going_on("past incidents"):
            self.models.router.catch_up(lessons)

    def _learn_one(self, incident: Incident, leading: Sequence[Alert], lesson: Incident) -> None:
        with _going_on(incident.id):
            self.models.recommender.learn_one(incident, leading)
        with _going_on(incident.id):
            self.models.router.learn_one(lesson)

    def _suggestions(self, asked: Incident, leading: Sequence[Alert]) -> Suggestions:
        try:
            return self.models.recommender.predict_one(asked, alerts=leading)
        except ModelUnusable as error:
            return Suggestions(items=(), rung=Rung.RULES, note=str(error))

    def _routing(self, asked: Incident, suggestions: Suggestions, desk: Desk) -> Routing:
        try:
            return self.models.router.predict_one(
                asked, similar=suggestions.items, roster=desk.roster, chosen=desk.chosen
            )
        except ModelUnusable as error:
            return by_rule(desk, str(error))


def leading_alerts(link: Connection, records: Sequence[IncidentRecord]) -> dict[str, list[Alert]]:
    """The probable roots of each incident, likeliest first, by its id."""
    ids = {record.incident.id: [alert_id for alert_id, _ in record.roots[:LEADING]] for record in records}
    found = alerts.by_ids(link, [alert_id for some in ids.values() for alert_id in some])
    return {key: [found[one].membership.alert for one in some if one in found] for key, some in ids.items()}


def _lessons(link: Connection, records: Sequence[IncidentRecord]) -> list[Incident]:
    """What the router learns from `records`."""
    return staffing.lessons(link, records, leading_alerts(link, records))


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

"""The whole engine on one screen: what happens to an alert, what happens to a question."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from engine import serving
from engine.answering import staffing
from engine.answering.dispatching import Dispatching
from engine.answering.experience import Desk, Experience, leading_alerts
from engine.answering.recurring import Upcoming
from engine.domain import (
    Alert,
    Incident,
    IncidentStatus,
    Membership,
    Receipt,
    Resolution,
    Rung,
    Suspect,
    Triage,
)
from engine.errors import Conflict, Unavailable
from engine.handling.inbox import Inbox
from engine.handling.ledger import Ledger
from engine.handling.receiving import Delivery
from engine.handling.revising import Revising
from engine.ports import Models, Revised
from engine.redaction import redact_incident, redact_resolution
from engine.settings import Settings
from engine.store import alerts, incidents, pointer, quarantine, quiet, reference, routing
from engine.store.database import revision_of
from engine.store.quiet import Quietness
from engine.store.records import Churn, Event, IncidentRecord, Origin
from engine.store.rows import storable_incident
from engine.store.store import Store

__all__ = ["Delivery", "Health", "Pathfinder", "Upcoming"]
log = logging.getLogger(__name__)
_LAST_RESOLVERS = 3  # people offered by rule when the router cannot answer


@dataclass(frozen=True, kw_only=True)
class Health:
    """What /readyz and /metrics tell of the engine."""

    readable: bool
    writable: bool
    rung: Rung
    model_version: str
    note: str = ""  # why the rung is not the best one, or storage not ready
    revision: int = -1  # of the store, as this process has seen it
    churn: Churn = Churn()  # noqa: RUF009 - frozen
    quiet: Quietness = Quietness()  # noqa: RUF009 - frozen
    quarantined: int = 0  # what could not be taken


class Pathfinder(Inbox, Dispatching):
    """Alerts in; one incident, a past fix, a person and the load pattern out. Safe to share between threads."""

    def __init__(self, store: Store, models: Models, *, queue: str = "", timezone: str = "UTC") -> None:
        """Of a migrated `store` and unlearned `models`; nothing is read before `start`.

        `queue` takes what nobody is sure about; `timezone` (IANA) is that of services that name none.
        """
        super().__init__(store, models.correlator)
        self.queue = queue
        self.timezone = timezone
        self.experience = Experience(store, models)
        self._looked_at = {}
        self._settings: Settings | None = None
        self._chosen: str | None = None  # model version that the pointer named when we last looked
        self._note = ""
        self._warm = False  # whether somebody asked for the encoder

    @classmethod
    def open(cls, settings: Settings, *, start: bool = True) -> Pathfinder:
        """Open and migrate the database of `settings`; `begin`, unless told not to `start`.

        Raises
        ------
        Unavailable
            If the database cannot be reached or locked in time.
        Conflict
            If the database was written by a newer version.
        """
        store = Store(settings.database_url)
        store.migrate()
        models, _ = serving.first_usable([], settings, store.embeddings)
        pathfinder = cls(store, models, queue=settings.queue, timezone=settings.timezone)
        pathfinder._settings = settings
        pathfinder.starting = True
        if start:
            pathfinder.begin()
        return pathfinder

    def begin(self) -> None:
        """Serve the active model version, learn the past, replay what is open. Until then, alerts can be put down.

        Raises
        ------
        Unavailable
            If the database cannot be reached or locked in time.
        """
        if not self.refresh():
            self.start()

    def start(self) -> None:
        """Learn what the store knows: open incidents, past fixes. Writers do not wait meanwhile."""
        self.starting = True
        try:
            with self._lock, self.store.read() as link:
                self.live.read_ahead(link)
                self.unjudged.update(incidents.unjudged(link))
            with self._deciding(Ledger):
                pass
        finally:
            self.starting = False
        self.experience.catch_up()

    def rehearse(self, now: datetime) -> None:
        """Load what grouping needs, before `begin`: a second, but after an update half a minute for compiling."""
        self.live.rehearse(now)

    def close(self) -> None:
        """Give back connections; the object is of no use afterwards."""
        self.store.close()

    # -- an alert

    def handle(self, alerts: Sequence[Alert]) -> list[Receipt]:
        """Group and store `alerts` in one transaction; receipts in their order. When it returns, all is on disk.

        An alert that cannot be stored even by itself is in quarantine: its receipt says so and names no incident.

        Raises
        ------
        Unavailable
            If storage is locked or full: nothing was stored, the same alerts may be sent again.
        """
        return self.take([Delivery(alerts=alerts)])[0]

    def revise(self, now: datetime) -> list[Revised]:
        """Apply the moves that later evidence speaks for, as far as operators' words allow; called from time to time.

        Evidence is weighed outside any transaction, and nothing is written where it speaks for nothing.
        """
        with self._lock:
            proposed = self.live.proposals(now)
            if not proposed:
                return []
            with self._deciding(Revising) as book:
                return book.revise(proposed, now)

    # -- an incident

    def suspects(self, members: Sequence[Membership]) -> Sequence[Suspect]:
        """What may have broken in the incident of these memberships, likeliest first, with reasons."""
        if self.starting:
            return ()
        with self._lock:
            return self.live.suspects([member.alert for member in members])

    def report(self, incident: Incident, *, actor: str = "") -> Incident:
        """Store what a person reports and return it with the id the store gave."""
        with self.store.write() as tx:
            incident = replace(redact_incident(storable_incident(incident)), id=tx.next_incident_id())
            record = IncidentRecord(
                incident=incident, origin=Origin.PERSON, edited=True, detected_at=incident.opened_at
            )
            incidents.save(tx, [record])
            incidents.add_events(tx, [_event(incident.id, incident.opened_at, "opened", actor)])
        return incident

    def acknowledge(self, incident_id: str, responder: str, at: datetime) -> Incident:
        """Note that `responder` took the incident, which counts into their load. Raises NotFound, Conflict."""
        with self.store.write() as tx:
            record = incidents.leading(tx.link, incident_id)
            if record.incident.status is IncidentStatus.RESOLVED:
                raise Conflict("the incident is resolved already")
            record.acknowledged_at = record.acknowledged_at or at
            record.assignee = responder
            incidents.save(tx, [record])
            incidents.add_events(tx, [_event(record.incident.id, at, "acknowledged", responder)])
        return record.incident

    def resolve(self, incident_id: str, resolution: Resolution, at: datetime) -> Incident:
        """Close with what fixed it, or replace the fix; the next question knows it. Raises NotFound."""
        with self.store.write() as tx:
            record = incidents.leading(tx.link, incident_id)
            closed = record.incident.closed_at or max(at, record.incident.opened_at)
            first = record.incident.resolution is None
            resolution = redact_resolution(replace(resolution, resolved_at=resolution.resolved_at or at))
            record.incident = replace(
                record.incident, status=IncidentStatus.RESOLVED, closed_at=closed, resolution=resolution
            )
            incidents.save(tx, [record])
            incidents.set_resolution(tx, record.incident.id, resolution)
            detail = {"text": resolution.text, "team": resolution.team}
            incidents.add_events(tx, [_event(record.incident.id, at, "resolved", resolution.resolver, detail)])
            if first:
                self._judge(tx, record, at)
        with suppress(Unavailable):  # it is on disk; whoever asks next catches up
            self.experience.catch_up()
        return record.incident

    # -- a question

    def triage(self, incident_id: str, at: datetime) -> Triage:
        """Past fixes, responders and expected load for a stored incident, as known at `at`. Raises NotFound."""
        with self.store.read() as link:
            record = incidents.leading(link, incident_id)
            leading = leading_alerts(link, [record])[record.incident.id]
            said = routing.said(link, [record.incident.id]).get(record.incident.id, [])
        return self._answer(record.incident, leading, at, said=said, chosen=record.assignee)

    def triage_text(self, incident: Incident, at: datetime, *, chosen: str = "") -> Triage:
        """The same for an incident that is not stored; `chosen`: whom a person would give it to."""
        return self._answer(incident, (), at, chosen=chosen)

    def _answer(
        self,
        incident: Incident,
        leading: Sequence[Alert],
        at: datetime,
        *,
        said: Sequence[Event] = (),
        chosen: str = "",
    ) -> Triage:
        self.experience.catch_up()
        with self.store.read() as link:
            desk = Desk(
                roster=staffing.roster(link, at),
                patterns=[named.pattern for named in reference.patterns(link)],
                queue=self.queue,
                last_resolvers=incidents.last_resolvers(link, incident.service, _LAST_RESOLVERS),
                said=said,
                chosen=chosen,
            )
        return self.experience.answer(incident, leading, desk, at)

    # -- the models

    def warm(self) -> None:
        """Load the encoder (seconds): call it from a background thread; answers before it are lexical."""
        self._warm = True
        self.experience.warm()

    def refresh(self) -> bool:
        """Serve the model version that the pointer names, if it is another one than before; True if it changed.

        A version that cannot be used leaves the one before in place; `health` says so. Called every half minute or so;
        after `warm` it also encodes what came in large numbers since.
        """
        if self._warm and not self.experience.models.recommender.ready:
            self.experience.warm()
        if self._settings is None:
            return False
        with self.store.read() as link:
            named = pointer.active(link)
        if named.version == self._chosen:
            return False
        models, self._note = serving.first_usable(
            [named.version, named.previous], self._settings, self.store.embeddings
        )
        experience = Experience(self.store, models)
        experience.catch_up()
        if self._warm:
            experience.warm()
        with self._lock:
            self.experience, self._chosen = experience, named.version
            self.live.forget(models.correlator)
            self.start()
        return True

    @property
    def rung(self) -> Rung:
        """The step of the ladder that answers come from, at the cost of a look."""
        return Rung.FULL if self.experience.models.recommender.ready else Rung.LEXICAL

    def health(self) -> Health:
        """Facts for readiness and metrics; never raises for storage that is away."""
        ready = self.rung is Rung.FULL
        facts = Health(
            readable=False,
            writable=False,
            rung=self.rung,
            model_version=self.experience.models.version,
            note=self._note or ("" if ready else "the encoder is not ready: answers come from words alone"),
        )
        try:
            with self.store.read() as link:
                facts = replace(facts, readable=True, revision=revision_of(link), churn=alerts.churn(link))
                facts = replace(facts, quiet=quiet.counts(link), quarantined=quarantine.count(link))
            return replace(facts, writable=self.store.writable())
        except Unavailable as error:
            return replace(facts, note=str(error))


def _event(incident_id: str, at: datetime, kind: str, actor: str, detail: dict[str, str] | None = None) -> Event:
    return Event(incident_id=incident_id, at=at, kind=kind, actor=actor, detail=detail or {})

"""Operators' verbs: merge, split, move, pin and unpin. Each is one write transaction and a word that models keep to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import TypeVar

from engine.answering.people import People
from engine.errors import Conflict, InvalidInput, NotFound, PathfinderError
from engine.handling.correcting import Correcting, Word
from engine.handling.ledger import Ledger
from engine.handling.live import STUMBLES, Live
from engine.handling.regrouping import fixed
from engine.ports import CorrelatorFactory
from engine.store.records import IncidentRecord, Origin, StoredAlert
from engine.store.store import Store

log = logging.getLogger(__name__)
Book = TypeVar("Book", bound=Ledger)
Verb = Callable[[Correcting], list[IncidentRecord]]


class Operators(People):
    """The part of Pathfinder that decides under the write lock with a correlator at hand.

    Every verb returns incidents as they are now: first the one that holds the alerts, then the others it changed.
    Errors name the field of the request that they are about.
    """

    def __init__(self, store: Store, make: CorrelatorFactory) -> None:
        """Of a migrated `store`, with what makes a correlator; nothing is read before the first use."""
        super().__init__(store)
        self.live = Live(make)
        self._lock = RLock()  # one thread decides at a time; other processes wait at the database's lock

    @contextmanager
    def _deciding(self, kind: type[Book]) -> Iterator[Book]:
        """Lock, catch up; let the caller decide; write and COMMIT. The correlator is kept only if all of it worked."""
        with self._lock:
            with self.store.write() as tx:
                correlator = self.live.catch_up(tx)
                book = kind(tx, correlator)
                if self.live.doubted:
                    book.correlator.ask_anew()
                memory = self.live.memory() if kind.remembers else None
                if memory is not None:
                    book.remember(memory)
                with self._doubting():
                    yield book
                    book.save()
            self.live.keep(correlator, tx, memory)

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        """Where the correlator stumbles, it is not trusted any more."""
        try:
            yield
        except PathfinderError:
            raise
        except STUMBLES:
            self.live.doubt()
            raise

    def merge(self, sources: Sequence[str], into: str, word: Word) -> list[IncidentRecord]:
        """All alerts of `sources` go to the incident `into`; their ids lead there from now on.

        Raises
        ------
        NotFound
            If an incident does not exist.
        Conflict
            If one was ended with a fix, was merged into another, is a ticket of another tool, planned work, or a
            sign of life.
        InvalidInput
            If an incident is to be merged with itself, or with nothing.
        """
        asked = list(dict.fromkeys(sources))
        if not asked:
            raise InvalidInput("name at least one other incident", field="incidents")
        if into in asked:
            raise InvalidInput("an incident cannot be merged with itself", field="into")

        def verb(book: Correcting) -> list[IncidentRecord]:
            target = _problem(book, into, "into")
            left = [one for one in asked if book.leading(one) is not target]  # a word said twice is heard once
            found = {one: _problem(book, one, f"incidents.{asked.index(one)}") for one in left}
            for source in found.values():
                book.merge(source, target, word)
            return [target, *(book.touch(one) for one in asked)]

        return self._say(verb)

    def split(self, incident_id: str, alert_ids: Sequence[str], word: Word) -> list[IncidentRecord]:
        """These alerts of the incident become an incident of their own, which is apart from the first from now on.

        Raises
        ------
        NotFound
            If the incident or an alert does not exist.
        Conflict
            If the incident takes no changes, an alert is not in it, or nothing would stay in it.
        InvalidInput
            If no alert is named.
        """
        asked = list(dict.fromkeys(alert_ids))
        if not asked:
            raise InvalidInput("name at least one alert", field="alerts")

        def verb(book: Correcting) -> list[IncidentRecord]:
            source = _incident(book, incident_id, "incident_id")
            book.load(asked)
            moved = [_alert(book, one, f"alerts.{place}") for place, one in enumerate(asked)]
            for place, one in enumerate(moved):
                if one.membership.incident_id != source.incident.id:
                    raise Conflict("this alert is not in the incident", field=f"alerts.{place}")
            if len(moved) >= source.alerts:
                raise Conflict("these are all alerts of the incident: leave at least one in it", field="alerts")
            return [book.split(moved, source, word), source]

        return self._say(verb)

    def move(self, alert_id: str, incident_id: str | None, word: Word) -> list[IncidentRecord]:
        """The alert belongs to the incident `incident_id`, or to none of the known ones (None): it stays there.

        Raises
        ------
        NotFound
            If the alert or the incident does not exist.
        Conflict
            If one of the incidents takes no changes, or the alert is alone in its incident and is to be so.
        """

        def verb(book: Correcting) -> list[IncidentRecord]:
            moved = _alert(book, alert_id, "alert_id")
            source = _incident(book, moved.membership.incident_id, "alert_id")
            if incident_id is None:
                if source.alerts <= 1:
                    raise Conflict("the alert is alone in its incident already", field="incident")
                return [book.split([moved], source, word), source]
            if incident_id == source.incident.id:
                book.pin(moved, word)
                return [source]
            target = _problem(book, incident_id, "incident")
            book.move(moved, source, target, word)
            return [target, source]

        return self._say(verb)

    def pin(self, alert_id: str, word: Word) -> list[IncidentRecord]:
        """No later evidence moves this alert. Raises NotFound."""
        return self._hold(alert_id, Correcting.pin, word)

    def unpin(self, alert_id: str, word: Word) -> list[IncidentRecord]:
        """Later evidence may move this alert again. Raises NotFound."""
        return self._hold(alert_id, Correcting.unpin, word)

    def _hold(
        self, alert_id: str, hold: Callable[[Correcting, StoredAlert, Word], None], word: Word
    ) -> list[IncidentRecord]:
        def verb(book: Correcting) -> list[IncidentRecord]:
            stored = _alert(book, alert_id, "alert_id")
            hold(book, stored, word)
            return [book.touch(stored.membership.incident_id)]

        return self._say(verb)

    def _say(self, verb: Verb) -> list[IncidentRecord]:
        """In one transaction; where the correlator stumbles the word is stored all the same, and memory built anew."""
        try:
            with self._deciding(Correcting) as book:
                answer = _answer(verb, book)
        except PathfinderError:
            raise
        except STUMBLES:
            log.exception("the correlator cannot take in an operator's word: it is stored, and read again")
            with self._deciding(Correcting) as book:
                book.correlator.leave_out()
                answer = _answer(verb, book)
            self.live.doubt()
        if isinstance(answer, PathfinderError):
            raise answer
        return answer


def _answer(verb: Verb, book: Correcting) -> list[IncidentRecord] | PathfinderError:
    """What the verb found, or why it was refused before it changed anything.

    A refusal does not end the transaction by an exception: that would cost the memory of the correlator.
    """
    try:
        return verb(book)
    except PathfinderError as refused:
        if not refused.field:
            raise
        return refused


def _incident(book: Ledger, incident_id: str, field: str) -> IncidentRecord:
    """An incident whose alerts may be moved."""
    record = book.record(incident_id)
    if record is None:
        raise NotFound("there is no incident of this id", field=field)
    if record.incident.merged_into is not None:
        raise Conflict(f"the incident was merged into {record.incident.merged_into}: name that one", field=field)
    if fixed(record.incident):
        raise Conflict("the incident was ended with a fix: its record stands", field=field)
    if record.origin is Origin.IMPORT:
        raise Conflict("the incident is a ticket of another tool: it has no alerts here", field=field)
    first = book.alert(record.incident.root_alert_id) if record.incident.root_alert_id else None
    if first is not None and first.membership.alert.is_heartbeat:
        raise Conflict("the incident is a sign of life, not a problem: it is part of nothing", field=field)
    return record


def _problem(book: Ledger, incident_id: str, field: str) -> IncidentRecord:
    """One that may also take alerts."""
    record = _incident(book, incident_id, field)
    if record.origin is Origin.MAINTENANCE:
        raise Conflict("the incident is planned work: only its window puts alerts into it", field=field)
    return record


def _alert(book: Ledger, alert_id: str, field: str) -> StoredAlert:
    stored = book.alert(alert_id)
    if stored is None:
        raise NotFound("there is no alert of this id", field=field)
    return stored

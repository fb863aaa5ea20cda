"""The correlator of this process: built from the store, kept level with what other processes commit."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.domain import Alert, AlertStatus, Suspect
from engine.handling.ledger import Memory
from engine.handling.telling import ANEW, Word, alerts_of, begun_in, last_said, say
from engine.ports import NEVER, CorrelatorFactory, CorrelatorPort, Revised
from engine.store import alerts, constraints, incidents, reference, tellings
from engine.store.database import Connection, Write, counted
from engine.store.records import StoredAlert

log = logging.getLogger(__name__)
_LONGEST_REST = 63  # rounds
_ALERTS_REHEARSED, _INCIDENTS_REHEARSED, _REPAIRS_REHEARSED = 60, 4, 3
# What a part that stumbles over one alert raises. Only that alert must suffer, so these are caught per alert.
STUMBLES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Counted(NamedTuple):
    """How far the store had come."""

    revision: int
    alerts: int


class Live:
    """A correlator that reflects the store up to `revision`.

    Parameters
    ----------
    make
        Makes a correlator with learned weights and without incidents, for a topology.
    memory_hours
        How long a resolved incident is replayed after a restart, counted back from the newest alert.
    """

    def __init__(self, make: CorrelatorFactory, *, memory_hours: float = 48.0) -> None:
        self.make = make
        self.memory_hours = memory_hours
        self.revision = -1
        self._memory = Memory()
        self._correlator: CorrelatorPort | None = None
        self.doubted = False  # the correlator stumbled: what it was told is not told again
        self._pause = self._rest = 0  # questions about later evidence left out after the correlator stumbled

    def catch_up(self, tx: Write) -> CorrelatorPort:
        """The correlator, level with all that was committed before `tx`.

        It is given up here and taken back by `keep`: when the transaction between them fails, what was learned in it
        is gone with it, and the next call rebuilds from the store.
        """
        correlator, self._correlator = self._correlator, None
        self._memory = self._memory if tx.seen == self.revision else Memory()
        if correlator is None or tx.topology > self.revision:
            return self._rebuilt(tx.link, Counted(tx.seen, tx.alerts))
        return self._follow(correlator, tx) if tx.seen > self.revision else correlator

    def read_ahead(self, link: Connection) -> None:
        """Build the correlator from what `link` sees, without a write lock: what comes meanwhile is caught up with."""
        seen = counted(link)
        self._correlator, self._memory = self._rebuilt(link, Counted(seen.revision, seen.alerts)), Memory()
        self.revision = seen.revision

    def rehearse(self, now: datetime) -> None:
        """Let a correlator that is thrown away weigh, repair and forget: what that loads is there when it is needed."""
        with _forgiving("a rehearsal"):
            correlator = self.make(())
            for alert in _rehearsed(now):
                correlator.predict_one(alert)
                correlator.learn_one(alert, alert.service)
            for _ in range(_REPAIRS_REHEARSED):
                for moved in correlator.revise(now + timedelta(minutes=5)):
                    correlator.move(moved.alert_id, moved.to_incident or "another")
            correlator.explain("rehearsal-0")
            for number in range(_INCIDENTS_REHEARSED):
                correlator.close(f"service-{number}", now)
            for alert in _rehearsed(now + timedelta(days=10)):
                correlator.learn_one(replace(alert, id=f"later-{alert.id}"), "later")

    def memory(self) -> Memory:
        """What is remembered of the store. Like the correlator it is given up here and taken back by `keep`."""
        memory, self._memory = self._memory, Memory()
        return memory

    def keep(self, correlator: CorrelatorPort, tx: Write, memory: Memory | None = None) -> None:
        """Take the correlator back after COMMIT of `tx`, and the memory where all that was written is in it."""
        self._memory = memory or Memory()
        self._memory.bound()
        self._correlator, self.doubted = correlator, False
        self.revision = tx.revision

    def forget(self, make: CorrelatorFactory | None = None) -> None:
        """Rebuild at the next use, with other weights where `make` is given."""
        self.make = make or self.make
        self._correlator = None

    def doubt(self) -> None:
        """Rebuild at the next use from what became of alerts: it stumbled, and would again if told the same."""
        self._correlator, self.doubted = None, True

    def suspects(self, members: Sequence[Alert]) -> Sequence[Suspect]:
        """What may have broken where `members` are one incident; () where no correlator is at hand or it stumbles."""
        if self._correlator is None:
            return ()
        try:
            return self._correlator.suspects(members)
        except STUMBLES:
            log.exception("the correlator cannot name suspects: going on without")
            return ()

    def proposals(self, now: datetime) -> Sequence[Revised]:
        """Moves that later evidence speaks for.

        A correlator that stumbles here is rebuilt at its next use and asked ever less often, so that taking alerts in
        never waits for it again and again.
        """
        correlator = self._correlator
        if correlator is None:
            return ()
        if self._rest > 0:
            self._rest -= 1
            return ()
        try:
            found = tuple(correlator.revise(now))
        except STUMBLES:
            log.exception("the correlator cannot weigh later evidence: it is built anew")
            self._rest = self._pause = min(2 * self._pause + 1, _LONGEST_REST)
            self.doubt()
            return ()
        self._pause = 0
        return found

    def _rebuilt(self, link: Connection, seen: Counted) -> CorrelatorPort:
        """From the store as it was at `seen`: from what became of old alerts, and from what was told lately."""
        correlator = self.make(reference.edges(link))
        newest = alerts.newest(link)
        if newest is None:
            return correlator
        since = newest - timedelta(hours=self.memory_hours)
        words = [] if self.doubted else last_said(tellings.latest(link, seen.revision, since))
        lately, known = begun_in(words), {}
        for stored in alerts.window(link, since):
            known[stored.membership.alert.id] = stored
            if stored.arrival <= seen.alerts and stored.membership.alert.id not in lately:
                with _forgiving(stored.membership.alert.id):
                    _learn(correlator, stored)
        _close(correlator, incidents.closed_after(link, since))
        self._say(link, correlator, words, {key: stored.membership.alert for key, stored in known.items()})
        self._put_right(link, correlator, known.values(), since)
        return correlator

    def _follow(self, correlator: CorrelatorPort, tx: Write) -> CorrelatorPort:
        """Told what other processes were; or built anew, where that is no longer known."""
        words = tellings.since(tx.link, self.revision)
        if words is None or [ANEW] in words:
            return self._rebuilt(tx.link, Counted(tx.seen, tx.alerts))
        self._say(tx.link, correlator, words, {})
        _close(correlator, incidents.closed_since(tx.link, self.revision))
        _close(correlator, [(one, NEVER) for one in incidents.reopened_since(tx.link, self.revision)])
        return correlator

    def _say(
        self, link: Connection, correlator: CorrelatorPort, words: Sequence[Word], known: Mapping[str, Alert]
    ) -> None:
        missing = alerts_of(words) - known.keys()
        found = alerts.by_ids(link, missing) if missing else {}
        stored = {**known, **{key: one.membership.alert for key, one in found.items()}}
        for word in words:
            with _forgiving(word[0]):
                say(correlator, word, stored)

    def _put_right(
        self, link: Connection, correlator: CorrelatorPort, known: Iterable[StoredAlert], since: datetime
    ) -> None:
        """Where later evidence and operators have put things in the end, and what they have taught."""
        pinned = []
        for stored in known:
            place = stored.membership
            if stored.moved:
                with _forgiving(place.alert.id):
                    correlator.move(place.alert.id, place.incident_id)
            if place.pinned:
                pinned.append(place.alert.id)
        pairs = constraints.partings_remembered(link, since)
        _hold(correlator, pinned, pairs, constraints.lessons(link))


def _rehearsed(now: datetime) -> Iterator[Alert]:
    """Alerts of a few services, some at once and some later, on two hosts each: there are repairs to weigh."""
    for number in range(_ALERTS_REHEARSED):
        service, host = f"service-{number % _INCIDENTS_REHEARSED}", f"host-{number % (2 * _INCIDENTS_REHEARSED)}"
        at, name = now + timedelta(seconds=number), f"rehearsal-{number}"
        title = f"{service} does not answer on {host} (try {number})"
        yield Alert(
            id=name,
            source="",
            title=title,
            service=service,
            host=host,
            labels={"try": str(number)},
            starts_at=at,
            received_at=at,
            fingerprint=name,
        )


def as_fired(alert: Alert) -> Alert:
    """`alert` as it was when it began."""
    return replace(alert, status=AlertStatus.FIRING, ends_at=None)


def _learn(correlator: CorrelatorPort, stored: StoredAlert) -> None:
    """The first delivery, and what came after it: a repeat under another start, an end."""
    place, alert = stored.membership, stored.membership.alert
    correlator.learn_one(as_fired(alert), place.incident_id)
    if stored.repeated_at is not None:
        again = replace(as_fired(alert), starts_at=stored.repeated_at)
        correlator.learn_one(again, place.incident_id, alert_of=alert.id)
    if alert.status is AlertStatus.RESOLVED:
        correlator.learn_one(alert, place.incident_id, alert_of=alert.id)


def _close(correlator: CorrelatorPort, ended: Iterable[tuple[str, datetime]]) -> None:
    for incident_id, at in ended:
        with _forgiving(incident_id):
            correlator.close(incident_id, at)


def _hold(
    correlator: CorrelatorPort,
    pinned: Sequence[str],
    pairs: Iterable[tuple[str, str]],
    lessons: Mapping[str, float],
) -> None:
    """Give back what operators decided, and what that has taught."""
    with _forgiving("pinned alerts"):
        correlator.pin(pinned)
    for one_id, other_id in pairs:
        with _forgiving(one_id):
            correlator.part(one_id, other_id)
    if lessons:
        with _forgiving("lessons"):
            correlator.take_lessons(lessons)


@contextmanager
def _forgiving(what: str) -> Iterator[None]:
    try:
        yield
    except STUMBLES:
        log.exception("the correlator cannot take in %s: it goes on without", what)

"""Deliveries in: each taken once, however often it is sent; what cannot be taken is put aside and sinks no other."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from engine.clock import to_text
from engine.domain import Alert, Receipt
from engine.errors import InvalidInput
from engine.handling.grouping import Grouping
from engine.handling.keeping import Keeper
from engine.handling.live import STUMBLES
from engine.handling.planning import Planning
from engine.ports import CorrelatorFactory
from engine.redaction import redact_value
from engine.store import deliveries, inbox, quarantine, tellings
from engine.store.database import Write
from engine.store.inbox import Kept
from engine.store.quarantine import Aside
from engine.store.store import Store

log = logging.getLogger(__name__)
# outcomes; stored: on disk, grouping follows
DUPLICATE, QUARANTINED, STORED = "duplicate", "quarantined", "stored"
_REMEMBERED = timedelta(days=7)  # how long a delivery can be sent again without counting anew
_TOO_OFTEN, _REST = 20, 1_000  # alerts in a row over which the correlator stumbles, and for how many it then rests
_JUDGED_AT_ONCE = 5  # incidents: others wait for the lock meanwhile
_OWN_FORM = "generic"  # the source that reads alerts in PathFinder's own form


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """What was sent at once. `id` is the same when it is sent again; "" where the sender gives none."""

    alerts: Sequence[Alert]
    id: str = ""
    kept: Kept | None = None  # where it comes from the inbox, which it leaves when it is taken


class Receiving(Planning):
    """The part of Pathfinder that takes alerts in. All methods raise Unavailable: then nothing was stored."""

    def __init__(self, store: Store, make: CorrelatorFactory) -> None:
        """Of a migrated `store`, with what makes a correlator."""
        super().__init__(store, make)
        self.keeper = Keeper()
        self.unjudged: set[str] = set()  # incidents whose probable roots are still to be judged
        self._stumbled = 0  # alerts in a row over which the correlator stumbled
        self._resting = 0  # alerts that are still to be placed without asking it

    @property
    def grouping_rests(self) -> bool:
        """Whether the correlator stumbled so often that alerts are placed by themselves for a while."""
        return self._resting > 0

    def _rest(self, grouping: Grouping, count: int) -> None:
        """Leave the correlator out of this transaction."""
        grouping.correlator.leave_out()
        self._resting -= count
        self._stumbled = 0

    def judge_roots(self) -> int:
        """Judge the probable roots of a few incidents that were left open while alerts waited; how many are left."""
        if some := list(islice(self.unjudged, _JUDGED_AT_ONCE)):
            with self._deciding(Grouping) as grouping:
                for incident_id in some:
                    if grouping.record(incident_id) is not None:
                        grouping.touch(incident_id)
            self.unjudged.difference_update(some)
        return len(self.unjudged)

    def take(self, sent: Sequence[Delivery], *, hurried: bool = False) -> list[list[Receipt]]:
        """Group and store what was `sent` in one transaction; receipts of each, in order. All is on disk by then.

        A delivery that was taken before is answered as it was then, as duplicates. An alert over which the correlator
        stumbles is placed by itself; one that cannot be stored even so is in quarantine: its receipt says so and names
        no incident. While others wait (`hurried`), probable roots are judged later, by `judge_roots`.
        """
        try:
            with self._deciding(Grouping) as grouping:
                grouping.hurried = hurried
                if rests := self.grouping_rests:
                    self._rest(grouping, sum(len(delivery.alerts) for delivery in sent))
                answers = self._take(grouping, sent)
            if rests and not self.grouping_rests:
                self.live.doubt()  # it is built anew before it is asked again
            self.unjudged.update(grouping.unjudged)
            return answers
        except STUMBLES:
            log.exception("a group of %d deliveries stumbles: taking it in parts", len(sent))
        if len(sent) > 1:
            half = len(sent) // 2
            return [*self.take(sent[:half], hurried=hurried), *self.take(sent[half:], hurried=hurried)]
        receipts = self._in_parts(sent[0].alerts)
        self._taken(sent[0], receipts)
        return [receipts]

    def _take(self, grouping: Grouping, sent: Sequence[Delivery]) -> list[list[Receipt]]:
        sent = _still_kept(grouping.tx, sent)
        named = [delivery.id for delivery in sent if delivery.id]
        known = deliveries.known(grouping.tx.link, named) if named else {}
        keepable = self.keeper.keepable
        new = [keepable(one) for each in sent if each.id not in known for one in each.alerts]
        grouping.expect(new)
        ready = iter(new)
        answers: list[list[Receipt]] = []
        fresh: dict[str, list[Receipt]] = {}
        for delivery in sent:
            if delivery.id in known:
                answers.append([replace(receipt, outcome=DUPLICATE) for receipt in known[delivery.id]])
                continue
            if delivery.id in fresh:  # twice in one transaction
                list(islice(ready, len(delivery.alerts)))
                answers.append([replace(receipt, outcome=DUPLICATE) for receipt in fresh[delivery.id]])
                continue
            answers.append([grouping.place(alert) for alert in islice(ready, len(delivery.alerts))])
            if delivery.id and delivery.alerts:
                fresh[delivery.id] = answers[-1]
        if fresh:
            deliveries.note(grouping.tx, fresh, max(one.received_at for each in sent for one in each.alerts))
        return answers

    def _in_parts(self, alerts: Sequence[Alert]) -> list[Receipt]:
        """One delivery that stumbles: its halves, and theirs, until the bad alert is alone."""
        if len(alerts) == 1:
            return [self._alone(alerts[0])]
        half = len(alerts) // 2
        return [receipt for part in (alerts[:half], alerts[half:]) for receipt in self._part(part)]

    def _part(self, alerts: Sequence[Alert]) -> list[Receipt]:
        try:
            with self._deciding(Grouping) as grouping:
                return self._take(grouping, [Delivery(alerts=alerts)])[0]
        except STUMBLES:
            return self._in_parts(alerts)

    def _alone(self, alert: Alert) -> Receipt:
        problem = ""
        for doubted in (False, True):
            try:
                with self._deciding(Grouping) as grouping:
                    ready = self.keeper.keepable(alert)
                    grouping.expect([ready])
                    receipt = grouping.place_apart(ready) if doubted else grouping.place(ready)
                self._count_stumble(doubted)
                return receipt
            except STUMBLES as error:
                log.exception("an alert stumbles %s", "by itself" if doubted else "in its group")
                problem = f"could not be stored ({type(error).__name__})"
        self.put_aside([aside_of(alert, problem)])
        return Receipt(alert_id=alert.id, incident_id="", outcome=QUARANTINED)

    def _count_stumble(self, stumbled: bool) -> None:
        self._stumbled = self._stumbled + 1 if stumbled else 0
        if self._stumbled >= _TOO_OFTEN:
            log.error("the correlator stumbled over %d alerts in a row: it rests", self._stumbled)
            self._resting = _REST

    def _taken(self, delivery: Delivery, receipts: Sequence[Receipt]) -> None:
        if delivery.id or delivery.kept:
            with self.store.write() as tx:
                _still_kept(tx, [delivery])
                if delivery.id:
                    deliveries.note(tx, {delivery.id: receipts}, delivery.alerts[0].received_at)

    # -- what could not be taken

    def put_aside(self, entries: Sequence[Aside]) -> None:
        """Keep what could not be taken, on disk when this returns; the oldest make room where there are too many."""
        with self.store.write() as tx:
            dropped = quarantine.add(tx, entries)
        if dropped:
            log.warning("quarantine is full: %d old entries had to make room", dropped)

    def quarantined(self, *, limit: int = 50, before: int | None = None) -> list[Aside]:
        """What could not be taken, newest first; `before` = last id of the page before."""
        with self.store.read() as link:
            return quarantine.latest(link, limit, before)

    def aside(self, entry_id: int) -> Aside:
        """One of them. Raises NotFound, and InvalidInput where it was cut off and cannot be tried again."""
        with self.store.read() as link:
            entry = quarantine.by_id(link, entry_id)
        if not entry.whole:
            raise InvalidInput("it was too long to be kept whole: only the sender can send it again")
        return entry

    def let_in(self, entry_id: int, alerts: Sequence[Alert]) -> list[Receipt]:
        """Take the `alerts` that an entry of quarantine holds; it is removed once all of them are in."""
        receipts = self.take([Delivery(alerts=alerts)])[0]
        if all(receipt.outcome != QUARANTINED for receipt in receipts):
            self.throw_away(entry_id)
        return receipts

    def throw_away(self, entry_id: int) -> None:
        """Remove an entry of quarantine. Raises NotFound."""
        with self.store.write() as tx:
            quarantine.remove(tx, entry_id)

    def forget_deliveries(self, now: datetime) -> None:
        """Deliveries that are long past are no longer known, nor what was told long ago; called from time to time."""
        with self.store.write() as tx:
            deliveries.forget(tx, now - _REMEMBERED)
            tellings.forget(tx)


def _still_kept(tx: Write, sent: Sequence[Delivery]) -> Sequence[Delivery]:
    """`sent`, without the alerts of those that another process has taken from the inbox; the others leave it."""
    kept = [delivery.kept for delivery in sent if delivery.kept]
    if not kept:
        return sent
    here = inbox.drop(tx, kept)
    gone = [delivery.kept is not None and (delivery.kept.id, delivery.kept.name) not in here for delivery in sent]
    return [Delivery(alerts=()) if away else delivery for delivery, away in zip(sent, gone, strict=True)]


def own_form(alert: Alert) -> dict[str, object]:
    """`alert` as PathFinder's own source reads it, with the same identity."""
    told: dict[str, object] = {name: getattr(alert, name) for name in ("source", "title", "description", "service")}
    told |= {"host": alert.host, "fingerprint": alert.fingerprint, "labels": dict(alert.labels)}
    told |= {"severity": alert.severity.value, "status": alert.status.value, "starts_at": to_text(alert.starts_at)}
    return told | ({"ends_at": to_text(alert.ends_at)} if alert.ends_at else {})


def aside_of(alert: Alert, problem: str) -> Aside:
    """What quarantine keeps of an alert that was read and cannot be stored."""
    payload = json.dumps(redact_value(own_form(alert)), default=str)
    return Aside(source=_OWN_FORM, payload=payload, field="alert", problem=problem, at=alert.received_at)

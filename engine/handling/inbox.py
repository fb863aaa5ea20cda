"""Alerts that are on disk before they are grouped: while the engine starts, and while more comes than it can weigh."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from engine.domain import Alert, Receipt
from engine.errors import InvalidInput
from engine.handling.live import STUMBLES
from engine.handling.receiving import QUARANTINED, STORED, Delivery, Receiving, aside_of
from engine.store import inbox

log = logging.getLogger(__name__)


class Inbox(Receiving):
    """The part of Pathfinder that groups later what it stores now. All methods raise Unavailable: nothing was kept."""

    starting = False  # what grouping needs is still being read: alerts can be put down, and grouped later

    def put_down(self, sent: Sequence[Delivery]) -> list[list[Receipt]]:
        """Store what was `sent`, to be grouped by `take_up`; all is on disk when this returns.

        The receipts name no incident. A delivery that was taken before is found out when it is grouped.
        """
        try:
            return self._put_down(sent)
        except (InvalidInput, *STUMBLES):
            if len(sent) == 1:
                return [self._refused(sent[0].alerts)]
        half = len(sent) // 2
        return [*self.put_down(sent[:half]), *self.put_down(sent[half:])]

    def _put_down(self, sent: Sequence[Delivery]) -> list[list[Receipt]]:
        kept = [(delivery.id, [self.keeper.keepable(alert) for alert in delivery.alerts]) for delivery in sent]
        with self.store.write() as tx:
            inbox.put(tx, kept)
        return [[Receipt(alert_id=one.id, incident_id="", outcome=STORED) for one in alerts] for _, alerts in kept]

    def _refused(self, alerts: Sequence[Alert]) -> list[Receipt]:
        """These cannot be put down: whoever looks at the quarantine sees them."""
        log.exception("a delivery of %d alerts cannot be put down", len(alerts))
        self.put_aside([aside_of(alert, "could not be stored") for alert in alerts])
        return [Receipt(alert_id=alert.id, incident_id="", outcome=QUARANTINED) for alert in alerts]

    def take_up(self, most: int = 500) -> int:
        """Group the oldest of what was put down, about `most` alerts; returns how many it were, 0 where none are left.

        Each counts once, wherever this ends: it is grouped and dropped in one transaction.
        """
        with self.store.read() as link:
            found = inbox.oldest(link, most)
        if not found:
            return 0
        self.take([Delivery(alerts=one.alerts, id=one.sent_as, kept=one) for one in found], hurried=True)
        return sum(len(one.alerts) for one in found)

    def put_down_count(self) -> int:
        """Alerts that are on disk and still to be grouped."""
        with self.store.read() as link:
            return inbox.size(link)

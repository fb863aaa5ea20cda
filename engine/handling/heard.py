"""Alerts that are told again and again, and are otherwise as they were: counted, without making them anew each time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.domain import Alert, Receipt
from engine.store.records import StoredAlert


@dataclass(slots=True)
class Heard:
    """One of them. It stands for the stored one until that is needed whole."""

    stored: StoredAlert  # as it was before
    alert: Alert  # as it was told last
    receipt: Receipt  # of each repeat
    repeats: int
    last_seen_at: datetime | None  # UTC

    @classmethod
    def of(cls, stored: StoredAlert, receipt: Receipt) -> Heard:
        """Of a `stored` alert that is about to be told again, which is answered with `receipt`."""
        place = stored.membership
        return cls(stored, place.alert, receipt, place.repeats, place.last_seen_at)

    def count(self, alert: Alert) -> None:
        """It is told once more, by `alert`."""
        self.alert = alert
        self.repeats += 1
        at = alert.received_at
        self.last_seen_at = at if self.last_seen_at is None or at > self.last_seen_at else self.last_seen_at

    @property
    def by_now(self) -> StoredAlert:
        """The stored alert, with all that it was told again."""
        return self.stored.told_again(self.repeats, self.last_seen_at)

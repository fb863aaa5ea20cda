"""What people plan and rule: maintenance windows, inhibition rules; and letting go of what was quiet long enough."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from engine.errors import Conflict
from engine.handling.grouping import Grouping
from engine.handling.live import STUMBLES
from engine.handling.muting import AT_ONCE
from engine.handling.operators import Operators
from engine.lifecycle.inhibition import Rule
from engine.lifecycle.maintenance import Window
from engine.redaction import redact
from engine.store import inhibitions, maintenance, quiet

log = logging.getLogger(__name__)


class Planning(Operators):
    """The part of Pathfinder that keeps what is known beforehand. Every change is judged at once, in all that fires.

    All methods raise Unavailable. `at` is the present moment.
    """

    def windows(self) -> list[Window]:
        """All maintenance windows, over ones included, in the order of their first beginnings."""
        with self.store.read() as link:
            return maintenance.windows(link)

    def window(self, window_id: str) -> Window:
        """One of them. Raises NotFound."""
        with self.store.read() as link:
            return maintenance.by_id(link, window_id)

    def add_window(self, window: Window, at: datetime) -> Window:
        """Plan work; returns it with the id that the store gave. Alerts that begin inside are muted."""
        with self.store.write() as tx:
            window = maintenance.add(tx, replace(window, comment=redact(window.comment)))
        self.quieten(at)
        return window

    def replace_window(self, window: Window, at: datetime) -> Window:
        """Plan it otherwise. Raises NotFound, and Conflict if it was ended."""
        window = replace(window, comment=redact(window.comment))
        with self.store.write() as tx:
            known = maintenance.by_id(tx.link, window.id)
            if known.ended_at is not None:
                raise Conflict("the maintenance window was ended: plan another one")
            maintenance.put(tx, replace(window, created_by=known.created_by))
        self.quieten(at)
        return replace(window, created_by=known.created_by)

    def end_window(self, window_id: str, at: datetime) -> None:
        """The work is done or off: what of it still fires is loud from now on. Raises NotFound.

        One that has not begun is taken out; others stay on record.
        """
        with self.store.write() as tx:
            maintenance.end(tx, window_id, at)
        self.quieten(at)

    def rules(self) -> list[Rule]:
        """All inhibition rules."""
        with self.store.read() as link:
            return inhibitions.rules(link)

    def rule(self, rule_id: str) -> Rule:
        """One of them. Raises NotFound."""
        with self.store.read() as link:
            return inhibitions.by_id(link, rule_id)

    def add_rule(self, rule: Rule, at: datetime) -> Rule:
        """Say which alerts explain which others; returns it with the id the store gave."""
        with self.store.write() as tx:
            rule = replace(rule, id=f"IR-{tx.revision}", comment=redact(rule.comment))
            inhibitions.put(tx, rule)
        self.quieten(at)
        return rule

    def replace_rule(self, rule: Rule, at: datetime) -> Rule:
        """Say it otherwise. Raises NotFound."""
        with self.store.write() as tx:
            created_by = inhibitions.by_id(tx.link, rule.id).created_by
            rule = replace(rule, created_by=created_by, comment=redact(rule.comment))
            inhibitions.put(tx, rule)
        self.quieten(at)
        return rule

    def delete_rule(self, rule_id: str, at: datetime) -> None:
        """Take it back: what it muted is loud from now on. Raises NotFound."""
        with self.store.write() as tx:
            inhibitions.remove(tx, rule_id)
        self.quieten(at)

    def quieten(self, now: datetime) -> bool:
        """Let go what was kept quiet until some moment before `now`; called from time to time.

        Nothing is written where nothing is due. Whatever the correlator does, nothing stays muted for longer. Many
        alerts are judged a part at a time, so that those that come in do not wait: True if there are more.
        """
        with self.store.read() as link:
            if not quiet.anything_due(link, now) and not maintenance.open_incidents(link):
                return False
        self._quieten(now)
        with self.store.read() as link:
            return quiet.many_due(link, now, AT_ONCE)

    def _quieten(self, now: datetime) -> None:
        try:
            with self._deciding(Grouping) as grouping:
                grouping.quieten(now)
        except STUMBLES:
            log.exception("the correlator cannot place what is loud again: it is placed by itself")
            with self._deciding(Grouping) as grouping:
                grouping.correlator.leave_out()
                grouping.quieten(now)

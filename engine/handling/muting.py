"""What is muted in one transaction, and why: planned work, and alerts that explain others. Muted is never lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engine.domain import Alert, AlertStatus, Match, Mute
from engine.handling.causes import Causes
from engine.handling.ledger import Ledger, Memory
from engine.handling.planned import PlannedWork
from engine.lifecycle.flapping import own_changes
from engine.store import inhibitions, maintenance, quiet
from engine.store.records import Origin, StoredAlert

_LATE = timedelta(days=35)  # how long after a window is over alerts of it may still be told
_SIDES_KEPT = timedelta(days=2)  # how long after an alert has ended others are judged by it
AT_ONCE = 500  # alerts judged in one transaction beside those that it is about: nobody waits longer for its end
_LISTED = 5  # alerts named in one line of a timeline


class Muting:
    """Judges alerts by windows and rules. Those that something happened to are judged together, at the end."""

    def __init__(self, ledger: Ledger) -> None:
        """Of the transaction's `ledger`; windows and rules are read when time is first told."""
        self._ledger = ledger
        self._first_new = ledger.tx.alerts + 1  # arrivals from here on are of this transaction
        self._memory = Memory()
        self._now: datetime | None = None
        self._plans = False  # there are, or were, windows or rules
        self._pending = False  # windows or rules changed, and what is firing has not been judged since
        self._doubtful: dict[str, None] = {}  # ids of alerts to judge
        self._lines: dict[tuple[str, str, str], list[str]] = defaultdict(list)  # incident, kind, why -> alert ids
        self.planned = PlannedWork(ledger, ())
        self.causes = Causes(ledger, ())

    def remember(self, memory: Memory) -> None:
        """Start from what the transaction before has left in `memory`."""
        self._memory = memory

    def hear(self, at: datetime) -> None:
        """Time has come to `at`."""
        if self._now is None:
            self._read(at)
        self._now = max(self._now or at, at)

    def _read(self, at: datetime) -> None:
        if self._memory.no_plans:
            return
        link = self._ledger.tx.link
        pending = maintenance.plans_pending(link)
        self._memory.no_plans = pending is None
        if pending is not None:
            self._plans, self._pending = True, pending
            self.planned = PlannedWork(self._ledger, maintenance.windows(link, at - _LATE))
            self.causes = Causes(self._ledger, inhibitions.rules(link))

    @property
    def any_plans(self) -> bool:
        """Whether there are, or ever were, windows or rules."""
        return self._plans

    def home(self, alert: Alert) -> Match | None:
        """The incident of the planned work that `alert` is muted by; None if it is not."""
        covered = self.planned.cover(alert)
        if covered is None or not self._in_force(covered.until, _told_end(alert)):
            return None
        return self.planned.home(covered, self._now or alert.received_at)

    def catch_up(self, stored: StoredAlert, alert: Alert) -> StoredAlert:
        """A stored alert as it is by now, before what `alert` tells of it: what mutes it may have ended meanwhile."""
        until = [mute.until for mute in stored.membership.mutes]
        told = own_changes(alert)[-1].at if alert.status is AlertStatus.RESOLVED else alert.received_at
        if stored.membership.alert.status is AlertStatus.RESOLVED or not until:
            return stored
        if any(moment is None or moment >= told for moment in until):
            return stored
        self.judge([stored.membership.alert.id])
        return self._ledger.alert(stored.membership.alert.id) or stored

    def doubt(self, stored: StoredAlert) -> None:
        """Something happened to this alert: judge it at the end."""
        self._doubtful[stored.membership.alert.id] = None
        self.causes.note(stored.membership.alert)

    def doubt_what_time_ends(self, now: datetime) -> None:
        """Judge what was muted until some moment before `now`; forget what was long ago."""
        self.hear(now)
        if self._pending:
            self._doubt_all()
        for alert_id in quiet.due(self._ledger.tx.link, now, AT_ONCE):
            self._doubtful[alert_id] = None
        self._doubt_again(quiet.doubted(self._ledger.tx.link, AT_ONCE))
        inhibitions.forget(self._ledger.tx, now - _SIDES_KEPT)

    def _doubt_again(self, ids: Sequence[str]) -> None:
        """Judge some of those that were too many to be judged at once."""
        self._ledger.load(ids)
        for alert_id in ids:
            stored = self._ledger.alert(alert_id)
            if stored is not None and alert_id not in self._doubtful:
                self.doubt(stored)
        quiet.no_doubt(self._ledger.tx, ids)

    def settle(self) -> None:
        """Judge all that is in doubt, and close the incidents of planned work that is over."""
        if self._now is None:
            return
        if self._pending:  # another process changed windows or rules
            self._doubt_all()
            self._doubt_again(quiet.doubted(self._ledger.tx.link, AT_ONCE))
        if self._plans:
            touched = [one for one in self.causes.save() if one not in self._doubtful]
            self.judge([*self._doubtful, *touched[:AT_ONCE]])
            quiet.doubt(self._ledger.tx, touched[AT_ONCE:])
            self.planned.close_over(self._now)
        self._doubtful.clear()

    def _doubt_all(self) -> None:
        """All that fires is judged in parts."""
        quiet.doubt_all(self._ledger.tx)
        maintenance.plans_applied(self._ledger.tx)
        self._pending = False

    def judge(self, alert_ids: Iterable[str]) -> None:
        """Judge these alerts, and let those that became loud go where they belong."""
        ids = list(dict.fromkeys(alert_ids))
        self._ledger.load(ids)
        known = [stored for one in ids if (stored := self._ledger.alert(one)) is not None]
        known.sort(key=lambda stored: (stored.membership.alert.starts_at, stored.membership.alert.id))
        explained = self.causes.mutes(known)
        for stored in known:
            alert, end = stored.membership.alert, _end(stored)
            mutes = (*self.planned.mutes(alert), *explained.get(alert.id, ()))
            self._put(stored, tuple(mute for mute in mutes if self._in_force(mute.until, end)))
        self._tell()

    def _in_force(self, until: datetime | None, end: datetime | None) -> bool:
        """Whether a mute holds now, or held when the alert ended."""
        if until is None:
            return True
        return until >= end if end is not None else self._now is None or until > self._now

    def _put(self, stored: StoredAlert, mutes: tuple[Mute, ...]) -> None:
        place = stored.membership
        if mutes == place.mutes:
            return
        changed = replace(stored, membership=replace(place, mutes=mutes))
        self._ledger.put(changed)
        record = self._ledger.touch(place.incident_id)
        if mutes and not place.mutes and stored.arrival < self._first_new:
            self._lines[place.incident_id, "muted", mutes[0].because].append(place.alert.id)
        if place.mutes and not mutes:
            why = f"no longer {place.mutes[0].because}"
            self._lines[place.incident_id, "unmuted", why].append(place.alert.id)
            if record.origin is Origin.MAINTENANCE and place.alert.status is AlertStatus.FIRING and self._now:
                target = self.planned.release(changed, self._now)
                self._lines[target.incident.id, "unmuted", why].append(place.alert.id)

    def _tell(self) -> None:
        """One line per incident and reason, however many alerts."""
        for (incident_id, kind, why), ids in self._lines.items():
            more = f" and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
            detail = {"alert" if len(ids) == 1 else "alerts": ", ".join(ids[:_LISTED]) + more, "why": why}
            if self._now is not None:
                self._ledger.tell(self._ledger.touch(incident_id), self._now, kind, detail)
        self._lines.clear()


def _told_end(alert: Alert) -> datetime | None:
    return own_changes(alert)[-1].at if alert.status is AlertStatus.RESOLVED else None


def _end(stored: StoredAlert) -> datetime | None:
    """When the tool says that it ended, even if it is kept open because its symptom flaps."""
    return stored.changes[-1].at if stored.held else _told_end(stored.membership.alert)

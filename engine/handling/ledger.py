"""One write transaction's account: the alerts and incidents it reads, changes and tells of, written in one go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, ClassVar

from engine.domain import Alert, AlertStatus, Incident, IncidentStatus
from engine.handling.heard import Heard
from engine.handling.telling import Telling
from engine.lifecycle.severity import raised
from engine.ports import NEVER, CorrelatorPort
from engine.store import alerts, incidents, quiet, tellings
from engine.store.database import Write
from engine.store.records import Event, IncidentRecord, Origin, StoredAlert

# Kept in memory from one transaction to the next. An alert takes 5 kB, most of it the reasons for its place.
_MOST_ALERTS, _MOST_REMEMBERED = 4_000, 10_000
ROOTS_KEPT = 20  # probable roots remembered with an incident
_JUDGED_ALWAYS = 20  # alerts up to which each new one has the roots judged again; later, each tenth part more


@dataclass(slots=True)
class Memory:
    """Alerts and incidents as they are on disk, as far as the latest transactions of this process touched them.

    It holds only until something else writes to the store: `Live` sees to that.
    """

    alerts: dict[str, StoredAlert] = field(default_factory=dict)
    records: dict[str, IncidentRecord] = field(default_factory=dict)
    symptoms: dict[tuple[str, str], str | None] = field(default_factory=dict)  # source, fingerprint -> latest alert
    heard: dict[str, Heard] = field(default_factory=dict)  # of these alerts, those that are told again and again
    no_plans: bool = False  # there never were windows or rules

    def bound(self) -> None:
        """Forget the oldest."""
        for alert_id in _drop_oldest(self.alerts, _MOST_ALERTS):
            self.heard.pop(alert_id, None)
        _drop_oldest(self.records, _MOST_REMEMBERED)
        _drop_oldest(self.symptoms, _MOST_REMEMBERED)


def _drop_oldest(kept: dict[Any, Any], most: int) -> list[Any]:
    """The keys of what is dropped."""
    oldest = list(islice(kept, max(0, len(kept) - most)))
    for key in oldest:
        del kept[key]
    return oldest


class Ledger:
    """What grouping and regrouping share. Nothing is written before `save`, except by what says so."""

    remembers: ClassVar[bool] = False  # whether all that it changes goes through `put` and `touch`

    def __init__(self, tx: Write, correlator: CorrelatorPort) -> None:
        """In `tx`, with a correlator level with the store."""
        self.tx = tx
        self.correlator = Telling(correlator)
        self._alerts: dict[str, StoredAlert] = {}
        self._records: dict[str, IncidentRecord] = {}
        self._touched_alerts: dict[str, None] = {}
        self._touched_incidents: dict[str, None] = {}
        self._events: list[Event] = []
        self._heard: dict[str, Heard] = {}  # told again; `_alerts` has them as they were before, until `alert` is asked
        self._repeated: dict[str, None] = {}  # told once more and otherwise as they were
        self.hurried = False  # others wait: probable roots are judged later
        self.unjudged: list[str] = []  # ids of the incidents whose roots were left to be judged later

    def remember(self, memory: Memory) -> None:
        """Start from what the transaction before has left in `memory`."""
        self._alerts = memory.alerts
        self._records = memory.records
        self._heard = memory.heard

    def load(self, alert_ids: Collection[str]) -> None:
        """Read the stored ones among these alerts, and their incidents, in one go."""
        missing = set(alert_ids) - self._alerts.keys()
        found = alerts.by_ids(self.tx.link, missing) if missing else {}
        self._alerts.update(found)
        wanted = {one.membership.incident_id for one in found.values()} - self._records.keys()
        if wanted:
            self._records.update(incidents.by_ids(self.tx.link, wanted))

    def alert(self, alert_id: str) -> StoredAlert | None:
        """A stored alert as this transaction sees it."""
        if alert_id not in self._alerts:
            self._alerts.update(alerts.by_ids(self.tx.link, [alert_id]))
        return self._by_now(alert_id)

    def _by_now(self, alert_id: str) -> StoredAlert | None:
        """A stored alert, if it was read, with all that it was told again."""
        if (heard := self._heard.pop(alert_id, None)) is not None:
            self._alerts[alert_id] = heard.by_now
        return self._alerts.get(alert_id)

    def record(self, incident_id: str) -> IncidentRecord | None:
        """A stored incident as this transaction sees it."""
        if incident_id not in self._records:
            self._records.update(incidents.by_ids(self.tx.link, [incident_id]))
        return self._records.get(incident_id)

    def leading(self, incident_id: str) -> IncidentRecord | None:
        """The incident, or the one that it was merged into."""
        record = self.record(incident_id)
        while record is not None and record.incident.merged_into is not None:
            record = self.record(record.incident.merged_into)
        return record

    def put(self, stored: StoredAlert) -> None:
        """Write this alert on `save`."""
        self._alerts[stored.membership.alert.id] = stored
        self._touched_alerts[stored.membership.alert.id] = None

    def put_repeat(self, stored: StoredAlert) -> None:
        """Write on `save` how often this alert was told, and when last: nothing else of it has changed."""
        self._alerts[stored.membership.alert.id] = stored
        self._repeated[stored.membership.alert.id] = None

    def count(self, heard: Heard, alert: Alert) -> None:
        """`alert` tells once more what was `heard`, and nothing else: `put_repeat` at a tenth of the cost."""
        heard.count(alert)
        self._heard[alert.id] = heard
        self._repeated[alert.id] = None

    def take_in(self, stored: StoredAlert) -> StoredAlert:
        """A stored alert that was read by other means, as this transaction sees it."""
        return self._by_now(stored.membership.alert.id) or self._alerts.setdefault(stored.membership.alert.id, stored)

    def adopt(self, record: IncidentRecord) -> IncidentRecord:
        """A new incident, made by other means than from its first alert."""
        self._records[record.incident.id] = record
        return self.touch(record.incident.id)

    def touch(self, incident_id: str) -> IncidentRecord:
        """An incident that is stored or was opened here, to be changed: it is written on `save`."""
        if incident_id not in self._records:
            self._records.update(incidents.by_ids(self.tx.link, [incident_id]))
        self._touched_incidents[incident_id] = None
        return self._records[incident_id]

    def open(self, first: Alert) -> IncidentRecord:
        """A new incident, named after its `first` alert, which has yet to join it."""
        incident = Incident(
            id=self.tx.next_incident_id(),
            opened_at=first.starts_at,
            title=first.title,
            service=first.service or first.host,
            root_alert_id=first.id,
        )
        self._records[incident.id] = IncidentRecord(incident=incident)
        return self.touch(incident.id)

    def join(self, record: IncidentRecord, alert: Alert) -> None:
        """Count `alert` in."""
        self.touch(record.incident.id)
        record.alerts += 1
        record.detected_at = min(record.detected_at or alert.received_at, alert.received_at)
        if alert.starts_at < record.incident.opened_at and record.origin is Origin.ALERTS:
            record.incident = replace(record.incident, opened_at=alert.starts_at)
        raise_priority(record, alert)
        if alert.status is AlertStatus.FIRING:
            record.firing += 1
            self.reopen(record, alert.received_at, {"alert": alert.id})
        elif alert.ends_at is not None:
            record.ended_at = max(record.ended_at or alert.ends_at, alert.ends_at)

    def reopen(self, record: IncidentRecord, at: datetime, detail: Mapping[str, str]) -> None:
        """A symptom is still there: nobody ended that incident, its other alerts did."""
        incident = record.incident
        if incident.status is IncidentStatus.RESOLVED and incident.resolution is None:
            record.incident = replace(incident, status=IncidentStatus.OPEN, closed_at=None)
            self.correlator.close(incident.id, NEVER)
            self.tell(record, at, "reopened", detail)

    def settle(self, record: IncidentRecord) -> None:
        """Close an incident of alerts whose last alert has ended."""
        incident = record.incident
        if record.firing > 0 or incident.status is IncidentStatus.RESOLVED or record.origin is not Origin.ALERTS:
            return
        closed = max(record.ended_at or incident.opened_at, incident.opened_at)
        record.incident = replace(incident, status=IncidentStatus.RESOLVED, closed_at=closed)
        self.correlator.close(incident.id, closed)
        self.tell(record, closed, "resolved", {"why": "every alert has ended"})

    def tell(
        self, record: IncidentRecord, at: datetime, kind: str, detail: Mapping[str, str], *, actor: str = ""
    ) -> None:
        """Add a line to the incident's timeline; `actor` "" is PathFinder itself."""
        self._events.append(Event(incident_id=record.incident.id, at=at, kind=kind, actor=actor, detail=detail))

    def save(self) -> None:
        """Judge the roots of touched incidents, unless others wait, and write everything."""
        found = [record for key in self._touched_incidents if due(record := self._records[key])]
        if self.hurried:
            self.unjudged = [record.incident.id for record in found]
        else:
            self.judge(found)
        self.write()
        tellings.note(self.tx, self.correlator.words, self.correlator.at)

    def write(self) -> None:
        """Write what was touched, as it is now; what changes after it is written by the next one."""
        incidents.save(self.tx, [self._records[key] for key in self._touched_incidents])
        alerts.save(self.tx, [stored for key in self._touched_alerts if (stored := self._by_now(key)) is not None])
        alerts.save_repeats(self.tx, [self._told(key) for key in self._repeated if key not in self._touched_alerts])
        incidents.add_events(self.tx, self._events)
        doubtful = [key for key in self._touched_incidents if self.may_be_quiet(self._records[key])]
        for incident_id, muted in quiet.refresh_incidents(self.tx, doubtful).items():
            self._records[incident_id].incident = replace(self._records[incident_id].incident, muted=muted)
        self._touched_alerts.clear()
        self._repeated.clear()
        self._events.clear()

    def _told(self, alert_id: str) -> tuple[str, int, datetime | None]:
        """How often this alert was told again by now, and when last."""
        if (heard := self._heard.get(alert_id)) is not None:
            return alert_id, heard.repeats, heard.last_seen_at
        place = self._alerts[alert_id].membership
        return alert_id, place.repeats, place.last_seen_at

    def may_be_quiet(self, record: IncidentRecord) -> bool:  # noqa: ARG002 - for those who know more
        """Whether it has to be looked at anew whether all its alerts are muted."""
        return True

    def judge(self, due: Sequence[IncidentRecord]) -> None:
        """Ask for the probable roots, and let the first one name its incident unless a person has."""
        for record in due:
            record.roots = self.roots_of(record)[:ROOTS_KEPT]
            record.roots_at = record.alerts
        missing = {record.roots[0][0] for record in due if record.roots} - self._alerts.keys()
        if missing:
            self._alerts.update(alerts.by_ids(self.tx.link, missing))
        for record in due:
            root = self._alerts.get(record.roots[0][0]) if record.roots else None
            if root is not None and not record.edited and record.origin is Origin.ALERTS:
                record.incident = _named_after(record.incident, root.membership.alert)

    def roots_of(self, record: IncidentRecord) -> tuple[tuple[str, float], ...]:
        """Its probable roots with scores, best first."""
        return tuple(self.correlator.roots(record.incident.id))


def due(record: IncidentRecord) -> bool:
    """Whether its roots have to be judged again: always while it is small, later when it has grown by a tenth."""
    grown = record.alerts - record.roots_at
    return grown != 0 and (record.alerts <= _JUDGED_ALWAYS or grown * 10 >= record.alerts or record.roots_at < 0)


def raise_priority(record: IncidentRecord, alert: Alert) -> None:
    """As urgent as its worst alert, unless a person or another tool said how urgent it is."""
    priority = raised(record.incident.priority, alert.severity)
    if priority != record.incident.priority and not record.edited and record.origin is Origin.ALERTS:
        record.incident = replace(record.incident, priority=priority)


def _named_after(incident: Incident, root: Alert) -> Incident:
    if incident.root_alert_id == root.id:
        return incident
    return replace(incident, root_alert_id=root.id, title=root.title, service=root.service or root.host)

"""Planned work in one transaction: the incidents that hold its alerts, and what becomes of those that outlive it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from engine.domain import Alert, AlertStatus, Evidence, Incident, IncidentStatus, Match, Mute, MuteKind
from engine.handling.ledger import Ledger
from engine.handling.live import as_fired
from engine.lifecycle.maintenance import Cover, Window, cover
from engine.store import maintenance
from engine.store.records import IncidentRecord, Origin, StoredAlert


class PlannedWork:
    """Each stretch of a window has an incident of its own, which the correlator never hears of."""

    def __init__(self, ledger: Ledger, windows: Sequence[Window]) -> None:
        """Of the transaction's `ledger` and the windows that are not long over."""
        self._ledger = ledger
        self.windows = windows
        self._incidents: dict[tuple[str, datetime], str] = {}

    def cover(self, alert: Alert) -> Cover | None:
        """The planned work that `alert` began in."""
        return cover(alert, self.windows) if self.windows else None

    def mutes(self, alert: Alert) -> Iterator[Mute]:
        """What it mutes `alert` by, until when."""
        covered = self.cover(alert)
        if covered is not None:
            kind, by = MuteKind.MAINTENANCE, covered.window.id
            yield Mute(kind=kind, by=by, because=covered.because(), until=covered.until)

    def home(self, covered: Cover, at: datetime) -> Match:
        """The incident of that stretch, opened where it has none."""
        window, starts_at = covered.window, covered.span.starts_at
        stretch = (window.id, starts_at)
        if stretch not in self._incidents:
            known = maintenance.incident_of(self._ledger.tx.link, window.id, starts_at)
            self._incidents[stretch] = known or self._open(window, starts_at, at)
        reason = Evidence(signal="maintenance", weight=0.0, detail=covered.because())
        return Match(incident_id=self._incidents[stretch], probability=1.0, score=0.0, evidence=(reason,))

    def _open(self, window: Window, starts_at: datetime, at: datetime) -> str:
        about = window.comment or window.text()
        incident = Incident(
            id=self._ledger.tx.next_incident_id(),
            opened_at=starts_at,
            title=f"Maintenance: {about}"[:500],
            fields={"maintenance": window.id},
        )
        record = self._ledger.adopt(IncidentRecord(incident=incident, origin=Origin.MAINTENANCE, edited=True))
        self._ledger.tell(record, at, "opened", {"maintenance": window.id, "why": about})
        self._ledger.write()  # what is noted next points to it
        maintenance.add_incident(self._ledger.tx, window.id, starts_at, incident.id)
        return incident.id

    def keeps(self, latest: StoredAlert | None) -> bool:
        """Whether a symptom's latest episode goes on in such an incident."""
        if latest is None or latest.membership.alert.status is AlertStatus.RESOLVED:
            return False
        record = self._ledger.record(latest.membership.incident_id)
        return record is not None and record.origin is Origin.MAINTENANCE

    def release(self, stored: StoredAlert, at: datetime) -> IncidentRecord:
        """It outlived the planned work: it is grouped now, as if it had just come. Returns its new incident."""
        alert, source = as_fired(stored.membership.alert), self._ledger.touch(stored.membership.incident_id)
        match = self._ledger.correlator.predict_one(alert)
        target = self._ledger.leading(match.incident_id) if match.incident_id else None
        if target is None:
            target = self._ledger.open(alert)
            detail = {"alert": alert.id, "from": source.incident.id, "why": "outlived maintenance"}
            self._ledger.tell(target, at, "opened", detail)
        place = replace(
            stored.membership,
            incident_id=target.incident.id,
            probability=match.probability,
            score=match.score,
            evidence=match.evidence,
            runner_up=match.runner_up,
            margin=match.margin,
            provisional=match.provisional,
        )
        tx = self._ledger.tx
        self._ledger.put(replace(stored, membership=place, arrival=tx.next_arrival(), moved=tx.revision))
        source.alerts -= 1
        source.firing -= 1
        self._ledger.correlator.learn_one(alert, target.incident.id)
        self._ledger.join(target, alert)
        return target

    def close_over(self, now: datetime) -> None:
        """Close the incidents of stretches that are over, once nothing in them fires."""
        windows = {window.id: window for window in self.windows}
        for window_id, starts_at, incident_id in maintenance.open_incidents(self._ledger.tx.link):
            window, record = windows.get(window_id), self._ledger.record(incident_id)
            span = window.at(starts_at) if window else None
            ended = span.ends_at if span else (window.ended_at if window else None) or starts_at
            if record is not None and not record.firing and ended <= now:
                closed = max(ended, starts_at, record.ended_at or ended)
                record.incident = replace(record.incident, status=IncidentStatus.RESOLVED, closed_at=closed)
                self._ledger.touch(incident_id)
                self._ledger.tell(record, closed, "resolved", {"why": "maintenance is over"})

"""Alerts between stored incidents: what is the same whether later evidence moves them or an operator does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from engine.domain import Evidence, Incident, IncidentStatus, Match
from engine.handling.ledger import Ledger
from engine.lifecycle.severity import priority
from engine.store import alerts, constraints
from engine.store.alerts import Tally
from engine.store.records import IncidentRecord, Origin, StoredAlert

_LISTED = 20  # alerts named in one line of a timeline


class Regrouping(Ledger):
    """Moves alerts. Counters, status and roots of both incidents are taken anew from the stored alerts."""

    def apart_too(self, source_id: str, target_id: str) -> None:
        """What operators told apart from the source stays apart from alerts that came from there."""
        for other in constraints.inherit(self.tx, source_id, target_id):
            self.correlator.part(target_id, other)

    def place(self, stored: StoredAlert, target: IncidentRecord, reason: Evidence, match: Match | None) -> None:
        """Put an alert into `target` for this reason.

        What was weighed before was weighed against another incident, so it no longer counts: `match` does, if it is
        known, and nothing otherwise.
        """
        match = match or Match(incident_id=None, probability=stored.membership.probability, score=0.0)
        place = replace(
            stored.membership,
            incident_id=target.incident.id,
            probability=match.probability,
            score=match.score,
            evidence=(reason, *match.evidence),
            runner_up=match.runner_up,
            margin=match.margin,
            provisional=match.provisional,
        )
        self.put(replace(stored, membership=place, moved=self.tx.revision))

    def recount(self, incident_ids: Iterable[str], at: datetime) -> None:
        """Take counters, moments and priority anew from the stored alerts, and the status from the counters."""
        records = [self.touch(incident_id) for incident_id in incident_ids]
        found = alerts.tallies(self.tx.link, [record.incident.id for record in records])
        for record in records:
            tally = found[record.incident.id]
            _count(record, tally)
            record.roots_at = -1
            if record.firing:
                self.reopen(record, at, {"why": "alerts that still fire have come"})
            elif record.alerts:
                self.settle(record)

    def end(self, record: IncidentRecord, target_id: str, at: datetime) -> None:
        """An incident without alerts is over: its id leads to `target_id`, where they went."""
        incident = record.incident
        closed = incident.closed_at or max(at, incident.opened_at)
        record.roots, record.roots_at = (), record.alerts
        record.incident = replace(incident, status=IncidentStatus.RESOLVED, closed_at=closed, merged_into=target_id)
        self.correlator.close(incident.id, closed)

    def roots_of(self, record: IncidentRecord) -> tuple[tuple[str, float], ...]:
        """As the correlator has it; of incidents that it no longer remembers, the first alerts that are known."""
        judged = super().roots_of(record)
        inside = self._inside(record, [alert_id for alert_id, _ in judged])
        if inside:
            return tuple((alert_id, score) for alert_id, score in judged if alert_id in inside)
        inside = self._inside(record, [alert_id for alert_id, _ in record.roots])
        known = tuple((alert_id, score) for alert_id, score in record.roots if alert_id in inside)
        first = alerts.of_incident(self.tx.link, record.incident.id, 1)
        return known or tuple((one.membership.alert.id, 0.0) for one in first)

    def _inside(self, record: IncidentRecord, alert_ids: Sequence[str]) -> set[str]:
        found = alerts.by_ids(self.tx.link, alert_ids)
        return {key for key, one in found.items() if one.membership.incident_id == record.incident.id}


def fixed(incident: Incident) -> bool:
    """Whether a person has had the last word: ended with a fix, or part of another incident. Nothing is moved then."""
    return incident.resolution is not None or incident.merged_into is not None


def listed(alert_ids: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(alert_ids) - _LISTED
    return ", ".join(alert_ids[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _count(record: IncidentRecord, tally: Tally) -> None:
    record.alerts, record.firing = tally.alerts, tally.firing
    record.detected_at = tally.detected_at or record.detected_at
    record.ended_at = tally.ended_at
    if record.origin is Origin.ALERTS and tally.began_at is not None:
        record.incident = replace(record.incident, opened_at=tally.began_at)
        if not record.edited:
            record.incident = replace(record.incident, priority=priority(tally.severities))

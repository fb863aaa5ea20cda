"""What is on record: lists, people, keys, metrics and patterns; everything that needs no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.answering.recurring import Recurring
from engine.domain import Edge, Incident, IncidentStatus, Membership, Responder, Runbook
from engine.errors import Conflict
from engine.lifecycle import Course, Measures, measure
from engine.redaction import redact_incident, redact_runbook
from engine.store import alerts, incidents, keys, lives, metrics, reference, runbooks
from engine.store.records import Event, IncidentRecord, Key, Origin, Sample, Scope

_HELPED = {True: "helped", False: "did not help"}


class Register(Recurring):
    """The part of Pathfinder that looks things up and notes them down. All methods raise Unavailable."""

    def incidents(  # one parameter per filter of the list
        self,
        *,
        status: IncidentStatus | None = None,
        service: str = "",
        since: datetime | None = None,
        limit: int = 50,
        before: str | None = None,
        muted: bool | None = None,
    ) -> list[Incident]:
        """Newest opened first; `before` = last id of the page before."""
        with self.store.read() as link:
            return [record.incident for record in incidents.page(link, status, service, since, limit, before, muted)]

    def incident(self, incident_id: str) -> Incident:
        """One incident with its resolution; of a merged one, what it is part of now. Raises NotFound."""
        return self.record(incident_id).incident

    def record(self, incident_id: str) -> IncidentRecord:
        """`incident`, with what is counted beside it: alerts, firing, who took it. Raises NotFound."""
        with self.store.read() as link:
            return incidents.leading(link, incident_id)

    def members(self, incident_id: str, *, limit: int = 500) -> list[Membership]:
        """Its alerts and why each is there: probable roots first, then by arrival. Raises NotFound."""
        with self.store.read() as link:
            record = incidents.leading(link, incident_id)
            found = alerts.by_ids(link, [alert_id for alert_id, _ in record.roots])
            roots = [found[alert_id] for alert_id, _ in record.roots if alert_id in found]
            first = [one for one in roots if one.membership.incident_id == record.incident.id]
            inside = alerts.of_incident(link, record.incident.id, limit)
            rest = [one for one in inside if one.membership.alert.id not in found]
        ranked = [replace(one.membership, root_rank=rank) for rank, one in enumerate(first, start=1)]
        return (ranked + [one.membership for one in rest])[:limit]

    def timeline(self, incident_id: str) -> list[Event]:
        """What happened to it, oldest first. Raises NotFound."""
        with self.store.read() as link:
            return incidents.timeline(link, incidents.leading(link, incident_id).incident.id)

    def measures(self, since: datetime, until: datetime) -> Measures:
        """Times to detect, acknowledge and resolve, frequency and repeats of incidents opened in `[since, until)`."""
        with self.store.read() as link:
            opened = incidents.opened_between(link, since, until)
            courses = [_course(record) for record in opened if record.origin is not Origin.MAINTENANCE]
        return measure(courses, since, until)

    def import_incidents(self, past: Sequence[Incident]) -> int:
        """Store the tickets of another tool, or their newer forms; returns how many.

        Raises
        ------
        Conflict
            If an id belongs to an incident that PathFinder opened itself.
        """
        with self.store.write() as tx:
            known = incidents.by_ids(tx.link, {incident.id for incident in past})
            if any(record.origin is not Origin.IMPORT for record in known.values()):
                raise Conflict("an imported id is that of an incident opened here: give imported ids a prefix")
            unique = {incident.id: redact_incident(incident) for incident in past}
            incidents.save(tx, [IncidentRecord(incident=one, origin=Origin.IMPORT) for one in unique.values()])
            for one in unique.values():
                if one.resolution is not None:
                    incidents.set_resolution(tx, one.id, one.resolution)
            tx.incidents = max([tx.incidents, *(_number(key) for key in unique)])
            return len(unique)

    def record_metrics(self, samples: Sequence[Sample]) -> int:
        """Store the finite ones among `samples`, and let the patterns of their series live on; returns how many."""
        with self.store.write() as tx:
            taken = metrics.record(tx, samples)
            lives.follow_samples(tx, {(one.service, one.host, one.metric) for one in samples})
            return taken

    def topology(self) -> list[Edge]:
        """Known relations between services, hosts and so on."""
        with self.store.read() as link:
            return reference.edges(link)

    def replace_topology(self, edges: Sequence[Edge]) -> None:
        """Put `edges` in place of the topology; grouping uses it from the next alert on, in every process."""
        with self.store.write() as tx:
            reference.replace_edges(tx, edges)

    def responders(self) -> list[Responder]:
        """Everybody who can be asked, by id."""
        with self.store.read() as link:
            return reference.responders(link)

    def responder(self, responder_id: str) -> Responder:
        """One of them. Raises NotFound."""
        with self.store.read() as link:
            return reference.responder(link, responder_id)

    def put_responder(self, responder: Responder) -> Responder:
        """Create or replace."""
        with self.store.write() as tx:
            reference.put_responders(tx, [responder])
        return responder

    def delete_responder(self, responder_id: str) -> None:
        """Remove. Raises NotFound."""
        with self.store.write() as tx:
            reference.delete_responder(tx, responder_id)

    def runbooks(self) -> list[Runbook]:
        """All runbooks that are kept, by id."""
        with self.store.read() as link:
            return runbooks.every(link)

    def put_runbook(self, runbook: Runbook) -> Runbook:
        """Create or replace; the next triage may show it. Returns it without secrets, as it is kept."""
        runbook = redact_runbook(runbook)
        with self.store.write() as tx:
            runbooks.put(tx, [runbook])
        return runbook

    def delete_runbook(self, runbook_id: str) -> None:
        """Remove. Raises NotFound."""
        with self.store.write() as tx:
            runbooks.remove(tx, runbook_id)

    def note_tried(self, incident_id: str, fix_of: str, helped: bool, at: datetime, actor: str = "") -> None:
        """Note that the fix of `fix_of` was tried on an incident, and whether it helped. Raises NotFound."""
        with self.store.write() as tx:
            tried_on = incidents.leading(tx.link, incident_id).incident.id
            of = incidents.leading(tx.link, fix_of).incident.id
            detail = {"of": of, "helped": "yes" if helped else "no", "text": f"fix of {of} {_HELPED[helped]}"}
            event = Event(incident_id=tried_on, at=at, kind=runbooks.TRIED, actor=actor, detail=detail)
            incidents.add_events(tx, [event])

    def issue_key(self, name: str, scopes: frozenset[Scope], at: datetime) -> tuple[Key, str]:
        """A new API key and its token `pf_<id>_<secret>`, shown once and never stored."""
        with self.store.write() as tx:
            return keys.issue(tx, name, scopes, at)

    def check_key(self, token: str) -> Key | None:
        """The key of `token` if it is genuine and not revoked; digests are compared in constant time."""
        with self.store.read() as link:
            return keys.check(link, token)

    def keys(self) -> list[Key]:
        """All keys, without secrets."""
        with self.store.read() as link:
            return keys.every(link)

    def revoke_key(self, key_id: str, at: datetime) -> None:
        """End a key. Raises NotFound."""
        with self.store.write() as tx:
            keys.revoke(tx, key_id, at)


def _course(record: IncidentRecord) -> Course:
    incident = record.incident
    return Course(
        began_at=incident.opened_at,
        detected_at=record.detected_at,
        acknowledged_at=record.acknowledged_at,
        resolved_at=incident.closed_at,
        symptom=f"{incident.service}\x1f{incident.title}" if incident.title else "",
    )


def _number(incident_id: str) -> int:
    """n of an imported `INC-n`, so that the counter goes on above it; 0 of any other id."""
    digits = incident_id.removeprefix("INC-")
    return int(digits) if digits != incident_id and digits.isdecimal() and len(digits) < 16 else 0

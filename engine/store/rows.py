"""Domain nouns to rows and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from engine.clock import parse_time, to_text
from engine.domain import (
    Alert,
    AlertStatus,
    Evidence,
    Incident,
    IncidentStatus,
    Membership,
    Mute,
    MuteKind,
    Pattern,
    Resolution,
    Responder,
    Severity,
    TimeOff,
)
from engine.lifecycle.flapping import Change
from engine.store.columns import storable
from engine.store.records import IncidentRecord, Origin, StoredAlert

_EPOCH, _MICRO = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_ALERT_TEXTS = ("id", "source", "fingerprint", "title", "description", "service", "host")
_INCIDENT_FIELDS = (
    "opened_at",
    "title",
    "description",
    "service",
    "category",
    "priority",
    "closed_at",
    "root_alert_id",
    "merged_into",
    "muted",
)
_RECORD_FIELDS = (
    "edited",
    "alerts",
    "firing",
    "detected_at",
    "ended_at",
    "acknowledged_at",
    "assignee",
    "roots_at",
    "came",
    "gone",
)
_PATTERN_FIELDS = tuple(Pattern.__dataclass_fields__)


def storable_alert(alert: Alert) -> Alert:
    """`alert` as the store will give it back: what is decided on live is what a replay decides on."""
    texts = [getattr(alert, name) for name in _ALERT_TEXTS]
    every = "".join([*texts, *alert.labels.keys(), *alert.labels.values()])
    if every.isprintable() or storable(every) == every:
        return alert
    labels = {storable(key): storable(value) for key, value in alert.labels.items()}
    changes: dict[str, Any] = {name: storable(text) for name, text in zip(_ALERT_TEXTS, texts, strict=True)}
    return replace(alert, labels=labels, **changes)


def storable_incident(incident: Incident) -> Incident:
    """`incident` as the store will give it back."""
    names = ("id", "title", "description", "service", "category", "priority")
    fields = {storable(key): storable(value) for key, value in incident.fields.items()}
    changes: dict[str, Any] = {name: storable(getattr(incident, name)) for name in names}
    return replace(incident, fields=fields, **changes)


def row_of_alert(stored: StoredAlert, revision: int) -> dict[str, Any]:
    """The alerts row of `stored`. Written out, since storms come through here."""
    place = stored.membership
    alert = place.alert
    return {
        "id": alert.id,
        "arrival": stored.arrival,
        "source": alert.source,
        "fingerprint": alert.fingerprint,
        "title": alert.title,
        "description": alert.description,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "service": alert.service,
        "host": alert.host,
        "labels": alert.labels if type(alert.labels) is dict else dict(alert.labels),
        "starts_at": alert.starts_at,
        "received_at": alert.received_at,
        "ends_at": alert.ends_at,
        "repeated_at": stored.repeated_at,
        "incident_id": place.incident_id,
        "probability": place.probability,
        "score": place.score,
        "evidence": [(item.signal, item.weight, item.detail) for item in place.evidence],
        "moved": stored.moved,
        "moves": stored.moves,
        "runner_up": place.runner_up,
        "margin": place.margin,
        "provisional": place.provisional,
        "pinned": place.pinned,
        "muted": bool(place.mutes),
        "mutes": [_mute_to_json(mute) for mute in place.mutes],
        "unmute_at": _unmute_at(place) if place.mutes else None,
        "changes": [(_micros(change.at), change.firing) for change in stored.changes],
        "flapping_since": place.flapping_since,
        "calm_at": stored.calm_at,
        "revision": revision,
    }


def row_of_told(stored: StoredAlert) -> dict[str, Any]:
    """The told row of `stored`."""
    place = stored.membership
    return {"alert_id": place.alert.id, "repeats": place.repeats, "last_seen_at": place.last_seen_at}


def alert_of_row(row: Any) -> StoredAlert:
    """The stored alert of a row of `alerts.WHOLE`."""
    (
        alert_id, arrival, source, fingerprint, title, description, severity, status, service, host, labels,
        starts_at, received_at, ends_at, repeated_at, incident_id, probability, score,
        evidence, moved, moves, runner_up, margin, provisional, pinned, _muted, mutes, _unmute, changes,
        flapping_since, calm_at, _revision, repeats, last_seen_at,
    ) = row  # fmt: skip
    alert = Alert(
        id=alert_id,
        source=source,
        title=title,
        starts_at=starts_at,
        received_at=received_at,
        fingerprint=fingerprint,
        status=AlertStatus(status),
        severity=Severity(severity),
        description=description,
        service=service,
        host=host,
        labels=labels,
        ends_at=ends_at,
    )
    place = Membership(
        alert=alert,
        incident_id=incident_id,
        probability=probability,
        score=score,
        evidence=tuple([Evidence(signal=s, weight=w or 0.0, detail=d) for s, w, d in evidence]),
        repeats=repeats,
        last_seen_at=last_seen_at,
        runner_up=runner_up,
        margin=margin,
        provisional=provisional,
        pinned=pinned,
        mutes=tuple([_mute_of_json(*item) for item in mutes]),
        flapping_since=flapping_since,
    )
    return StoredAlert(
        membership=place,
        arrival=arrival,
        repeated_at=repeated_at,
        moved=moved,
        moves=moves,
        changes=tuple([Change(_EPOCH + micros * _MICRO, firing) for micros, firing in changes]),
        calm_at=calm_at,
    )


def _mute_to_json(mute: Mute) -> list[str | None]:
    return [mute.kind.value, mute.by, mute.because, to_text(mute.until) if mute.until else None, mute.alert_id]


def _mute_of_json(kind: str, by: str, because: str, until: str | None, alert_id: str) -> Mute:
    moment = parse_time(until, "until") if until else None
    return Mute(kind=MuteKind(kind), by=by, because=because, until=moment, alert_id=alert_id)


def _unmute_at(place: Membership) -> datetime | None:
    """When it becomes loud by itself; None where it is not muted, has ended, or another alert decides."""
    moments = [mute.until for mute in place.mutes if mute.until is not None]
    lasting = len(moments) < len(place.mutes) or place.alert.status is AlertStatus.RESOLVED
    return None if lasting else max(moments, default=None)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICRO


def row_of_incident(record: IncidentRecord, revision: int) -> dict[str, Any]:
    """The incidents row of `record`."""
    incident = record.incident
    row = {name: getattr(incident, name) for name in _INCIDENT_FIELDS}
    row.update({name: getattr(record, name) for name in _RECORD_FIELDS})
    row.update(
        id=incident.id,
        status=incident.status.value,
        fields=dict(incident.fields),
        origin=record.origin.value,
        roots=[list(root) for root in record.roots],
        revision=revision,
    )
    return row


def record_of_row(row: Any) -> IncidentRecord:
    """The record of an incidents row joined with its resolution (columns `fix_*`, null without one)."""
    incident = Incident(
        id=row.id,
        status=IncidentStatus(row.status),
        fields=row.fields,
        resolution=_resolution(row),
        **{name: getattr(row, name) for name in _INCIDENT_FIELDS},
    )
    return IncidentRecord(
        incident=incident,
        origin=Origin(row.origin),
        roots=tuple((alert_id, score) for alert_id, score in row.roots),
        **{name: getattr(row, name) for name in _RECORD_FIELDS},
    )


def _resolution(row: Any) -> Resolution | None:
    if row.fix_text is None:
        return None
    return Resolution(text=row.fix_text, resolver=row.fix_resolver, team=row.fix_team, resolved_at=row.fix_at)


def row_of_responder(responder: Responder) -> dict[str, Any]:
    """The responders row of `responder`."""
    return {
        "id": responder.id,
        "name": responder.name,
        "team": responder.team,
        "skills": list(responder.skills),
        "timezone": responder.timezone,
        "workdays": list(responder.workdays),
        "work_starts": responder.work_starts.strftime("%H:%M"),
        "work_ends": responder.work_ends.strftime("%H:%M"),
        "time_off": [[to_text(off.starts_at), to_text(off.ends_at)] for off in responder.time_off],
        "on_call": responder.on_call,
        "max_open": responder.max_open,
        "left": responder.left,
    }


def responder_of_row(row: Any) -> Responder:
    """The responder of a responders row."""
    return Responder(
        id=row.id,
        name=row.name,
        team=row.team,
        skills=tuple(row.skills),
        timezone=row.timezone,
        workdays=tuple(row.workdays),
        work_starts=time.fromisoformat(row.work_starts),
        work_ends=time.fromisoformat(row.work_ends),
        time_off=tuple(TimeOff(starts_at=_moment(start), ends_at=_moment(end)) for start, end in row.time_off),
        on_call=row.on_call,
        max_open=row.max_open,
        left=row.left,
    )


def row_of_pattern(pattern: Pattern) -> dict[str, Any]:
    """The patterns row of `pattern`, without its id."""
    return {name: getattr(pattern, name) for name in _PATTERN_FIELDS}


def pattern_of_row(row: Mapping[Any, Any]) -> Pattern:
    """The pattern of a patterns row."""
    return Pattern(**{name: row[name] for name in _PATTERN_FIELDS})


def _moment(text: str) -> datetime:
    return parse_time(text, "time_off")

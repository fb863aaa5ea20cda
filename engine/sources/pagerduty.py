"""PagerDuty's Events API v2: what nearly every tool can send, and many scripts do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from engine.domain import Alert, AlertStatus, alert_id_of, fingerprint_of
from engine.errors import InvalidInput
from engine.sources import habits, reading
from engine.sources.source import BadField, Parsed, read_each

EXAMPLE: dict[str, Any] = {
    "routing_key": "R0UT1NGKEY",
    "event_action": "trigger",
    "dedup_key": "backup/batch-01",
    "client": "backup-script",
    "payload": {
        "summary": "Backup on batch-01 ended with exit code 3",
        "source": "batch-01",
        "severity": "error",
        "timestamp": "2026-03-02T03:10:00+01:00",
        "component": "nightly-backup",
        "group": "office",
        "class": "backup",
        "custom_details": {"repository": "main", "locked": True},
    },
}
_ACTIONS = ("trigger", "resolve", "acknowledge")
_NAMED = ("group", "class")  # fields of a payload that become labels


class PagerDuty:
    """Reads events of the Events API v2, one or a list."""

    example: object = EXAMPLE

    def parse(self, payload: object, received_at: datetime) -> Parsed:
        """The alerts of one event, or of a list of them; an acknowledgement is no alert, and changes nothing."""
        if not isinstance(payload, dict | list):
            raise InvalidInput("payload must be an event, or a list of them")
        entries = [entry for entry in self.entries(payload) if not is_acknowledgement(entry)]
        return read_each(entries, lambda entry: read_event(entry, received_at))

    def entries(self, payload: object) -> Sequence[object]:
        """The event itself, or the list it is."""
        return payload if isinstance(payload, list) else [payload]

    def wrap(self, entry: object) -> object:
        """The event by itself."""
        return entry


def is_event(entry: Mapping[str, object]) -> bool:
    """Whether it is of this form, whatever it was sent as."""
    return entry.get("event_action") in _ACTIONS and ("payload" in entry or "dedup_key" in entry)


def is_acknowledgement(entry: object) -> bool:
    """Whether it says that somebody has seen an alert: nothing about the alert itself."""
    return isinstance(entry, dict) and entry.get("event_action") == "acknowledge" and is_event(entry)


def read_event(entry: Mapping[str, object], received_at: datetime) -> Alert:
    """The alert of one event. One that resolves needs no payload: its `dedup_key` says which alert is over.

    Raises
    ------
    BadField
        If a field cannot be read, or nothing says what it is about.
    """
    action = reading.line_of(entry.get("event_action"), reading.NAME_LENGTH).lower()
    if action not in _ACTIONS:
        raise BadField("event_action", "must be trigger, acknowledge or resolve")
    over = action == "resolve"
    told = _told(entry, over)
    key = reading.fingerprint_sent(entry.get("dedup_key"))
    title = reading.line_of(told.get("summary"), reading.TITLE_LENGTH) or (key if over else "")
    if not title:
        raise BadField("payload.summary" if told or not over else "dedup_key", "must not be empty")
    details = told.get("custom_details")
    labels = reading.labels_of(details if isinstance(details, dict | list) else None, "payload.custom_details")
    sent = {name: told.get(name) for name in _NAMED} | {"client": entry.get("client")}
    named = {name: text for name, value in sent.items() if (text := reading.line_of(value, reading.LABEL_LENGTH))}
    service = reading.line_of(told.get("component"), reading.NAME_LENGTH) or habits.service_in(labels)
    host = habits.host_name(reading.line_of(told.get("source"), reading.NAME_LENGTH)) or habits.host_in(labels)
    fingerprint = key or fingerprint_of("pagerduty", title, service, host, named)
    starts_at = reading.moment_of(told.get("timestamp"), "payload.timestamp", received_at) or received_at
    return Alert(
        id=alert_id_of("pagerduty", fingerprint, starts_at),
        source="pagerduty",
        title=title,
        severity=habits.severity_in({"severity": reading.line_of(told.get("severity"), reading.NAME_LENGTH)}),
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        service=service,
        host=host,
        labels={**labels, **named},
        fingerprint=fingerprint,
        starts_at=starts_at,
        received_at=received_at,
        ends_at=received_at if over else None,
    )


def _told(entry: Mapping[str, object], over: bool) -> Mapping[str, object]:
    told = entry.get("payload")
    if told is None and over:
        return {}
    if not isinstance(told, dict):
        raise BadField("payload.summary", "must be given: payload must be an object")
    return cast("dict[str, object]", told)

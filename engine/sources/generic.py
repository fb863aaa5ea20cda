"""Anything else: our own JSON, one object or a list, with the field names that people use without being told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias, cast

from engine.domain import Alert, AlertStatus, alert_id_of, fingerprint_of
from engine.errors import InvalidInput
from engine.sources import habits, reading
from engine.sources.pagerduty import is_acknowledgement, is_event, read_event
from engine.sources.source import BadField, Parsed, read_each
from engine.sources.uptime_kuma import is_notice, read_notice

EXAMPLE: list[dict[str, Any]] = [
    {
        "source": "backup-script",
        "title": "Backup on batch-01 ended with exit code 3",
        "description": "repository is already locked",
        "severity": "error",
        "status": "firing",
        "service": "nightly-backup",
        "host": "batch-01",
        "labels": {"site": "office"},
        "fingerprint": "backup/batch-01",
        "starts_at": "2026-03-02T03:10:00+01:00",
    },
    {"summary": "Temperature of rack-a is 31 C", "timestamp": 1772417460, "level": "warn", "tags": ["site:office"]},
]
# Field -> the names it goes by, first choice first, as `habits.plain` writes them.
NAMES: Mapping[str, tuple[str, ...]] = {
    "title": (
        "title", "summary", "name", "alertname", "alert_name", "subject", "message", "msg", "event", "check", "text",
        "event_name", "trigger_name", "trigger", "check_name", "monitor_name", "monitor_friendly_name", "rule_name",
        "alertrule", "condition_name", "policy_name", "servicedesc", "servicedisplayname", "entity_display_name",
        "description_title", "monit_event", "hostdisplayname", "hostalias",
    ),
    "description": (
        "description", "details", "detail", "body", "message", "output", "text", "notes", "summary", "serviceoutput",
        "hostoutput", "state_message", "long_description", "alert_details", "description_text", "result_description",
        "monit_description", "reason", "trigger_description",
    ),
    "service": ("service", "service_name", "servicename", "app", "application", "component", "system", "monit_service"),
    "host": (
        "host", "hostname", "host_name", "node", "server", "machine", "instance", "resource", "entity", "hostalias",
        "hostdisplayname", "monit_host", "monitor_url", "resource_name", "host_ip", "hostaddress",
    ),
    "severity": (
        "severity", "priority", "level", "urgency", "criticality", "event_severity", "importance_level", "servicestate",
        "message_type", "alert_priority", "hoststate",
    ),
    "status": (
        "status", "state", "event_action", "action", "alert_status", "type", "notificationtype", "notification_type",
        "message_type", "alert_transition", "alert_type_friendly_name", "current_state", "monitorcondition",
        "actiongroup", "action_group",
    ),
    "fingerprint": (
        "fingerprint", "dedup_key", "dedupkey", "dedup", "incident_key", "alias", "entity_id", "symptom",
        "alert_cycle_key", "incident_id", "alertid",
    ),
    "source": ("source", "tool", "monitoring_tool", "origin"),
    "labels": ("labels", "tags", "attributes", "custom_details", "metadata"),
    "starts_at": (
        "starts_at", "startsat", "started_at", "startedat", "start_time", "starttime", "timestamp", "time", "ts",
        "date", "datetime", "occurred_at", "event_time", "eventtime", "fired_at", "created_at", "createdat",
        "triggered_at", "fireddatetime", "state_changed_timestamp", "timet", "monit_date",
    ),
    "ends_at": ("ends_at", "endsat", "ended_at", "end_time", "endtime", "resolved_at", "resolvedat", "closed_at"),
}  # fmt: skip
_OVER = {
    "resolved", "resolve", "ok", "closed", "close", "recovered", "recovery", "cleared", "clear", "inactive", "up",
    "normal", "success", "end", "ended", "fixed", "done", "restored", "deactivated",
}  # fmt: skip
Entry: TypeAlias = Mapping[str, tuple[str, object]]  # plain name -> name as sent, value
_MOST_FIELDS = 500  # of one entry: beyond it nobody meant them to be read
_FIRES = {
    "firing", "fires", "problem", "trigger", "triggered", "alerting", "alert", "open", "opened", "create", "created",
    "active", "activated", "fired", "down", "failed", "failing", "failure", "error", "critical", "warning", "start",
}  # fmt: skip
_DEEPEST, _OWN_TO_THE_OUTSIDE = 3, ("source", "tool", "origin", "type", "id")
_NOBODYS_TITLE = {
    "source", "tool", "origin", "actor", "agent", "user", "org", "organization", "team", "integration", "creator",
}  # fmt: skip
_LISTS = ("alerts", "events", "data", "items")


class Generic:
    """Reads our own JSON, and what is close to it."""

    example: object = EXAMPLE

    def parse(self, payload: object, received_at: datetime) -> Parsed:
        """The alerts of one object, of a list of objects, or of an object that holds such a list."""
        if not isinstance(payload, dict | list):
            raise InvalidInput("payload must be an alert object or a list of them")
        entries = [entry for entry in self.entries(payload) if not is_acknowledgement(entry)]
        return read_each(entries, lambda entry: _alert(entry, received_at))

    def entries(self, payload: object) -> Sequence[object]:
        """The object itself, or the list it is or holds."""
        if not isinstance(payload, dict):
            return payload if isinstance(payload, list) else [payload]
        inner = next((payload[name] for name in _LISTS if isinstance(payload.get(name), list)), None)
        return [payload] if inner is None or _titled(payload) else cast("list[object]", inner)

    def wrap(self, entry: object) -> object:
        """A list of one."""
        return [entry]


def _titled(payload: dict[str, object]) -> bool:
    return any(habits.plain(name[: reading.NAME_LENGTH]) in NAMES["title"] for name in islice(payload, _MOST_FIELDS))


def _pick(entry: Entry, field: str) -> tuple[str, object]:
    """The entry's value for a field and the name it went by; the field's own name and None where it has none."""
    return next((entry[name] for name in NAMES[field] if name in entry), (field, None))


def _word(entry: Entry, field: str, length: int = reading.NAME_LENGTH) -> str:
    return reading.line_of(_pick(entry, field)[1], length)


def _entry(sent: Mapping[str, object]) -> Entry:
    """What was sent and is not empty, by plain name, with the name as sent."""
    found: dict[str, tuple[str, object]] = {}
    for name, value in islice(sent.items(), _MOST_FIELDS):
        if value or value == 0:
            found[habits.plain(name[: reading.NAME_LENGTH])] = (name, value)
    return found


def _alert(sent: Mapping[str, object], received_at: datetime) -> Alert:
    if is_event(sent):
        return read_event(sent, received_at)
    if is_notice(sent):
        return read_notice(sent, received_at)
    entry = _entry(sent)
    if not _says(entry):
        entry = {**entry, **_inside(sent, _DEEPEST), **_flat(entry)}
    title = _word(entry, "title", reading.TITLE_LENGTH)
    body = reading.text_of(_pick(entry, "description")[1], reading.DESCRIPTION_LENGTH)
    title = title or reading.line_of(body, reading.TITLE_LENGTH)
    if not title:
        raise BadField("title", "must not be empty")
    name, found = _pick(entry, "labels")
    labels = reading.labels_of(found, _safe(name))
    source = _word(entry, "source") or "generic"
    service = _word(entry, "service") or habits.service_in(labels)
    host = habits.host_name(_word(entry, "host")) or habits.host_in(labels)
    fingerprint = reading.fingerprint_sent(_pick(entry, "fingerprint")[1])
    fingerprint = fingerprint or fingerprint_of(source, title, service, host, labels)
    starts_at = _time(entry, "starts_at", received_at)
    over = _is_over(entry)
    return Alert(
        id=alert_id_of(source, fingerprint, starts_at or received_at),
        source=source,
        title=title,
        description="" if body == title else body,
        severity=habits.severity_in({"severity": _word(entry, "severity")}, labels),
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        service=service,
        host=host,
        labels=labels,
        fingerprint=fingerprint,
        starts_at=starts_at or received_at,
        received_at=received_at,
        ends_at=_end(entry, over, starts_at or received_at, received_at),
    )


def _says(entry: Entry) -> bool:
    """Whether it has a title, or anything to make one of."""
    return any(_line(entry[name][1]) for field in ("title", "description") for name in NAMES[field] if name in entry)


def _flat(entry: Entry) -> Entry:
    return {name: held for name, held in entry.items() if not isinstance(held[1], dict)}


def _inside(sent: Mapping[str, object], depth: int) -> Entry:
    """What the objects inside an entry hold that says nothing itself, by plain name; what is further out counts."""
    found: dict[str, tuple[str, object]] = {}
    fields = islice(sent.items(), _MOST_FIELDS)
    inner = [value for name, value in fields if isinstance(value, dict) and name not in _NOBODYS_TITLE]
    for one in inner:
        found = {**_entry(one), **found}
    for one in inner if depth > 1 else ():
        found = {**_inside(one, depth - 1), **found}
    return {name: held for name, held in islice(found.items(), _MOST_FIELDS) if name not in _OWN_TO_THE_OUTSIDE}


def _is_over(entry: Entry) -> bool:
    """Whether the first word that tells of a status says that it is over; some tools know no other than a severity.

    Zabbix' `event_value` is 1 while there is a problem.
    """
    names = (*NAMES["status"], "severity")
    words = [_line(entry[name][1]).lower() for name in names if name in entry]
    ended = "event_name" in entry and _line(entry.get("event_value", ("", ""))[1]) == "0"
    return ended or next((word for word in words if word in _OVER or word in _FIRES), "") in _OVER


def _line(value: object) -> str:
    return reading.line_of(value, reading.NAME_LENGTH)


def _time(entry: Entry, field: str, received_at: datetime) -> datetime | None:
    name, value = _pick(entry, field)
    if name == "event_time" and "event_date" in entry:  # day and hour by themselves
        value = f"{_line(entry['event_date'][1])} {_line(value)}"
    return reading.moment_of(value, _safe(name), received_at)


def _end(entry: Entry, over: bool, starts_at: datetime, received_at: datetime) -> datetime | None:
    name, value = _pick(entry, "ends_at")
    return reading.ends_of(value, _safe(name), starts_at, received_at) if over else None


def _safe(name: str) -> str:
    """A field's name as sent, fit to be shown."""
    return reading.line_of(name, 60)

"""Uptime Kuma's webhook: a monitor that went down, or is up again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.domain import Alert, AlertStatus, Severity, alert_id_of
from engine.errors import InvalidInput
from engine.sources import habits, reading
from engine.sources.source import BadField, Parsed, read_each

EXAMPLE: dict[str, Any] = {
    "heartbeat": {"monitorID": 4, "status": 0, "time": "2026-03-02 03:10:00.250", "msg": "connect ECONNREFUSED"},
    "monitor": {"id": 4, "name": "Web shop", "url": "https://shop.example.com/health", "type": "http", "tags": []},
    "msg": "[Web shop] [Down] connect ECONNREFUSED",
}
_FIRES = {0: True, 1: False, 2: True, 3: False}  # down, up, pending, in maintenance


class UptimeKuma:
    """Reads one notice of Uptime Kuma."""

    example: object = EXAMPLE

    def parse(self, payload: object, received_at: datetime) -> Parsed:
        """The alert of one notice; `received_at` stands in where it names no time."""
        if not isinstance(payload, dict):
            raise InvalidInput("payload must be a notice of Uptime Kuma")
        return read_each(self.entries(payload), lambda entry: read_notice(entry, received_at))

    def entries(self, payload: object) -> Sequence[object]:
        """The notice itself."""
        return [payload]

    def wrap(self, entry: object) -> object:
        """The notice itself."""
        return entry


def is_notice(entry: Mapping[str, object]) -> bool:
    """Whether it is of this form, whatever it was sent as."""
    return isinstance(entry.get("heartbeat"), dict) and isinstance(entry.get("monitor"), dict)


def read_notice(entry: Mapping[str, object], received_at: datetime) -> Alert:
    """The alert of one notice. Down and up of a monitor are one symptom, whatever its heartbeat says.

    Raises
    ------
    BadField
        If a field cannot be read, or the monitor has no name.
    """
    beat, monitor = entry.get("heartbeat"), entry.get("monitor")
    if not isinstance(beat, dict) or not isinstance(monitor, dict):
        raise BadField("heartbeat" if isinstance(monitor, dict) else "monitor", "must be an object")
    name = reading.line_of(monitor.get("name"), reading.NAME_LENGTH)
    if not name:
        raise BadField("monitor.name", "must not be empty")
    status = beat.get("status")
    fires = _FIRES.get(status) if type(status) is int else None
    if fires is None:
        raise BadField("heartbeat.status", "must be 0 (down), 1 (up), 2 (pending) or 3 (maintenance)")
    at = reading.moment_of(beat.get("time"), "heartbeat.time", received_at) or received_at
    number = reading.line_of(monitor.get("id"), reading.NAME_LENGTH) or name
    fingerprint = reading.fingerprint_sent(f"uptime-kuma/{number}")
    address = reading.line_of(monitor.get("hostname"), reading.NAME_LENGTH) or reading.line_of(
        monitor.get("url"), reading.LABEL_LENGTH
    )
    return Alert(
        id=alert_id_of("uptime-kuma", fingerprint, at),
        source="uptime-kuma",
        title=f"{name} is down",
        description=reading.text_of(beat.get("msg"), reading.DESCRIPTION_LENGTH),
        severity=Severity.CRITICAL,
        status=AlertStatus.FIRING if fires else AlertStatus.RESOLVED,
        service=name,
        host=habits.host_name(address),
        labels={"monitor": number},
        fingerprint=fingerprint,
        starts_at=at,
        received_at=received_at,
        ends_at=None if fires else at,
    )

"""Grafana: the webhook of unified alerting (version 8 and later), and that of legacy alerting (up to version 10).

Field meanings after grafana.com/docs/grafana/latest/alerting, "webhook notifier". Unified alerting sends Alertmanager's
form with values; legacy alerting sends one rule's state, whose identity is the rule's number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.domain import Alert, AlertStatus, alert_id_of
from engine.errors import InvalidInput
from engine.sources import habits, reading
from engine.sources.alertmanager import count_of, read_alert
from engine.sources.source import BadField, Listed, Parsed, read_each

EXAMPLE: dict[str, Any] = {
    "receiver": "pathfinder",
    "status": "firing",
    "orgId": 1,
    "title": "[FIRING:1] QueueTooLong Production (mailer)",
    "state": "alerting",
    "message": "**Firing** QueueTooLong",
    "version": "1",
    "groupKey": '{}:{alertname="QueueTooLong"}',
    "truncatedAlerts": 0,
    "groupLabels": {"alertname": "QueueTooLong"},
    "commonLabels": {"alertname": "QueueTooLong", "app": "mailer", "grafana_folder": "Production"},
    "commonAnnotations": {"summary": "12,400 messages wait"},
    "externalURL": "https://grafana.example.com/",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "QueueTooLong", "app": "mailer", "grafana_folder": "Production"},
            "annotations": {"summary": "12,400 messages wait", "description": "No consumer has taken any for 10 min."},
            "startsAt": "2026-03-02T03:12:00.119876543Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example.com/alerting/grafana/cd8r2/view?orgId=1",
            "fingerprint": "b36f5d0c11e7a982",
            "silenceURL": "https://grafana.example.com/alerting/silence/new",
            "dashboardURL": "https://grafana.example.com/d/queues",
            "panelURL": "https://grafana.example.com/d/queues?viewPanel=4",
            "values": {"B": 12400},
            "valueString": "[ var='B' labels={instance=queue-01:15692, job=rabbitmq} value=12400 ]",
        }
    ],
}
LEGACY_EXAMPLE: dict[str, Any] = {
    "dashboardId": 4,
    "evalMatches": [{"metric": "cpu", "tags": {"host": "batch-01"}, "value": 96.2}],
    "message": "The night's import is slower than usual.",
    "orgId": 1,
    "panelId": 2,
    "ruleId": 31,
    "ruleName": "CPU of the batch hosts",
    "ruleUrl": "https://grafana.example.com/d/batch?tab=alert",
    "state": "alerting",
    "tags": {"severity": "high"},
    "title": "[Alerting] CPU of the batch hosts",
}
_QUIET = {"ok", "paused", "normal", "resolved"}
_VALUE_LABELS = re.compile(r"labels=\{([^{}]{1,2000})\}")


class Grafana(Listed):
    """Reads Grafana's webhook, of either kind."""

    example: object = EXAMPLE

    def parse(self, payload: object, received_at: datetime) -> Parsed:
        """The alerts of one notification."""
        if not isinstance(payload, dict):
            raise InvalidInput("payload must be an object: use a Grafana contact point of type webhook")
        if isinstance(payload.get("alerts"), list):
            missing = count_of(payload.get("truncatedAlerts"))
            return read_each(payload["alerts"], lambda entry: _unified(entry, received_at), missing)
        if "ruleId" in payload or "ruleName" in payload:
            return read_each([payload], lambda entry: _legacy(entry, received_at))
        raise InvalidInput("alerts must be a list: use a Grafana contact point of type webhook")


def _unified(entry: dict[str, object], received_at: datetime) -> Alert:
    return read_alert(entry, "grafana", received_at, value_labels(entry.get("valueString")))


def value_labels(value: object) -> dict[str, str]:
    """The labels of the series behind an alert, out of its `valueString`: they may name a host the alert does not.

    Examples
    --------
    >>> value_labels("[ var='A' labels={instance=db-1:9187, job=pg} value=3 ]")
    {'instance': 'db-1:9187', 'job': 'pg'}
    """
    text = reading.text_of(value, reading.DESCRIPTION_LENGTH)
    found: dict[str, str] = {}
    for inside in _VALUE_LABELS.findall(text):
        for part in inside.split(","):
            name, mark, item = part.strip().partition("=")
            if mark and len(found) < reading.LABEL_COUNT:
                found.setdefault(name, item)
    return found


def _legacy(body: dict[str, object], received_at: datetime) -> Alert:
    """One rule's state. It carries no times, so it starts, or ends, when it arrives."""
    title = reading.line_of(body.get("ruleName") or body.get("title"), reading.TITLE_LENGTH)
    rule = reading.line_of(body.get("ruleId"), reading.NAME_LENGTH) or title
    if not rule:
        raise BadField("ruleName", "must not be empty")
    org = reading.line_of(body.get("orgId"), reading.NAME_LENGTH)
    labels = _tags(body)
    over = reading.line_of(body.get("state"), reading.NAME_LENGTH).lower() in _QUIET
    fingerprint = reading.fingerprint_sent(f"rule {org}/{rule}")
    return Alert(
        id=alert_id_of("grafana", fingerprint, received_at),
        source="grafana",
        title=title or f"rule {rule}",
        description=reading.text_of(body.get("message"), reading.DESCRIPTION_LENGTH),
        severity=habits.severity_in(labels),
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        service=habits.service_in(labels),
        host=habits.host_in(labels),
        labels=labels,
        fingerprint=fingerprint,
        starts_at=received_at,
        received_at=received_at,
        ends_at=received_at if over else None,
    )


def _tags(body: Mapping[str, object]) -> dict[str, str]:
    """The rule's tags, and those of the first series that matched."""
    matches = body.get("evalMatches")
    first = matches[0] if isinstance(matches, list) and matches else {}
    series = first.get("tags") if isinstance(first, dict) else {}
    merged = reading.labels_of(series or {}, "evalMatches.tags") | reading.labels_of(body.get("tags"), "tags")
    return dict(list(merged.items())[: reading.LABEL_COUNT])

"""Amazon CloudWatch alarms as Amazon SNS delivers them. Whether Amazon sent it is looked at before it comes here.

Field meanings after docs.aws.amazon.com, "Amazon SNS message formats" and "CloudWatch alarm notifications".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.domain import Alert, AlertStatus, Severity, alert_id_of
from engine.errors import InvalidInput
from engine.sources import habits, reading
from engine.sources.source import BadField, Listed, Parsed, read_each

_ALARM: dict[str, Any] = {
    "AlarmName": "orders-db connections",
    "AlarmDescription": "Clients wait for a free connection.",
    "AWSAccountId": "123456789012",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed: 1 datapoint [97.0] was greater than the threshold (90.0).",
    "StateChangeTime": "2026-03-02T03:11:07.482+0000",
    "Region": "EU (Ireland)",
    "OldStateValue": "OK",
    "Trigger": {
        "MetricName": "DatabaseConnections",
        "Namespace": "AWS/RDS",
        "Dimensions": [{"name": "DBInstanceIdentifier", "value": "orders-db"}],
    },
}
EXAMPLE: dict[str, Any] = {
    "Type": "Notification",
    "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    "TopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms",
    "Subject": 'ALARM: "orders-db connections" in EU (Ireland)',
    "Message": json.dumps(_ALARM),
    "Timestamp": "2026-03-02T03:11:08.000Z",
    "SignatureVersion": "2",
    "Signature": "EXAMPLE",
    "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
}
_HOSTS = ("instanceid", "host", "dbinstanceidentifier", "loadbalancer", "functionname", "clusteridentifier")


class CloudWatch(Listed):
    """Reads a notification of one alarm. Confirmations of subscriptions hold no alert."""

    example: object = EXAMPLE

    def parse(self, payload: object, received_at: datetime) -> Parsed:
        """The alarm of one notification."""
        if not isinstance(payload, dict) or not isinstance(payload.get("Message"), str):
            raise InvalidInput("payload must be a notification of Amazon SNS")
        if payload.get("Type") != "Notification":
            return Parsed(alerts=())
        return read_each([payload], lambda entry: _alert(entry, received_at))

    def wrap(self, entry: object) -> object:
        """The notification itself."""
        return entry


def _alert(entry: Mapping[str, object], received_at: datetime) -> Alert:
    alarm = _message(str(entry["Message"]))
    trigger = alarm.get("Trigger")
    told = trigger if isinstance(trigger, dict) else {}
    sizes = _dimensions(told.get("Dimensions"))
    name = reading.line_of(alarm.get("AlarmName"), reading.TITLE_LENGTH)
    title = name or reading.line_of(entry.get("Subject"), reading.TITLE_LENGTH)
    if not title:
        raise BadField("AlarmName", "must not be empty")
    region, account = alarm.get("Region"), alarm.get("AWSAccountId")
    named = {"namespace": told.get("Namespace"), "metric": told.get("MetricName"), "region": region, "account": account}
    labels = reading.labels_of({key: value for key, value in named.items() if value} | sizes, "Trigger")
    at = reading.moment_of(alarm.get("StateChangeTime"), "StateChangeTime", received_at) or received_at
    over = reading.line_of(alarm.get("NewStateValue"), 20).upper() == "OK"
    fingerprint = reading.fingerprint_sent(f"{account}/{region}/{title}")
    plain = {habits.plain(key): value for key, value in sizes.items()}
    return Alert(
        id=alert_id_of("cloudwatch", fingerprint, at),
        source="cloudwatch",
        title=title,
        description=reading.text_of(alarm.get("NewStateReason") or entry.get("Message"), reading.DESCRIPTION_LENGTH),
        severity=habits.severity_in(labels) if any(k in labels for k in habits.SEVERITY_LABELS) else Severity.ERROR,
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        service=habits.service_in(labels) or reading.line_of(told.get("Namespace"), reading.NAME_LENGTH),
        host=habits.host_in(labels) or next((plain[one] for one in _HOSTS if plain.get(one)), ""),
        labels=labels,
        fingerprint=fingerprint,
        starts_at=at,
        received_at=received_at,
        ends_at=at if over else None,
    )


def _message(text: str) -> dict[str, object]:
    """The alarm in a message; a message that is plain text is the reason of an alarm without a name."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"NewStateReason": text}


def _dimensions(value: object) -> dict[str, str]:
    """Names and values, however the keys are written."""
    found: dict[str, str] = {}
    for one in value[: reading.LABEL_COUNT] if isinstance(value, list) else []:
        if isinstance(one, dict):
            lower = {str(key).lower(): item for key, item in one.items()}
            name = reading.line_of(lower.get("name"), reading.NAME_LENGTH)
            found[name or "dimension"] = reading.line_of(lower.get("value"), reading.NAME_LENGTH)
    return found

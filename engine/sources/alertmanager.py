"""Prometheus Alertmanager: its webhook (version 4, and 3 before it), and bare lists as Prometheus itself sends them.

Field meanings after the `webhook_config` section of prometheus.io/docs/alerting/latest/configuration. The status of
the group says nothing about its alerts: a group is `firing` until the last of them resolves, so each is read alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.domain import Alert, AlertStatus, alert_id_of, fingerprint_of
from engine.errors import InvalidInput
from engine.sources import habits, reading
from engine.sources.source import BadField, Listed, Parsed, read_each

EXAMPLE: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{cluster="office"}',
    "truncatedAlerts": 1,
    "status": "firing",
    "receiver": "pathfinder",
    "groupLabels": {"cluster": "office"},
    "commonLabels": {"cluster": "office"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager.example.com:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {
                "alertname": "PostgresConnectionsHigh", "cluster": "office", "service": "orders-db",
                "instance": "db-01:9187", "severity": "page",
            },
            "annotations": {
                "summary": "orders-db uses 97% of its connections",
                "description": "Clients wait for a free connection.",
            },
            "startsAt": "2026-03-02T03:11:07.482Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=pg_used_ratio",
            "fingerprint": "7d1f0a5be2c94d36",
        },
        {
            "status": "resolved",
            "labels": {
                "alertname": "HighErrorRate", "cluster": "office", "app": "checkout", "severity": "warning",
            },
            "annotations": {"summary": "checkout answers 6% of requests with 5xx"},
            "startsAt": "2026-03-02T03:09:40.482Z",
            "endsAt": "2026-03-02T03:14:10.482Z",
            "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=http_5xx_ratio",
            "fingerprint": "0c9b44d6e8a1f752",
        },
    ],
}  # fmt: skip
_MOST_KEPT = 4_000  # characters of one alert, to be remembered
_TITLES = ("summary", "title", "message")
_DESCRIPTIONS = ("description", "message", "details", "text")
RUNBOOKS = ("runbook_url", "runbook", "playbook_url", "playbook")  # annotations that name a page; they become labels


class Alertmanager(Listed):
    """Reads Alertmanager's webhook."""

    example: object = EXAMPLE

    def parse(self, payload: object, received_at: datetime) -> Parsed:
        """The alerts of one notification; `missing` is its `truncatedAlerts`."""
        entries = payload.get("alerts") if isinstance(payload, dict) else payload
        if not isinstance(entries, list):
            raise InvalidInput("alerts must be a list: point an Alertmanager webhook_config here")
        missing = count_of(payload.get("truncatedAlerts")) if isinstance(payload, dict) else 0
        return read_each(entries, lambda entry: _read_alert(entry, received_at), missing)


def _read_alert(entry: dict[str, object], received_at: datetime) -> Alert:
    """One alert; one that fires and was read before is told from memory, which costs a quarter."""
    labels, notes = entry.get("labels"), entry.get("annotations")
    if type(labels) is not dict or type(notes) is not dict or entry.get("status", "firing") != "firing":
        return read_alert(entry, "alertmanager", received_at)
    key = (*labels.items(), None, *notes.items(), entry.get("startsAt"), entry.get("fingerprint"), "status" in entry)
    try:
        told = _READ.get(key)
    except TypeError:  # something nested
        return read_alert(entry, "alertmanager", received_at)
    if told is None:
        told = read_alert(entry, "alertmanager", received_at)
        if told.status is AlertStatus.FIRING and told.starts_at != received_at and _is_plain(entry):
            _READ.put(key, told)
        return told
    if "status" not in entry and status_of(entry, received_at) is not AlertStatus.FIRING:
        return read_alert(entry, "alertmanager", received_at)
    return told.received(received_at)


def _is_plain(entry: Mapping[str, Any]) -> bool:
    """Whether it is all text, and not much: 1, 1.0 and true are one key, and are told apart when they are read."""
    texts = [entry.get("startsAt"), entry.get("fingerprint", "")]
    texts += [*entry["labels"].values(), *entry["annotations"].values()]
    return all(type(text) is str for text in texts) and sum(map(len, texts)) <= _MOST_KEPT


class _Read:
    """The alerts that were read last, by what was sent; the sources stay without state that anybody could see."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._new: dict[tuple[object, ...], Alert] = {}
        self._old: dict[tuple[object, ...], Alert] = {}

    def get(self, key: tuple[object, ...]) -> Alert | None:
        found = self._new.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def put(self, key: tuple[object, ...], alert: Alert) -> None:
        if len(self._new) >= self._most:
            self._old, self._new = self._new, {}
        self._new[key] = alert


_READ = _Read(4_096)


def count_of(value: object) -> int:
    """A count of alerts left out; 0 where it is absent or makes no sense."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9 else 0


def read_alert(entry: dict[str, object], source: str, received_at: datetime, hints: Mapping[str, str] = {}) -> Alert:
    """One alert of Alertmanager's form, which Grafana shares. `hints` name service and host where the labels do not.

    Raises
    ------
    BadField
        If a field cannot be read, or nothing in it could be a title.
    """
    labels = reading.labels_of(entry.get("labels"), "labels")
    notes = reading.labels_of(entry.get("annotations"), "annotations", reading.DESCRIPTION_LENGTH)
    starts_at = reading.moment_of(entry.get("startsAt"), "startsAt", received_at) or received_at
    status = status_of(entry, received_at)
    title = title_of(labels, notes)
    service = habits.service_in(labels) or habits.service_in(hints)
    host = habits.host_in(labels) or habits.host_in(hints)
    sent = reading.fingerprint_sent(entry.get("fingerprint"))
    rule = labels.get("alertname") or title
    fingerprint = sent or fingerprint_of(source, rule, service, host, labels)
    return Alert(
        id=alert_id_of(source, fingerprint, starts_at),
        source=source,
        title=title,
        description=_first_of(notes, _DESCRIPTIONS, title),
        severity=habits.severity_in(labels, notes),
        status=status,
        service=service,
        host=host,
        labels={**_pages(notes), **labels},
        fingerprint=fingerprint,
        starts_at=starts_at,
        received_at=received_at,
        ends_at=_ends(entry, status, starts_at, received_at),
    )


def status_of(entry: Mapping[str, object], received_at: datetime) -> AlertStatus:
    """The alert's own status; where it has none (a list from Prometheus), an end in the past means it is over."""
    said = entry.get("status")
    word = "" if said is None else reading.line_of(said, reading.NAME_LENGTH).lower()
    if word:
        return AlertStatus.RESOLVED if word in ("resolved", "ok", "normal") else AlertStatus.FIRING
    ends_at = reading.moment_of(entry.get("endsAt"), "endsAt", received_at)
    return AlertStatus.RESOLVED if ends_at is not None and ends_at < received_at else AlertStatus.FIRING


def _ends(
    entry: Mapping[str, object], status: AlertStatus, starts_at: datetime, received_at: datetime
) -> datetime | None:
    if status is AlertStatus.FIRING:
        return None  # an end named while it fires is only when the tool would give up on it
    return reading.ends_of(entry.get("endsAt"), "endsAt", starts_at, received_at)


def title_of(labels: Mapping[str, str], notes: Mapping[str, str]) -> str:
    """The rule's name and what it says this time.

    Raises
    ------
    BadField
        If neither labels nor annotations hold anything to call the alert by.

    Examples
    --------
    >>> title_of({"alertname": "DiskFull"}, {"summary": "/var has 3% left"})
    'DiskFull: /var has 3% left'
    """
    rule = labels.get("rulename") or labels.get("alertname", "")
    said = _first_of(notes, (*_TITLES, "description"), "")
    if rule and said and rule.lower() not in said.lower():
        said = f"{rule}: {said}"
    title = said or rule or ", ".join(f"{name}={value}" for name, value in labels.items())
    if not title:
        raise BadField("labels", "must hold an alertname, or the annotations a summary")
    return reading.line_of(title, reading.TITLE_LENGTH)


def _pages(notes: Mapping[str, str]) -> dict[str, str]:
    """The runbooks that annotations name: a link is needed where the alert is read, and says nothing of which one."""
    return {name: notes[name][: reading.LABEL_LENGTH] for name in RUNBOOKS if notes.get(name)}


def _first_of(notes: Mapping[str, str], names: tuple[str, ...], title: str) -> str:
    """The first of the named annotations that says more than `title` does."""
    found = (notes[name] for name in names if name in notes)
    return next((text for text in found if not title or text not in title), "")

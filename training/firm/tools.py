"""Monitoring tools and their habits: which fields they fill, how they put things, when they repeat and resolve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from engine.domain import Alert, AlertStatus, fingerprint_of
from training.firm.layout import Layout
from training.firm.signals import Signal, number


@dataclass(frozen=True, slots=True)
class Tool:
    """How one tool reports."""

    source: str
    title: str  # how it puts a title, with {title}, {host}, {service} and {rule} (the rule's name in CamelCase)
    service_field: bool
    host_field: bool
    labels: tuple[tuple[str, str], ...]  # label -> value, with {service}, {host}, {rule}, {severity} and {tier}
    resolves: float  # 0..1, how often it says that a symptom is over
    repeat_s: float  # it repeats what still fires every so many seconds; 0 is never
    new_start: bool = False  # a repeat claims to start anew
    delay_s: float = 10.0  # median from the symptom to the delivery
    skew_s: float = 0.0  # its clock is off by so much


_PAGER = (("alertname", "{rule}"), ("severity", "{severity}"))
_NODE = (*_PAGER, ("instance", "{host}:9100"))
_APP = (("alertname", "{rule}"), ("app", "{service}"))
_ZABBIX = (("hostgroup", "{tier} servers"), ("trigger", "{rule}"))
_CLOUD = (("AlarmName", "{service}-{rule}"),)
_HOST_TOOLS = (
    Tool("alertmanager", "{title}", True, True, (*_NODE, ("job", "{service}")), 0.95, 7200, delay_s=20),
    Tool("alertmanager", "{rule}", False, True, (*_NODE, ("job", "node")), 0.95, 7200, delay_s=20),
    Tool("zabbix", "PROBLEM: {title}", False, True, _ZABBIX, 0.9, 0, delay_s=8, skew_s=2),
    Tool("generic", "[{host}] {title}", False, False, (), 0.0, 1800, new_start=True, delay_s=35, skew_s=-20),
)
_SERVICE_TOOLS = (
    Tool("alertmanager", "{title}", True, False, (*_PAGER, ("service", "{service}")), 0.95, 7200, delay_s=20),
    Tool("grafana", "{title}", True, False, (*_APP, ("grafana_folder", "Production")), 0.9, 14400, delay_s=15),
    Tool("grafana", "{rule}", True, False, _APP, 0.9, 14400, delay_s=15),
    Tool("uptime-kuma", "[{service}] [Down] {title}", False, False, (), 0.8, 0, delay_s=25),
    Tool("cloudwatch", 'ALARM: "{service}-{rule}" in EU (Ireland): {title}', False, False, _CLOUD, 0.7, 0, delay_s=50),
)
_LATE = 0.03  # share of deliveries that arrive minutes to an hour late
_WORDS = {"critical": "page", "error": "critical", "warning": "warning", "info": "none"}


def camel(key: str) -> str:
    """A rule's name as most tools write it.

    Examples
    --------
    >>> camel("disk_space")
    'DiskSpace'
    """
    return "".join(part.title() for part in key.split("_"))


class Desk:
    """All tools of the firm. Which of them watches what is fixed by seed, and stays so."""

    def __init__(self, layout: Layout, seed: int) -> None:
        self.layout = layout
        self.seed = seed

    def watchers(self, signal: Signal) -> list[Tool]:
        """The tool that watches this symptom at this place; for some there is a second one."""
        rng = Random(f"{self.seed}:{signal.key}:{signal.service}:{signal.host}")
        known = _HOST_TOOLS if signal.host else _SERVICE_TOOLS
        return rng.sample(known, 2 if rng.random() < 0.12 else 1)

    def report(self, signals: Iterable[Signal], rng: Random) -> list[tuple[Alert, str]]:
        """Everything that is delivered about `signals`, each with its incident's id, in no order, without final ids."""
        return [
            (alert, signal.incident_id)
            for signal in signals
            for tool in self.watchers(signal)
            for alert in self._deliveries(tool, signal, rng)
        ]

    def _deliveries(self, tool: Tool, signal: Signal, rng: Random) -> list[Alert]:
        found = []
        for starts, ends in _episodes(signal, rng):
            first = self._first(tool, signal, starts, rng)
            found += [first, *_repeats(tool, first, ends, rng)]
            if rng.random() < tool.resolves:
                over = ends + timedelta(seconds=tool.skew_s)
                found.append(
                    replace(first, status=AlertStatus.RESOLVED, ends_at=over, received_at=_arrival(ends, tool, rng))
                )
        return found

    def _first(self, tool: Tool, signal: Signal, starts: datetime, rng: Random) -> Alert:
        part = self.layout.components.get(signal.service)
        host = signal.host or (part.hosts[0] if part and tool.host_field else "")
        words = {
            "title": signal.title, "host": host, "service": signal.service or host, "rule": camel(signal.key),
            "severity": _WORDS[signal.severity], "tier": part.tier if part else "network",
        }  # fmt: skip
        labels = {name: form.format(**words) for name, form in tool.labels}
        title = tool.title.format(**words)
        told = timedelta(seconds=tool.skew_s + rng.gauss(0, 1.5))
        return Alert(
            id="-",
            source=tool.source,
            title=title,
            description=signal.title if title == words["rule"] else "",
            severity=signal.severity,
            service=signal.service if tool.service_field else "",
            host=host if tool.host_field else "",
            labels=labels,
            fingerprint=fingerprint_of(tool.source, "" if labels else title, signal.service, host, labels),
            starts_at=starts + told,
            received_at=_arrival(starts, tool, rng),
        )


def _arrival(moment: datetime, tool: Tool, rng: Random) -> datetime:
    """When a delivery about `moment` comes in: soon, as a rule."""
    wait = tool.delay_s * rng.lognormvariate(0, 0.5)
    if rng.random() < _LATE:
        wait += rng.uniform(120, 3600)
    return moment + timedelta(seconds=wait)


def _episodes(signal: Signal, rng: Random) -> list[tuple[datetime, datetime]]:
    """A signal's stretches: one, or several where it flaps."""
    cuts = sorted(rng.uniform(0.05, 0.95) for _ in range(2 * signal.flaps))
    length = signal.ends_at - signal.starts_at
    marks = [signal.starts_at, *(signal.starts_at + length * cut for cut in cuts), signal.ends_at]
    return list(zip(marks[::2], marks[1::2], strict=True))


def _repeats(tool: Tool, first: Alert, ends: datetime, rng: Random) -> list[Alert]:
    """Further deliveries of what still fires; some tools say it anew, with another figure and another start."""
    found: list[Alert] = []
    if not tool.repeat_s:
        return found
    moment = first.received_at + timedelta(seconds=tool.repeat_s)
    while moment < ends and len(found) < 6:
        starts = moment - timedelta(seconds=number(rng)) if tool.new_start else first.starts_at
        found.append(replace(first, starts_at=starts, received_at=moment))
        moment += timedelta(seconds=tool.repeat_s)
    return found

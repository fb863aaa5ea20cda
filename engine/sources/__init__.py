"""Alerting tools: a payload in, alerts out. A new tool is one file beside this one and one line in `SOURCES`."""

from __future__ import annotations

from collections.abc import Mapping

from engine.sources.alertmanager import Alertmanager
from engine.sources.cloudwatch import CloudWatch
from engine.sources.generic import Generic
from engine.sources.grafana import Grafana
from engine.sources.pagerduty import PagerDuty
from engine.sources.source import Parsed, Rejected, Source
from engine.sources.uptime_kuma import UptimeKuma

SOURCES: Mapping[str, Source] = {
    "alertmanager": Alertmanager(),
    "cloudwatch": CloudWatch(),
    "generic": Generic(),
    "grafana": Grafana(),
    "pagerduty": PagerDuty(),
    "uptime-kuma": UptimeKuma(),
}

__all__ = ["SOURCES", "Parsed", "Rejected", "Source"]

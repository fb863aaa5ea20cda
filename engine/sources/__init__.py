"""Alerting tools: a payload in, alerts out. A new tool is one file beside this one and one line in `SOURCES`."""

from __future__ import annotations

from collections.abc import Mapping

from engine.sources.alertmanager import Alertmanager
from engine.sources.cloudwatch import CloudWatch
from engine.sources.generic import Generic
from engine.sources.grafana import Grafana
from engine.sources.source import Parsed, Rejected, Source

SOURCES: Mapping[str, Source] = {
    "alertmanager": Alertmanager(),
    "cloudwatch": CloudWatch(),
    "generic": Generic(),
    "grafana": Grafana(),
}

__all__ = ["SOURCES", "Parsed", "Rejected", "Source"]

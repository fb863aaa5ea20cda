"""How tools label: which labels name the service, the host and the severity. The lists are tried in order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from engine.domain import Severity
from engine.sources.reading import NAME_LENGTH, line_of

SERVICE_LABELS = (
    "service", "service_name", "app", "application", "app_kubernetes_io_name", "k8s_app", "microservice", "component",
    "deployment", "statefulset", "daemonset", "workload", "system", "job",
)  # fmt: skip
HOST_LABELS = (
    "host", "hostname", "host_name", "node", "nodename", "node_name", "kubernetes_node", "server", "machine", "vm",
    "instance", "pod", "pod_name", "device_name", "target", "ip",
)  # fmt: skip
SEVERITY_LABELS = ("severity", "priority", "level", "criticality", "urgency")
# A scrape job that is named after its exporter says how something is measured, not what is measured.
_EXPORTERS = re.compile(
    r"node|.*[-_]?exporter.*|blackbox.*|kubelet|cadvisor|kube[-_]state[-_]metrics|federate|ping|icmp|snmp|prometheus|"
    r"integrations/.*|kubernetes[-_](nodes|pods|cadvisor|service[-_]endpoints).*",
    re.IGNORECASE,
)
_PORT = re.compile(r":\d{1,5}$")
_IN_NAME = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=4096)  # the same few names come with each alert
def plain(name: str) -> str:
    """A label or field name without its tool's way of writing it.

    Examples
    --------
    >>> plain("app.kubernetes.io/name"), plain("startsAt")
    ('app_kubernetes_io_name', 'startsat')
    """
    return _IN_NAME.sub("_", name.lower()).strip("_")


def _first(labels: Mapping[str, str], habits: tuple[str, ...]) -> tuple[str, str]:
    for habit, name in _by_habit(tuple(labels), habits):
        if value := labels[name]:
            return habit, value
    return "", ""


@lru_cache(maxsize=4096)  # the labels of one rule have the same names each time
def _by_habit(names: tuple[str, ...], habits: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Those of `names` that are habitual, in the order of `habits`; of two that are written alike, the later."""
    known = {plain(name): name for name in names}
    return tuple((habit, known[habit]) for habit in habits if habit in known)


def service_in(labels: Mapping[str, str]) -> str:
    """The service that `labels` name, "" if none; a `job` that only names an exporter does not count.

    Examples
    --------
    >>> service_in({"job": "shop", "app": "checkout"}), service_in({"job": "node"})
    ('checkout', '')
    """
    habit, value = _first(labels, SERVICE_LABELS)
    if habit == "job" and _EXPORTERS.fullmatch(value):
        return ""
    return line_of(value, NAME_LENGTH)


def host_in(labels: Mapping[str, str]) -> str:
    """The host that `labels` name, "" if none.

    Examples
    --------
    >>> host_in({"instance": "web-01:9100"}), host_in({"pod": "shop-5d8", "node": "worker-2"})
    ('web-01', 'worker-2')
    """
    return host_name(_first(labels, HOST_LABELS)[1])


@lru_cache(maxsize=4096)  # the same hosts come again and again
def host_name(value: str) -> str:
    """The host in an address: without scheme, path and port.

    Examples
    --------
    >>> [host_name(text) for text in ("db-1:5432", "https://shop.example.com/health", "[2001:db8::1]:9100", "::1")]
    ['db-1', 'shop.example.com', '2001:db8::1', '::1']
    """
    value = line_of(value, NAME_LENGTH)
    if "://" in value:
        value = _url_host(value) or value
    if value.startswith("[") and "]" in value:
        return value[1 : value.index("]")]
    return _PORT.sub("", value) if value.count(":") == 1 else value


def _url_host(value: str) -> str:
    try:
        return urlsplit(value).hostname or ""
    except ValueError:
        return ""


def severity_in(*places: Mapping[str, str]) -> Severity:
    """The severity that the first of `places` to name one gives; a warning where none does."""
    word = next((found for place in places if (found := _first(place, SEVERITY_LABELS)[1])), "")
    return Severity.from_word(word)

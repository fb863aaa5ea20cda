"""What an alert says, made comparable: its fields, the things it names, the words of its title."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from sys import intern

from engine.domain import Alert
from engine.text import template

_SERVICE_LABELS = ("service", "app", "application", "component", "service_name", "entity")
_HOST_LABELS = ("host", "hostname", "instance", "node", "ip", "pod", "server")
_NAME_LABELS = ("alertname", "rule", "rule_name", "check", "name", "metric")
_PLAIN_LABELS = frozenset(
    {
        "severity", "priority", "level", "status", "state", "value", "message", "summary", "description",
        "runbook", "runbook_url", "playbook", "playbook_url",
    }
)  # fmt: skip
_LABELS_READ = 24  # of one alert: beyond it is a dump, not identity
_VALUE_LIMIT = 120  # characters of a label value: longer ones are prose
_TOKEN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*[A-Za-z0-9_]|[A-Za-z0-9_]")
_PORT = re.compile(r":\d{1,5}$")
_ORDINAL = re.compile(r"(?:[-_.]?\d+)+$")
_POD_HASH = re.compile(r"-[0-9a-f]{6,10}-[0-9a-z]{5}$")
_STOP = frozenset(
    {
        "a", "an", "and", "are", "at", "by", "for", "from", "has", "have", "in", "is", "it", "its", "no",
        "not", "of", "on", "or", "per", "since", "than", "that", "the", "this", "to", "too", "up", "was",
        "with", "high", "low", "above", "below", "over", "under", "more", "less", "minutes", "seconds", "min",
        "sec",
    }
)  # fmt: skip
_WORDS_READ = 24
_RECENT, _USUAL = 2_048, 8_192  # readings, and texts in them, that are kept for when they come again
LEVELS = ("pair", "about", "wrong")  # of back-off: this symptom here, anything about it, this symptom anywhere


@dataclass(frozen=True, slots=True)
class Reading:
    """An alert's content, lower case. `fields` hold one value per name; label names are prefixed with `label.`."""

    fields: tuple[tuple[str, str], ...]  # service, host, name, source, severity, label.<key>
    things: tuple[str, ...]  # services, hosts, pods, databases ... the alert names anywhere, and what they are kinds of
    words: tuple[str, ...]  # of the title, without numbers and common words
    kinds: Mapping[str, str]  # level of back-off -> what it is one of there: the units of learned co-occurrence

    def __deepcopy__(self, memo: object) -> Reading:
        return self  # nothing changes it


def read(alert: Alert) -> Reading:
    """The content of `alert`; equal alerts share one reading.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> alert = Alert(id="1", source="prom", title="CPU 97% on db-1", starts_at=now, received_at=now,
    ...               fingerprint="f", service="Orders-DB", host="db-1:9100")
    >>> read(alert).things
    ('orders-db', 'db-1', 'db*')
    """
    labels = tuple(alert.labels.items())
    return _read((alert.source, alert.title, alert.service, alert.host, alert.severity.value), labels)


@lru_cache(maxsize=_RECENT)  # alerts are asked about, learned and judged soon after they come
def _read(head: tuple[str, str, str, str, str], labels: tuple[tuple[str, str], ...]) -> Reading:
    source, title, service, host, severity = (part.strip().lower() for part in head)
    tags = _tags(labels)
    service = service or _first(tags, _SERVICE_LABELS)
    host = _PORT.sub("", host or _first(tags, _HOST_LABELS))
    values = [
        _PORT.sub("", value) for key, value in tags.items() if key not in _NAME_LABELS and key not in _PLAIN_LABELS
    ]
    named = [value for value in values if _names_a_thing(value)]
    name = _first(tags, _NAME_LABELS) or _bare_title(title, [service, host, *named])
    things = _unique(_with_kinds(value for value in (service, host, *named) if value))
    service, host, name = intern(service), intern(host), intern(name)
    fields = {"service": service, "host": host, "name": name, "source": source, "severity": severity}
    fields |= {f"label.{key}": value for key, value in tags.items() if key not in _PLAIN_LABELS}
    about = kind_of(service or host)
    return Reading(
        tuple(_pair(key, value) for key, value in fields.items() if value),
        things,
        _words(title),
        _kinds(service or host, about, name),
    )


@lru_cache(maxsize=_USUAL)
def _pair(name: str, value: str) -> tuple[str, str]:
    """Equal pairs are one object: most of what alerts say was said before."""
    return intern(name), intern(value)


@lru_cache(maxsize=_USUAL)
def _kinds(thing: str, about: str, name: str) -> Mapping[str, str]:
    kinds = {"pair": f"{thing} {name}", "about": about, "wrong": name}
    return {level: kind for level, kind in kinds.items() if kind.strip()}


@lru_cache(maxsize=_USUAL)
def kind_of(thing: str) -> str:
    """What a numbered thing is one of: `cart-2` -> `cart`; itself where it carries no number.

    Examples
    --------
    >>> kind_of("webservice1"), kind_of("emailservice2-0"), kind_of("checkout-7d9f8b6c5d-x2x4q"), kind_of("10.0.0.7")
    ('webservice', 'emailservice', 'checkout', '10.0.0.7')
    """
    short = _ORDINAL.sub("", _POD_HASH.sub("", thing))
    return short if len(short) > 1 and not short[0].isdigit() else thing


def _tags(labels: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    pairs = ((key.strip().lower(), value.strip().lower()) for key, value in labels[:_LABELS_READ])
    return {key: value for key, value in pairs if value and len(value) <= _VALUE_LIMIT}


def _first(tags: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((tags[name] for name in names if name in tags), "")


def _names_a_thing(value: str) -> bool:
    return 2 < len(value) <= 64 and " " not in value and any(letter.isalpha() or letter == "." for letter in value)


def _with_kinds(values: Iterable[str]) -> Iterable[str]:
    for value in values:
        yield value
        kind = kind_of(value)
        if kind != value:
            yield f"{kind}*"


def _bare_title(title: str, names: list[str]) -> str:
    for name in sorted({name for name in names if len(name) > 2}, key=len, reverse=True):
        title = title.replace(name, " ")
    return template(title)[:_VALUE_LIMIT]


def _words(title: str) -> tuple[str, ...]:
    found = (token for token in _TOKEN.findall(title) if not token.replace(".", "").isdigit())
    return _unique(token for token in found if len(token) > 1 and token not in _STOP)[:_WORDS_READ]


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(intern, values)))

"""What can break in the seeded firm: the form of a fault kind, and the table of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.domain import Severity

Impact = Literal["slow", "errors", "down", "none"]


@dataclass(frozen=True, slots=True)
class Symptom:
    """One way in which a fault shows at the place where it sits."""

    key: str  # the alert rule's name, in snake_case
    title: str  # with {service}, {host}, {n} (a number) and {peer} (what the service depends on)
    severity: Severity
    delay_s: float  # median seconds from the fault to the symptom
    chance: float  # 0..1, that a tool watches it and it shows
    on_host: bool = False  # one alert per host of the place, instead of one for the service


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault: where it sits, how it shows, what people call it and what ends it."""

    name: str
    tier: str  # where it sits: web | api | db | cache | queue | batch | rack
    category: str  # the ticket's category
    skill: str  # what a person must know to end it
    impact: Impact  # what those that depend on the place notice
    hours: float  # median time to repair
    symptoms: tuple[Symptom, ...]
    tells: tuple[str, ...]  # how people put it in a ticket, with {service}, {host} and {caller}
    fixes: tuple[str, ...]  # what ended it, in several people's words, with {service}, {host} and {n}


_SEVERITY = {"c": Severity.CRITICAL, "e": Severity.ERROR, "w": Severity.WARNING, "i": Severity.INFO}


def on_service(key: str, title: str, severity: str, delay_s: float, chance: float) -> Symptom:
    """A symptom seen once for the whole service; `severity` is c, e, w or i."""
    return Symptom(key, title, _SEVERITY[severity], delay_s, chance)


def on_host(key: str, title: str, severity: str, delay_s: float, chance: float) -> Symptom:
    """A symptom seen on each host of the place; `severity` is c, e, w or i."""
    return Symptom(key, title, _SEVERITY[severity], delay_s, chance, on_host=True)

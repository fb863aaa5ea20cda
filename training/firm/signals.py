"""A symptom that shows, before any tool has put it into words; and faults, which make them cascade over the plant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from engine.domain import Severity
from training.firm.kinds import FaultKind, Symptom, on_host, on_service
from training.firm.layout import Component, Layout


@dataclass(frozen=True, slots=True)
class Signal:
    """Something is wrong at a place from `starts_at` to `ends_at` (UTC), because of `incident_id`."""

    incident_id: str
    key: str
    title: str
    severity: Severity
    service: str
    host: str
    starts_at: datetime
    ends_at: datetime
    flaps: int = 0  # how often it goes away and comes back in between


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault that happened at a place."""

    incident_id: str
    kind: FaultKind
    place: Component
    starts_at: datetime
    ends_at: datetime


EFFECTS: dict[str, tuple[Symptom, ...]] = {
    "slow": (
        on_service("latency", "p99 latency of {service} is {n} s", "e", 30, 0.75),
        on_service("timeouts", "{service}: {n} timeouts calling {peer} per minute", "e", 45, 0.5),
        on_service("apdex", "Apdex of {service} below 0.{n}", "w", 150, 0.3),
    ),
    "errors": (
        on_service("http_5xx", "{n}% of requests to {service} answer 5xx", "c", 30, 0.75),
        on_service("exceptions", "{service}: exception while calling {peer}", "e", 20, 0.5),
        on_service("latency", "p99 latency of {service} is {n} s", "w", 70, 0.3),
    ),
    "down": (
        on_service("probe_failed", "{service} does not answer its probe", "c", 25, 0.75),
        on_service("http_5xx", "{n}% of requests to {service} answer 5xx", "c", 35, 0.7),
        on_service("connect_refused", "{service} cannot reach {peer}: connection refused", "e", 15, 0.5),
    ),
    "none": (),
}
_NEIGHBOUR = on_host("load_high", "Load average {n} on {host}", "w", 100, 0.3)
_HOP_S = 35.0  # median delay per step along the dependencies
_MAX_HOPS = 3


def _wait(median_s: float, rng: Random) -> timedelta:
    """A delay around its median: never negative, now and then several times as long."""
    return timedelta(seconds=median_s * rng.lognormvariate(0, 0.5))


def number(rng: Random) -> int:
    """A figure as titles carry it."""
    return rng.choice((rng.randint(2, 12), rng.randint(12, 60), rng.randint(85, 99)))


def show(fault: Fault, symptom: Symptom, place: Component, since: datetime, rng: Random, via: str = "") -> list[Signal]:
    """The signals of one symptom at one place: one per host, one for the service, or none where it stays unseen.

    `via` is what the place noticed it through, "" where the fault sits here.
    """
    hosts: tuple[str, ...] = place.hosts if symptom.on_host else ("",)
    if fault.place is place and symptom.on_host and place.tier in ("api", "web"):
        hosts = hosts[:1]  # what is wrong with a machine is wrong with one of them
    found = []
    for host in hosts:
        starts = since + _wait(symptom.delay_s, rng)
        if rng.random() >= symptom.chance or starts >= fault.ends_at:
            continue
        peer = via or (place.needs or ("its database",))[0]
        title = symptom.title.format(service=place.name, host=host, n=number(rng), peer=peer)
        ends = fault.ends_at + _wait(60, rng)
        flaps = rng.randint(1, 4) if rng.random() < 0.1 else 0
        service = place.name if place.tier != "rack" else ""
        found.append(
            Signal(
                fault.incident_id,
                symptom.key,
                title,
                symptom.severity,
                service,
                host or _rack(place),
                starts,
                ends,
                flaps,
            )
        )
    return found


def _rack(place: Component) -> str:
    """What a tool calls the device when a rack itself is meant."""
    return place.name if place.tier == "rack" else ""


def cascade(fault: Fault, layout: Layout, rng: Random) -> list[Signal]:
    """All signals of a fault: at its place, then up the dependencies, weaker with each step; never none at all."""
    found: list[Signal] = []
    for symptom in fault.kind.symptoms:
        found += show(fault, symptom, fault.place, fault.starts_at, rng)
    found += _upwards(fault, layout, rng) + _neighbours(fault, layout, rng)
    if not found:
        certain = fault.kind.symptoms[0]
        sure = Symptom(certain.key, certain.title, certain.severity, 5.0, 1.0, certain.on_host)
        found = show(fault, sure, fault.place, fault.starts_at, rng)
    return sorted(found, key=lambda signal: signal.starts_at)


def _upwards(fault: Fault, layout: Layout, rng: Random) -> list[Signal]:
    found: list[Signal] = []
    reached = {fault.place.name}
    front = [(fault.place, fault.starts_at + _wait(20, rng))]
    for hop in range(_MAX_HOPS):
        following = []
        for place, since in front:
            for name in layout.dependents(place):
                if name in reached or rng.random() < 0.2 + 0.2 * hop:
                    continue
                reached.add(name)
                caller, at = layout.components[name], since + _wait(_HOP_S, rng)
                following.append((caller, at))
                for effect in EFFECTS[fault.kind.impact]:
                    found += show(fault, effect, caller, at, rng, place.name if place.tier != "rack" else "")
        front = following
    return found


def _neighbours(fault: Fault, layout: Layout, rng: Random) -> list[Signal]:
    """Others on the same machine, where the machine itself suffers."""
    if fault.kind.name not in ("noisy_neighbour", "host_crash", "kernel_oom"):
        return []
    host = fault.place.hosts[0]
    others = [layout.components[name] for name in layout.residents.get(host, []) if name != fault.place.name]
    found = []
    for other in others:
        for effect in EFFECTS["slow"][:2]:
            found += show(fault, effect, other, fault.starts_at + _wait(30, rng), rng)
        found += show(fault, _NEIGHBOUR, other, fault.starts_at, rng)[:1]
    return found

"""Made-up clusters: services with copies on nodes, where detectors report much that has nothing to do with a fault.

Every incident is a window in which habits (metrics and calls that often look odd) show beside what the fault does: to a
node and what runs on it, to one pod, or to all pods of a service. From them root weights learn what pods, services and
nodes mean to each other; made-up firms and worlds have none of that.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from engine.domain import Alert, Edge, Severity, fingerprint_of

_NAMES = (
    "cart", "checkout", "currency", "email", "frontend", "payment", "catalog", "shipping", "ads", "search", "users",
    "auth", "orders", "stock", "media", "reviews",
)  # fmt: skip
_METRICS = (
    "cpu usage", "memory usage", "threads", "filesystem reads", "filesystem writes", "network receive",
    "network transmit", "open sockets", "restarts", "throttled periods", "page faults", "heap",
)  # fmt: skip
_NODE_METRICS = ("node cpu", "node memory", "node disk used", "node disk reads", "node disk writes", "node load")
_SERVICE_METRICS = ("response time", "success rate", "request count")
_WINDOW_S = 540.0
START = datetime(2026, 2, 2, tzinfo=UTC)


@dataclass
class Cluster:
    """Alerts by time, the incident of each, the roots, and the topology."""

    alerts: list[Alert] = field(default_factory=list)
    truth: list[str] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)  # incident -> node, pod or service that broke
    edges: list[Edge] = field(default_factory=list)


Oddity = tuple[str, str, str]  # thing, symptom, the thing that it calls or ""


class _Layout:
    """Who runs where, who calls whom, and what is odd as a rule."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        names = chance.sample(_NAMES, chance.randint(5, 12))
        self.services = [f"{name}{chance.choice(('', 'service'))}" for name in names]
        self.nodes = [f"node-{number}" for number in range(1, chance.randint(3, 8))]
        copies = chance.randint(1, 4)
        self.pods = {name: [f"{name}-{number}" for number in range(copies)] for name in self.services}
        self.node_of = {pod: chance.choice(self.nodes) for found in self.pods.values() for pod in found}
        self.calls = {
            name: chance.sample(self.services[at + 1 :], min(chance.randint(1, 4), len(self.services) - at - 1))
            for at, name in enumerate(self.services)
        }
        self.service_of = {pod: name for name, found in self.pods.items() for pod in found}
        self.symptoms = chance.sample(_METRICS, chance.randint(4, len(_METRICS)))
        self.with_node = chance.random() < 0.6
        self.habits = self._habits(chance.uniform(0.02, 0.25))

    def edges(self) -> list[Edge]:
        """Its topology."""
        found = [Edge(source=one, target=other) for one, others in self.calls.items() for other in others]
        for pod, service in self.service_of.items():
            found.append(Edge(source=pod, target=service, relation="part_of"))
            found.append(Edge(source=pod, target=self.node_of[pod], relation="runs_on"))
        return found

    def calls_of(self, service: str) -> list[Oddity]:
        """All calls that end at pods of `service`, as oddities of the callers."""
        callers = [pod for name, needs in self.calls.items() if service in needs for pod in self.pods[name]]
        return [(caller, "latency of calls", pod) for caller in callers for pod in self.pods[service]]

    def _habits(self, usual: float) -> dict[Oddity, float]:
        """What looks odd without a fault, and how likely it does in a window."""
        found: list[Oddity] = [(pod, symptom, "") for pod in self.service_of for symptom in self.symptoms]
        found += [(node, symptom, "") for node in self.nodes for symptom in _NODE_METRICS]
        found += [(name, symptom, "") for name in self.services for symptom in _SERVICE_METRICS]
        busy = [call for name in self.services for call in self.calls_of(name)]
        draw = self.chance.betavariate
        habits = {oddity: draw(0.4, 0.4 / usual) for oddity in found}
        return habits | {call: draw(0.5, 0.5) for call in busy}


def draw(seed: int, incidents: int = 60) -> Cluster:
    """A cluster drawn from `seed`, with that many faults."""
    chance = random.Random(f"cluster {seed}")
    layout = _Layout(chance)
    made = Cluster(edges=layout.edges())
    for number in range(incidents):
        begins = number * 4000.0 + chance.uniform(0, 1500)
        root, shown = _fault(layout)
        firsts: dict[Oddity, float] = {}
        for oddity, delay in [*_usual(layout), *shown]:
            firsts[oddity] = min(delay, firsts.get(oddity, delay))
        made.roots[f"F{number}"] = root
        for oddity, delay in sorted(firsts.items(), key=lambda pair: pair[1]):
            made.alerts.append(_alert(layout, oddity, begins + delay, len(made.alerts)))
            made.truth.append(f"F{number}")
    return made


def _usual(layout: _Layout) -> list[tuple[Oddity, float]]:
    chance = layout.chance
    return [
        (oddity, chance.uniform(0, _WINDOW_S)) for oddity, likely in layout.habits.items() if chance.random() < likely
    ]


def _fault(layout: _Layout) -> tuple[str, list[tuple[Oddity, float]]]:
    """The root, and what it makes odd after how many seconds."""
    chance = layout.chance
    level = chance.choice(("node", "pod", "service"))
    begins = chance.uniform(0, 0.3 * _WINDOW_S)
    if level == "node":
        root = chance.choice(layout.nodes)
        odd = _some(chance, [(root, symptom, "") for symptom in _NODE_METRICS], 1, 4)
        hit = [pod for pod, node in layout.node_of.items() if node == root and chance.random() < 0.4]
        odd += [each for pod in hit for each in _some(chance, [(pod, s, "") for s in layout.symptoms], 0, 2)]
    elif level == "pod":
        root = chance.choice(list(layout.service_of))
        odd = _some(chance, [(root, symptom, "") for symptom in layout.symptoms], 1, 5)
        odd += [call for call in layout.calls_of(layout.service_of[root]) if call[2] == root and chance.random() < 0.6]
    else:
        root = chance.choice(layout.services)
        shared = _some(chance, [("", symptom, "") for symptom in layout.symptoms], 1, 3)
        odd = [(pod, s, "") for pod in layout.pods[root] for _, s, _ in shared if chance.random() < 0.8]
        odd += _some(chance, [(root, symptom, "") for symptom in _SERVICE_METRICS], 0, 2)
        odd += [call for call in layout.calls_of(root) if chance.random() < 0.6]
    return root, [(each, begins + chance.expovariate(1.0 / (90.0 if each[2] else 40.0))) for each in odd]


def _some(chance: random.Random, found: list[Oddity], least: int, most: int) -> list[Oddity]:
    return chance.sample(found, min(len(found), chance.randint(least, most)))


def _alert(layout: _Layout, oddity: Oddity, at: float, number: int) -> Alert:
    thing, symptom, called = oddity
    title = f"{symptom} of {thing} to {called}" if called else f"{symptom} of {thing} anomalous"
    labels = {"name": symptom, **({"peer": called} if called else {})}
    host = layout.node_of.get(thing, "") if layout.with_node else ""
    begins = START + timedelta(seconds=at)
    return Alert(
        id=str(number), source="trace" if called else "metric", title=title, service=thing, host=host, labels=labels,
        severity=Severity.WARNING, starts_at=begins, received_at=begins,
        fingerprint=fingerprint_of("cluster", title, thing, host, labels),
    )  # fmt: skip

"""Made-up firms of many shapes, from which weights learn what holds everywhere rather than what one firm does.

Everything that a firm may differ in is drawn: how many services, how they depend, what fields its tools fill and what
the labels are called, how fast faults spread, how many overlap, how much noise there is, whether alerts repeat.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from engine.domain import Alert, AlertStatus, Edge, fingerprint_of

_STEMS = (
    "orders", "cart", "billing", "search", "users", "stock", "mail", "auth", "media", "ledger", "claims",
    "quotes", "routes", "feeds", "ads", "chat", "files", "reports", "pricing", "tax", "crm", "hr", "scan",
    "track", "vote", "menu", "seat", "rent",
)  # fmt: skip
_TAILS = ("", "", "-api", "-svc", "-web", "-worker", "-gateway", "-backend")
_STORES = ("-db", "-cache", "-queue", "-redis", "-pg")
_CAUSES = (
    "disk full", "connection pool exhausted", "out of memory", "crash loop", "certificate expired",
    "replication lag", "deadlocks", "cpu saturated", "packet loss", "queue backlog", "slow queries",
    "config rejected", "fsync stalls",
)  # fmt: skip
_EFFECTS = (
    "latency p99", "error rate", "timeouts", "http 5xx", "requests queue", "health check failing", "retries",
    "apdex low", "circuit open", "saturation",
)  # fmt: skip
_NOISE = (
    "cpu spike", "backup late", "ntp drift", "login failures", "certificate expires soon", "disk usage 80%",
    "cron failed", "package updates pending", "fan speed", "scrape failed", "memory above 80%", "swap in use",
    "latency p99", "error rate", "http 4xx", "job slow", "gc pause", "probe flap",
)  # fmt: skip
_TAG_KEYS = ("cluster", "region", "tenant", "env", "team", "zone", "namespace", "site", "owner", "tier")


@dataclass
class World:
    """One firm's alerts in event-time order, their true incidents, and its topology."""

    alerts: list[Alert] = field(default_factory=list)
    truth: list[str] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    split: int = 0  # alerts before this place are history
    roots: dict[str, str] = field(default_factory=dict)  # true incident of a fault -> the thing that broke


class _Shape:
    """What was drawn for one world."""

    def __init__(self, chance: random.Random) -> None:
        self.services = chance.randint(5, 26)
        self.overlap = chance.uniform(0.2, 2.5)  # faults at a time
        self.noise = chance.uniform(0.3, 0.72)  # share of noise alerts
        self.spread_s = _log_uniform(chance, 10.0, 240.0)  # median seconds per hop
        self.length_s = _log_uniform(chance, 300.0, 2700.0)  # over which a fault's alerts come
        self.reach = chance.choice((1, 2, 2, 3))
        self.catches = chance.uniform(0.35, 0.9)  # chance that a dependent notices
        self.per_thing = chance.choice((1, 1, 2, 3))  # alerts per affected thing
        self.with_service = chance.random() < 0.8
        self.with_host = chance.random() < 0.7
        self.names_in_title = chance.random() < 0.6
        self.alertname = chance.random() < 0.5
        self.tags = chance.sample(_TAG_KEYS, chance.randint(0, 4))
        self.tag_follows = chance.random() < 0.5  # tags belong to the service; otherwise to the alert rule
        self.repeats = chance.choice((0.0, 0.0, 0.2, 0.5))
        self.resolves = chance.choice((0.0, 0.3, 0.9))
        self.hosts_shared = chance.random() < 0.5
        self.sources = chance.randint(1, 4)
        self.noisy = chance.uniform(0.2, 1.0)  # share of things that noise comes from
        self.same_names = chance.random() < 0.5  # noise uses the names of real symptoms too


def _log_uniform(chance: random.Random, low: float, high: float) -> float:
    """A draw that is uniform in the logarithm."""
    return float(low * (high / low) ** chance.random())


class _Firm:
    """Services, hosts, stores, tags."""

    def __init__(self, chance: random.Random, shape: _Shape) -> None:
        self.shape, self.chance = shape, chance
        stems = chance.sample(_STEMS, min(shape.services, len(_STEMS)))
        self.things = [stem + chance.choice(_TAILS) for stem in stems]
        self.below: dict[str, list[str]] = {}
        for place, name in enumerate(self.things):
            self.below[name] = chance.sample(
                self.things[place + 1 :], min(len(self.things) - place - 1, chance.choice((0, 1, 1, 2, 3)))
            )
        for name in list(self.things):
            if chance.random() < 0.45:
                store = name.split("-")[0] + chance.choice(_STORES)
                self.things.append(store)
                self.below[store] = []
                self.below[name].append(store)
        count = max(3, len(self.things) // 2) if shape.hosts_shared else len(self.things) * 2
        style = chance.choice(("node-{}", "host{}", "srv{:02d}", "10.0.0.{}", "ip-10-1-2-{}"))
        hosts = [style.format(number) for number in range(1, count + 1)]
        self.hosts = {name: chance.sample(hosts, chance.randint(1, min(3, count))) for name in self.things}
        values = {key: [f"{key}-{letter}" for letter in "abcdef"[: chance.randint(1, 6)]] for key in shape.tags}
        self.tags = {name: {key: chance.choice(values[key]) for key in shape.tags} for name in self.things}
        self.rule_tags: dict[str, dict[str, str]] = {}
        self.values = values
        self.above: dict[str, list[str]] = {}
        for name, needs in self.below.items():
            for other in needs:
                self.above.setdefault(other, []).append(name)

    def edges(self) -> list[Edge]:
        """Its topology as it is known."""
        known = [Edge(source=a, target=b) for a, needs in self.below.items() for b in needs if a != b]
        return known + [Edge(source=a, target=h, relation="runs_on") for a, hosts in self.hosts.items() for h in hosts]

    def alert(self, thing: str, host: str, what: str, at: datetime, number: int) -> Alert:
        """One alert in the form this firm's tools write."""
        shape = self.shape
        labels = dict(self.tags[thing]) if shape.tag_follows else dict(self._rule_tags(what))
        if shape.alertname:
            labels["alertname"] = what.title().replace(" ", "")
        title = f"{what} on {thing if shape.with_service or not host else host}" if shape.names_in_title else what
        if self.chance.random() < 0.3:
            title += f" ({self.chance.randint(1, 99)}%)"
        source = f"tool{_number_of(what) % shape.sources}"
        service = thing if shape.with_service or not shape.with_host else ""
        host = host if shape.with_host else ""
        return Alert(
            id=str(number), source=source, title=title, service=service, host=host, labels=labels, starts_at=at,
            received_at=at, fingerprint=fingerprint_of(source, what, service, host, labels),
        )  # fmt: skip

    def _rule_tags(self, what: str) -> dict[str, str]:
        if what not in self.rule_tags:
            self.rule_tags[what] = {key: self.chance.choice(self.values[key]) for key in self.shape.tags}
        return self.rule_tags[what]


def _number_of(text: str) -> int:
    """A number for a text that is the same in every process."""
    return sum((place + 1) * ord(letter) for place, letter in enumerate(text))


def draw(seed: int, alerts: int = 1500) -> World:
    """A firm drawn from `seed`, with about `alerts` alerts."""
    chance = random.Random(seed)
    shape = _Shape(chance)
    firm = _Firm(chance, shape)
    faults: list[tuple[float, str, str, str, str]] = []
    roots: dict[str, str] = {}
    clock, number = 0.0, 0
    while len(faults) < alerts * (1 - shape.noise):
        clock += chance.expovariate(shape.overlap / shape.length_s)
        number += 1
        roots[f"F{number}"] = root = chance.choice(firm.things)
        shown = _fault(chance, firm, root)
        faults += [(clock + at, thing, host, what, f"F{number}") for at, thing, host, what in shown]
    noisy = chance.sample(firm.things, max(2, int(shape.noisy * len(firm.things))))
    count = int(len(faults) * shape.noise / (1 - shape.noise))
    names = _NOISE if shape.same_names else _NOISE[:12]
    for place in range(count):
        thing = chance.choice(noisy)
        faults.append(
            (chance.uniform(0, clock), thing, chance.choice(firm.hosts[thing]), chance.choice(names), f"N{place}")
        )
    faults.sort()
    world = _written(firm, faults, chance)
    world.roots = roots
    return world


def _fault(chance: random.Random, firm: _Firm, root: str) -> list[tuple[float, str, str, str]]:
    shape = firm.shape
    found: list[tuple[float, str, str, str]] = []
    reached, frontier = {root: 0.0}, [(root, 0)]
    while frontier:
        thing, hops = frontier.pop()
        causes = _CAUSES if thing == root else _EFFECTS
        for _ in range(chance.randint(1, shape.per_thing) if thing != root else chance.randint(1, shape.per_thing + 1)):
            at = reached[thing] + chance.expovariate(1.0 / (0.15 * shape.length_s)) * chance.choice((0.1, 1.0))
            found.append((at, thing, chance.choice(firm.hosts[thing]), chance.choice(causes)))
        for other in firm.above.get(thing, ()) if hops < shape.reach else ():
            if other not in reached and chance.random() < shape.catches:
                reached[other] = reached[thing] + shape.spread_s * chance.lognormvariate(0, 0.7)
                frontier.append((other, hops + 1))
    if shape.repeats:
        found += [(e[0] + chance.uniform(30, 600), *e[1:]) for e in found if chance.random() < shape.repeats]
    return found


def _written(firm: _Firm, rows: list[tuple[float, str, str, str, str]], chance: random.Random) -> World:
    world, start = World(edges=firm.edges()), datetime(2026, 2, 2, tzinfo=UTC)
    told: list[tuple[datetime, int, Alert, str]] = []
    for number, (at, thing, host, what, name) in enumerate(rows):
        alert = firm.alert(thing, host, what, start + timedelta(seconds=round(at)), number)
        told.append((alert.starts_at, number, alert, name))
        if chance.random() < firm.shape.resolves:
            lasts = firm.shape.length_s if name.startswith("F") else 300.0
            ends = alert.starts_at + timedelta(seconds=round(lasts * chance.lognormvariate(0, 0.6)) + 30)
            over = replace(alert, id=f"{number}r", status=AlertStatus.RESOLVED, ends_at=ends, received_at=ends)
            told.append((ends, number, over, name))
    told.sort(key=lambda row: row[:2])
    world.alerts, world.truth = [row[2] for row in told], [row[3] for row in told]
    world.split = len(told) // 2
    return world

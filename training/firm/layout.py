"""What the firm runs: services with their dependencies, the hosts they run on, the racks that hold those."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from engine.domain import Edge

_PRODUCTS = (
    "shop", "search", "catalog", "payments", "orders", "billing", "portal", "stock", "mail", "reports", "auth", "media",
    "booking", "planning", "archive", "pricing", "customers", "returns", "loyalty", "documents", "exports", "chat",
)  # fmt: skip
_SERVICE_STYLES = ("{product}-{tier}", "{product}_{tier}", "{tier}.{product}", "{Product}{Tier}")
_HOST_STYLES = ("{tier}-{n:02}", "prd-{tier}-{n:02}", "{tier}{n}.example.internal", "vm{m:04}")
_SHARE = {"web": 0.2, "db": 0.2, "cache": 0.08, "queue": 0.1, "batch": 0.1}  # the rest are api


@dataclass(frozen=True, slots=True)
class Component:
    """A service, or a rack with everything in it."""

    name: str
    tier: str  # web | api | db | cache | queue | batch | rack
    product: str
    hosts: tuple[str, ...]
    needs: tuple[str, ...] = ()  # names of the components it depends on


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole plant, and how to get around in it."""

    components: dict[str, Component]
    callers: dict[str, list[str]] = field(default_factory=dict)  # component -> those that depend on it
    residents: dict[str, list[str]] = field(default_factory=dict)  # host -> components that run on it

    def of_tier(self, tier: str) -> list[Component]:
        """All components of one tier."""
        return [part for part in self.components.values() if part.tier == tier]

    def services(self) -> list[Component]:
        """All components but the racks."""
        return [part for part in self.components.values() if part.tier != "rack"]

    def dependents(self, place: Component) -> list[str]:
        """Those that notice first when `place` fails: its callers; for a rack, what runs on its hosts."""
        if place.tier != "rack":
            return self.callers.get(place.name, [])
        return sorted({name for host in place.hosts for name in self.residents.get(host, [])})

    def edges(self) -> list[Edge]:
        """Everything as a list of relations, in a stable order."""
        found = []
        for part in self.components.values():
            found += [Edge(source=part.name, target=need) for need in part.needs]
            relation = ("part_of", True) if part.tier == "rack" else ("runs_on", False)
            for host in part.hosts:
                source, target = (host, part.name) if relation[1] else (part.name, host)
                found.append(Edge(source=source, target=target, relation=relation[0]))
        return found


class _Namer:
    """Names in one style per firm, each only once."""

    def __init__(self, rng: Random) -> None:
        self.service_style = rng.choice(_SERVICE_STYLES)
        self.host_style = rng.choice(_HOST_STYLES)
        self.counts: dict[str, int] = defaultdict(int)
        self.first_vm = rng.randrange(100, 900)

    def service(self, product: str, tier: str) -> str:
        """The name of a service; a number follows where a product has several of one tier."""
        name = self.service_style.format(product=product, tier=tier, Product=product.title(), Tier=tier.title())
        self.counts[name] += 1
        return name if self.counts[name] == 1 else f"{name}{self.counts[name]}"

    def host(self, tier: str) -> str:
        """The next host name of a tier. Batch hosts are called batch-01, batch-02 ... in every firm."""
        self.counts[f"host {tier}"] += 1
        n = self.counts[f"host {tier}"]
        self.counts["host"] += 1
        style = "{tier}-{n:02}" if tier == "batch" else self.host_style
        return style.format(tier=tier, n=n, m=self.first_vm + 7 * self.counts["host"])


def _tiers(services: int) -> list[str]:
    counts = {tier: max(tier in ("web", "db", "batch"), round(services * share)) for tier, share in _SHARE.items()}
    counts["api"] = max(1, services - sum(counts.values()))
    return [tier for tier in ("web", "api", "db", "cache", "queue", "batch") for _ in range(counts[tier])]


def _needs(tier: str, at: int, names: dict[str, list[str]], rng: Random) -> tuple[str, ...]:
    """What the `at`-th service of `tier` depends on; an api only on later apis, so that nothing goes in circles."""
    if tier == "web":
        return tuple(rng.sample(names["api"], min(len(names["api"]), rng.randint(1, 3))))
    if tier not in ("api", "batch"):
        return ()
    needs = [rng.choice(names["db"])]
    if tier == "api":
        later = names["api"][at + 1 :]
        needs += rng.sample(later, min(len(later), rng.choice((0, 0, 1, 2))))
        needs += [
            name
            for other in ("cache", "queue")
            for name in rng.sample(names[other], min(1, len(names[other])))
            if rng.random() < 0.5
        ]
    return tuple(needs)


def _hosts(tiers: list[str], namer: _Namer, rng: Random) -> list[tuple[str, ...]]:
    """Hosts per service: apis share a pool of machines, all others have their own."""
    pool = [namer.host("app") for _ in range(max(2, round(tiers.count("api") * 0.8)))]
    found = []
    for tier in tiers:
        if tier == "api":
            found.append(tuple(sorted(rng.sample(pool, 2))))
        else:
            found.append(tuple(namer.host(tier) for _ in range({"web": 2, "db": rng.choice((1, 2))}.get(tier, 1))))
    return found


def _racks(hosts: list[str], rng: Random) -> list[Component]:
    count = max(2, len(hosts) // 10)
    held: dict[int, list[str]] = defaultdict(list)
    for host in hosts:
        held[rng.randrange(count)].append(host)
    return [Component(f"rack-{chr(97 + at)}", "rack", "", tuple(held[at])) for at in sorted(held)]


def build(services: int, rng: Random) -> Layout:
    """A plant of about `services` services (at least 4), drawn from `rng`."""
    namer = _Namer(rng)
    tiers = _tiers(max(4, services))
    products = rng.sample(_PRODUCTS, len(_PRODUCTS))
    products = [products[at % len(products)] for at in range(len(tiers))]
    named = [namer.service(product, tier) for product, tier in zip(products, tiers, strict=True)]
    names: dict[str, list[str]] = defaultdict(list)
    for name, tier in zip(named, tiers, strict=True):
        names[tier].append(name)
    hosts = _hosts(tiers, namer, rng)
    parts = [
        Component(name, tier, product, owned, _needs(tier, names[tier].index(name), names, rng))
        for name, tier, product, owned in zip(named, tiers, products, hosts, strict=True)
    ]
    parts += _racks(sorted({host for owned in hosts for host in owned}), rng)
    return _connected(parts)


def _connected(parts: list[Component]) -> Layout:
    callers: dict[str, list[str]] = defaultdict(list)
    residents: dict[str, list[str]] = defaultdict(list)
    for part in parts:
        for need in part.needs:
            callers[need].append(part.name)
        for host in part.hosts if part.tier != "rack" else ():
            residents[host].append(part.name)
    return Layout({part.name: part for part in parts}, dict(callers), dict(residents))

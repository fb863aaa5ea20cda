"""P4: which kind of alarm brings which, learned in one pass, against the graphs that experts drew.

Each network is one stream; nobody tells the learner how many edges there are. Beside it: counting what follows what
within a minute, told apart from chance by three standard deviations, or by the best threshold in hindsight; every pair;
and the figures that the authors of THP published for the same data. Without the data, made-up networks.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from engine.correlate.lead_lag import LeadLag
from training.benchmarks.report import Row

Event = tuple[str, float, str]  # kind, seconds, place
Key = TypeVar("Key")
_PUBLISHED = {"18V_55N_Wireless": 0.5765, "24V_439N_Microwave": 0.3719, "25V_474N_Microwave": 0.3387}
_WINDOW_S = 60.0
_SIGNIFICANT = 3.0  # standard deviations


@dataclass(frozen=True, kw_only=True)
class Network:
    """A stream of alarms, who is next to whom, and the true edges between kinds."""

    name: str
    events: Sequence[Event]  # by time
    neighbours: Mapping[str, Sequence[str]]
    truth: frozenset[tuple[str, str]]


def rows(shared: Path | None, quick: bool = False) -> list[Row]:
    """One row per network and method; without `shared`, and beside it, on made-up networks."""
    folder = shared / "datasets" / "correlation" / "telecom_alarms" if shared is not None else None
    paths = sorted(folder.glob("*_graph.json")) if folder is not None else []
    networks = [network(path) for path in paths] + [made_up(seed) for seed in range(1 if quick else 3)]
    return [row for each in networks for row in _measured(each)]


def network(path: Path) -> Network:
    """The network whose graph is in the file `<name>_graph.json`, its alarms in the file beside it."""
    graph = json.loads(path.read_text(encoding="utf-8"))
    name = path.name.removesuffix("_graph.json")
    with gzip.open(path.with_name(f"{name}_alarms.csv.gz"), "rt", encoding="utf-8") as file:
        found = [(r["alarm_id"], float(r["start_timestamp"]), r["device_id"]) for r in csv.DictReader(file)]
    neighbours: dict[str, dict[str, None]] = {}
    for one, two in graph.get("topology_edges", ()):
        neighbours.setdefault(str(one), {})[str(two)] = None
        neighbours.setdefault(str(two), {})[str(one)] = None
    return Network(
        name=name,
        events=sorted(found, key=lambda event: (event[1], event[2], event[0])),
        neighbours={place: list(others) for place, others in neighbours.items()},
        truth=frozenset((str(one), str(two)) for one, two in graph["true_causal_edges"]),
    )


def made_up(seed: int, kinds: int = 20, places: int = 40, days: float = 20.0) -> Network:
    """A network with a known graph: each event brings its kind's effects, here or next door, after a while."""
    chance = random.Random(f"network {seed}")
    names = [f"k{number}" for number in range(kinds)]
    effects = {name: chance.sample(names[at + 1 :], min(2, kinds - at - 1)) for at, name in enumerate(names)}
    delay_s = {(one, two): chance.choice((3.0, 15.0, 60.0)) for one, found in effects.items() for two in found}
    neighbours = {str(at): [str((at + 1) % places), str((at - 1) % places)] for at in range(places)}
    front = [
        (chance.choice(names), chance.uniform(0, days * 86_400), str(chance.randrange(places))) for _ in range(4000)
    ]
    events: list[Event] = []
    while front:
        kind, at, place = front.pop()
        events.append((kind, at, place))
        for effect in effects[kind]:
            if chance.random() < 0.5:
                where = chance.choice([place, place, *neighbours[place]])
                front.append((effect, at + chance.expovariate(1.0 / delay_s[kind, effect]), where))
    events.sort(key=lambda event: event[1])
    return Network(name=f"made up {seed}", events=events, neighbours=neighbours, truth=frozenset(delay_s))


def _measured(known: Network) -> list[Row]:
    began = time.process_time()
    learner = LeadLag(known.neighbours)
    learner.learn(known.events)
    found = {(lead.cause, lead.effect) for lead in learner.edges()}
    spent_s = time.process_time() - began
    plain = _co_occurrence(known)
    pairs = set(plain)
    significant = {pair for pair, level in plain.items() if level > _SIGNIFICANT}
    made = [
        Row(
            dataset=f"P4 edges, {known.name}",
            method="PathFinder, one pass",
            metrics=_agreement(found, known.truth)
            | {"seconds": spent_s, "alerts_per_cpu_s": len(known.events) / spent_s},
        ),
        _row(known, "lagged co-occurrence, 3 deviations", significant),
        _row(known, "lagged co-occurrence, best threshold in hindsight", _best(plain, known.truth)),
        _row(known, "every pair that ever met", pairs),
    ]
    if known.name in _PUBLISHED:
        dataset, figure = f"P4 edges, {known.name}", _PUBLISHED[known.name]
        made.append(Row(dataset=dataset, method="THP, as published", metrics={"f1": figure}))
    return made


def _row(known: Network, method: str, found: set[tuple[str, str]]) -> Row:
    return Row(dataset=f"P4 edges, {known.name}", method=method, metrics=_agreement(found, known.truth))


def _agreement(found: set[tuple[str, str]], truth: frozenset[tuple[str, str]]) -> dict[str, float]:
    """Directed F1, precision and recall, and how many edges were told."""
    right = len(found & truth)
    return {
        "f1": 2.0 * right / max(1, len(found) + len(truth)),
        "precision": right / max(1, len(found)),
        "recall": right / max(1, len(truth)),
        "edges": float(len(found)),
    }


def _best(levels: Mapping[tuple[str, str], float], truth: frozenset[tuple[str, str]]) -> set[tuple[str, str]]:
    """The strongest pairs, as many of them as agree best with the truth."""
    ordered = sorted(levels, key=lambda pair: (-levels[pair], pair))
    sizes = range(1, len(ordered) + 1)
    best = max(sizes, key=lambda size: _agreement(set(ordered[:size]), truth)["f1"], default=0)
    return set(ordered[:best])


def _co_occurrence(known: Network) -> dict[tuple[str, str], float]:
    """Ordered pair -> deviations by which the second follows the first within a minute more than by chance."""
    times: dict[str, dict[str, float]] = {}  # place -> kind -> when heard last
    met: dict[tuple[str, str], float] = {}
    counts: dict[tuple[str, str], float] = {}  # place, kind -> events
    for kind, at, place in known.events:
        for other, before in times.get(place, {}).items():
            if other != kind and at - before <= _WINDOW_S:
                met[other, kind] = met.get((other, kind), 0.0) + 1.0
        counts[place, kind] = counts.get((place, kind), 0.0) + 1.0
        for where in (place, *known.neighbours.get(place, ())):
            times.setdefault(where, {})[kind] = at
    expected = _expected(counts, known)
    return {pair: (number - expected[pair]) / math.sqrt(expected[pair] + 1.0) for pair, number in met.items()}


def _expected(counts: Mapping[tuple[str, str], float], known: Network) -> dict[tuple[str, str], float]:
    """Ordered pair -> meetings within a minute if kinds came independently at each place."""
    span = max(1.0, known.events[-1][1] - known.events[0][1])
    here: dict[str, dict[str, float]] = {}
    for (place, kind), number in counts.items():
        here.setdefault(place, {})[kind] = number
    found: dict[tuple[str, str], float] = {}
    for place, own in here.items():
        heard: dict[str, float] = {}
        for where in (place, *known.neighbours.get(place, ())):
            _add(heard, here.get(where, {}).items())
        for first, number in heard.items():
            chance = 1.0 - math.exp(-number * _WINDOW_S / span)
            _add(found, (((first, second), times * chance) for second, times in own.items()))
    return found


def _add(sums: dict[Key, float], more: Iterable[tuple[Key, float]]) -> None:
    for key, number in more:
        sums[key] = sums.get(key, 0.0) + number

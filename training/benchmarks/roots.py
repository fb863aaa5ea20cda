"""P5: what broke, named among everything in the true incident, beside simple rules and the published figures.

Asked are the later halves of the systems with injected faults, seeded firms, made-up worlds and clusters, and written
scenarios without times. "cold" asks of each incident as if it were the first one; "stream" knows those over half an
hour before, without their roots; "history" the earlier half too. Weights of made-up systems are the shipped ones, which
were learned from other seeds. Those of real systems are learned anew, without the later halves, which the shipped ones
know; "fitted elsewhere" from nothing at all of the system asked about.
"""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.correlate.roots import RootRanker
from engine.correlate.suspects import shown, thing_of
from engine.correlate.topology import Topology
from engine.domain import Alert, Edge
from training import root_weights
from training.benchmarks.report import Row
from training.root_weights import Fault, System

Namer = Callable[[Fault], Sequence[str]]  # likeliest first
Weights = Mapping[str, Mapping[str, float]]
_PUBLISHED = {"micross": 0.43, "ob1": 0.24, "ob2": 0.14}
_PUBLISHED_AS = "LLM agents, best configuration in hindsight, all incidents, as published"


def rows(shared: Path | None, quick: bool = False) -> list[Row]:
    """Rows per system and method: share of faults whose root is first, or among the first three."""
    made: list[Row] = []
    made += _made_up("seeded firms", [root_weights.firm(seed) for seed in range(1 if quick else 4)])
    made += _made_up("made-up worlds", [root_weights.world(seed) for seed in range(1 if quick else 8)])
    made += _made_up("made-up clusters", [root_weights.cluster(seed) for seed in range(1 if quick else 4)])
    folder = shared / "datasets" / "correlation" if shared is not None else None
    if shared is None or folder is None or not (folder / "ms_fault_alerts").is_dir():
        return made
    earlier = {system.name: system for system in root_weights.real(shared)}
    known = root_weights.measured([*earlier.values()] if quick else list(root_weights.systems(shared)))
    ours = root_weights.weighed(known.values())
    for system in root_weights.real(shared, "later"):
        elsewhere = root_weights.weighed(stages for name, stages in known.items() if name != system.name)
        made += _real(system, earlier[system.name].faults, {"": ours, ", fitted elsewhere": elsewhere})
    return [*made, *_written(folder)]


def _made_up(name: str, systems: Sequence[System]) -> list[Row]:
    found: dict[str, list[dict[str, float]]] = {}
    for system in systems:
        half = len(system.faults) // 2
        past, asked = system.faults[:half], [fault for fault in system.faults[half:] if fault.root]
        for method, namer in [*_ours(system.edges, past), *_rules(past)]:
            found.setdefault(method, []).append(_named(asked, namer))
    return [
        Row(dataset=f"P5 root, {name}", method=method, metrics={key: _mean(each, key) for key in each[0]})
        for method, each in found.items()
    ]


def _real(system: System, past: Sequence[Fault], weights: Mapping[str, Weights]) -> Iterator[Row]:
    dataset = f"P5 root, {system.name}, later half"
    for learned, found in weights.items():
        for method, namer in _ours(system.edges, past, found):
            yield Row(dataset=dataset, method=method + learned, metrics=_named(system.faults, namer))
    for method, namer in _rules(past):
        yield Row(dataset=dataset, method=method, metrics=_named(system.faults, namer))
    if system.name in _PUBLISHED:
        yield Row(dataset=dataset, method=_PUBLISHED_AS, metrics={"ac_1": _PUBLISHED[system.name]})


def _ours(edges: Sequence[Edge], past: Sequence[Fault], weights: Weights | None = None) -> list[tuple[str, Namer]]:
    """The ranker as it is on the first day, with a topology, while it learns, and with a history too."""
    cold, placed = RootRanker(weights=weights), RootRanker(Topology(edges), weights)
    found = [
        ("PathFinder, cold", _suspects(cold)),
        ("PathFinder, cold, thing of the first alert ranked", _ranked(cold)),
        ("PathFinder, topology", _suspects(placed)),
    ]
    if past:
        taught = RootRanker(Topology(edges), weights)
        for fault in past:
            taught.learn(fault.rows)
        found.append(("PathFinder, stream", _meanwhile(RootRanker(weights=weights))))
        found.append(("PathFinder, topology and history", _meanwhile(taught)))
    return found


def _suspects(ranker: RootRanker) -> Namer:
    return lambda fault: [root.name for root in ranker.suspects(fault.rows)]


def _meanwhile(ranker: RootRanker) -> Namer:
    """Asked about incidents by time, and learning them as they end."""
    turns, name = root_weights.InTurn(ranker), _suspects(ranker)
    return lambda fault: name(turns.meet(fault))


def _ranked(ranker: RootRanker) -> Namer:
    def name(fault: Fault) -> list[str]:
        things = {row.alert_id: thing_of(row.reading) for row in fault.rows}
        return list(dict.fromkeys(things[alert_id] for alert_id, _ in ranker.rank(fault.rows)))

    return name


def _rules(past: Sequence[Fault]) -> list[tuple[str, Namer]]:
    """First alert; most alerts; the pairs of thing and symptom that fewest past incidents showed."""
    seen = Counter(pair for fault in past for pair in set(shown(fault.rows)))

    def first(fault: Fault) -> list[str]:
        return list(dict.fromkeys(thing for thing, _ in shown(sorted(fault.rows, key=lambda row: row.at))))

    def most(fault: Fault) -> list[str]:
        return [thing for thing, _ in Counter(thing for thing, _ in shown(fault.rows)).most_common()]

    def rarest(fault: Fault) -> list[str]:
        pairs = sorted(dict.fromkeys(shown(fault.rows)), key=lambda pair: seen[pair])
        return list(dict.fromkeys(thing for thing, _ in pairs))

    return [("first alert", first), ("most alerts", most), *([("rarest alert in history", rarest)] if past else [])]


def _named(faults: Sequence[Fault], namer: Namer) -> dict[str, float]:
    began = time.process_time()
    places = [_place(namer(fault), fault.root) for fault in faults]
    spent_ms = 1000.0 * (time.process_time() - began) / max(1, len(faults))
    found = {f"ac_{top}": sum(place < top for place in places) / max(1, len(places)) for top in (1, 3)}
    return found | {"incidents": float(len(places)), "ms_per_incident": spent_ms}


def _place(names: Sequence[str], root: str) -> float:
    return names.index(root) if root in names else float("inf")


def _mean(found: Sequence[Mapping[str, float]], key: str) -> float:
    """Over systems: sums of incidents, means of everything else."""
    total = sum(each[key] for each in found)
    return total if key == "incidents" else total / len(found)


def _written(folder: Path) -> Iterator[Row]:
    """Scenarios with alerts and the chain along which the fault spread, read as who needs whom."""
    path = folder / "itbench_groundtruth" / "scenarios.jsonl.gz"
    if not path.is_file():
        return
    with gzip.open(path, "rt", encoding="utf-8") as file:
        cases = [_scenario(json.loads(line)) for line in file]
    told = [case for case in cases if case[0].rows and case[0].root]
    for method in ("PathFinder, cold", "PathFinder, topology", "first alert", "most alerts"):
        places = [_place(_ways(edges)[method](fault), fault.root) for fault, edges in told]
        found = {f"ac_{top}": sum(place < top for place in places) / len(places) for top in (1, 3)}
        metrics = found | {"incidents": float(len(places))}
        yield Row(dataset="P5 root, written scenarios", method=method, metrics=metrics)


def _ways(edges: Sequence[Edge]) -> dict[str, Namer]:
    return dict([*_ours(edges, ()), *_rules(())])


def _scenario(record: Mapping[str, Any]) -> tuple[Fault, list[Edge]]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    alerts = [
        Alert(
            id=str(number), source="scenario", title=alert["id"] or "alert", starts_at=at, received_at=at,
            service=alert["group_id"] or "", fingerprint=str(number),
        )
        for number, alert in enumerate(record["alerts"] or ())
    ]  # fmt: skip
    roots = [group["id"] for group in record["groups"] or () if group["root_cause"]]
    edges = [
        Edge(source=step["target"], target=step["source"])
        for step in record["propagations"] or ()
        if step["source"] != step["target"]
    ]
    return Fault(rows=root_weights.seen(alerts), root=roots[0].lower() if roots else ""), edges

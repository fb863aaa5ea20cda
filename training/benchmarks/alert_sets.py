"""Alerts with known incidents, read from the public data sets beside the project into the product's own form."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.domain import Alert, AlertStatus, Edge, Severity, fingerprint_of

SYSTEMS = ("micross", "ob1", "ob2")
_RELATIONS = {"hosted_on": "runs_on", "instance_of": "part_of", "control_flow": "depends_on", "data_flow": "depends_on"}


@dataclass(frozen=True, kw_only=True)
class AlertSet:
    """A stream with its truth, the past that may be learned from, and the known topology."""

    name: str
    alerts: Sequence[Alert]
    truth: Sequence[str]  # incident of each alert
    history: tuple[Sequence[Alert], Sequence[str]] = ((), ())
    topology: Sequence[Edge] = ()
    ignored: frozenset[str] = frozenset()  # incidents that are no incident (false positives)
    roots: Mapping[str, str] = field(default_factory=dict)  # incident -> the thing that broke


@dataclass(frozen=True, kw_only=True)
class Episode:
    """The alerts of one true incident."""

    incident_id: str
    alerts: Sequence[Alert]

    @property
    def starts_at(self) -> datetime:
        """When its first alert began."""
        return self.alerts[0].starts_at


def fault_episodes(folder: Path, *, tag: bool, systems: Iterable[str] = SYSTEMS) -> dict[str, list[Episode]]:
    """Episodes of `ms_fault_alerts` by system, in time order; `tag` tells whether alerts name their system."""
    grouped: dict[str, dict[str, list[Alert]]] = {name: {} for name in systems}
    for record in _json_lines(folder / "ms_fault_alerts" / "alerts.jsonl.gz"):
        if record["system"] in grouped:
            alert = _fault_alert(record, tag)
            grouped[record["system"]].setdefault(record["incident_id"], []).append(alert)
    return {name: _in_time(found) for name, found in grouped.items() if found}


def fault_topology(folder: Path) -> list[Edge]:
    """The published topologies of `ms_fault_alerts`, all systems in one list."""
    edges: dict[tuple[str, str, str], None] = {}
    for name in SYSTEMS:
        path = folder / "ms_fault_alerts" / f"topology_{name}.json"
        if path.is_file():
            for edge in json.loads(path.read_text(encoding="utf-8"))["edges"]:
                if edge["label"] in _RELATIONS and edge["source"] != edge["target"]:
                    edges[edge["source"], edge["target"], _RELATIONS[edge["label"]]] = None
    return [Edge(source=s, target=t, relation=r) for s, t, r in edges]


def fault_roots(folder: Path) -> dict[str, str]:
    """The thing that broke, by incident of `ms_fault_alerts`."""
    return {row["incident_id"]: row["root_entity"] for row in _rows(folder / "ms_fault_alerts" / "incidents.csv")}


def halves(episodes: Mapping[str, Sequence[Episode]]) -> tuple[list[Episode], list[Episode]]:
    """The first half of each system's incidents by time (history), and the second (test)."""
    first = [episode for found in episodes.values() for episode in found[: len(found) // 2]]
    second = [episode for found in episodes.values() for episode in found[len(found) // 2 :]]
    return first, second


def natural(episodes: Sequence[Episode]) -> tuple[list[Alert], list[str]]:
    """All alerts in the order of their real times, and their incidents."""
    pairs = [(alert, episode.incident_id) for episode in episodes for alert in episode.alerts]
    pairs.sort(key=lambda pair: (pair[0].starts_at, pair[0].id))
    return [alert for alert, _ in pairs], [incident_id for _, incident_id in pairs]


def superposed(episodes: Sequence[Episode], concurrency: float, seed: int) -> tuple[list[Alert], list[str]]:
    """Episodes started anew by a Poisson process, so that `concurrency` of them run at a time on average.

    Real alerts and labels, invented start times; nothing else is changed.
    """
    chance = random.Random(seed)
    order = list(episodes)
    chance.shuffle(order)
    spans = [(episode.alerts[-1].starts_at - episode.starts_at).total_seconds() for episode in order]
    mean_gap_s = max(1.0, sum(spans) / max(1, len(spans))) / concurrency
    start, moved = datetime(2026, 1, 5, tzinfo=UTC), []
    for place, episode in enumerate(order):
        start += timedelta(seconds=chance.expovariate(1.0 / mean_gap_s))
        shift = start - episode.starts_at
        alerts = [
            replace(a, id=f"{place}:{a.id}", starts_at=a.starts_at + shift, received_at=a.received_at + shift)
            for a in episode.alerts
        ]
        moved.append(Episode(incident_id=f"{place}:{episode.incident_id}", alerts=alerts))
    return natural(moved)


def attack_alerts(folder: Path, *, tag: bool = True, scenarios: Iterable[str] | None = None) -> AlertSet:
    """All of `ait_ads` in one stream; truth is scenario and phase, alerts outside every attack count as noise."""
    found: list[tuple[int, Alert, str]] = []
    for path in sorted((folder / "ait_ads").glob("*_alerts.csv.gz")):
        scenario = path.name.removesuffix("_alerts.csv.gz")
        if scenarios is None or scenario in scenarios:
            found += _attack_rows(path, scenario, tag)
    found.sort(key=lambda row: row[0])
    truth = [name for _, _, name in found]
    return AlertSet(
        name="ait_ads",
        alerts=[alert for _, alert, _ in found],
        truth=truth,
        ignored=frozenset(name for name in truth if name.endswith("false_positive")),
    )


def _attack_rows(path: Path, scenario: str, tag: bool) -> Iterator[tuple[int, Alert, str]]:
    names = {row["nid"]: row["name"] for row in _rows(path.with_name(f"{scenario}_names.csv"))}
    prints: dict[tuple[str, str, str], str] = {}
    for number, row in enumerate(_rows(path)):
        title, host = names[row["nid"]], row["host"]
        labels = {"ip": row["ip"], **({"tenant": scenario} if tag else {})}
        tool = title.split(":", 1)[0].lower()
        key = (title, host, row["ip"])
        if key not in prints:
            prints[key] = fingerprint_of(tool, title, "", host, labels)
        at = datetime.fromtimestamp(int(row["time"]), UTC)
        alert = Alert(
            id=f"{scenario}:{number}", source=tool, title=title, host=host, labels=labels, starts_at=at,
            received_at=at, fingerprint=prints[key],
        )  # fmt: skip
        yield int(row["time"]), alert, f"{scenario}:{row['time_label']}"


def _fault_alert(record: Mapping[str, Any], tag: bool) -> Alert:
    labels = {key: str(record[key]) for key in ("name", "peer", "attr") if record.get(key)}
    if tag:
        labels["system"] = record["system"]
    at = datetime.fromtimestamp(record["ts"], UTC)
    service, host, title = record["entity"], record.get("host") or "", record["title"]
    return Alert(
        id=str(record["id"]), source=record["kind"], title=title, service=service, host=host, labels=labels,
        severity=Severity.WARNING, status=AlertStatus.FIRING, starts_at=at, received_at=at,
        fingerprint=fingerprint_of(record["kind"], title, service, host, labels),
    )  # fmt: skip


def _in_time(found: Mapping[str, list[Alert]]) -> list[Episode]:
    episodes = [
        Episode(incident_id=incident_id, alerts=sorted(alerts, key=lambda alert: alert.starts_at))
        for incident_id, alerts in found.items()
    ]
    return sorted(episodes, key=lambda episode: episode.starts_at)


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    yield from csv.DictReader(text.splitlines())

"""Alerts with known incidents, read from the public data sets beside the project into the product's own form."""

from __future__ import annotations

import bisect
import csv
import gzip
import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.domain import Alert, AlertStatus, Edge, Severity, fingerprint_of

SYSTEMS = ("micross", "ob1", "ob2")
_NO_ATTACK = "false_positive"
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
    """All alerts in the order of their real times, and their incidents. Those of one second come in random order."""
    pairs = [(alert, episode.incident_id) for episode in episodes for alert in episode.alerts]
    random.Random(0).shuffle(pairs)  # else the order within a second would tell the incident
    pairs.sort(key=lambda pair: pair[0].starts_at)
    return [alert for alert, _ in pairs], [incident_id for _, incident_id in pairs]


def superposed(
    episodes: Sequence[Episode], concurrency: float, seed: int, *, grid_s: int = 60
) -> tuple[list[Alert], list[str]]:
    """Episodes started anew by a Poisson process, so that `concurrency` of them run at a time on average.

    Real alerts and labels, invented start times; nothing else is changed. Each episode is shifted by a multiple of
    `grid_s` seconds: real collectors sample at the same seconds of each minute, and a shift by anything less than whole
    minutes would leave each episode its own second, which tells them apart.
    """
    chance = random.Random(seed)
    order = list(episodes)
    chance.shuffle(order)
    spans = [(episode.alerts[-1].starts_at - episode.starts_at).total_seconds() for episode in order]
    mean_gap_s = max(1.0, sum(spans) / max(1, len(spans))) / concurrency
    start, moved = datetime(2026, 1, 5, tzinfo=UTC), []
    for place, episode in enumerate(order):
        start += timedelta(seconds=chance.expovariate(1.0 / mean_gap_s))
        shift = timedelta(seconds=(start - episode.starts_at).total_seconds() // grid_s * grid_s)
        alerts = [
            replace(a, id=_opaque(a.id, place), starts_at=a.starts_at + shift, received_at=a.received_at + shift)
            for a in episode.alerts
        ]
        moved.append(Episode(incident_id=f"{place}:{episode.incident_id}", alerts=alerts))
    return natural(moved)


def attack_alerts(
    folder: Path, *, tag: bool = True, scenarios: Iterable[str] | None = None, per_phase: int | None = None
) -> AlertSet:
    """All of `ait_ads` in one stream; truth is scenario and phase, alerts outside every attack count as noise.

    With `per_phase`, only what lies around the attacks is kept, and of each phase its first so many alerts.
    """
    found: list[tuple[int, Alert, str]] = []
    for path in sorted((folder / "ait_ads").glob("*_alerts.csv.gz")):
        scenario = path.name.removesuffix("_alerts.csv.gz")
        if scenarios is None or scenario in scenarios:
            rows = list(_attack_rows(path, scenario, tag))
            found += _around_attacks(rows, per_phase) if per_phase else rows
    found.sort(key=lambda row: row[0])
    truth = [name for _, _, name in found]
    return AlertSet(
        name="ait_ads",
        alerts=[alert for _, alert, _ in found],
        truth=truth,
        ignored=frozenset(name for name in truth if name.endswith(_NO_ATTACK)),
    )


def _around_attacks(rows: Sequence[tuple[int, Alert, str]], per_phase: int) -> list[tuple[int, Alert, str]]:
    """The first `per_phase` alerts of each phase, and the noise from half an hour before to half an hour after any."""
    taken: dict[str, int] = {}
    kept = []
    for row in rows:
        if not row[2].endswith(_NO_ATTACK):
            taken[row[2]] = taken.get(row[2], 0) + 1
            if taken[row[2]] <= per_phase:
                kept.append(row)
    times = sorted(at for at, _, _ in kept)
    noise = [row for row in rows if row[2].endswith(_NO_ATTACK) and _near(times, row[0], 1800)]
    return kept + noise


def _near(times: Sequence[int], at: int, within_s: int) -> bool:
    place = bisect.bisect_left(times, at - within_s)
    return place < len(times) and times[place] <= at + within_s


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
            id=_opaque(scenario, number), source=tool, title=title, host=host, labels=labels, starts_at=at,
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
        id=_opaque(record["id"]), source=record["kind"], title=title, service=service, host=host, labels=labels,
        severity=Severity.WARNING, status=AlertStatus.FIRING, starts_at=at, received_at=at,
        fingerprint=fingerprint_of(record["kind"], title, service, host, labels),
    )  # fmt: skip


def _opaque(*parts: object) -> str:
    """An id that tells nothing."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


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

"""Intake beside the common way and beside Alertmanager: the same bytes, the same machine, one after the other.

Each program is sent the same alerts in Prometheus' form: new symptoms, and a storm in which most are told again. Rates
are of alerts answered with success and, by PathFinder, grouped; a waiting time is from the last byte sent to the last
byte of the answer, of programs that are under way: one request was answered before. PathFinder has keys, redaction and
grouping on and answers when all is on disk. At the end the plug is pulled.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from engine.errors import InvalidInput
from training.benchmarks import intake_storms
from training.benchmarks.intake_servers import ALERTMANAGER, SERVERS, Server
from training.benchmarks.loader import load, request
from training.benchmarks.report import Row
from training.progress import track

_OURS, _MEMORY = "PathFinder (durable, grouped)", "Alertmanager (memory)"
PARTS = ("rates", "storm", "soak", "start")
_LIMIT_S = 60.0  # of one measurement
_RULES = ("HighErrorRate", "DiskFull", "CPUHigh", "LatencyHigh", "TargetDown")
# what is measured: alerts a request, connections, requests, share of alerts that are told for the first time
_WORK = {
    "single alerts, 50 connections, all new": (1, 50, 12_000, 1.0),
    "single alerts, 50 connections, nine of ten told again": (1, 50, 12_000, 0.1),
    "single alerts, 50 connections, 99 of 100 told again": (1, 50, 12_000, 0.01),
    "batches of 100, 8 connections, all new": (100, 8, 600, 1.0),
    "batches of 100, 8 connections, nine of ten told again": (100, 8, 600, 0.1),
    "batches of 100, 8 connections, 99 of 100 told again": (100, 8, 600, 0.01),
}


def run(shared: Path | None, *, quick: bool = False, only: Sequence[str] = ()) -> list[Row]:
    """Every kind of work by every program, or those of the parts in `only`; `quick` sends a tenth.

    Parts are rates, storm, soak and start. Nothing of `shared` is needed.

    Raises
    ------
    InvalidInput
        If `only` names what is no part.
    """
    del shared
    parts = [name.lower() for name in only] or PARTS
    if set(parts) - set(PARTS):
        raise InvalidInput(f"intake has the parts {', '.join(PARTS)}")
    return [*(_rates(quick) if "rates" in parts else ()), *intake_storms.run(quick=quick, parts=parts)]


def _rates(quick: bool) -> list[Row]:
    methods = [name for name in SERVERS if name != _MEMORY or shutil.which(ALERTMANAGER)]
    tasks = [(work, name) for work in _WORK for name in methods]
    return [_measure(work, name, quick) for work, name in track(tasks, "intake", len(tasks))]


def _measure(work: str, name: str, quick: bool) -> Row:
    size, connections, count, fresh = _WORK[work]
    count = count // 10 if quick else count
    bodies = [json.dumps(part).encode() for part in _parts(count, size, fresh)]
    with tempfile.TemporaryDirectory(prefix="pathfinder-intake-") as folder, SERVERS[name](Path(folder)) as server:
        requests = [request(server.path, body, server.headers) for body in bodies]
        intake_storms.under_way(server, Path(folder), requests[0])
        before = server.cpu_s()
        found = load(server.port, requests[1:], connections=connections, limit_s=_LIMIT_S)
        later = intake_storms.until_none(Path(folder), intake_storms.TO_BE_GROUPED) if name == _OURS else 0.0
        taken = found.taken * size
        left = intake_storms.counted(Path(folder), intake_storms.TO_BE_GROUPED) if name == _OURS else 0
        metrics = {
            "alerts/s": (taken - left) / max(found.seconds + later, 1e-9),
            "p50 ms": found.wait_ms(50),
            "p99 ms": found.wait_ms(99),
            "CPU us/alert": (server.cpu_s() - before) / max(1, taken) * 1e6,
            "memory MB": server.memory_mb(),
            "refused": float(sum(found.statuses.values()) - found.taken),
        }
        server.process.kill()
        server.process.wait()
        metrics["lost to kill -9"] = _lost(name, Path(folder), taken + size, round(taken * fresh), server)
    return Row(dataset=work, method=name, metrics=metrics)


def _lost(name: str, folder: Path, taken: int, symptoms: int, server: Server) -> float:
    """Acknowledged alerts that are not on disk: symptoms where repeats are counted, rows where they are stored."""
    del server
    file = next((path for path in folder.glob("*.db")), None)
    if name == _MEMORY or file is None:
        return float(taken)
    with closing(sqlite3.connect(file)) as link:
        if name == _OURS:
            rows, repeats = link.execute("SELECT count(*), coalesce(sum(repeats), 0) FROM told").fetchone()
            waiting = link.execute(intake_storms.TO_BE_GROUPED).fetchone()[0]  # on disk, not grouped yet
            return float(max(0, taken - rows - repeats - waiting, 0 if rows else symptoms))
        return float(max(0, taken - link.execute("SELECT count(*) FROM plain_alerts").fetchone()[0]))


def _parts(count: int, size: int, fresh: float) -> Iterator[list[dict[str, object]]]:
    """Deliveries of alerts: of a storm over forty services and two hundred hosts."""
    chance = random.Random(7)
    now = datetime.now(UTC)
    known = max(1, round(count * size * fresh))
    for number in range(count):
        numbers = range(number * size, (number + 1) * size)
        yield [_alert(one if fresh >= 1 else chance.randrange(known), now) for one in numbers]


def _alert(number: int, now: datetime) -> dict[str, object]:
    some = random.Random(number)
    service, host = f"service-{some.randrange(40)}", f"host-{some.randrange(200)}"
    at = now - timedelta(seconds=some.randrange(300), microseconds=number % 1000)
    return {
        "labels": {
            "alertname": some.choice(_RULES),
            "service": service,
            "instance": f"{host}:9100",
            "severity": some.choice(("critical", "warning", "info")),
            "cluster": "eu-1",
            "n": str(number),
        },
        "annotations": {
            "summary": f"{service} on {host} is unwell ({some.random():.3f})",
            "description": "The value has been above its limit for five minutes; see the runbook of the service.",
        },
        "startsAt": at.isoformat().replace("+00:00", "Z"),
        "endsAt": (now + timedelta(days=1)).isoformat().replace("+00:00", "Z"),
        "generatorURL": "http://prometheus.example.com/graph?g0.expr=up",
    }


def draw(rows: Sequence[Row], path: Path) -> None:
    """Rates and waiting times of all programs, side by side."""
    mpl.use("Agg")
    rows = [row for row in rows if row.dataset in _WORK]
    if not rows:
        return
    works, methods = list(dict.fromkeys(row.dataset for row in rows)), list(dict.fromkeys(row.method for row in rows))
    figure = Figure(figsize=(13, 4.4), layout="constrained")
    for place, (name, label) in enumerate((("alerts/s", "alerts a second"), ("p99 ms", "p99, ms")), start=1):
        axes = figure.add_subplot(1, 2, place)
        for shift, method in enumerate(methods):
            found = {row.dataset: row.metrics[name] for row in rows if row.method == method}
            heights = [found.get(work, 0.0) for work in works]
            axes.bar([at + shift * 0.27 for at in range(len(works))], heights, width=0.25, label=method)
        axes.set_yscale("log")
        axes.set_ylabel(label)
        axes.set_xticks(
            [at + 0.27 for at in range(len(works))],
            [work.replace(", ", "\n").replace(" told", "\ntold") for work in works],
            fontsize=7,
        )
        axes.grid(axis="y", alpha=0.3)
    figure.axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)

"""Alertmanager's own grouping: the program of Debian's package, fed over HTTP, its groups read back.

It groups by equal labels and knows no time: what still fires stays in its group. Every set of labels it could group by
is a route of one run, so that the best one can be chosen in hindsight.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

from engine.domain import Alert
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.outcomes import Outcome
from training.benchmarks.plain_grouping import name, score

PROGRAM = "prometheus-alertmanager"
HOW_TO_GET = f"apt-get install {PROGRAM}"
_BATCH = 500
_FOREVER = "2099-01-01T00:00:00Z"
_START_S, _SETTLE_S = 20.0, 60.0


def installed() -> bool:
    """Whether the program is there, and a system that tells its times in /proc."""
    return shutil.which(PROGRAM) is not None and Path("/proc/self/stat").exists()


def best_grouping(case: AlertSet) -> tuple[Outcome, str, float]:
    """Groups under the labels that the truth likes best, their names, and the program's memory in MB.

    Rate and memory are of a second run that groups by those labels alone.
    """
    told = [_labels(alert) for alert in case.alerts]
    keys = sorted({key for labels in told[:200] for key in labels} - {"id"})
    choices = [chosen for size in (1, 2) for chosen in combinations(keys, size)]
    with _running(choices) as (url, _):
        _post_all(url, told)
        found = _groups(url, len(choices), len({_key(labels) for labels in told}))
    best = max(range(len(choices)), key=lambda place: score(case, _of(told, found[place])))
    with _running([choices[best]]) as (url, process):
        used_s = _cpu_s(process.pid)
        _post_all(url, told)
        time.sleep(1.0)  # until the last ones are in their groups
        cpu_s, memory_mb = _cpu_s(process.pid) - used_s, _memory_mb(process.pid)
    return Outcome(groups=_of(told, found[best]), cpu_s=cpu_s), " and ".join(choices[best]), memory_mb


def _labels(alert: Alert) -> dict[str, str]:
    own = {key: value for key, value in alert.labels.items() if key.isidentifier() and value}
    own |= {"alertname": name(alert), "service": alert.service, "host": alert.host, "title": alert.title}
    return {key: value for key, value in own.items() if value}


def _key(labels: dict[str, str]) -> str:
    return json.dumps(labels, sort_keys=True)


def _of(told: Sequence[dict[str, str]], group_of: dict[str, str]) -> list[str]:
    return [group_of.get(_key(labels), f"alone {place}") for place, labels in enumerate(told)]


@contextmanager
def _running(choices: Sequence[Sequence[str]]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    routes = [{"receiver": f"r{at}", "group_by": list(by), "continue": True} for at, by in enumerate(choices)]
    root = {"receiver": "none", "group_wait": "1h", "group_interval": "1h", "routes": routes}
    receivers = [{"name": "none"}, *({"name": f"r{at}"} for at in range(len(choices)))]
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        config = Path(folder) / "alertmanager.yml"
        config.write_text(json.dumps({"route": root, "receivers": receivers}), encoding="utf-8")  # JSON is YAML
        words = [f"--config.file={config}", f"--storage.path={folder}", f"--web.listen-address=127.0.0.1:{port}"]
        process = subprocess.Popen(  # noqa: S603 - fixed words
            [shutil.which(PROGRAM) or PROGRAM, *words, "--cluster.listen-address="],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}/api/v2"
            _wait(url)
            yield url, process
        finally:
            process.terminate()
            process.wait(10)


def _wait(url: str) -> None:
    end = time.monotonic() + _START_S
    while True:
        try:
            _get(f"{url}/status")
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def _post_all(url: str, told: Sequence[dict[str, str]]) -> None:
    for start in range(0, len(told), _BATCH):
        _post(url, told[start : start + _BATCH])


def _post(url: str, told: Sequence[dict[str, str]]) -> None:
    body = json.dumps([{"labels": labels, "endsAt": _FOREVER} for labels in told]).encode()
    request = urllib.request.Request(f"{url}/alerts", body, {"Content-Type": "application/json"})  # noqa: S310 - ours
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310 - our own address


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=120) as answer:  # noqa: S310 - our own address
        return json.load(answer)


def _groups(url: str, routes: int, alerts: int) -> list[dict[str, str]]:
    """Of each route: alert -> group, once all alerts are in their groups."""
    end = time.monotonic() + _SETTLE_S
    while True:
        found: list[dict[str, str]] = [{} for _ in range(routes)]
        for number, group in enumerate(_get(f"{url}/alerts/groups")):
            receiver = group["receiver"]["name"]
            if receiver != "none":
                found[int(receiver[1:])].update((_key(alert["labels"]), str(number)) for alert in group["alerts"])
        if all(len(one) >= alerts for one in found) or time.monotonic() > end:
            return found
        time.sleep(0.5)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

"""The programs that intake is measured beside, each in a process of its own on a loopback port."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.clock import utc_now
from engine.errors import Unavailable
from engine.settings import environment
from engine.store import keys
from engine.store.records import Scope
from engine.store.store import Store

_START_S = 300.0
ALERTMANAGER = "prometheus-alertmanager"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running program that takes lists of alerts in Prometheus' form."""

    process: subprocess.Popen[bytes]
    port: int
    path: str
    headers: str = ""

    def cpu_s(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """What it holds in memory at most so far."""
        return self._memory_mb("VmHWM")

    def present_mb(self) -> float:
        """What it holds in memory now."""
        return self._memory_mb("VmRSS")

    def _memory_mb(self, name: str) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(name)) / 1024


@contextmanager
def pathfinder(folder: Path) -> Iterator[Server]:
    """PathFinder as it comes: keys, redaction, grouping; without the encoder, which has no part in intake."""
    with again(folder, new_key(folder)) as server:
        yield server


def new_key(folder: Path) -> str:
    """A token that may send alerts to the database in `folder`, which is made where there is none."""
    store = Store(_url(folder))
    store.migrate()
    with store.write() as tx:
        token = keys.issue(tx, "benchmark", [Scope.INGEST], utc_now())[1]
    store.close()
    return token


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'pathfinder.db'}"


@contextmanager
def again(folder: Path, token: str) -> Iterator[Server]:
    """PathFinder over the database in `folder`."""
    settings = {"database_url": _url(folder), "encoder_enabled": "false", "log_level": "ERROR"}
    words = [sys.executable, "-m", "api", "serve", "--port"]
    headers = f"Authorization: Bearer {token}\r\n"
    with _running(words, settings, "/readyz", "/v1/ingest/alertmanager", headers) as server:
        yield server


@contextmanager
def plain(folder: Path) -> Iterator[Server]:
    """FastAPI and SQLAlchemy, a commit for each request."""
    words = [sys.executable, "-m", "uvicorn", "--factory", "training.benchmarks.plain_intake:application"]
    words += ["--no-access-log", "--log-level", "error", "--port"]
    settings = {"database_url": f"sqlite:///{folder / 'plain.db'}"}
    with _running(words, settings, "/openapi.json", "/api/v2/alerts", "") as server:
        yield server


@contextmanager
def alertmanager(folder: Path) -> Iterator[Server]:
    """Debian's Alertmanager: it groups by name, and keeps alerts in memory."""
    config = folder / "alertmanager.yml"
    route = {"receiver": "none", "group_by": ["alertname"], "group_wait": "1h", "group_interval": "1h"}
    config.write_text(json.dumps({"route": route, "receivers": [{"name": "none"}]}), encoding="utf-8")  # JSON is YAML
    words = [shutil.which(ALERTMANAGER) or ALERTMANAGER, f"--config.file={config}", f"--storage.path={folder}"]
    words += ["--cluster.listen-address=", "--log.level=error", "--web.listen-address=127.0.0.1:"]
    with _running(words, {}, "/-/ready", "/api/v2/alerts", "") as server:
        yield server


SERVERS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "FastAPI + SQLAlchemy": plain,
    "Alertmanager (memory)": alertmanager,
    "PathFinder (durable, grouped)": pathfinder,
}


@contextmanager
def _running(words: list[str], settings: dict[str, str], ready: str, path: str, headers: str) -> Iterator[Server]:
    """Start `words`, the last of them followed by a port; end it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    last = [f"{words[-1]}{port}"] if words[-1].endswith(":") else [words[-1], str(port)]
    process = subprocess.Popen(  # noqa: S603 - fixed words
        [*words[:-1], *last], env=environment(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(f"http://127.0.0.1:{port}{ready}", process)
        yield Server(process=process, port=port, path=path, headers=headers)
    finally:
        process.kill()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=10).close()  # noqa: S310 - our own address
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if time.monotonic() > end or process.poll() is not None:
                raise Unavailable("a program to be measured does not start") from None
            time.sleep(0.1)
        else:
            return

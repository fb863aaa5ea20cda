"""The real service in a process of its own on a free loopback port, and a small keep-alive client for it.

`python tests/live_server.py PORT DATABASE MODE` is that process. MODE `durable` serves the product; `ack-first` answers
before it writes and is there only to show that the crash test can fail.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from api.app import create_app
from api.intake import Intake
from api.queue import Told
from api.server import PatientProtocol
from engine.domain import Alert, Receipt
from engine.pathfinder import Pathfinder
from engine.settings import Settings
from engine.store import keys
from engine.store.records import Scope
from engine.store.store import Store

ROOT = Path(__file__).resolve().parent.parent


class AckFirst(Intake):
    """The design that loses alerts: answer at once, write later."""

    def put(self, alerts: Sequence[Alert], told: Told, *, delivery: str = "", sender: str = "") -> None:
        super().put(alerts, lambda _: None, delivery=delivery, sender=sender)
        told([Receipt(alert_id=alert.id, incident_id="later", outcome="joined") for alert in alerts])


def url_of(database: Path) -> str:
    return f"sqlite:///{database}"


def new_key(database: Path, *scopes: Scope) -> str:
    """A token in a (created) database."""
    store = Store(url_of(database))
    store.migrate()
    try:
        with store.write() as tx:
            return keys.issue(tx, "test", scopes or (Scope.ADMIN,), datetime.now(UTC))[1]
    finally:
        store.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Served:
    """A running service."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """The power of a crash, without its dust."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def serving(database: Path, mode: str = "durable", **settings: str) -> Iterator[Served]:
    """The service over `database`; `settings` are environment names without prefix, in lower case."""
    port = free_port()
    given = {f"PATHFINDER_{name.upper()}": value for name, value in settings.items()}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **given}
    command = [sys.executable, str(Path(__file__)), str(port), str(database), mode]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said: list[bytes] = []
    assert process.stderr
    listener = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
    listener.start()
    try:
        _await_ready(port, process, said)
        yield Served(port, process)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()
        listener.join(5)
        process.stderr.close()


def _await_ready(port: int, process: subprocess.Popen[bytes], said: Sequence[bytes]) -> None:
    for _ in range(3000):  # a loaded machine takes its time
        if process.poll() is not None:
            break
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the service did not start:\n" + b"".join(said).decode(errors="replace")[-3000:])


def call(url: str, token: str, body: Any = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """One request: POST if there is a body. Status and JSON."""
    data = None if body is None else json.dumps(body).encode()
    given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(headers or {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, given), timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


class Connection:
    """One keep-alive connection that posts JSON."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = f"Host: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer; OSError or IncompleteReadError when the service is gone."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(f"POST {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return int(head.split(b" ", 2)[1]), await reader.readexactly(length)

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].transport.abort()


def main(port: int, database: Path, mode: str) -> None:
    """Serve until killed."""
    settings = Settings(database_url=url_of(database), encoder_enabled=False)
    app = create_app(Pathfinder.open(settings), settings)
    if mode == "ack-first":
        app.state.desk.intake.__class__ = AckFirst
    uvicorn.run(
        app, host="127.0.0.1", port=port, log_level="warning", access_log=False, http=PatientProtocol, ws="none"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])

"""What chaos is done to: a service in a process of its own, a client for it, and a look at what it left on disk."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from api.chaos.disk import Disk
from engine.clock import utc_now
from engine.errors import Unavailable
from engine.settings import environment
from engine.store import alerts, inbox, keys
from engine.store.records import Scope
from engine.store.store import Store

BROKEN = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError)  # a connection that is gone
_START_S = 300.0
_END_S = 60.0
_GROUPED_S = 300.0
_ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Acknowledged:
    """What clients were told: the alerts of every 202."""

    alerts: Counter[str] = field(default_factory=Counter)  # by id, how often each was acknowledged
    refused: int = 0  # answers of 503 and 429

    @property
    def count(self) -> int:
        """Alerts that the service said it has, those told again included."""
        return self.alerts.total()

    def note(self, status: int, body: bytes) -> None:
        """One answer."""
        if status == 202:
            self.alerts.update(receipt["alert_id"] for receipt in json.loads(body)["receipts"])
        elif status in (429, 503):
            self.refused += 1
        else:
            raise Unavailable(f"the service answered {status}, which it never should")


@dataclass(frozen=True)
class Left:
    """What is on disk."""

    told: dict[str, int]  # by id of an alert that is in an incident, or put down to be grouped, how often it was told
    integrity: str

    @property
    def alerts(self) -> int:
        """Stored ones."""
        return len(self.told)

    @property
    def repeats(self) -> int:
        """Times that they were told again."""
        return sum(self.told.values()) - len(self.told)

    def of(self, log: Acknowledged) -> int:
        """How many of the acknowledged ones, those told again included, are there."""
        return sum(min(count, self.told.get(alert_id, 0)) for alert_id, count in log.alerts.items())


class Connection:
    """One keep-alive connection that posts alerts."""

    def __init__(self, port: int, token: str) -> None:
        """To a port of this machine."""
        self._port = port
        self._head = f"Host: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes, delivery: str) -> tuple[int, bytes]:
        """Status and body of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        named = f"Idempotency-Key: {delivery}\r\n" if delivery else ""
        head = f"POST /v1/alerts HTTP/1.1\r\n{self._head}{named}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        told = await reader.readuntil(b"\r\n\r\n")
        length = int(told.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return int(told.split(b" ", 2)[1]), await reader.readexactly(length)

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].transport.abort()


class Service:
    """A service on a loopback port over a database in a folder; ended with `kill`."""

    program: ClassVar[Sequence[str]] = ("-m", "api", "serve")

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        """Over a new database in `folder`, with a new key; `disk`: whose power can be cut, if it is on one."""
        folder.mkdir(parents=True)
        self.disk = disk
        self.database = folder / "pathfinder.db"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        store = self.store()
        store.migrate()
        with store.write() as tx:
            self.token = keys.issue(tx, "chaos", [Scope.INGEST, Scope.READ], utc_now())[1]
        store.close()

    def store(self) -> Store:
        """The database, looked at from outside."""
        return Store(f"sqlite:///{self.database}")

    def size(self) -> int:
        """Bytes of the database file."""
        return self.database.stat().st_size

    async def start(self, *, room_bytes: int | None = None) -> None:
        """Start, and wait until it serves. `room_bytes`: no file may grow beyond, as on a disk that is full.

        Raises
        ------
        Unavailable
            If it does not start.
        """
        self.port = _free_port()
        limit: Callable[[], None] | None = (lambda: _limit(room_bytes)) if room_bytes else None
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, *self.program, "--host", "127.0.0.1", "--port", str(self.port)],
            cwd=_ROOT,
            env=_environment(self.database),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=limit,  # noqa: PLW1509 - only a limit is set
        )
        deadline = time.monotonic() + _START_S
        while not await _is_ready(self.port):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise Unavailable("the service does not start")
            await asyncio.sleep(0.02)

    def make_room(self) -> None:
        """The disk has room again."""
        if self._process is not None:
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def terminate(self) -> tuple[int, float]:
        """Ask it to end, as an operating system does; its exit code and the seconds it took.

        Raises
        ------
        Unavailable
            If it does not end.
        """
        if self._process is None:
            return 0, 0.0
        began = time.monotonic()
        self._process.terminate()
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            raise Unavailable("the service does not end") from None
        self._process = None
        return code, time.monotonic() - began

    def freeze(self) -> None:
        """It does nothing more, as at the moment when the power goes."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def connection(self) -> Connection:
        """A client."""
        return Connection(self.port, self.token)

    def head(self, length: int) -> bytes:
        """The head of a delivery whose body has `length` bytes."""
        told = f"POST /v1/alerts HTTP/1.1\r\nHost: x\r\nX-API-Key: {self.token}\r\nContent-Length: {length}\r\n\r\n"
        return told.encode()


async def grouped(service: Service) -> None:
    """Return once what a running service has put down is grouped.

    Raises
    ------
    Unavailable
        If that never happens.
    """
    deadline = time.monotonic() + _GROUPED_S
    while await put_down(service):
        if time.monotonic() > deadline:
            raise Unavailable("what was put down is not grouped")
        await asyncio.sleep(0.1)


async def put_down(service: Service) -> int:
    """Alerts on its disk that are still to be grouped."""
    return await asyncio.to_thread(_put_down, service)


def _put_down(service: Service) -> int:
    with closing(service.store()) as store, store.read() as link:
        return inbox.size(link)


async def settle(service: Service) -> Left:
    """What a fresh look at the disk finds."""
    return await asyncio.to_thread(_left, service)


def _left(service: Service) -> Left:
    with closing(service.store()) as store, store.read() as link:
        told = Counter(alerts.told(link)) + inbox.told(link)
        return Left(dict(told), store.database.integrity(link))


def _environment(database: Path) -> dict[str, str]:
    url = f"sqlite:///{database}"
    return environment({"database_url": url, "encoder_enabled": "false", "log_level": "ERROR"})


def _limit(room_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, resource.RLIM_INFINITY))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    told = await reader.read(64)
    writer.transport.abort()
    return b" 200 " in told

"""A load of HTTP requests from few connections, each with one request at a time, told in rates and waiting times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

import numpy as np


@dataclass
class Measured:
    """What came of a load."""

    seconds: float = 0.0
    waits_s: list[float] = field(default_factory=list)  # of each answered request
    statuses: dict[int, int] = field(default_factory=dict)  # answers by status
    broken: int = 0  # connections that ended under a request

    @property
    def taken(self) -> int:
        """Requests answered with success."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    def wait_ms(self, percentile: float) -> float:
        """A percentile of the waiting times."""
        return float(np.percentile(self.waits_s, percentile) * 1000) if self.waits_s else float("nan")


def request(path: str, body: bytes, headers: str = "") -> bytes:
    """One POST of JSON, as bytes."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class _Caller(asyncio.Protocol):
    """One connection: the next request leaves when the last is answered."""

    def __init__(self, requests: Iterator[tuple[float, bytes]], found: Measured, end: float) -> None:
        self._requests = requests  # each with the moment before which it must not leave
        self._found = found
        self._end = end
        self._sent = 0.0
        self._buffer = b""
        self._needed = 0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        now = time.perf_counter()
        following = next(self._requests, None) if now < self._end else None
        if self._transport is None or following is None:
            self._finish()
        elif following[0] > now:
            asyncio.get_running_loop().call_later(following[0] - now, self._write, following[1])
        else:
            self._write(following[1])

    def _write(self, request: bytes) -> None:
        self._sent = time.perf_counter()
        if self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._needed:
            head, mark, _ = self._buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
            self._needed = len(head) + 4 + int(length or 0)
        if len(self._buffer) < self._needed:
            return
        status = int(self._buffer[9:12])
        self._found.waits_s.append(time.perf_counter() - self._sent)
        self._found.statuses[status] = self._found.statuses.get(status, 0) + 1
        self._buffer, self._needed = self._buffer[self._needed :], 0
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's form
        if not self.done.done():
            self._found.broken += 1
        self._finish()

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def _load(port: int, requests: Iterable[bytes], connections: int, limit_s: float, every_s: float) -> Measured:
    found, began = Measured(), time.perf_counter()
    timed = ((began + number * every_s, one) for number, one in enumerate(requests))
    loop = asyncio.get_running_loop()
    callers = [
        (await loop.create_connection(lambda: _Caller(timed, found, began + limit_s), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.wait([caller.done for caller in callers], timeout=limit_s + 30)
    found.seconds = time.perf_counter() - began
    return found


def load(port: int, requests: Iterable[bytes], *, connections: int, limit_s: float, every_s: float = 0.0) -> Measured:
    """Send `requests` in turn over so many connections to a port of this machine, for at most `limit_s` seconds.

    Two requests leave at least `every_s` seconds apart, on average: a sender that does not hurry.
    """
    return asyncio.run(_load(port, requests, connections, limit_s, every_s))

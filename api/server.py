"""The HTTP server: uvicorn, with limits on the head of a request, which uvicorn itself does not set."""

from __future__ import annotations

import asyncio
import resource
from functools import partial
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.lane import Lane

_HEAD_S = 10.0  # seconds from the first byte (or the connection) to the end of the request's head
_HEAD_BYTES = 65_536  # URL and headers together
_KEEP_ALIVE_S = 75  # above the 60 s for which common proxies keep idle connections
_STOP_S = 10  # seconds that requests in flight have when the service is told to stop


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 that closes connections whose request heads never end, in time or in size."""

    _head: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _reading = False  # bytes that have just come are being parsed
    _short: tuple[RequestResponseCycle, Any] | None = None  # a request that may go the short way, and its application

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Stop the clock while a request is being served; start it with the first bytes of the next."""
        self._reading = True
        super().data_received(data)
        self._reading = False
        if self._short is not None:  # its body is still to come: the long way knows how long that may take
            self._go_long()
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget_head()
            return
        self._head_bytes += len(data)
        if self._head_bytes > _HEAD_BYTES:
            self.transport.close()
        elif self._head is None:
            self._expect_head()

    def on_message_complete(self) -> None:
        """A whole request is here: the short way, if it is plain."""
        super().on_message_complete()
        if self._short is None:
            return
        cycle, app = self._short
        scope = cast("dict[str, Any]", cycle.scope)
        if cycle.keep_alive and _lane(app).take(scope, bytes(cycle.body), partial(self._write, cycle)):
            self._short = None
        else:
            self._go_long()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """A request's head is here; where it may go the short way, that is decided once its body is."""
        now = self._reading and cycle is self.cycle and cycle.more_body and not self.flow.write_paused
        if now and _lane(app).is_for(cast("dict[str, Any]", cycle.scope)):
            self._short = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def _go_long(self) -> None:
        if self._short is not None:
            (cycle, app), self._short = self._short, None
            super()._start_asgi_task(cycle, app)

    def _write(self, cycle: RequestResponseCycle, line: bytes, rest: bytes) -> None:
        """A whole answer, as `RequestResponseCycle.send` would leave the connection."""
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if cycle.disconnected or self.transport.is_closing():
            return
        heads = b"".join([b"%b: %b\r\n" % head for head in cycle.default_headers])
        closing = b"" if cycle.keep_alive else b"connection: close\r\n"
        self.transport.write(b"".join((line, heads, closing, rest)))
        if not cycle.keep_alive:  # told to stop meanwhile
            self.transport.close()
        cycle.on_response()

    def on_response_complete(self) -> None:
        """Between requests the keep-alive clock of uvicorn runs."""
        self._forget_head()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._forget_head()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(_HEAD_S, self.transport.close)

    def _forget_head(self) -> None:
        self._head_bytes = 0
        if self._head is not None:
            self._head.cancel()
            self._head = None


def _lane(app: Any) -> Lane:
    """The short way of an application, below what the server has put around it."""
    while not hasattr(app, "state"):
        app = app.app
    lane: Lane = app.state.lane
    return lane


def run(host: str, port: int, log_level: str) -> None:
    """Serve until told to stop. Requests are not logged one by one: keys may stand in URLs."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # slow clients hold connections until they are sent away
    options: dict[str, Any] = {"factory": True, "http": PatientProtocol, "ws": "none", "access_log": False}
    uvicorn.run(
        "api.app:from_settings",
        host=host,
        port=port,
        log_level=log_level.lower(),
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
        server_header=False,
        **options,
    )

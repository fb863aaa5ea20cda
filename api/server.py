"""The HTTP server: uvicorn, with limits on the head of a request, which uvicorn itself does not set."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.head import Head
from api.lane import Lane, Plain

_HEAD_S = 10.0  # seconds from the first byte (or the connection) to the end of the request's head
_HEAD_BYTES = 65_536  # URL and headers together
_KEEP_ALIVE_S = 75  # above the 60 s for which common proxies keep idle connections
_STOP_S = 10  # seconds that requests in flight have when the service is told to stop


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 that closes connections whose request heads never end, in time or in size.

    A whole request whose head differs from that of the plain delivery before it in the length of the body alone is not
    parsed again.
    """

    _head: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _reading = False  # bytes that have just come are being parsed
    _between = True  # the parser waits for the beginning of a request
    _chunk = b""  # the bytes that are being parsed, where they begin with a request
    _short: tuple[RequestResponseCycle, Any, Plain] | None = None  # a request that may go the short way, and whose
    _known: tuple[Head, Plain, Callable[[bytes, bytes], None]] | None = None  # of the last message, if it went that way
    _refused = False  # the request that is parsed was tried the short way already
    _answered_at = 0.0  # by the loop's clock
    _heads: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")  # the server's own, and as they are written

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self._lane = _lane(self.app)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Stop the clock while a request is being served; start it with the first bytes of the next."""
        if self._known is not None and self._taken_unparsed(data, *self._known):
            return
        self._reading, self._chunk = True, data if self._between else b""
        super().data_received(data)
        self._reading, self._chunk, self._refused = False, b"", False
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

    def _taken_unparsed(self, data: bytes, head: Head, plain: Plain, answer: Callable[[bytes, bytes], None]) -> bool:
        """Take a whole request like the last one, on the cycle of that one; False if it has to be parsed."""
        cycle, body = self.cycle, head.body_of(data)
        if body is None or not cycle.response_complete or not cycle.keep_alive or self.flow.write_paused:
            return False
        cycle.response_complete = False
        if self._lane.take(plain, body, answer):
            return True
        cycle.response_complete = self._refused = True
        return False

    def on_message_begin(self) -> None:
        """Something is parsed: what was known of the message before says nothing of this one."""
        self._between, self._known = False, None
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """A whole request is here: the short way, if it is plain."""
        self._between = True
        super().on_message_complete()
        if self._short is None:
            return
        cycle, _, plain = self._short
        body, answer = bytes(cycle.body), partial(self._write, cycle)
        if not self._refused and cycle.keep_alive and self._lane.take(plain, body, answer):
            self._short = None
            head = Head.of(self._chunk, body)
            self._known = (head, plain, answer) if head is not None else None
        else:
            self._go_long()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """A request's head is here; where it may go the short way, that is decided once its body is."""
        now = self._reading and cycle is self.cycle and cycle.more_body and not self.flow.write_paused
        plain = self._lane.plain(cast("dict[str, Any]", cycle.scope)) if now else None
        if plain is not None:
            self._short = cycle, app, plain
        else:
            super()._start_asgi_task(cycle, app)

    def _go_long(self) -> None:
        if self._short is not None:
            (cycle, app, _), self._short = self._short, None
            super()._start_asgi_task(cycle, app)

    def _write(self, cycle: RequestResponseCycle, line: bytes, rest: bytes) -> None:
        """A whole answer, as `RequestResponseCycle.send` would leave the connection."""
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if cycle.disconnected or self.transport.is_closing():
            return
        closing = b"" if cycle.keep_alive else b"connection: close\r\n"
        self.transport.write(b"".join((line, self._server_heads(), closing, rest)))
        if not cycle.keep_alive:  # told to stop meanwhile
            self.transport.close()
        if self.pipeline or self.flow.read_paused or self.timeout_keep_alive_task is None:
            cycle.on_response()
        else:  # its clock runs: it looks at this moment when it has run down
            self._answered_at = self.loop.time()
            self.server_state.total_requests += 1

    def _server_heads(self) -> bytes:
        """What uvicorn says in each answer: the date, which changes once a second."""
        heads = self.server_state.default_headers
        if PatientProtocol._heads[0] is not heads:
            PatientProtocol._heads = heads, b"".join([b"%b: %b\r\n" % head for head in heads])
        return PatientProtocol._heads[1]

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was idle for long; one that was used meanwhile has its time begin anew."""
        busy = self.cycle is not None and not self.cycle.response_complete
        left = self.timeout_keep_alive - (0.0 if busy else self.loop.time() - self._answered_at)
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def on_response_complete(self) -> None:
        """Between requests the keep-alive clock of uvicorn runs."""
        self._answered_at = self.loop.time()
        self._forget_head()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._known = None
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

"""The HTTP server: uvicorn, with limits on the head of a request, which uvicorn itself does not set."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_S = 10.0  # seconds from the first byte (or the connection) to the end of the request's head
_HEAD_BYTES = 65_536  # URL and headers together
_KEEP_ALIVE_S = 75  # above the 60 s for which common proxies keep idle connections
_STOP_S = 10  # seconds that requests in flight have when the service is told to stop


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 that closes connections whose request heads never end, in time or in size."""

    _head: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Stop the clock while a request is being served; start it with the first bytes of the next."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget_head()
            return
        self._head_bytes += len(data)
        if self._head_bytes > _HEAD_BYTES:
            self.transport.close()
        elif self._head is None:
            self._expect_head()

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

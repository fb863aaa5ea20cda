"""What one client can cost: requests at once, bytes, the time a body may take. Pure ASGI, before any route."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from api.body import replay
from api.errors import Overloaded, TooLarge, TooSlow, Unauthenticated, Unsupported, answer
from api.security import KEY, KeyRing, presented
from engine.errors import PathfinderError

ALWAYS_SERVED = frozenset({"/healthz", "/readyz", "/metrics"})  # a busy service must still be able to say so
_STRANGERS_BYTES = 4096  # body read of a request without a key: the console's sign-in form fits
_ALL_BYTES = 20  # bodies of the largest size that may be held at once


@dataclass(kw_only=True)
class Load:
    """What is being served right now."""

    requests: int = 0
    body_bytes: int = 0
    shed: int = 0  # requests refused for load since the start
    count: Callable[[], None] = field(default=lambda: None)  # called per refused request


class Limits:
    """Reads each body whole within its limits and hands it on, or answers 503, 413 or 408 itself."""

    def __init__(self, app: ASGIApp, *, keys: KeyRing, load: Load, most: int, body_bytes: int, body_s: float) -> None:
        """Of at most `most` requests at once, bodies of `body_bytes` that arrive within `body_s` seconds."""
        self._app = app
        self._keys = keys
        self._load = load
        self._most = most
        self._body_bytes = body_bytes
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._load.requests >= self._most and scope["path"] not in ALWAYS_SERVED:
            self._load.count()
            await answer(Overloaded("too many requests at once: send it again"))(scope, receive, send)
            return
        self._load.requests += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._load.requests -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = _Held(self._load, self._body_bytes * _ALL_BYTES)
        try:
            body = await self._read(scope, receive, held)
        except PathfinderError as error:
            await answer(error)(scope, receive, send)
        else:
            await replay(self._app, scope, body, receive, send)
        finally:
            held.free()

    async def _read(self, scope: Scope, receive: Receive, held: _Held) -> bytes:
        headers = dict(scope["headers"])
        scope[KEY] = await self._keys.find(presented(scope["headers"], scope["query_string"]))
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise Unsupported("send the body uncompressed")
        limit = self._body_bytes if scope[KEY] else _STRANGERS_BYTES
        announced = headers.get(b"content-length", b"0")
        if not announced.isdigit() or len(announced) > 12 or int(announced) > limit:
            raise self._over(scope)
        if announced == b"0" and b"transfer-encoding" not in headers:
            return b""
        try:
            async with asyncio.timeout(self._body_s):
                return await self._collect(scope, receive, held, limit)
        except TimeoutError:
            raise TooSlow(f"the body did not arrive within {self._body_s:g} s") from None

    async def _collect(self, scope: Scope, receive: Receive, held: _Held, limit: int) -> bytes:
        chunks: list[bytes] = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise TooSlow("the connection ended before the body did")
            chunk = message.get("body", b"")
            held.take(len(chunk))
            if held.size > limit:
                raise self._over(scope)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    def _over(self, scope: Scope) -> PathfinderError:
        if scope[KEY] is None:
            return Unauthenticated("send an API key: bodies of strangers are not read")
        return TooLarge(f"the body is larger than {self._body_bytes} bytes: send fewer alerts at once")


class _Held:
    """The body bytes one request holds in memory, counted into those of all."""

    def __init__(self, load: Load, most: int) -> None:
        self.size = 0
        self._load = load
        self._most = most

    def take(self, count: int) -> None:
        if self._load.body_bytes + count > self._most:
            raise Overloaded("too many large bodies at once: send it again")
        self.size += count
        self._load.body_bytes += count

    def free(self) -> None:
        self._load.body_bytes -= self.size

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

_BUSY = "too many requests at once: send it again"
ALWAYS_SERVED = frozenset({"/healthz", "/readyz", "/metrics"})  # a busy service must still be able to say so
CROWDED = "pathfinder.crowded"  # in the ASGI scope: more is being served than should be, only the worst may pass
_OWN_PATH, _SOURCES = "/v1/alerts", "/v1/ingest/"  # where alerts come in
_STRANGERS_BYTES = 4096  # body read of a request without a key: the console's sign-in form fits
_ALL_BYTES = 8  # bodies of the largest size that may be held at once
_CROWD = 4  # as many deliveries again, times this, are read to see how bad they are before they are refused
_CROWD_BYTES = 65_536  # largest body read to that end


@dataclass(kw_only=True)
class Load:
    """What is being served right now."""

    requests: int = 0
    body_bytes: int = 0
    by_key: dict[str, int] = field(default_factory=dict)  # requests by id of the key, "" for strangers
    count: Callable[[], None] = field(default=lambda: None)  # called per refused request

    def enter(self, key: str) -> None:
        """A request of this key is being served."""
        self.requests += 1
        self.by_key[key] = self.by_key.get(key, 0) + 1

    def leave(self, key: str) -> None:
        """It was answered."""
        self.requests -= 1
        self.drop(key)

    def drop(self, key: str) -> None:
        """One fewer of this key."""
        left = self.by_key.get(key, 0) - 1
        if left > 0:
            self.by_key[key] = left
        else:
            self.by_key.pop(key, None)

    def is_over_its_share(self, key: str, most: int) -> bool:
        """Whether a key has at least its part of `most` requests, of those that ask right now."""
        return self.by_key.get(key, 0) > most / max(1, len(self.by_key))


class Limits:
    """Reads each body whole within its limits and hands it on, or answers 503, 429, 413 or 408 itself.

    Beyond `most` requests at once each key keeps its fair part of them; what is more is refused, but deliveries of
    alerts are read first, since a critical one may still pass (`CROWDED`).
    """

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
        if self._load.requests >= self._most * (1 + _CROWD) and scope["path"] not in ALWAYS_SERVED:
            await self._refuse(Overloaded(_BUSY), scope, receive, send)
            return
        self._load.requests += 1
        held = _Held(self._load, self._body_bytes * _ALL_BYTES)
        try:
            await self._serve(scope, receive, send, held)
        finally:
            self._load.requests -= 1
            held.free()

    async def _refuse(self, error: PathfinderError, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(error, Overloaded):
            self._load.count()
        await answer(error, scope=scope)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, held: _Held) -> None:
        try:
            scope[KEY] = await self._keys.find(presented(scope["headers"], scope["query_string"]), _address(scope))
            held.name(scope[KEY].id if scope[KEY] else "")
            scope[CROWDED] = self._is_crowded(scope, held)
            body = await self._read(scope, receive, held)
        except PathfinderError as error:
            await self._refuse(error, scope, receive, send)
            return
        await replay(self._app, scope, body, receive, send)

    def _is_crowded(self, scope: Scope, held: _Held) -> bool:
        """Whether there are too many, and this one is not among those that have a right to be served."""
        if self._load.requests <= self._most or scope["path"] in ALWAYS_SERVED:
            return False
        if not self._load.is_over_its_share(held.key or "", self._most):
            return False
        if scope["method"] != "POST" or not (scope["path"] == _OWN_PATH or scope["path"].startswith(_SOURCES)):
            raise Overloaded(_BUSY)
        return True

    async def _read(self, scope: Scope, receive: Receive, held: _Held) -> bytes:
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise Unsupported("send the body uncompressed")
        limit = self._body_bytes if scope[KEY] else _STRANGERS_BYTES
        announced = headers.get(b"content-length", b"0")
        if not announced.isdigit() or len(announced) > 12 or int(announced) > limit:
            raise self._over(scope)
        if scope[CROWDED] and (int(announced) > _CROWD_BYTES or b"transfer-encoding" in headers):
            raise Overloaded(_BUSY)
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
            if held.size + len(chunk) > limit:
                raise self._over(scope)
            held.take(len(chunk))
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    def _over(self, scope: Scope) -> PathfinderError:
        if scope[KEY] is None:
            return Unauthenticated("send an API key: bodies of strangers are not read")
        return TooLarge(f"the body is larger than {self._body_bytes} bytes: send fewer alerts at once")


class _Held:
    """What one request holds: its place among those of its key, and body bytes, counted into those of all."""

    def __init__(self, load: Load, most: int) -> None:
        self.size = 0
        self.key: str | None = None
        self._load = load
        self._most = most

    def name(self, key: str) -> None:
        """It is of this key, "" for strangers."""
        self.key = key
        self._load.by_key[key] = self._load.by_key.get(key, 0) + 1

    def take(self, count: int) -> None:
        if self._load.body_bytes + count > self._most:
            raise Overloaded("too many large bodies at once: send it again")
        self.size += count
        self._load.body_bytes += count

    def free(self) -> None:
        self._load.body_bytes -= self.size
        if self.key is not None:
            self._load.drop(self.key)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""

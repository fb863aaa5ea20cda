"""Who asks, and may they: API keys from four places a tool can put them, and a scope on every route."""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.concurrency import run_in_threadpool

from api.errors import Forbidden, Overloaded, Unauthenticated
from engine.errors import Unavailable
from engine.store.records import Key, Scope

KEY = "pathfinder.key"  # where the request's key stands in the ASGI scope
_LONGEST = 256  # characters of a token
_GUESSES, _GUESSES_PER_S = 200, 10.0  # unknown tokens one address may try at once, and from then on
_KEPT = 10_000  # tokens remembered, right and wrong ones together
_UNKNOWN: tuple[float, Key | None] = (-1e9, None)  # when a token was asked about, and whose it is


def presented(headers: Iterable[tuple[bytes, bytes]], query: bytes) -> str:
    """The token a request carries, "" if none.

    `Authorization: Bearer` or `GenieKey`, the password of `Authorization: Basic`, `X-API-Key`, and, for tools that can
    set nothing but a URL, `?token=` (which ends up in proxies' logs: the last resort).

    Examples
    --------
    >>> presented([(b"x-api-key", b"pf_1_secret")], b"")
    'pf_1_secret'
    >>> presented([], b"token=pf_1_secret")
    'pf_1_secret'
    """
    found = dict(headers)
    scheme, _, rest = found.get(b"authorization", b"").partition(b" ")
    if scheme.lower() in (b"bearer", b"geniekey"):
        return _text(rest.strip())
    if scheme.lower() == b"basic":
        return _password(rest.strip())
    if b"x-api-key" in found:
        return _text(found[b"x-api-key"])
    return parse_qs(_text(query, 4096)).get("token", [""])[0] if b"token=" in query else ""


def _text(raw: bytes, longest: int = _LONGEST) -> str:
    return raw[:longest].decode("latin-1")


def _password(raw: bytes) -> str:
    try:
        return _text(base64.b64decode(raw, validate=True).partition(b":")[2])
    except (binascii.Error, ValueError):
        return ""


class _Guesses:
    """How many tokens that nobody knows one address may try: a bucket that fills up again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> when, tries left then

    def allow(self, address: str) -> bool:
        """Whether another one may be tried now; counts it."""
        now = self._clock()
        at, left = self._left.pop(address, (now, float(_GUESSES)))
        left = min(_GUESSES, left + (now - at) * _GUESSES_PER_S)
        self._left[address] = (now, max(0.0, left - 1))
        if len(self._left) > _KEPT:
            self._left.popitem(last=False)
        return left >= 1


def digest_of(token: str) -> bytes:
    """What is remembered of a token in its place."""
    return hashlib.sha256(token.encode()).digest()


class KeyRing:
    """Remembers for a few seconds what the store said of a token, so that a storm asks it once and not per alert.

    A revoked key ends within `keep_s`. While the store does not answer, what is remembered holds.
    """

    def __init__(
        self, check: Callable[[str], Key | None], *, keep_s: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Of the store's `check`; only digests of tokens are kept."""
        self._check = check
        self._keep_s = keep_s
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Key | None]] = OrderedDict()
        self._guesses = _Guesses(clock)

    async def find(self, token: str, address: str = "") -> Key | None:
        """The key of `token`, None if it is not genuine; `address` is where it comes from.

        Raises
        ------
        Overloaded
            If tokens nobody knows have come from there one after the other: somebody is guessing.
        Unavailable
            If the store does not answer and the token has not been seen before.
        """
        if not token:
            return None
        digest = digest_of(token)
        at, key = self._known.get(digest, _UNKNOWN)
        if self._clock() - at < self._keep_s:
            return key
        if key is None and not self._guesses.allow(address):
            raise Overloaded("too many keys that nobody knows: wait a while")
        try:
            key = await run_in_threadpool(self._check, token)
        except Unavailable:
            if key is None:
                raise
        self._remember(digest, key)
        return key

    def known(self, digest: bytes) -> Key | None:
        """The key of the token with this digest if the store was asked moments ago; None where it has to be asked."""
        at, key = self._known.get(digest, _UNKNOWN)
        return key if self._clock() - at < self._keep_s else None

    def _remember(self, digest: bytes, key: Key | None) -> None:
        self._known[digest] = (self._clock(), key)
        self._known.move_to_end(digest)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)


def allowed(key: Key, scope: Scope) -> bool:
    """Whether `key` may do what `scope` names; admin may do everything."""
    return scope in key.scopes or Scope.ADMIN in key.scopes


def demand(key: Key | None, scopes: Iterable[Scope]) -> None:
    """Pass if `key` has all of `scopes`.

    Raises
    ------
    Unauthenticated
        Without a genuine key.
    Forbidden
        With a key of other scopes.
    """
    if key is None:
        raise Unauthenticated("send an API key: Authorization: Bearer pf_…, or X-API-Key")
    for scope in scopes:
        if not allowed(key, scope):
            raise Forbidden(f"this key lacks the scope {scope.value}")


class ApiKey(SecurityBase):
    """The dependency that puts a scope on a route: `Security(API_KEY, scopes=[Scope.READ])`."""

    def __init__(self) -> None:
        """Described in OpenAPI as a bearer token."""
        self.model = HTTPBearer(description="also: X-API-Key, the password of Basic, or ?token=")
        self.scheme_name = "api_key"

    async def __call__(self, request: Request, needed: SecurityScopes) -> None:
        """Let the request pass if its key has the route's scopes."""
        demand(request.scope.get(KEY), [Scope(scope) for scope in needed.scopes])


API_KEY = ApiKey()


def actor(request: Request) -> str:
    """The name of the key that asks, for timelines."""
    key: Any = request.scope.get(KEY)
    return key.name if isinstance(key, Key) else ""

"""Bytes to plain JSON values, refusing what JSON does not allow and what no database can hold."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.errors import InvalidInput

_BOM = b"\xef\xbb\xbf"
_NUL = b"\\u0000"
_MOST_LEVELS = 200
_MOST_VALUES = 400_000  # in one body: what a body costs in memory is the number of its values, not its bytes


def decode(body: bytes) -> Any:
    """The JSON value in `body`.

    NaN, infinities, lone surrogates, other encodings than UTF-8, more than 200 levels and integers of thousands of
    digits are refused; a byte order mark is skipped; NUL characters are dropped, since PostgreSQL cannot store them.

    Raises
    ------
    InvalidInput
        With the place of the fault and nothing of the body.

    Examples
    --------
    >>> decode(b'{"title": "disk full\\\\u0000"}')
    {'title': 'disk full'}
    """
    if len(body) > 2 * _MOST_VALUES and _values(body) > _MOST_VALUES:  # none takes less than two bytes
        raise InvalidInput("the body is not valid JSON: too many values, send it in parts")
    try:
        value = orjson.loads(body.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is not valid JSON: {error.msg} at byte {error.pos}") from None
    has_nul = b"\\" in body and _NUL in body  # one byte is looked for at a tenth of the cost of several
    if len(body) > 2 * _MOST_LEVELS and (has_nul or _is_deep(body)):
        _refuse_deep(value)
    return _without_nul(value) if has_nul else value


def _values(body: bytes) -> int:
    """How many values it holds, about: no fewer than there are."""
    return body.count(b"{") + body.count(b"[") + body.count(b",")


def _is_deep(body: bytes) -> bool:
    """Whether it may be: brackets or braces are closed in a row."""
    return b"]]]]]]]]" in body or b"}}}}}}}}" in body


def _refuse_deep(value: Any) -> None:
    """Look level by level; what is deeper than anybody means is refused."""
    level = [value]
    for _ in range(_MOST_LEVELS + 1):
        level = [one for outer in level for one in _inside(outer)]
        if not level:
            return
    raise InvalidInput(f"the body is not valid JSON: more than {_MOST_LEVELS} levels")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _without_nul(value: Any) -> Any:
    """`value` without NUL characters; at most 200 levels deep, as `decode` has made sure."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {key.replace("\x00", ""): _without_nul(item) for key, item in value.items()}
    return value


class _StrictRequest(Request):
    """A request whose JSON is read by `decode`."""

    async def json(self) -> Any:
        """The body's JSON value; a fault in it is reported the way FastAPI expects."""
        try:
            return decode(await self.body())
        except InvalidInput as error:
            reason = str(error).partition(": ")[2]
            raise json.JSONDecodeError(reason, "", 0) from None


class StrictRoute(APIRoute):
    """A route whose body is read by `decode`: the `route_class` of every router here."""

    def get_route_handler(self) -> Any:
        """FastAPI's handler, given the strict request."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return handle


async def replay(app: Any, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
    """Call `app` with a body that has been read already."""
    sent = False

    async def again() -> Any:
        nonlocal sent
        if sent:
            return await receive()  # the client's disconnect
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    await app(scope, again, send)

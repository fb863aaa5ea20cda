"""Bytes to plain JSON values, refusing what JSON does not allow and what no database can hold."""

from __future__ import annotations

import json
import re
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.errors import InvalidInput

_BOM = b"\xef\xbb\xbf"
_NUL = b"\\u0000"
_HUGE = re.compile(rb"\d[eE]\+?[1-9]\d\d")  # numbers beyond a double's 1e308 come back as infinity


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
    try:
        value = from_json(body.removeprefix(_BOM), allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInput(f"the body is not valid JSON: {error}") from None
    if _HUGE.search(body):
        _refuse_infinite(value)
    return _without_nul(value) if _NUL in body else value


def _refuse_infinite(value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise InvalidInput("the body is not valid JSON: number out of range") from None


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

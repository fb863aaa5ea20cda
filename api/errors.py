"""Where errors become HTTP answers: one table. Answers name fields and never repeat values."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Scope

from engine.errors import Conflict, InvalidInput, ModelUnusable, NotFound, PathfinderError, Unavailable

_LOG = logging.getLogger(__name__)
_MOST_FIELDS = 20  # problems listed in one answer
_MOST_TEXT = 300  # characters of one message


class Unauthenticated(PathfinderError):
    """No API key came with the request, or none that is known."""


class Forbidden(PathfinderError):
    """The key is genuine and may not do this."""


class TooLarge(PathfinderError):
    """The request body is larger than this service reads."""


class TooSlow(PathfinderError):
    """The request did not arrive in time."""


class Unsupported(PathfinderError):
    """The body is coded in a way this service does not read."""


class NoneTaken(InvalidInput):
    """The body could be read, and none of the alerts in it."""

    def __init__(self, message: str, fields: Sequence[Mapping[str, str]]) -> None:
        """With `{field, problem}` of the first alerts."""
        super().__init__(message)
        self.fields = fields


class Overloaded(Unavailable):
    """More is asked than this machine can do: sent again shortly, it will be taken.

    Senders of alerts are told 503: Alertmanager's webhook sends again after 5xx only and drops the alert after any 4xx,
    429 included. Everybody else is told 429, which is what their libraries wait after.
    """


# error -> (status, word for programs, further headers); the first class that fits, so subclasses stand above
TABLE: tuple[tuple[type[PathfinderError], int, str, Mapping[str, str]], ...] = (
    (Unauthenticated, 401, "unauthenticated", {"WWW-Authenticate": 'Bearer realm="pathfinder"'}),
    (Forbidden, 403, "forbidden", {}),
    (NotFound, 404, "not_found", {}),
    (TooSlow, 408, "too_slow", {"Connection": "close"}),
    (Conflict, 409, "conflict", {}),
    (TooLarge, 413, "too_large", {"Connection": "close"}),
    (Unsupported, 415, "unsupported", {}),
    (InvalidInput, 422, "invalid", {}),
    (Overloaded, 503, "overloaded", {"Retry-After": "1"}),
    (Unavailable, 503, "unavailable", {"Retry-After": "5"}),
    (ModelUnusable, 503, "model_unusable", {"Retry-After": "5"}),
)
_UNEXPECTED, _NO_METHOD = 500, 405
_WORDS = {400: "invalid", 404: "not_found", _NO_METHOD: "method_not_allowed"}


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`content` (dataclasses, times, pydantic models and all) as a JSON answer."""
    return Response(to_json(content), status_code=status, headers=headers, media_type="application/json")


def not_ready(content: Any) -> Response:
    """`content` as the answer of a service that cannot store alerts now."""
    return json_response(content, 503, {"Retry-After": "5"})


_TOO_MANY = 429
_SENDERS = ("/v1/ingest/",)  # paths of alerting tools
_SENDING_AGENTS = (b"alertmanager/", b"grafana")  # beginnings of their names, in lower case


def is_sender(scope: Scope) -> bool:
    """Whether an alerting tool asks, which drops what is answered with 429."""
    agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    return scope["path"].startswith(_SENDERS) or agent.lower().startswith(_SENDING_AGENTS)


def answer(error: Exception, fields: Sequence[Mapping[str, str]] = (), scope: Scope | None = None) -> Response:
    """The HTTP answer for `error`: `{error, message, fields?}`. An error that is not ours says nothing of itself.

    `scope` is the request's: who asks decides what it is told of overload.
    """
    fields = error.fields if isinstance(error, NoneTaken) else fields
    for kind, status, word, headers in TABLE:
        if isinstance(error, kind):
            if kind is Overloaded and scope is not None and not is_sender(scope):
                status = _TOO_MANY
            if error.field:
                fields = [{"field": error.field, "problem": str(error)[:_MOST_TEXT]}]
            return _body(status, word, str(error)[:_MOST_TEXT], fields, headers)
    return _body(_UNEXPECTED, "internal", "something went wrong here; it is in the log")


def _body(
    status: int,
    word: str,
    message: str,
    fields: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    content: dict[str, Any] = {"error": word, "message": message}
    if fields:
        content["fields"] = fields
    return json_response(content, status, headers)


def register(app: FastAPI, known_names: frozenset[str]) -> None:
    """Answer all errors of `app` by the table. `known_names` are the field names that may be repeated to the caller."""

    async def deliberate(request: Request, error: Exception) -> Response:
        return answer(error, scope=request.scope)

    async def unreadable(_: Request, error: Exception) -> Response:
        fields = _fields(cast(RequestValidationError, error), known_names)
        return answer(InvalidInput("the request does not have the expected form"), fields)

    async def routing(request: Request, error: Exception) -> Response:
        told = cast(HTTPException, error)
        word = _WORDS.get(told.status_code, "invalid")
        methods = _methods(documented(), request.scope["path"]) if told.status_code == _NO_METHOD else ""
        headers = {"Allow": methods} if methods else told.headers
        return _body(told.status_code, word, word.replace("_", " "), headers=headers)

    @cache
    def documented() -> list[_Place]:
        return [(compile_path(path)[0], [*methods]) for path, methods in app.openapi()["paths"].items()]

    async def unexpected(request: Request, error: Exception) -> Response:
        _LOG.error("unexpected %s in %s", type(error).__name__, request.scope.get("endpoint"), exc_info=error)
        return answer(error)

    app.add_exception_handler(PathfinderError, deliberate)
    app.add_exception_handler(RequestValidationError, unreadable)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(Exception, unexpected)


_Place = tuple[re.Pattern[str], list[str]]  # a documented path, and its methods in small letters


def _methods(documented: Sequence[_Place], path: str) -> str:
    """What may be asked of `path`, over all its routes: the one that was looked at first knows its own methods only."""
    return ", ".join(sorted(name.upper() for place, names in documented if place.match(path) for name in names))


def _fields(error: RequestValidationError, known_names: frozenset[str]) -> list[dict[str, str]]:
    """`{field, problem}` of the first problems. Keys that a caller made up are data: they appear as `*`."""
    return [
        {"field": _place(problem["loc"], known_names), "problem": _problem(problem)}
        for problem in error.errors()[:_MOST_FIELDS]
    ]


def _place(loc: tuple[int | str, ...], known_names: frozenset[str]) -> str:
    if loc[0] == "body" and isinstance(loc[-1], int) and len(loc) == 2:
        return "body"  # the byte at which JSON ends to be JSON
    steps = loc if len(loc) == 1 else loc[1:]  # without "body", "query", "path" in front
    return ".".join(str(step) if isinstance(step, int) or step in known_names else "*" for step in steps)


_PLAIN = {
    "json_invalid": "the body is not valid JSON",
    "extra_forbidden": "no such field",
    "model_attributes_type": "send a JSON object, with content-type application/json",
}


def _problem(problem: Mapping[str, Any]) -> str:
    if problem["type"] in _PLAIN:
        reason = problem.get("ctx", {}).get("error", "") if problem["type"] == "json_invalid" else ""
        return f"{_PLAIN[problem['type']]}{': ' if reason else ''}{reason}"[:_MOST_TEXT]
    return str(problem["msg"]).removeprefix("Value error, ")[:_MOST_TEXT]

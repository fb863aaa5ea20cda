"""The shortest way of a delivery: from the parser's last byte to the queue, without a task of its own.

Only what is plain goes here: a small whole body, a key that was checked moments ago, a source that does not sign,
nobody crowding, every alert readable. Whatever else comes is left to the long way (`api.limits`, `api.express`), which
says what is wrong with it; a test holds that both ways answer alike.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.responses import Response
from starlette.types import Scope

from api.body import decode
from api.deliveries import LARGE, SIGNED_BY_SNS, Read, answer_of, delivery_of
from api.desk import Desk
from api.errors import answer
from api.express import delivery_route
from api.ladder import HEADER
from api.limits import Load
from api.security import allowed, presented
from engine.clock import utc_now
from engine.domain import Receipt
from engine.errors import InvalidInput, PathfinderError
from engine.live import STUMBLES
from engine.sources import SOURCES, Parsed
from engine.store import records

Answered = Callable[[bytes, bytes], None]  # with the line of the status, and what comes after the server's headers
_LINES = {202: b"HTTP/1.1 202 Accepted\r\n", 503: b"HTTP/1.1 503 Service Unavailable\r\n"}
_NOT_PLAIN = frozenset({b"content-encoding", b"transfer-encoding", b"expect", b"upgrade"})


@dataclass(kw_only=True, slots=True)
class _Going:
    """A delivery on its way."""

    source: str
    scope: Scope
    parsed: Parsed
    key: str
    began: float
    answered: Answered


class Lane:
    """Takes plain deliveries of one application."""

    def __init__(self, desk: Desk, load: Load, most: int) -> None:
        """Of the application's `desk`, with the `load` that it shares with `Limits`; `most` requests at once."""
        self._desk = desk
        self._load = load
        self._most = most

    def is_for(self, scope: Scope) -> bool:
        """Whether a request may go this way, as far as its head tells."""
        found = delivery_route(scope)
        if found is None or found[0] not in SOURCES or found[0] == SIGNED_BY_SNS:
            return False
        if found[0] in self._desk.settings.webhook_secrets or self._load.requests >= self._most:
            return False
        return all(name not in _NOT_PLAIN for name, _ in scope["headers"])

    def take(self, scope: Scope, body: bytes, answered: Answered) -> bool:
        """Take a delivery, if it is plain; `answered` gets the answer once it is on disk.

        False if it has to go the long way; nothing has happened then.
        """
        began = time.perf_counter()
        key = self._desk.keys.known(presented(scope["headers"], scope["query_string"]))
        found = delivery_route(scope)
        if key is None or found is None or len(body) > LARGE or not allowed(key, records.Scope.INGEST):
            return False
        source, scope["route"] = found
        parsed = _parsed(source, body)
        if parsed is None:
            return False
        delivery = delivery_of(scope, source, body, key.id)
        try:
            waiting = self._desk.intake.put(parsed.alerts, delivery=delivery, sender=key.id)
        except PathfinderError:
            return False
        self._load.enter(key.id)
        going = _Going(source=source, scope=scope, parsed=parsed, key=key.id, began=began, answered=answered)
        waiting.add_done_callback(partial(self._done, going))
        return True

    def _done(self, going: _Going, told: asyncio.Future[list[Receipt]]) -> None:
        """It is on disk, or refused."""
        self._load.leave(going.key)
        error = None if told.cancelled() else told.exception()
        if isinstance(error, Exception):
            response = answer(error, scope=going.scope)
        else:
            response = self._taken(going, told.result())
        self._desk.telemetry.answered(going.scope, response.status_code, time.perf_counter() - going.began)
        going.answered(*_written(response, self._desk.step().encode()))

    def _taken(self, going: _Going, receipts: Sequence[Receipt]) -> Response:
        self._desk.telemetry.received(going.source, Counter([receipt.outcome for receipt in receipts]), 0)
        try:
            return answer_of(Read(going.parsed), receipts, self._desk)
        except PathfinderError as error:
            return answer(error, scope=going.scope)


def _parsed(source: str, body: bytes) -> Parsed | None:
    """What the body holds; None where anything in it needs a closer look."""
    try:
        parsed = SOURCES[source].parse(decode(body), utc_now())
    except (InvalidInput, *STUMBLES):
        return None
    return parsed if parsed.alerts and not parsed.rejected else None


def _written(response: Response, step: bytes) -> tuple[bytes, bytes]:
    """The answer as it goes over the wire: the line of its status, and its own headers and body."""
    line = _LINES.get(response.status_code) or b"HTTP/1.1 %d \r\n" % response.status_code
    heads = b"".join(b"%b: %b\r\n" % head for head in (*response.raw_headers, (HEADER, step)))
    return line, b"".join((heads, b"\r\n", response.body))

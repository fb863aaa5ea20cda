"""The shortest way of a delivery: from the parser's last byte to the queue, without a task of its own.

Only what is plain goes here: a whole body of a moderate size, a key that was checked moments ago, a source that does
not sign, nobody crowding, every alert readable. Whatever else comes is left to the long way (`api.limits`,
`api.express`), which says what is wrong with it; a test holds that both ways answer alike.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Scope

from api.body import decode
from api.deliveries import SIGNED_BY_SNS, Read, delivery_of, told_of
from api.desk import Desk
from api.errors import answer
from api.express import delivery_route
from api.ladder import HEADER
from api.limits import Load
from api.security import allowed, digest_of, presented
from engine.clock import utc_now
from engine.domain import Receipt
from engine.errors import InvalidInput, PathfinderError, Unavailable
from engine.handling.live import STUMBLES
from engine.sources import SOURCES, Parsed
from engine.store import records

Answered = Callable[[bytes, bytes], None]  # with the line of the status, and what comes after the server's headers
_LINES = {202: b"HTTP/1.1 202 Accepted\r\n", 503: b"HTTP/1.1 503 Service Unavailable\r\n"}
_NOT_PLAIN = frozenset({b"content-encoding", b"transfer-encoding", b"expect", b"upgrade"})
_MOST_BYTES, _MOST_ALERTS = 131_072, 500  # of one body: reading it holds up the event loop for some milliseconds
_TAKEN = b"content-length: %d\r\ncontent-type: application/json\r\n%b: %b\r\n\r\n%b"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plain:
    """What the head of a plain delivery says. It says the same of another one with the same head."""

    scope: Scope
    source: str
    token: bytes  # its digest


@dataclass(kw_only=True, slots=True)
class _Going:
    """A delivery on its way."""

    plain: Plain
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

    def plain(self, scope: Scope) -> Plain | None:
        """What the head says of a delivery that may go this way; None of any other request."""
        found = delivery_route(scope)
        if found is None or found[0] not in SOURCES or found[0] == SIGNED_BY_SNS:
            return None
        if found[0] in self._desk.settings.webhook_secrets or any(name in _NOT_PLAIN for name, _ in scope["headers"]):
            return None
        source, scope["route"] = found
        return Plain(scope=scope, source=source, token=digest_of(presented(scope["headers"], scope["query_string"])))

    def take(self, plain: Plain, body: bytes, answered: Answered) -> bool:
        """Take a delivery, if it is plain; `answered` gets the answer once it is on disk.

        False if it has to go the long way; nothing has happened then.
        """
        began, desk = time.perf_counter(), self._desk
        key = desk.keys.known(plain.token)
        if key is None or self._load.requests >= self._most or not allowed(key, records.Scope.INGEST):
            return False
        parsed = _parsed(plain.source, body)
        if parsed is None:
            return False
        delivery = delivery_of(plain.scope, plain.source, body, key.id)
        going = _Going(plain=plain, parsed=parsed, key=key.id, began=began, answered=answered)
        loop = asyncio.get_running_loop()

        def told(outcome: list[Receipt] | Unavailable) -> None:
            loop.call_soon(self._done, going, outcome)

        try:
            desk.intake.put(parsed.alerts, told, delivery=delivery, sender=key.id)
        except PathfinderError:
            return False
        self._load.enter(key.id)
        return True

    def _done(self, going: _Going, outcome: list[Receipt] | Unavailable) -> None:
        """It is on disk, or refused."""
        self._load.leave(going.key)
        desk, step = self._desk, self._desk.step()
        if isinstance(outcome, list):
            status, line, rest = self._taken(going, outcome, step)
        else:
            status, line, rest = _refused(outcome, going, step)
        desk.telemetry.answered(going.plain.scope, status, time.perf_counter() - going.began)
        going.answered(line, rest)

    def _taken(self, going: _Going, receipts: Sequence[Receipt], step: str) -> tuple[int, bytes, bytes]:
        source = going.plain.source
        self._desk.telemetry.received(source, Counter([receipt.outcome for receipt in receipts]), 0)
        try:
            told = told_of(Read(going.parsed), receipts, step)
        except PathfinderError as error:
            return _refused(error, going, step)
        return 202, _LINES[202], _TAKEN % (len(told), HEADER, step.encode(), told)


def _refused(error: PathfinderError, going: _Going, step: str) -> tuple[int, bytes, bytes]:
    response = answer(error, scope=going.plain.scope)
    return response.status_code, *_written(response, step.encode())


def _parsed(source: str, body: bytes) -> Parsed | None:
    """What the body holds; None where anything in it needs a closer look."""
    if len(body) > _MOST_BYTES:
        return None
    reader = SOURCES[source]
    try:
        payload = decode(body)
        if len(reader.entries(payload)) > _MOST_ALERTS:
            return None
        parsed = reader.parse(payload, utc_now())
    except (InvalidInput, *STUMBLES):
        return None
    return parsed if parsed.alerts and not parsed.rejected else None


def _written(response: Response, step: bytes) -> tuple[bytes, bytes]:
    """The answer as it goes over the wire: the line of its status, and its own headers and body."""
    line = _LINES.get(response.status_code) or b"HTTP/1.1 %d \r\n" % response.status_code
    heads = b"".join(b"%b: %b\r\n" % head for head in (*response.raw_headers, (HEADER, step)))
    return line, b"".join((heads, b"\r\n", response.body))

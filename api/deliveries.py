"""From the bytes of one delivery to its answer: read, stored, told what became of each alert."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from operator import attrgetter
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Scope

from api.body import decode
from api.desk import Desk
from api.errors import NoneTaken, Overloaded
from api.limits import CROWDED
from api.queue import rank_of
from api.security import KEY
from api.signatures import check
from api.sns import Sns
from engine.clock import utc_now
from engine.domain import Receipt
from engine.errors import InvalidInput, NotFound
from engine.handling.live import STUMBLES
from engine.handling.receiving import DUPLICATE, QUARANTINED
from engine.redaction import redact, redact_value
from engine.sources import SOURCES, Parsed, Rejected, Source
from engine.store.quarantine import MOST_KEPT, Aside

_LOG = logging.getLogger(__name__)
LARGE = 32_768  # bytes from which on reading a body would hold up the event loop
_AT_ONCE = asyncio.Semaphore(2)  # large bodies read at once: what one costs in memory is many times its size
_MOST_LISTED = 20
SIGNED_BY_SNS = "cloudwatch"
_NAMED = (
    b"idempotency-key", b"x-delivery-id", b"webhook-id", b"x-webhook-id", b"svix-id", b"x-github-delivery",
    b"x-amz-sns-message-id", b"x-gitlab-event-uuid",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Read:
    """What a body held: its alerts, and what of it could not be read, to be kept."""

    parsed: Parsed
    asides: Sequence[Aside] = ()


async def take(name: str, body: bytes, desk: Desk, scope: Scope) -> Response:
    """Read `body` as what the source `name` sends, store its alerts, and say what became of each.

    Raises
    ------
    NotFound
        If there is no such source.
    Unauthenticated
        If the source has to sign, and did not.
    InvalidInput
        If the body cannot be read, or none of its alerts.
    Overloaded
        If too much is asked at once and nothing in it is critical.
    Unavailable
        If nothing could be stored: the sender keeps it and sends it again.
    """
    source = SOURCES.get(name)
    if source is None:
        raise NotFound(f"unknown source; known are {', '.join(sorted(SOURCES))}")
    check(name, scope["headers"], body, desk.settings.webhook_secrets, utc_now())
    key = scope.get(KEY)
    sender = key.name if key else ""
    read = await _read(name, source, body, sender, desk.sns)
    if scope.get(CROWDED) and rank_of(read.parsed.alerts) > 0:
        desk.telemetry.shed()
        raise Overloaded("too many requests at once: send it again")
    if read.asides:
        await run_in_threadpool(desk.pathfinder.put_aside, read.asides)
    delivery = delivery_of(scope, name, body, key.id if key else "")
    receipts = await desk.intake.take(read.parsed.alerts, delivery=delivery, sender=key.id if key else "")
    desk.telemetry.received(name, Counter([receipt.outcome for receipt in receipts]), len(read.parsed.rejected))
    return answer_of(read, receipts, desk)


async def _read(name: str, source: Source, body: bytes, sender: str, sns: Sns) -> Read:
    if name == SIGNED_BY_SNS:
        await run_in_threadpool(_believe, body, sns)
    if len(body) <= LARGE:
        return _parse(name, source, body, sender)
    async with _AT_ONCE:
        return await run_in_threadpool(_parse, name, source, body, sender)


def _believe(body: bytes, sns: Sns) -> None:
    """Pass if Amazon sent it for a topic that is allowed; a subscription is confirmed."""
    message = decode(body)
    if not isinstance(message, dict):
        raise InvalidInput("payload must be a message of Amazon SNS")
    sns.check(message, utc_now())
    if message["Type"] == "SubscriptionConfirmation":
        sns.confirm(message)


def _parse(name: str, source: Source, body: bytes, sender: str) -> Read:
    payload, now = decode(body), utc_now()
    try:
        parsed = source.parse(payload, now)
    except InvalidInput:
        raise
    except STUMBLES as error:  # a payload nobody foresaw: it is kept, and the rest of the service goes on
        _LOG.exception("the source %s stumbles over a payload", name)
        problem = f"could not be read ({type(error).__name__})"
        aside = _aside(name, payload, "payload", problem, now, sender)
        return Read(Parsed(alerts=(), rejected=(Rejected(0, "payload", problem),)), (aside,))
    if not parsed.rejected:
        return Read(parsed)
    entries = source.entries(payload)
    most = MOST_KEPT if parsed.alerts else _MOST_LISTED  # where none could be read, the sender is refused, and keeps it
    bad = [one for one in parsed.rejected if one.index < len(entries)][:most]
    return Read(
        parsed,
        [_aside(name, source.wrap(entries[one.index]), one.field, one.problem, now, sender) for one in bad],
    )


def _aside(source: str, payload: object, field: str, problem: str, at: datetime, sender: str) -> Aside:
    try:
        text = orjson.dumps(redact_value(payload)).decode()
    except (TypeError, RecursionError):
        text = "null"
    return Aside(source=source, payload=text, field=redact(field), problem=problem, at=at, sender=sender)


def delivery_of(scope: Scope, source: str, body: bytes, key_id: str) -> str:
    """What makes this delivery and its being sent again the same; "" where the sender names none.

    The body counts too: an id that is used for something else by mistake must not lose it.
    """
    named = next((value for name, value in scope["headers"] if name in _NAMED), b"")
    if not named:
        return ""
    digest = hashlib.sha256(b"\x1f".join((key_id.encode(), source.encode(), named[:1000])))
    digest.update(hashlib.sha256(body).digest())
    return digest.hexdigest()


def answer_of(read: Read, receipts: Sequence[Receipt], desk: Desk) -> Response:
    """The answer to a delivery, of which `receipts` tell what became of it. Raises NoneTaken."""
    return Response(told_of(read, receipts, desk.step()), status_code=202, media_type="application/json")


def told_of(read: Read, receipts: Sequence[Receipt], step: str) -> bytes:
    """The JSON of the answer, given on this `step` of the ladder. Raises NoneTaken."""
    rejected = [*read.parsed.rejected, *_refused(receipts, read.parsed)]
    rejected.sort(key=attrgetter("index"))
    kept = any(receipt.outcome == QUARANTINED for receipt in receipts)
    stored = [receipt for receipt in receipts if receipt.outcome != QUARANTINED] if kept else receipts
    stumbled = bool(read.asides) and read.asides[0].field == "payload"
    if not stored and rejected and not kept and not stumbled:
        fields = [{"field": f"{r.index}.{r.field}", "problem": r.problem} for r in rejected[:_MOST_LISTED]]
        raise NoneTaken("none of the alerts could be read", fields)
    told = _taken(stored, rejected, read.parsed.missing)
    told |= {"quarantined": len(receipts) - len(stored) + len(read.asides), "rung": step}
    return orjson.dumps(told)


def _refused(receipts: Sequence[Receipt], parsed: Parsed) -> Iterator[Rejected]:
    """The alerts that storage refused, by their place among the entries of the body."""
    if all(receipt.outcome != QUARANTINED for receipt in receipts):
        return
    unread = {rejected.index for rejected in parsed.rejected}
    places = (index for index in count() if index not in unread)
    for index, receipt in zip(places, receipts, strict=False):
        if receipt.outcome == QUARANTINED:
            yield Rejected(index, "alert", "could not be stored")


def _taken(receipts: Sequence[Receipt], rejected: Sequence[Rejected], missing: int) -> dict[str, Any]:
    return {
        "accepted": len(receipts),
        "duplicates": sum(receipt.outcome == DUPLICATE for receipt in receipts),
        "rejected": rejected[:_MOST_LISTED],
        "rejected_count": len(rejected),
        "missing": missing,
        "incident_ids": list(dict.fromkeys(receipt.incident_id for receipt in receipts if receipt.incident_id)),
        "receipts": receipts,
    }

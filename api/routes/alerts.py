"""Alerts in: a delivery is answered when it is on disk and grouped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from operator import attrgetter
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.body import decode
from api.desk import AtDesk, Desk, may, router
from api.errors import NoneTaken, json_response
from api.intake import REFUSED
from api.schemas.answers import Problem, Taken
from api.schemas.requests import AlertIn
from engine.clock import utc_now
from engine.domain import Receipt
from engine.errors import NotFound, Unavailable
from engine.sources import SOURCES, Parsed, Rejected, Source
from engine.store.records import Scope

_LARGE = 32_768  # bytes from which on reading a body would hold up the event loop
_MOST_LISTED = 20
OWN_PATH, SOURCE_PATH = "/v1/alerts", "/v1/ingest/{source}"
routes = router("alerts")

_PER_ALERT = (
    "One unreadable alert never holds up the others: it is listed under `rejected`. 503 means: send it all again."
)
_REFUSALS: dict[int | str, dict[str, Any]] = {422: {"model": Problem}, 503: {"model": Problem}}


def _body_of(schema: Mapping[str, Any], example: Any) -> dict[str, Any]:
    """The OpenAPI entry of a body that is read as bytes."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


_OWN = AlertIn.model_json_schema()


@routes.post(
    OWN_PATH,
    status_code=202,
    response_model=Taken,
    responses=_REFUSALS,
    dependencies=[may(Scope.INGEST)],
    openapi_extra=_body_of({"oneOf": [_OWN, {"type": "array", "items": _OWN}]}, SOURCES["generic"].example),
    description=f"One alert in PathFinder's own form, or a list of them. {_PER_ALERT}",
)
async def send_alerts(request: Request, desk: AtDesk) -> Response:
    """Take alerts in PathFinder's own form."""
    return await take("generic", await request.body(), desk)


@routes.post(
    SOURCE_PATH,
    status_code=202,
    response_model=Taken,
    responses={404: {"model": Problem}, **_REFUSALS},
    dependencies=[may(Scope.INGEST)],
    openapi_extra=_body_of({}, SOURCES["alertmanager"].example),
    description=f"What an alerting tool sends, as it sends it. Sources: {', '.join(sorted(SOURCES))}. {_PER_ALERT}",
)
async def ingest(source: str, request: Request, desk: AtDesk) -> Response:
    """Take a tool's own payload."""
    return await take(source, await request.body(), desk)


async def take(name: str, body: bytes, desk: Desk) -> Response:
    """Read `body` as what the source `name` sends, store its alerts, and say what became of each.

    Raises
    ------
    NotFound
        If there is no such source.
    InvalidInput
        If the body cannot be read, or none of its alerts.
    Unavailable
        If nothing could be stored: the sender keeps it and sends it again.
    """
    source = SOURCES.get(name)
    if source is None:
        raise NotFound(f"unknown source; known are {', '.join(sorted(SOURCES))}")
    parsed = await run_in_threadpool(_parse, source, body) if len(body) > _LARGE else _parse(source, body)
    receipts = await desk.intake.take(parsed.alerts)
    desk.telemetry.received(name, receipts, len(parsed.rejected))
    stored = [receipt for receipt in receipts if receipt.outcome != REFUSED]
    if receipts and not stored:
        raise Unavailable("storage took none of the alerts: send them again")
    rejected = sorted([*parsed.rejected, *_refused(receipts, parsed)], key=attrgetter("index"))
    if not stored and rejected:
        fields = [{"field": f"{r.index}.{r.field}", "problem": r.problem} for r in rejected[:_MOST_LISTED]]
        raise NoneTaken("none of the alerts could be read", fields)
    return json_response(_taken(stored, rejected, parsed.missing), status=202)


def _refused(receipts: Sequence[Receipt], parsed: Parsed) -> Iterator[Rejected]:
    """The alerts that storage refused, by their place among the entries of the body."""
    unread = {rejected.index for rejected in parsed.rejected}
    places = (index for index in count() if index not in unread)
    for index, receipt in zip(places, receipts, strict=False):
        if receipt.outcome == REFUSED:
            yield Rejected(index, "alert", "could not be stored")


def _parse(source: Source, body: bytes) -> Parsed:
    return source.parse(decode(body), utc_now())


def _taken(receipts: Sequence[Receipt], rejected: Sequence[Rejected], missing: int) -> dict[str, Any]:
    return {
        "accepted": len(receipts),
        "duplicates": sum(receipt.outcome == "duplicate" for receipt in receipts),
        "rejected": rejected[:_MOST_LISTED],
        "rejected_count": len(rejected),
        "missing": missing,
        "incident_ids": list(dict.fromkeys(receipt.incident_id for receipt in receipts)),
        "receipts": receipts,
    }

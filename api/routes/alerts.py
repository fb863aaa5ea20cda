"""Alerts in: a delivery is answered when it is on disk and grouped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.deliveries import take
from api.desk import AtDesk, may, router
from api.schemas.answers import Problem
from api.schemas.deliveries import Taken
from api.schemas.requests import AlertIn
from engine.sources import SOURCES
from engine.store.records import Scope

OWN_PATH, SOURCE_PATH = "/v1/alerts", "/v1/ingest/{source}"
routes = router("alerts")

_PER_ALERT = (
    "One unreadable alert never holds up the others: it is listed under `rejected` and kept in quarantine. "
    "503 and 429 mean: send it all again, after the seconds in `Retry-After`. "
    "A delivery with the same `Idempotency-Key` (or `webhook-id`, or what its tool sends instead) is taken once."
)


def _body_of(schema: Mapping[str, Any], example: Any) -> dict[str, Any]:
    """The OpenAPI entry of a body that is read as bytes."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


def _inlined(schema: Any, known: Mapping[str, Any]) -> Any:
    """`schema` with what it refers to in its place: a reference to its own `$defs` leads nowhere in the OpenAPI."""
    if isinstance(schema, list):
        return [_inlined(one, known) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {**known[schema["$ref"].rpartition("/")[2]], **schema} if "$ref" in schema else schema
    return {key: _inlined(one, known) for key, one in found.items() if key not in ("$ref", "$defs")}


_SCHEMA = AlertIn.model_json_schema()
_OWN = _inlined(_SCHEMA, _SCHEMA.get("$defs", {}))


@routes.post(
    OWN_PATH,
    status_code=202,
    response_model=Taken,
    dependencies=[may(Scope.INGEST)],
    openapi_extra=_body_of({"oneOf": [_OWN, {"type": "array", "items": _OWN}]}, SOURCES["generic"].example),
    description=f"One alert in PathFinder's own form, or a list of them. {_PER_ALERT}",
)
async def send_alerts(request: Request, desk: AtDesk) -> Response:
    """Take alerts in PathFinder's own form."""
    return await take("generic", await request.body(), desk, request.scope)


@routes.post(
    SOURCE_PATH,
    status_code=202,
    response_model=Taken,
    responses={404: {"model": Problem}},
    dependencies=[may(Scope.INGEST)],
    openapi_extra=_body_of({}, SOURCES["alertmanager"].example),
    description=f"What an alerting tool sends, as it sends it. Sources: {', '.join(sorted(SOURCES))}. {_PER_ALERT}",
)
async def ingest(source: str, request: Request, desk: AtDesk) -> Response:
    """Take a tool's own payload."""
    return await take(source, await request.body(), desk, request.scope)

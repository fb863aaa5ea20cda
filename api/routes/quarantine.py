"""What could not be taken: looked at, tried again, thrown away."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.desk import AtDesk, Desk, may, router
from api.errors import NoneTaken, json_response
from api.schemas.answers import Problem
from api.schemas.deliveries import AsideList, AsideOut, Taken
from engine.clock import utc_now
from engine.errors import InvalidInput
from engine.handling.live import STUMBLES
from engine.handling.receiving import QUARANTINED
from engine.sources import SOURCES
from engine.store.records import Scope

routes = router("quarantine")
Number = Annotated[int, Path(ge=1, le=2**31 - 1, alias="entry_id")]
_ABSENT: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}


@routes.get("/v1/quarantine", dependencies=[may(Scope.READ)], response_model=AsideList)
async def listed(
    desk: AtDesk,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """What was sent and could not be taken, newest first, without its secrets."""
    found = await run_in_threadpool(lambda: desk.pathfinder.quarantined(limit=limit, before=before))
    items = [AsideOut.model_validate(entry) for entry in found]
    return json_response(AsideList(items=items, before=found[-1].id if len(found) == limit else None))


@routes.post(
    "/v1/quarantine/{entry_id}/replay",
    dependencies=[may(Scope.OPERATE)],
    response_model=Taken,
    responses=_ABSENT,
)
async def replay(entry_id: Number, desk: AtDesk) -> Response:
    """Try it again, as when it came; it leaves quarantine once it is in."""
    return await run_in_threadpool(_replay, entry_id, desk)


def _replay(entry_id: int, desk: Desk) -> Response:
    entry = desk.pathfinder.aside(entry_id)
    source = SOURCES.get(entry.source)
    if source is None:
        raise InvalidInput("nothing here reads this source any more")
    try:
        parsed = source.parse(orjson.loads(entry.payload), utc_now())
    except STUMBLES:
        raise InvalidInput("it still cannot be read") from None
    if not parsed.alerts:
        raise NoneTaken("it still cannot be read", [{"field": r.field, "problem": r.problem} for r in parsed.rejected])
    receipts = desk.pathfinder.let_in(entry_id, parsed.alerts)
    stored = [receipt for receipt in receipts if receipt.outcome != QUARANTINED]
    return json_response(
        {
            "accepted": len(stored),
            "duplicates": 0,
            "rejected": parsed.rejected,
            "rejected_count": len(parsed.rejected),
            "missing": parsed.missing,
            "incident_ids": list(dict.fromkeys(receipt.incident_id for receipt in stored)),
            "receipts": stored,
            "quarantined": len(receipts) - len(stored),
            "rung": desk.step(),
        }
    )


@routes.delete("/v1/quarantine/{entry_id}", status_code=204, dependencies=[may(Scope.OPERATE)], responses=_ABSENT)
async def throw_away(entry_id: Number, desk: AtDesk) -> Response:
    """Nobody needs it."""
    await run_in_threadpool(desk.pathfinder.throw_away, entry_id)
    return Response(status_code=204)

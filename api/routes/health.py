"""Health: for load balancers, for people, for Prometheus."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.desk import REFUSALS, AtDesk, may, router
from api.errors import json_response, not_ready
from api.ladder import Step
from api.schemas.answers import Ready
from engine.store.records import Scope

routes = router("health", {})


@routes.get("/healthz")
async def alive() -> dict[str, str]:
    """The process lives. Depends on nothing."""
    return {"status": "ok"}


@routes.get("/readyz", response_model=Ready, responses={503: {"model": Ready}})
async def ready(desk: AtDesk) -> Response:
    """Whether alerts can be stored, and the step of the ladder that answers come from: full ... read-only."""
    health = await run_in_threadpool(desk.pathfinder.health)
    state = Ready(
        ready=health.writable,
        readable=health.readable,
        writable=health.writable,
        rung=desk.step() if health.writable else Step.READ_ONLY,
        model_version=health.model_version,
        note=health.note,
        waiting_alerts=desk.intake.waiting,
        to_be_grouped=desk.intake.to_be_grouped,
        quarantined=health.quarantined,
    )
    return json_response(state) if health.writable else not_ready(state)


@routes.get("/metrics", dependencies=[may(Scope.READ)], response_class=Response, responses=REFUSALS)
async def metrics(desk: AtDesk) -> Response:
    """Counters in Prometheus' text form."""
    health = await run_in_threadpool(desk.pathfinder.health)
    return Response(desk.telemetry.exposition(health), media_type="text/plain; version=0.0.4")

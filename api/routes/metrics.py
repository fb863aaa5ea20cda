"""Metric samples in: what patterns are found in, and what is expected of a series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from api.desk import AtDesk, may, router
from api.schemas.answers import Problem, Stored
from api.schemas.patterns import LevelOut
from api.schemas.requests import Moment, SamplesIn, Words
from engine.clock import utc_now
from engine.patterns.expected import ExpectedLevel
from engine.store.records import Sample, Scope

routes = router("metrics")


@routes.post("/v1/metrics", status_code=202, dependencies=[may(Scope.INGEST)])
def record_metrics(told: SamplesIn, desk: AtDesk) -> Stored:
    """Store samples; the next retrain looks for patterns in them."""
    samples = [Sample(ts=s.ts, service=s.service, host=s.host, metric=s.metric, value=s.value) for s in told.samples]
    return Stored(stored=desk.pathfinder.record_metrics(samples))


@routes.get(
    "/v1/metrics/expected",
    dependencies=[may(Scope.READ)],
    response_model=list[LevelOut],
    responses={404: {"model": Problem}},
)
def expect_levels(  # one parameter per part of the series' name, and when
    desk: AtDesk,
    metric: Annotated[Words, Query(min_length=1)],
    service: Annotated[Words, Query()] = "",
    host: Annotated[Words, Query()] = "",
    at: Annotated[Moment | None, Query(description="now, if missing")] = None,
    hours: Annotated[int, Query(ge=0, le=672, description="each hour of so many after that, too")] = 0,
) -> Sequence[ExpectedLevel]:
    """What a series is likely to be at a moment of the coming weeks, from its past weeks by the local clock."""
    names, engine = (service, host, metric), desk.pathfinder
    return engine.expected_levels(names, engine.timezone, at or utc_now(), hours)

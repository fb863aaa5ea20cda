"""Metric samples in: what patterns are found in."""

from __future__ import annotations

from api.desk import AtDesk, may, router
from api.schemas.answers import Stored
from api.schemas.requests import SamplesIn
from engine.store.records import Sample, Scope

routes = router("metrics")


@routes.post("/v1/metrics", status_code=202, dependencies=[may(Scope.INGEST)])
def record_metrics(told: SamplesIn, desk: AtDesk) -> Stored:
    """Store samples; the next retrain looks for patterns in them."""
    samples = [Sample(ts=s.ts, service=s.service, host=s.host, metric=s.metric, value=s.value) for s in told.samples]
    return Stored(stored=desk.pathfinder.record_metrics(samples))

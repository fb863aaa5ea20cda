"""What the service tells Prometheus of itself, in a registry of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.intake import Intake
from api.ladder import HEADER, Step
from api.limits import Load
from engine.pathfinder import Health

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_ALERTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Telemetry:
    """Counters and gauges of one running service."""

    def __init__(self) -> None:
        """All at zero."""
        self.registry = CollectorRegistry()
        self._children: dict[tuple[Any, tuple[str, ...]], Any] = {}
        self._step: Callable[[], Step] = lambda: Step.FULL
        self._requests = Histogram(
            "pathfinder_request_seconds",
            "time to answer",
            ["route", "method", "status"],
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._alerts = Counter(
            "pathfinder_alerts",
            "alerts received, by what became of them",
            ["source", "outcome"],
            registry=self.registry,
        )
        self._commit = self._histogram("pathfinder_commit_seconds", "time of one intake transaction", _SECONDS)
        self._group = self._histogram("pathfinder_commit_alerts", "alerts in one transaction", _ALERTS)
        self._shed = Counter("pathfinder_shed", "requests refused for load", registry=self.registry)
        self._ready = Gauge("pathfinder_ready", "1 if alerts can be stored", registry=self.registry)
        self._rung = Gauge("pathfinder_rung", "1 at the step answers come from", ["rung"], registry=self.registry)
        self._aside = self._gauge("pathfinder_quarantined", "what could not be taken and is kept to be looked at")
        self._places = self._gauge("pathfinder_memberships", "alerts that have a place in an incident")
        self._changed = self._gauge("pathfinder_memberships_changed", "of these, moved by later evidence at least once")
        self._churn = self._gauge("pathfinder_churn_share", "share of memberships that later evidence changed, 0..1")
        self._moves = Gauge(
            "pathfinder_membership_moves", "moves of alerts between incidents", ["by"], registry=self.registry
        )
        self._quiet = Gauge("pathfinder_muted", "what is muted now", ["what"], registry=self.registry)
        self._flapping = self._gauge("pathfinder_flapping_symptoms", "symptoms that come and go now")

    def _histogram(self, name: str, about: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(name, about, registry=self.registry, buckets=buckets)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(name, about, registry=self.registry)

    def watch(self, intake: Intake, load: Load, step: Callable[[], Step]) -> None:
        """Show what is waiting and being served, and the ladder's step, at the moment of asking."""
        self._step = step
        waiting = Gauge("pathfinder_waiting_alerts", "alerts waiting to be written", registry=self.registry)
        waiting.set_function(lambda: intake.waiting)
        later = Gauge("pathfinder_to_be_grouped_alerts", "alerts on disk still to be grouped", registry=self.registry)
        later.set_function(lambda: intake.to_be_grouped)
        serving = Gauge("pathfinder_requests_in_flight", "requests being served", registry=self.registry)
        serving.set_function(lambda: load.requests)
        load.count = self._shed.inc

    def committed(self, alerts: int, seconds: float) -> None:
        """Count one intake transaction."""
        self._commit.observe(seconds)
        self._group.observe(alerts)

    def shed(self) -> None:
        """Count one request that was refused for load."""
        self._shed.inc()

    def received(self, source: str, outcomes: Mapping[str, int], rejected: int) -> None:
        """Count the alerts of one delivery, by what became of them."""
        for outcome, count in outcomes.items():
            self._child(self._alerts, source, outcome).inc(count)
        if rejected:
            self._child(self._alerts, source, "rejected").inc(rejected)

    def _child(self, metric: Any, *labels: str) -> Any:
        """The metric under these labels; looking it up in the library's own way costs more than counting."""
        found = self._children.get((metric, labels))
        if found is None:
            found = self._children[metric, labels] = metric.labels(*labels)
        return found

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answer under its route's template, so that ids in paths make no new series."""
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if route != "none" else "none"
        self._child(self._requests, route, method, str(status)).observe(seconds)

    def exposition(self, health: Health) -> bytes:
        """The text Prometheus reads."""
        self._ready.set(health.writable)
        for step in Step:
            self._rung.labels(step.value).set(step is self._step())
        self._aside.set(health.quarantined)
        churn = health.churn
        self._places.set(churn.alerts)
        self._changed.set(churn.changed)
        self._churn.set(churn.share)
        self._moves.labels("later evidence").set(churn.changes)
        self._moves.labels("operator").set(churn.corrected)
        self._quiet.labels("firing alerts").set(health.quiet.muted_alerts)
        self._quiet.labels("open incidents").set(health.quiet.muted_incidents)
        self._flapping.set(health.quiet.flapping)
        return generate_latest(self.registry)


class Measured:
    """Counts and times every answer, also those given before any route is reached; each tells the ladder's step."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry, step: Callable[[], Step]) -> None:
        """Around `app`; `step` is told in each answer."""
        self._step = step
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._telemetry.answered(scope, message["status"], time.perf_counter() - began)
                message["headers"] = [*message.get("headers", ()), (HEADER, self._step().encode())]
            await send(message)

        await self._app(scope, receive, counted)

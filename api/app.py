"""The wiring of the service: engine, intake, limits, routes."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from api import errors
from api.chores import begin, follow, forget, let_go, look_again, settle, tend, weigh
from api.console.pages import routes as console
from api.desk import Desk
from api.express import Express
from api.intake import Commits, Intake
from api.ladder import step_of
from api.lane import Lane
from api.limits import Limits, Load
from api.outgoing import fetch
from api.routes import (
    alerts,
    grouping,
    health,
    incidents,
    maintenance,
    metrics,
    patterns,
    quarantine,
    responders,
    routing,
    runbooks,
    triage,
)
from api.schemas import quiet, requests
from api.security import KeyRing
from api.sns import Sns
from api.telemetry import Measured, Telemetry
from engine.pathfinder import Pathfinder
from engine.settings import Settings

_ROUTES = (
    alerts,
    quarantine,
    incidents,
    grouping,
    triage,
    maintenance,
    patterns,
    metrics,
    responders,
    routing,
    runbooks,
    health,
)
_BODY_S = 15.0  # seconds a body may take to arrive
_TEND_S = 30.0
_LET_GO_S = 10.0
_LOOK_AGAIN_S = 15.0
_WEIGH_S = 2.0
_SETTLE_S = 1.0
_FORGET_S = 3600.0
_FOLLOW_S = 900.0
_COLLECT = (20_000, 10, 10)  # allocations until the youngest garbage is collected, and of those until older is
# Seconds for which the writer may keep the event loop waiting, whose every step waits for it: with Python's own 5 ms
# answers took twice as long while new alerts were weighed.
_SWITCH_S = 0.0005
_ABOUT = "Alerts in; one incident, a past fix, a person and the load pattern out. A 202 means: on disk and grouped."


def create_app(pathfinder: Pathfinder, settings: Settings, *, body_s: float = _BODY_S) -> FastAPI:
    """The ASGI application around an open engine, closed at its end. Bodies must arrive within `body_s` seconds."""
    telemetry, load = Telemetry(), Load()
    commits = Commits(observe=telemetry.committed)
    intake = Intake(pathfinder.take, group=settings.group_commit, commits=commits, later=pathfinder)
    keys = KeyRing(pathfinder.check_key)
    step = step_of(pathfinder, intake)
    telemetry.watch(intake, load, step)
    app = FastAPI(
        title="PathFinder",
        summary=_ABOUT,
        version=version("pathfinder-incidents"),
        docs_url=None,  # the console serves a page of its own: FastAPI's needs the open internet
        redoc_url=None,
        lifespan=_lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # /metrics tells; nothing is sent out
    )
    desk = Desk(
        pathfinder=pathfinder,
        settings=settings,
        intake=intake,
        keys=keys,
        telemetry=telemetry,
        sns=Sns(settings.sns_topics, fetch),
        step=step,
    )
    app.state.desk = desk
    app.state.lane = Lane(desk, load, settings.max_in_flight)
    errors.register(app, requests.field_names() | quiet.field_names())
    for noun in _ROUTES:
        app.include_router(noun.routes)
    app.include_router(console)
    app.add_middleware(Express, desk=desk)  # each one added goes around those before
    app.add_middleware(
        Limits, keys=keys, load=load, most=settings.max_in_flight, body_bytes=settings.max_body_bytes, body_s=body_s
    )
    app.add_middleware(Measured, telemetry=telemetry, step=step)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    desk: Desk = app.state.desk

    def waiting() -> int:
        """Alerts that wait for the engine: chores are put off for them."""
        return desk.intake.waiting + desk.intake.to_be_grouped

    desk.intake.start()
    begin(desk.pathfinder, desk.intake.nudge)
    chores = [
        asyncio.create_task(chore)
        for chore in (
            tend(desk.pathfinder, _TEND_S),
            weigh(desk.pathfinder, _WEIGH_S, waiting),
            let_go(desk.pathfinder, _LET_GO_S),
            look_again(desk.pathfinder, _LOOK_AGAIN_S, waiting),
            settle(desk.pathfinder, _SETTLE_S, lambda: desk.intake.waiting),
            forget(desk.pathfinder, _FORGET_S),
            follow(desk.pathfinder, _FOLLOW_S, waiting),
        )
    ]
    yield
    for chore in chores:
        chore.cancel()
    await desk.intake.stop()
    desk.pathfinder.close()


def from_settings() -> FastAPI:
    """The application as the environment configures it: what the server starts."""
    settings = Settings()
    app = create_app(Pathfinder.open(settings, start=False), settings)
    # What stands by now lives as long as the process: looking through it for garbage again and again, as storms of
    # short-lived objects make Python do, costs a tenth of the processor.
    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    return app

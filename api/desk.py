"""What every route needs, gathered once at the start of the service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Security

from api.body import StrictRoute
from api.intake import Intake
from api.ladder import Step
from api.security import API_KEY, KeyRing
from api.sns import Sns
from api.telemetry import Telemetry
from engine.pathfinder import Pathfinder
from engine.settings import Settings
from engine.store.records import Scope


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The engine, and what stands between it and HTTP."""

    pathfinder: Pathfinder
    settings: Settings
    intake: Intake
    keys: KeyRing
    telemetry: Telemetry
    sns: Sns
    step: Callable[[], Step]  # of the degrade ladder, now


async def _desk(request: Request) -> Any:
    return request.app.state.desk


AtDesk = Annotated[Desk, Depends(_desk)]


def may(scope: Scope) -> Any:
    """The dependency that asks for a key with `scope`."""
    return Security(API_KEY, scopes=[scope.value])


def router(tag: str) -> APIRouter:
    """An empty router whose bodies are read strictly."""
    return APIRouter(tags=[tag], route_class=StrictRoute)

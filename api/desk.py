"""What every route needs, gathered once at the start of the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Security

from api.body import StrictRoute
from api.intake import Intake
from api.ladder import Step
from api.schemas.answers import Problem
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


REFUSALS: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (401, 403, 413, 415, 422, 429, 503)}


def router(tag: str, refusals: Mapping[int | str, dict[str, Any]] = REFUSALS) -> APIRouter:
    """An empty router whose bodies are read strictly; all its routes may be refused as `refusals` tell."""
    return APIRouter(tags=[tag], route_class=StrictRoute, responses=dict(refusals))

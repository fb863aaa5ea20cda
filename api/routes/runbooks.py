"""Runbooks: pages that stand beside the fixes of a triage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path

from api.desk import AtDesk, may, router
from api.schemas.answers import Problem
from api.schemas.requests import Id, RunbookIn
from api.schemas.triage import RunbookOut
from engine.domain import Runbook
from engine.store.records import Scope

routes = router("runbooks")
RunbookId = Annotated[Id, Path(description="such as disk-full")]
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}


@routes.get("/v1/runbooks", dependencies=[may(Scope.READ)], response_model=list[RunbookOut])
def list_runbooks(desk: AtDesk) -> Sequence[Runbook]:
    """All of them, by id."""
    return desk.pathfinder.runbooks()


@routes.put("/v1/runbooks/{runbook_id}", dependencies=[may(Scope.ADMIN)], response_model=RunbookOut)
def put_runbook(runbook_id: RunbookId, told: RunbookIn, desk: AtDesk) -> Runbook:
    """Create or replace."""
    page = Runbook(id=runbook_id, title=told.title, url=told.url, text=told.text, services=tuple(told.services))
    return desk.pathfinder.put_runbook(page)


@routes.delete("/v1/runbooks/{runbook_id}", status_code=204, dependencies=[may(Scope.ADMIN)], responses=_UNKNOWN)
def delete_runbook(runbook_id: RunbookId, desk: AtDesk) -> None:
    """Remove."""
    desk.pathfinder.delete_runbook(runbook_id)

"""Responders: who can be asked, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path

from api.desk import AtDesk, may, router
from api.schemas.answers import Problem
from api.schemas.people import ImportedOut, ResponderOut
from api.schemas.requests import CalendarIn, Id, PeopleIn, ResponderIn
from engine.domain import Responder, TimeOff
from engine.store.records import Scope

routes = router("responders")
ResponderId = Annotated[Id, Path(description="such as anna")]
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}


@routes.get("/v1/responders", dependencies=[may(Scope.READ)], response_model=list[ResponderOut])
def list_responders(desk: AtDesk) -> Sequence[Responder]:
    """Everybody who can be asked, by id."""
    return desk.pathfinder.responders()


@routes.get(
    "/v1/responders/{responder_id}", dependencies=[may(Scope.READ)], responses=_UNKNOWN, response_model=ResponderOut
)
def show_responder(responder_id: ResponderId, desk: AtDesk) -> Responder:
    """One of them."""
    return desk.pathfinder.responder(responder_id)


@routes.put("/v1/responders/{responder_id}", dependencies=[may(Scope.ADMIN)], response_model=ResponderOut)
def put_responder(responder_id: ResponderId, told: ResponderIn, desk: AtDesk) -> Responder:
    """Create or replace."""
    return desk.pathfinder.put_responder(
        Responder(
            id=responder_id,
            name=told.name,
            team=told.team,
            skills=tuple(told.skills),
            timezone=told.timezone,
            workdays=tuple(told.workdays),
            work_starts=told.work_starts.replace(tzinfo=None),
            work_ends=told.work_ends.replace(tzinfo=None),
            time_off=tuple(TimeOff(starts_at=off.starts_at, ends_at=off.ends_at) for off in told.time_off),
            on_call=told.on_call,
            max_open=told.max_open,
            left=told.left,
        )
    )


@routes.post("/v1/responders/import", dependencies=[may(Scope.ADMIN)])
def import_responders(told: PeopleIn, desk: AtDesk) -> ImportedOut:
    """Create or replace the people of a CSV: id, name, team, skills, timezone, workdays, hours, time off, on call."""
    stored, problems = desk.pathfinder.import_responders(told.csv)
    return ImportedOut(stored=stored, problems=problems[:100])


@routes.put(
    "/v1/responders/{responder_id}/calendar",
    dependencies=[may(Scope.ADMIN)],
    responses=_UNKNOWN,
    response_model=ResponderOut,
)
def put_calendar(responder_id: ResponderId, told: CalendarIn, desk: AtDesk) -> Responder:
    """Put what makes busy in a calendar in place of the person's time off."""
    return desk.pathfinder.take_calendar(responder_id, told.ical)


@routes.delete("/v1/responders/{responder_id}", status_code=204, dependencies=[may(Scope.ADMIN)], responses=_UNKNOWN)
def delete_responder(responder_id: ResponderId, desk: AtDesk) -> None:
    """Remove."""
    desk.pathfinder.delete_responder(responder_id)

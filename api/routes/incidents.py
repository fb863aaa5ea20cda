"""Incidents: found, looked into, reported, taken, resolved."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Request

from api.desk import AtDesk, may, router
from api.schemas.answers import Problem
from api.schemas.incidents import AlertOut, EventOut, IncidentDetail, IncidentOut, IncidentPage, MemberOut, SuspectOut
from api.schemas.requests import AcknowledgementIn, CommentIn, Id, Moment, QuestionIn, ResolutionIn, TriedIn, Words
from api.schemas.triage import TriageOut
from api.security import actor
from engine.clock import utc_now
from engine.domain import Incident, IncidentStatus, Resolution, Triage
from engine.store.records import Scope

routes = router("incidents")
IncidentId = Annotated[Id, Path(description="such as INC-7")]
_SUSPECTS = 5  # shown with an incident
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}


@routes.get("/v1/incidents", dependencies=[may(Scope.READ)], responses=_UNKNOWN)
def list_incidents(
    desk: AtDesk,
    status: IncidentStatus | None = None,
    service: Annotated[Words, Query()] = "",
    since: Annotated[Moment | None, Query(description="opened at or after")] = None,
    muted: Annotated[bool | None, Query(description="whether all its alerts are muted; both if missing")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[Id | None, Query(description="`next` of the page before")] = None,
) -> IncidentPage:
    """Incidents, newest first."""
    found = desk.pathfinder.incidents(
        status=status, service=service, since=since, limit=limit + 1, before=before, muted=muted
    )
    items = [IncidentOut.model_validate(incident) for incident in found[:limit]]
    return IncidentPage(items=items, next=items[-1].id if len(found) > limit else None)


@routes.get("/v1/incidents/{incident_id}", dependencies=[may(Scope.READ)], responses=_UNKNOWN)
def show_incident(
    incident_id: IncidentId, desk: AtDesk, limit: Annotated[int, Query(ge=1, le=2000)] = 500
) -> IncidentDetail:
    """One incident: its alerts, why each is there, the probable root, and what happened to it.

    The id of a merged incident leads to the one that holds its alerts now.
    """
    record = desk.pathfinder.record(incident_id)
    incident = record.incident
    members = desk.pathfinder.members(incident_id, limit=limit)
    root = next((member.alert for member in members if member.alert.id == incident.root_alert_id), None)
    return IncidentDetail(
        incident=IncidentOut.model_validate(incident),
        root=AlertOut.model_validate(root) if root else None,
        suspects=[SuspectOut.model_validate(one) for one in desk.pathfinder.suspects(members)[:_SUSPECTS]],
        alert_count=record.alerts,
        firing=record.firing,
        churn=record.churn,
        acknowledged_at=record.acknowledged_at,
        assignee=record.assignee,
        alerts=[MemberOut.of(member) for member in members],
        timeline=[EventOut.model_validate(event) for event in desk.pathfinder.timeline(incident_id)],
    )


@routes.get(
    "/v1/incidents/{incident_id}/triage",
    dependencies=[may(Scope.READ)],
    responses=_UNKNOWN,
    response_model=TriageOut,
)
def triage_incident(incident_id: IncidentId, desk: AtDesk) -> Triage:
    """What fixed such before, who should take it, and which load is expected: in one answer."""
    return desk.pathfinder.triage(incident_id, utc_now())


@routes.post("/v1/incidents", status_code=201, dependencies=[may(Scope.OPERATE)], response_model=IncidentOut)
def report_incident(told: QuestionIn, request: Request, desk: AtDesk) -> Incident:
    """A person reports an incident."""
    return desk.pathfinder.report(as_incident(told), actor=actor(request))


@routes.post(
    "/v1/incidents/{incident_id}/acknowledge",
    dependencies=[may(Scope.OPERATE)],
    responses={**_UNKNOWN, 409: {"model": Problem}},
    response_model=IncidentOut,
)
def acknowledge_incident(incident_id: IncidentId, taken: AcknowledgementIn, desk: AtDesk) -> Incident:
    """Somebody takes the incident; routing counts it into their load."""
    return desk.pathfinder.acknowledge(incident_id, taken.responder, utc_now())


@routes.post(
    "/v1/incidents/{incident_id}/comments",
    status_code=201,
    dependencies=[may(Scope.OPERATE)],
    responses=_UNKNOWN,
    response_model=IncidentOut,
)
def comment_incident(incident_id: IncidentId, said: CommentIn, request: Request, desk: AtDesk) -> Incident:
    """Say something about it: routing reads it with the incident from now on."""
    who = said.responder or actor(request)
    return desk.pathfinder.comment(incident_id, said.text, who, utc_now())


@routes.post(
    "/v1/incidents/{incident_id}/resolve",
    dependencies=[may(Scope.OPERATE)],
    responses=_UNKNOWN,
    response_model=IncidentOut,
)
def resolve_incident(incident_id: IncidentId, told: ResolutionIn, desk: AtDesk) -> Incident:
    """Close it with what fixed it: the next triage knows, without a retrain."""
    at = told.resolved_at or utc_now()
    resolution = Resolution(text=told.text, resolver=told.resolver, team=told.team, resolved_at=at)
    return desk.pathfinder.resolve(incident_id, resolution, at)


@routes.post(
    "/v1/incidents/{incident_id}/tried", status_code=204, dependencies=[may(Scope.OPERATE)], responses=_UNKNOWN
)
def note_tried(incident_id: IncidentId, told: TriedIn, request: Request, desk: AtDesk) -> None:
    """Say whether the fix of a past incident helped here: it is offered higher or lower from now on."""
    desk.pathfinder.note_tried(incident_id, told.incident, told.helped, utc_now(), actor(request))


def as_incident(told: QuestionIn) -> Incident:
    """What a person said, as an incident without an id."""
    return Incident(
        id="",
        opened_at=told.opened_at or utc_now(),
        title=told.title,
        description=told.description,
        service=told.service,
        category=told.category,
        priority=told.priority,
        fields=told.fields,
    )

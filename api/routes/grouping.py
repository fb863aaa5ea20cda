"""Operators set grouping right: merge, split, move, pin. No model undoes what is said here, and it learns from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path, Request

from api.desk import AtDesk, may, router
from api.schemas.answers import Problem
from api.schemas.incidents import IncidentNow, Regrouped
from api.schemas.requests import Id, MergeIn, MoveIn, ReasonIn, SplitIn
from api.security import actor
from engine.clock import utc_now
from engine.handling.correcting import Word
from engine.store.records import IncidentRecord, Scope

routes = router("grouping")
IncidentId = Annotated[Id, Path(description="such as INC-7")]
AlertId = Annotated[Id, Path(description="the `id` of an alert, as incidents and receipts show it")]
_SHAPE: dict[str, Any] = {
    "dependencies": [may(Scope.OPERATE)],
    "responses": {404: {"model": Problem}, 409: {"model": Problem}},
    "response_model": Regrouped,
}


@routes.post("/v1/incidents/{incident_id}/merge", **_SHAPE)
def merge_incidents(incident_id: IncidentId, told: MergeIn, request: Request, desk: AtDesk) -> Regrouped:
    """Two or more incidents are one problem.

    With `into`, this incident becomes part of that one; with `incidents`, those become part of this one. All alerts go
    over and stay, counters and probable root are taken anew, the ids of the merged incidents lead to the one that
    holds the alerts. 409 if one of them was ended with a fix or merged before.
    """
    word = _word(told, request)
    if told.into is not None:
        return _now(desk.pathfinder.merge([incident_id], told.into, word))
    return _now(desk.pathfinder.merge(told.incidents, incident_id, word))


@routes.post("/v1/incidents/{incident_id}/split", **_SHAPE)
def split_incident(incident_id: IncidentId, told: SplitIn, request: Request, desk: AtDesk) -> Regrouped:
    """These alerts are another problem: they become an incident of their own and stay there.

    The two incidents are apart from now on: no later evidence makes them one or moves alerts between them. 409 if an
    alert is not in the incident or nothing would stay in it; the answer names the alert by its place in the list.
    """
    return _now(desk.pathfinder.split(incident_id, told.alerts, _word(told, request)))


@routes.post("/v1/alerts/{alert_id}/move", **_SHAPE)
def move_alert(alert_id: AlertId, told: MoveIn, request: Request, desk: AtDesk) -> Regrouped:
    """This alert belongs to another incident, or (`incident`: null) to a new one. It stays where it is put."""
    return _now(desk.pathfinder.move(alert_id, told.incident, _word(told, request)))


@routes.post("/v1/alerts/{alert_id}/pin", **_SHAPE)
def pin_alert(alert_id: AlertId, request: Request, desk: AtDesk, told: ReasonIn | None = None) -> Regrouped:
    """This alert is where it belongs: no later evidence moves it."""
    return _now(desk.pathfinder.pin(alert_id, _word(told, request)))


@routes.post("/v1/alerts/{alert_id}/unpin", **_SHAPE)
def unpin_alert(alert_id: AlertId, request: Request, desk: AtDesk, told: ReasonIn | None = None) -> Regrouped:
    """Later evidence may move this alert again."""
    return _now(desk.pathfinder.unpin(alert_id, _word(told, request)))


def _word(told: ReasonIn | None, request: Request) -> Word:
    return Word(actor=actor(request), at=utc_now(), reason=told.reason if told else "")


def _now(records: Sequence[IncidentRecord]) -> Regrouped:
    first, *others = [IncidentNow.of(record) for record in records]
    return Regrouped(incident=first, others=others)

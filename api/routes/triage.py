"""Triage of words: the three answers for an incident that nobody has stored."""

from __future__ import annotations

from api.desk import AtDesk, may, router
from api.routes.incidents import as_incident
from api.schemas.requests import TriageIn
from api.schemas.triage import TriageOut
from engine.domain import Triage
from engine.store.records import Scope

routes = router("triage")


@routes.post("/v1/triage", dependencies=[may(Scope.READ)], response_model=TriageOut)
def triage_text(asked: TriageIn, desk: AtDesk) -> Triage:
    """Past fixes, responders and expected load for a text; nothing is stored."""
    incident = as_incident(asked)
    return desk.pathfinder.triage_text(incident, incident.opened_at, chosen=asked.chosen)

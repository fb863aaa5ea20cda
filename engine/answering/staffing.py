"""Who can be asked, and what the router learns from: the store's people, rules and incidents in the router's terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.clock import parse_time
from engine.domain import Alert, Incident, Responder
from engine.route import Policy, Roster
from engine.route.ownership import Ownership, as_incidents, renamed
from engine.route.rota import Rota, on_duty
from engine.store import reference, routing
from engine.store.database import Connection
from engine.store.records import Event, IncidentRecord

CHANGES_LESSONS = (routing.RENAMES, routing.OWNERSHIP)  # what makes the past worth telling anew
_MOST_SAID = 4000  # characters of alerts and comments that are read with an incident


def policy(link: Connection) -> Policy:
    """The firm's rules."""
    return Policy.from_data(routing.value(link, routing.POLICY))


def rotas(link: Connection) -> list[Rota]:
    """Who takes turns on call, by id."""
    return [Rota.from_data(one) for one in routing.value(link, routing.ROTAS).get("rotas", ())]


def renames(link: Connection) -> dict[str, str]:
    """New names of teams and people by their old ones."""
    return dict(routing.value(link, routing.RENAMES).get("names", {}))


def ownership(link: Connection) -> list[Ownership]:
    """Who looks after what."""
    return [Ownership.from_data(one) for one in routing.value(link, routing.OWNERSHIP).get("owned", ())]


def staff(link: Connection, at: datetime) -> list[Responder]:
    """Everybody, on call as the rotas have it at `at`."""
    return on_duty(reference.responders(link), rotas(link), at)


def roster(link: Connection, at: datetime) -> Roster:
    """The people, what they have on hand, and the rules, at `at`."""
    return Roster(staff(link, at), routing.work(link, at), policy(link))


def lessons(
    link: Connection, records: Sequence[IncidentRecord], leading: Mapping[str, Sequence[Alert]]
) -> list[Incident]:
    """Past incidents as the router learns them: with what their alerts said, and who worked on them."""
    said = routing.said(link, [record.incident.id for record in records])
    names = renames(link)
    return [
        renamed(told(one.incident, leading.get(one.incident.id, ()), said.get(one.incident.id, ())), names)
        for one in records
    ]


def prior(link: Connection) -> list[Incident]:
    """What is known of people before anything was resolved: ownership files, runbooks, skills."""
    kept = routing.value(link, routing.OWNERSHIP)
    if not kept:
        return []
    return as_incidents(ownership(link), reference.responders(link), parse_time(kept["at"], "at"))


def told(incident: Incident, leading: Iterable[Alert], said: Iterable[Event]) -> Incident:
    """`incident` with the words of its leading alerts and comments, and in its resolution who worked on it."""
    alerts, events = list(leading), list(said)
    known = incident.text()
    words = [alert.title for alert in alerts] + [event.detail.get("text", "") for event in events]
    new = [text for text in dict.fromkeys(words) if text and text not in known]
    fields = dict(incident.fields)
    if host := next((alert.host for alert in alerts if alert.host), ""):
        fields.setdefault("host", host)
    description = "\n".join([incident.description, *new])[: len(incident.description) + _MOST_SAID] if new else None
    fix = incident.resolution
    involved = tuple(dict.fromkeys(event.actor for event in events if event.actor))
    return replace(
        incident,
        description=incident.description if description is None else description.strip(),
        fields=fields,
        resolution=fix and replace(fix, involved=(*fix.involved, *involved)),
    )

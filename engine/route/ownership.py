"""What is known before anything was resolved: ownership files, runbooks and skills, told as incidents that were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from engine.domain import Incident, Resolution, Responder

_PRIOR = 2  # incidents that one word of ownership counts as


@dataclass(frozen=True, kw_only=True, slots=True)
class Ownership:
    """Who looks after something: a service, a path, or what a runbook is about."""

    about: str  # a service's name, a path, or a title
    owners: tuple[str, ...]  # responders' ids, first in line first; a name of a team with "team:" before it
    text: str = ""  # such as a runbook's

    def to_data(self) -> dict[str, Any]:
        """JSON-able."""
        return {"about": self.about, "owners": list(self.owners), "text": self.text}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The ownership that `to_data` described."""
        return cls(about=str(data["about"]), owners=tuple(data["owners"]), text=str(data.get("text", "")))


def read_owners(text: str) -> list[Ownership]:
    """The lines of an ownership file in the form of CODEOWNERS: what, then its owners; `#` begins a comment.

    Examples
    --------
    >>> read_owners("/services/orders/ @ann @team/db # main")[0].owners
    ('ann', 'team:team/db')
    """
    found = []
    for line in text.splitlines():
        about, *owners = line.split("#")[0].split() or [""]
        if about and owners:
            found.append(Ownership(about=about, owners=tuple(_owner(one) for one in owners)))
    return found


def _owner(word: str) -> str:
    name = word.removeprefix("@")
    return f"team:{name}" if word.startswith("@") and "/" in name else name


def as_incidents(owned: Iterable[Ownership], staff: Sequence[Responder], known_from: datetime) -> list[Incident]:
    """Ownership and skills as resolved incidents, each owner `2` of them, known from `known_from` on."""
    told = [*owned, *(_skilled(person) for person in staff if person.skills and not person.left)]
    found = []
    for place, one in enumerate(told):
        for owner in one.owners:
            for who in _people(owner, staff):
                found += [_incident(one, who, f"~{place}:{who.id}:{turn}", known_from) for turn in range(_PRIOR)]
    return found


def _skilled(person: Responder) -> Ownership:
    return Ownership(about=" ".join(person.skills), owners=(person.id,))


def _people(owner: str, staff: Sequence[Responder]) -> list[Responder]:
    if owner.startswith("team:"):
        team = owner.removeprefix("team:")
        return [person for person in staff if person.team in (team, team.split("/")[-1])]
    return [person for person in staff if person.id == owner] or [Responder(id=owner)]


def _incident(owned: Ownership, who: Responder, key: str, known_from: datetime) -> Incident:
    service = owned.about.strip("/").split("/")[-1] if " " not in owned.about else ""
    return Incident(
        id=key,
        opened_at=known_from,
        closed_at=known_from,
        title=owned.about.replace("/", " ").strip(),
        description=owned.text,
        service=service,
        resolution=Resolution(resolver=who.id, team=who.team),
    )


def renamed(incident: Incident, names: Mapping[str, str]) -> Incident:
    """A past incident as it would be told after a reorganisation: old teams and people under their new names."""
    fix = incident.resolution
    if fix is None or not names:
        return incident
    told = replace(
        fix,
        resolver=names.get(fix.resolver, fix.resolver),
        team=names.get(fix.team, fix.team),
        involved=tuple(names.get(who, who) for who in fix.involved),
    )
    return replace(incident, resolution=told)

"""What is learned of a resolved incident beside its reading: who ended it, of which team, and who else worked on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.domain import Incident

Target = Literal["resolver", "team"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`responder` is what is foretold: a person's id, or a team's name."""

    responder: str
    team: str = ""  # of the person; "" where teams are foretold
    involved: tuple[str, ...] = ()  # who else worked on it, in order


def outcome_of(incident: Incident, target: Target) -> Outcome:
    """The outcome of a past incident; its responder is "" where none is known."""
    fix = incident.resolution
    if fix is None:
        return Outcome("")
    if target == "team":
        return Outcome(fix.team, "", fix.involved)
    return Outcome(fix.resolver, fix.team, fix.involved)

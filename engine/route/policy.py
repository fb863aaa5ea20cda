"""The firm's rules of who may be asked: required skills, load, fatigue, fairness. Applied after the score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from engine.domain import Incident
from engine.errors import InvalidInput

_URGENT = frozenset({"p1", "1", "critical", "sev1", "sev-1", "highest", "blocker", "urgent"})
_RANKS = {"p2": 2, "2": 2, "high": 2, "sev2": 2, "error": 2, "major": 2}
_RANKS |= {"p4": 4, "4": 4, "low": 4, "sev4": 4, "p5": 4, "5": 4, "info": 4, "minor": 4, "trivial": 4, "lowest": 4}


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """Incidents whose `field` says `value` need a responder with `skill`. Case does not matter."""

    field: str  # service | category | priority, or a further column
    value: str
    skill: str

    def applies(self, incident: Incident) -> bool:
        """Whether `incident` is of the kind."""
        named = {"service": incident.service, "category": incident.category, "priority": incident.priority}
        told = named.get(self.field) or incident.fields.get(self.field, "")
        return told.strip().lower() == self.value.strip().lower()


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Limits beyond which somebody is not asked, and what load costs, by priority. P1 knows only skill and absence."""

    required: tuple[Requirement, ...] = ()
    most_pages_day: int = 8  # incidents given to one person in 24 hours ...
    most_pages_week: int = 30  # ... and in 7 days
    fair_share: float = 0.5  # of the team's incidents of 7 days that one person may get; 1: no cap
    fair_from: int = 12  # incidents of the team in 7 days from which on the cap holds
    load_cost: tuple[float, float, float, float] = (0.0, 0.3, 0.7, 1.0)  # log-odds at full load, for P1 to P4
    tired_cost: float = 0.5  # log-odds at the limit of pages of 24 hours

    def __post_init__(self) -> None:
        if not 0 < self.fair_share <= 1 or min(self.most_pages_day, self.most_pages_week, self.fair_from) < 1:
            raise InvalidInput("limits must be at least 1, and fair_share above 0 and at most 1")
        if len(self.load_cost) != 4 or min(*self.load_cost, self.tired_cost) < 0:
            raise InvalidInput("load_cost needs four costs for P1 to P4, none below 0")

    def skills_for(self, incident: Incident) -> tuple[str, ...]:
        """Skills that its responder must have."""
        return tuple(dict.fromkeys(one.skill for one in self.required if one.applies(incident)))

    def to_data(self) -> dict[str, Any]:
        """JSON-able."""
        required = [{"field": one.field, "value": one.value, "skill": one.skill} for one in self.required]
        own = {name: getattr(self, name) for name in _NUMBERS}
        return {**own, "required": required, "load_cost": list(self.load_cost)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The policy that `to_data` described; what is missing stands at its default."""
        numbers = {name: data[name] for name in _NUMBERS if name in data}
        required = tuple(Requirement(**one) for one in data.get("required", ()))
        cost = tuple(data.get("load_cost", cls.__dataclass_fields__["load_cost"].default))
        return cls(required=required, load_cost=cost, **numbers)


_NUMBERS = ("most_pages_day", "most_pages_week", "fair_share", "fair_from", "tired_cost")


def rank_of(priority: str) -> int:
    """1 (drop everything) to 4 (when there is time) of a tool's own word; 3 where it tells nothing.

    Examples
    --------
    >>> [rank_of(word) for word in ("P1", "1 - Critical", "High", "3", "", "low")]
    [1, 1, 2, 3, 3, 4]
    """
    word = priority.strip().lower().split(" ")[0].strip("-:")
    return 1 if word in _URGENT else _RANKS.get(word, 3)

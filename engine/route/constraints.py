"""After the score: who of the likely ones can be asked now, and what stands against the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from engine.domain import Evidence, Incident, Responder, Work
from engine.route.availability import Moment, availability_in
from engine.route.policy import Policy, rank_of

_NO_WORK = Work()
_LEAST_PEERS = 3  # people of a team from which on a fair share means anything


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether somebody can be asked, what their work costs them in the ranking, and why."""

    can_be_asked: bool
    cost: float = 0.0  # log-odds, 0 and up
    reasons: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class Roster:
    """The people, what they have on their hands, and the rules, at one moment."""

    staff: Sequence[Responder]
    work: Mapping[str, Work] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)

    @cached_property
    def _given(self) -> Mapping[str, tuple[int, int]]:
        """Per team: how many people it has, and how many incidents they were given in seven days."""
        found: dict[str, tuple[int, int]] = {}
        for person in self.staff:
            peers, total = found.get(person.team, (0, 0))
            own = 0 if person.left else self.work.get(person.id, Work()).pages_week
            found[person.team] = (peers + (not person.left), total + own)
        return found

    def standing(self, person: Responder, incident: Incident) -> Standing:
        """Of `person` for `incident`, at its opening. Nothing here looks at who is likely."""
        return self.sight(incident).standing(person)

    def sight(self, incident: Incident) -> Sight:
        """What is the same of everybody, worked out once for `incident`."""
        return Sight(self, rank_of(incident.priority), self.policy.skills_for(incident), Moment(incident.opened_at))

    def cost(self, person: Responder, work: Work, rank: int) -> float:
        """What load and pages take from the ranking, in log-odds; nothing of the most urgent."""
        if rank == 1:
            return 0.0
        full = min(1.0, work.open / max(1, person.max_open))
        tired = min(1.0, work.pages_day / self.policy.most_pages_day)
        return self.policy.load_cost[rank - 1] * full + self.policy.tired_cost * tired

    def unfair(self, person: Responder, work: Work) -> list[Evidence]:
        """Whether the person had more than a fair share of the team's incidents of seven days."""
        if not work.pages_week:
            return []
        peers, total = self._given[person.team]
        if peers < _LEAST_PEERS or total < self.policy.fair_from:
            return []
        share = work.pages_week / total
        if share <= self.policy.fair_share:
            return []
        return [Evidence(signal="fair share", weight=0.0, detail=f"had {share:.0%} of the team's incidents of 7 days")]


@dataclass(frozen=True, slots=True)
class Sight:
    """Everybody's standing for one incident: its rank and skills, and the clocks, are looked up once."""

    roster: Roster
    rank: int  # 1 (most urgent) to 4
    needed: tuple[str, ...]  # skills
    moment: Moment

    def can_be_asked(self, person: Responder) -> bool:
        """What `standing` tells of it, without the reasons: most of a large firm is only asked for this."""
        if not self.moment.finds(person):
            return False
        return not (self.needed or person.id in self.roster.work) or not self._against(person)

    def standing(self, person: Responder) -> Standing:
        """Whether `person` can be asked, at what cost, and why."""
        work = self.roster.work.get(person.id, _NO_WORK)
        here, against = availability_in(self.moment, person), self._against(person)
        cost = self.roster.cost(person, work, self.rank)
        reasons = (*here.reasons, *against)
        if cost > 0.05:
            reasons += (Evidence(signal="load", weight=-cost, detail=_load(person, work)),)
        return Standing(here.available and not against, cost, reasons)

    def _against(self, person: Responder) -> list[Evidence]:
        found = _unskilled(person, self.needed) if self.needed else []
        work = self.roster.work.get(person.id)
        if work is None or self.rank == 1:  # of the most urgent, only absence and skill keep anybody away
            return found
        policy = self.roster.policy
        return [*found, *_overloaded(person, work), *_tired(work, policy), *self.roster.unfair(person, work)]


def standing_score(chance: float, standing: Standing) -> float:
    """What candidates are ranked by: log probability less the cost of load."""
    return math.log(max(chance, 1e-12)) - standing.cost


def _unskilled(person: Responder, needed: Sequence[str]) -> list[Evidence]:
    own = {skill.strip().lower() for skill in person.skills}
    missing = [skill for skill in needed if skill.strip().lower() not in own]
    return [Evidence(signal="skill", weight=0.0, detail=f"lacks {', '.join(missing)}")] if missing else []


def _overloaded(person: Responder, work: Work) -> list[Evidence]:
    if work.open < person.max_open:
        return []
    return [Evidence(signal="fully loaded", weight=0.0, detail=f"{work.open} open of {person.max_open}")]


def _tired(work: Work, policy: Policy) -> list[Evidence]:
    if work.pages_day >= policy.most_pages_day:
        return [Evidence(signal="fatigue", weight=0.0, detail=f"{work.pages_day} incidents in 24 hours")]
    if work.pages_week >= policy.most_pages_week:
        return [Evidence(signal="fatigue", weight=0.0, detail=f"{work.pages_week} incidents in 7 days")]
    return []


def _load(person: Responder, work: Work) -> str:
    return f"{work.open} open of {person.max_open}, {work.pages_day} in 24 hours"

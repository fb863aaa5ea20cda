"""Incident -> people: who should take it, whether they can, and whether we are sure enough not to ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, Self

import numpy as np

from engine.domain import Candidate, Evidence, Incident, ModelPart, Responder, Routing, Rung, Suggestion
from engine.route.availability import availability
from engine.route.expertise import Expertise
from engine.route.explain import Explainer
from engine.text import words

Target = Literal["resolver", "team"]
_SIMILAR_SHARE = 0.15  # of the probability that goes by the recommender's past incidents, where it gave any
_LOAD_PENALTY = 0.3  # of a candidate's standing taken by a full load; urgent incidents take none
_URGENT = ("p1", "1", "critical", "sev1", "highest", "blocker")
_UNSEEN_SHARE = 0.02  # least probability shared by staff who never resolved anything


class Router:
    """Ranks who should take an incident.

    Probabilities come from past resolutions alone; availability then reorders, and never changes a probability.
    """

    def __init__(
        self,
        *,
        target: Target = "resolver",
        queue: str = "",
        columns: frozenset[str] | None = None,
        online: bool = True,
    ) -> None:
        self.target = target
        self.queue = queue
        self.columns = columns
        self.online = online
        self.expertise = Expertise(columns=columns, online=online)
        self.team_of: dict[str, str] = {}  # responder -> team of their latest resolution

    def fit(self, incidents: Iterable[Incident]) -> Self:
        """Learn a history anew; incidents without an outcome for the target are left out."""
        known = [incident for incident in incidents if self._outcome(incident)]
        self.expertise = Expertise(columns=self.columns, online=self.online)
        self.expertise.fit(known, [self._outcome(incident) for incident in known])
        return self._learn_teams(known)

    def refit(self, incidents: Iterable[Incident]) -> Self:
        """Learn a longer history with the half-lives and weights known: quicker than `fit`."""
        known = [incident for incident in incidents if self._outcome(incident)]
        self.expertise.refit(known, [self._outcome(incident) for incident in known])
        return self._learn_teams(known)

    def _learn_teams(self, known: Sequence[Incident]) -> Self:
        self.team_of = {}
        for incident in sorted(known, key=lambda incident: incident.known_from):
            self._learn_team(incident)
        return self

    def learn_one(self, incident: Incident) -> None:
        """Add or replace one resolved incident: the next question knows it."""
        if who := self._outcome(incident):
            self.expertise.learn_one(incident, who)
            self._learn_team(incident)

    def predict_one(
        self,
        incident: Incident,
        *,
        similar: Sequence[Suggestion] = (),
        staff: Sequence[Responder] = (),
        load: Mapping[str, int] | None = None,
        top: int = 10,
    ) -> Routing:
        """Who should take `incident`, asked as of its opening; its own outcome is never looked at.

        `staff` is the roster (empty: unknown, everybody can be asked); `load` counts open incidents per responder id.
        """
        people = self.expertise.memory_.people
        opinions = self.expertise.opinions(incident)
        chances = self.expertise.stacker_.probabilities(opinions) if people else np.zeros(0)
        votes = self._votes(similar)
        mixed = _mixed(people, chances, votes)
        standing = self._standing(incident, mixed, staff, load or {})
        ranked = sorted(standing, key=lambda item: (not item[1].available, -item[0], item[1].responder))[:top]
        explainer = Explainer(self.expertise, incident, opinions)
        candidates = tuple(_explained(explainer, candidate, votes) for _, candidate in ranked)
        automatic = self._sure(candidates)
        note = "" if people else "nothing resolved yet: roster only"
        rung = Rung.FULL if people else Rung.RULES
        return Routing(
            candidates=candidates, automatic=automatic, queue=self._queue(mixed, staff), rung=rung, note=note
        )

    def to_part(self) -> ModelPart:
        """Everything learned."""
        part = self.expertise.to_part()
        columns = None if self.columns is None else sorted(self.columns)
        own = {"target": self.target, "queue": self.queue, "columns": columns, "team_of": dict(self.team_of)}
        return ModelPart(arrays=part.arrays, data={**own, "expertise": dict(part.data)})

    @classmethod
    def from_part(cls, part: ModelPart) -> Self:
        """The router that `to_part` described."""
        data = part.data
        columns = None if data["columns"] is None else frozenset(data["columns"])
        expertise = Expertise.from_part(ModelPart(arrays=part.arrays, data=data["expertise"]))
        router = cls(target=data["target"], queue=data["queue"], columns=columns, online=expertise.online)
        router.expertise, router.team_of = expertise, dict(data["team_of"])
        return router

    def _outcome(self, incident: Incident) -> str:
        if incident.resolution is None:
            return ""
        return incident.resolution.team if self.target == "team" else incident.resolution.resolver

    def _learn_team(self, incident: Incident) -> None:
        if self.target == "resolver" and incident.resolution is not None and incident.resolution.team:
            self.team_of[incident.resolution.resolver] = incident.resolution.team

    def _votes(self, similar: Sequence[Suggestion]) -> dict[str, float]:
        """Shares of the recommender's past incidents per responder, by the square of their score."""
        votes: dict[str, float] = {}
        for suggestion in similar:
            if who := self._outcome(suggestion.incident):
                votes[who] = votes.get(who, 0.0) + suggestion.score**2
        total = sum(votes.values())
        return {who: vote / total for who, vote in votes.items()} if total > 0 else {}

    def _standing(
        self, incident: Incident, mixed: Mapping[str, float], staff: Sequence[Responder], load: Mapping[str, int]
    ) -> list[tuple[float, Candidate]]:
        """Candidates with what they are ranked by: the probability, less a penalty for load."""
        if not staff or self.target == "team":
            return [(chance, Candidate(responder=who, probability=chance)) for who, chance in mixed.items()]
        urgent = incident.priority.strip().lower().startswith(_URGENT)
        roster = {person.id: person for person in staff}
        standing = []
        for who, chance in _with_unseen(mixed, incident, staff).items():
            if who not in roster:
                gone = (Evidence(signal="not on the roster", weight=0.0),)
                standing.append((chance, Candidate(responder=who, probability=chance, available=False, because=gone)))
                continue
            found = availability(roster[who], incident.opened_at, load)
            busy = 0.0 if urgent else _LOAD_PENALTY * min(1.0, load.get(who, 0) / max(1, roster[who].max_open))
            candidate = Candidate(responder=who, probability=chance, available=found.available, because=found.reasons)
            standing.append((chance * (1 - busy), candidate))
        return standing

    def _sure(self, candidates: Sequence[Candidate]) -> bool:
        """Whether the first candidate can be assigned without asking: available, and above the learned threshold."""
        return bool(
            candidates
            and candidates[0].available
            and candidates[0].probability >= self.expertise.stacker_.threshold_
            and candidates[0].probability >= max(candidate.probability for candidate in candidates)
        )

    def _queue(self, mixed: Mapping[str, float], staff: Sequence[Responder]) -> str:
        """The team whose members are likeliest together; the set queue where no team is known."""
        teams: dict[str, float] = {}
        roster = {person.id: person.team for person in staff}
        for who, chance in mixed.items():
            team = who if self.target == "team" else roster.get(who) or self.team_of.get(who, "")
            if team:
                teams[team] = teams.get(team, 0.0) + chance
        return self.queue or max(teams, key=lambda team: (teams[team], team), default="")


def _explained(explainer: Explainer, candidate: Candidate, votes: Mapping[str, float]) -> Candidate:
    because = explainer.reasons(candidate.responder)
    if vote := votes.get(candidate.responder):
        because += (Evidence(signal="suggested fixes", weight=vote, detail=f"{vote:.0%} of the suggested past fixes"),)
    return replace(candidate, because=(*because, *candidate.because))


def _mixed(people: Sequence[str], chances: Iterable[float], votes: Mapping[str, float]) -> dict[str, float]:
    kept = 1.0 - _SIMILAR_SHARE if votes else 1.0
    mixed = {who: kept * float(chance) for who, chance in zip(people, chances, strict=True)}
    if not people:
        kept = 0.0
    for who, vote in votes.items():
        mixed[who] = mixed.get(who, 0.0) + (1.0 - kept) * vote
    return mixed


def _with_unseen(mixed: Mapping[str, float], incident: Incident, staff: Sequence[Responder]) -> dict[str, float]:
    """`mixed`, and what it leaves over shared by staff never seen, more to those on call or with a fitting skill."""
    unseen = [person for person in staff if person.id not in mixed]
    if not unseen:
        return dict(mixed)
    known = sum(mixed.values())
    left = max(_UNSEEN_SHARE, 1.0 - known)
    about = set(words(f"{incident.text()} {incident.service} {incident.category}"))
    share = {person.id: 1.0 + 3.0 * person.on_call + 3.0 * _skilled(person, about) for person in unseen}
    scale, total = min(1.0, (1.0 - left) / max(known, 1e-12)), sum(share.values())
    return {who: chance * scale for who, chance in mixed.items()} | {
        who: left * part / total for who, part in share.items()
    }


def _skilled(person: Responder, about: set[str]) -> bool:
    return any(about & set(words(skill)) for skill in person.skills)

"""Incident -> people: who should take it, whether they can, and whether we are sure enough not to ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from engine.domain import Decision, Incident, ModelPart, Review, Routing, Rung, Suggestion
from engine.route import ranking
from engine.route.assignment import Offer, assign
from engine.route.constraints import Roster
from engine.route.expertise import Expertise
from engine.route.explain import Explainer
from engine.route.outcome import Outcome, Target, outcome_of
from engine.route.policy import rank_of
from engine.route.signals import Opinions

_URGENCY = (
    4.0,
    2.0,
    1.0,
    0.7,
)  # what a wrong person costs, for P1 to P4, where many are given out at once
_UNLIKELY = 0.2  # probability of a chosen one up to which the choice looks wrong, if somebody else is much likelier
_MUCH_LIKELIER = 3.0
_OF_NO_WEIGHT = 0.01  # share of the probability that those have together who are too unlikely to say which team it is


class Router:
    """Ranks who should take an incident.

    Probabilities come from past resolutions alone; the roster then reorders, and never changes a probability.
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
        known, outcomes = self._told(incidents)
        self.expertise = Expertise(columns=self.columns, online=self.online)
        self.expertise.fit(known, outcomes)
        return self._learn_teams(known)

    def learned(self, incidents: Iterable[Incident]) -> Router:
        """A new router of the same kind, fitted to a history; this one goes on answering meanwhile."""
        return Router(target=self.target, queue=self.queue, columns=self.columns, online=self.online).fit(incidents)

    def catch_up(self, incidents: Iterable[Incident]) -> Self:
        """Learn those of `incidents` that are not known yet; what was learned of the others stands."""
        known, outcomes = self._told(incidents)
        self.expertise.catch_up(known, outcomes)
        return self._learn_teams(known)

    def learn_one(self, incident: Incident) -> None:
        """Add or replace one resolved incident: the next question knows it."""
        told = outcome_of(incident, self.target)
        if told.responder:
            self.expertise.learn_one(incident, told)
            self._learn_team(incident)

    def predict_one(
        self,
        incident: Incident,
        *,
        similar: Sequence[Suggestion] = (),
        roster: Roster | None = None,
        chosen: str = "",
        top: int = 10,
    ) -> Routing:
        """Who should take `incident`, asked as of its opening; its own outcome is never looked at.

        Without a `roster` everybody can be asked. `chosen`: whom a person has chosen already; the answer reviews it.
        """
        roster = roster or Roster(())
        known = bool(self.expertise.memory_.people)
        opinions = self.expertise.opinions(incident)
        mixed = self._chances(incident, opinions, similar, roster)
        lined = ranking.line_up(incident, mixed, roster, people=self.target == "resolver", top=max(1, top))
        threshold = self._threshold(lined.first)
        automatic = lined.first_is_likeliest and lined.first_chance >= threshold
        explainer = Explainer(self.expertise, incident, opinions)
        votes = ranking.votes(similar, self.target)
        explain = ranking.explained(explainer, votes)
        return Routing(
            candidates=tuple(explain(one) for one in lined.candidates[:top]),
            automatic=automatic,
            queue=self._queue(mixed, roster),
            rung=Rung.FULL if known else Rung.RULES,
            note="" if known else "nothing resolved yet: roster only",
            decision=self._decision(lined.likeliest, automatic, known),
            fallback=lined.fallback,
            passed_over=tuple(explain(one) for one in lined.passed_over),
            threshold=threshold,
            review=_review(chosen, mixed) if chosen else None,
        )

    def assign(self, incidents: Sequence[Incident], roster: Roster) -> dict[str, str]:
        """Responder per incident id ("" for its queue): all of `incidents` given out together at the least cost."""
        offers = []
        for incident in incidents:
            mixed = self._chances(incident, self.expertise.opinions(incident), (), roster)
            # The others take one person each at most: of as many as there are incidents, somebody is left for this one.
            lined = ranking.line_up(incident, mixed, roster, people=True, top=len(incidents))
            urgency = _URGENCY[rank_of(incident.priority) - 1]
            costs = {one.responder: -urgency * lined.score_of[one.responder] for one in lined.free}
            offers.append(Offer(incident_id=incident.id, costs=costs))
        return assign(offers, ranking.free_places(roster, urgent=any(rank_of(one.priority) == 1 for one in incidents)))

    def _chances(
        self, incident: Incident, told: Opinions, similar: Sequence[Suggestion], roster: Roster
    ) -> dict[str, float]:
        people = self.expertise.memory_.people
        chances = self.expertise.stacker_.probabilities(told.table, told.age) if people else ()
        mixed = ranking.mixed(people, chances, ranking.votes(similar, self.target))
        return ranking.with_unseen(mixed, incident, roster.staff) if self.target == "resolver" else mixed

    def _threshold(self, responder: str) -> float:
        return self.expertise.stacker_.thresholds_.of(self.expertise.memory_.number_of(responder))

    def _decision(self, likeliest: float, automatic: bool, known: bool) -> Decision:
        if automatic:
            return Decision.ASSIGN
        unclear = not known or likeliest <= self.expertise.stacker_.thresholds_.floor
        return Decision.ON_CALL if unclear else Decision.CHOOSE

    def _queue(self, mixed: Mapping[str, float], roster: Roster) -> str:
        """The team whose members are likeliest together; the set queue where no team is known."""
        teams: dict[str, float] = {}
        team_of = {person.id: person.team for person in roster.staff}
        least = _OF_NO_WEIGHT * sum(mixed.values()) / max(1, len(mixed))
        for who, chance in [each for each in mixed.items() if each[1] >= least]:
            team = who if self.target == "team" else team_of.get(who) or self.team_of.get(who, "")
            if team:
                teams[team] = teams.get(team, 0.0) + chance
        return self.queue or max(teams, key=lambda team: (teams[team], team), default="")

    def _told(self, incidents: Iterable[Incident]) -> tuple[list[Incident], list[Outcome]]:
        pairs = [(incident, outcome_of(incident, self.target)) for incident in incidents]
        return [one for one, told in pairs if told.responder], [told for _, told in pairs if told.responder]

    def _learn_teams(self, known: Sequence[Incident]) -> Self:
        for incident in sorted(known, key=lambda incident: incident.known_from):
            self._learn_team(incident)
        return self

    def _learn_team(self, incident: Incident) -> None:
        if self.target == "resolver" and incident.resolution is not None and incident.resolution.team:
            self.team_of[incident.resolution.resolver] = incident.resolution.team

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


def _review(chosen: str, mixed: Mapping[str, float]) -> Review:
    """What the probabilities say of a choice made already."""
    others = {who: chance for who, chance in mixed.items() if who != chosen}
    better = max(others, key=lambda who: (others[who], who), default="")
    own, other = mixed.get(chosen, 0.0), others.get(better, 0.0)
    return Review(
        chosen=chosen,
        probability=min(1.0, own),
        better=better,
        better_probability=other,
        looks_wrong=own <= _UNLIKELY and other >= _MUCH_LIKELIER * max(own, 0.05),
    )

"""From probabilities to a line of people: who comes first, who stands behind, who was passed over, and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappush, heappushpop

import numpy as np

from engine.domain import Candidate, Evidence, Incident, Responder, Suggestion, Work
from engine.route.columns import Floats
from engine.route.constraints import Roster, Sight, Standing, standing_score
from engine.route.explain import Explainer
from engine.route.outcome import Target, outcome_of
from engine.text import words

__all__ = ["Floats", "Lined", "explained", "free_places", "line_up", "mixed", "votes", "with_unseen"]
_SIMILAR_SHARE = 0.15  # of the probability that goes by the recommender's past incidents, where it gave any
_UNSEEN_SHARE = 0.02  # least probability shared by staff who never resolved anything
_SHOWN_PASSED_OVER = 3
_SHOWN_FALLBACK = 3
_FREE = Standing(True)
_GONE = Standing(False, 0.0, (Evidence(signal="not on the roster", weight=0.0),))


@dataclass(frozen=True)
class Lined:
    """Everybody in the order in which they would be asked: load says who is asked first, not who is likely to help."""

    candidates: list[Candidate]  # of those who can be asked the best by score, then the likeliest; then the others
    fallback: tuple[Candidate, ...]
    passed_over: tuple[Candidate, ...]
    score_of: Mapping[str, float]

    @property
    def free(self) -> list[Candidate]:
        """Who can be asked."""
        return [one for one in self.candidates if one.available]

    @property
    def first(self) -> str:
        """Who would be asked first, "" if nobody can be."""
        return self.candidates[0].responder if self.candidates and self.candidates[0].available else ""

    @property
    def first_chance(self) -> float:
        """The probability of the first."""
        return self.candidates[0].probability if self.first else 0.0

    @property
    def likeliest(self) -> float:
        """The highest probability of all."""
        return max((one.probability for one in self.candidates), default=0.0)

    @property
    def first_is_likeliest(self) -> bool:
        """Whether nobody likelier was passed over."""
        return bool(self.first) and self.first_chance >= self.likeliest


def line_up(
    incident: Incident, chances: Mapping[str, float], roster: Roster, *, people: bool, top: int | None = None
) -> Lined:
    """Put in line; where there is no roster, or teams are asked, by probability alone.

    With `top`, those are left out who can neither be among the first `top`, nor stand in, nor be passed over: the
    likely ones come first, and of the others no more is found out than whether they can be asked.
    """
    person_of = {person.id: person for person in roster.staff} if people else {}
    sight = roster.sight(incident)
    free, gone = _Best(top), _Best(top and max(top, _SHOWN_PASSED_OVER))
    lined, score_of = [], {}
    for who in _worth_asking(chances, person_of, sight, (free, gone)):
        chance, person = chances[who], person_of.get(who)
        standing = sight.standing(person) if person else _GONE if person_of else _FREE
        score_of[who] = standing_score(chance, standing)
        (free if standing.can_be_asked else gone).note(score_of[who])
        lined.append(
            Candidate(responder=who, probability=chance, available=standing.can_be_asked, because=standing.reasons)
        )
    lined.sort(key=lambda one: (not one.available, -score_of[one.responder], one.responder))
    lined[1:] = sorted(lined[1:], key=lambda one: (not one.available, -one.probability))
    return Lined(lined, _fallback(lined, person_of), _passed_over(lined), score_of)


def _worth_asking(
    chances: Mapping[str, float], person_of: Mapping[str, Responder], sight: Sight, best: tuple[_Best, _Best]
) -> Iterator[str]:
    """Likeliest first, whoever can still be among the `best` of those who can be asked, or of those who cannot."""
    free, gone = best
    no_more_free = no_more_gone = False  # from then on: chances only fall, and what is best only rises
    for less, who in sorted((-chance, who) for who, chance in chances.items()):
        if not free.is_full and not gone.is_full:
            yield who
            continue
        if not (no_more_free and no_more_gone):
            at_best = math.log(max(-less, 1e-12))
            no_more_free = no_more_free or free.is_settled(at_best)
            no_more_gone = no_more_gone or gone.is_settled(at_best)
        person = person_of.get(who)
        if person is not None and person.on_call:
            yield who
        elif no_more_free:
            continue
        elif not no_more_gone or not person_of or (person is not None and sight.can_be_asked(person)):
            yield who


class _Best:
    """The best `size` scores so far; None: all of them."""

    def __init__(self, size: int | None) -> None:
        self.size = size
        self.heap: list[float] = []
        self.is_full = False

    def note(self, score: float) -> None:
        """One more."""
        if self.size:
            (heappushpop if self.is_full else heappush)(self.heap, score)
            self.is_full = len(self.heap) == self.size

    def is_settled(self, at_best: float) -> bool:
        """Whether a score that is no better than `at_best` is not among them."""
        return self.is_full and self.heap[0] > at_best


def _fallback(lined: Sequence[Candidate], person_of: Mapping[str, Responder]) -> tuple[Candidate, ...]:
    """Who is on call and there, likeliest first; a full load does not excuse them."""
    barred = {"time off", "left"}
    found = [
        replace(one, available=True, because=(Evidence(signal="on call", weight=0.0, detail="whatever else fails"),))
        for one in lined
        if one.responder in person_of
        and person_of[one.responder].on_call
        and not barred & {reason.signal for reason in one.because}
    ]
    return tuple(sorted(found, key=lambda one: (-one.probability, one.responder))[:_SHOWN_FALLBACK])


def _passed_over(lined: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Who is likelier than the first, likeliest first."""
    if not lined:
        return ()
    bar = lined[0].probability if lined[0].available else 0.0
    better = [one for one in lined[1 if lined[0].available else 0 :] if one.probability > bar]
    return tuple(sorted(better, key=lambda one: (-one.probability, one.responder))[:_SHOWN_PASSED_OVER])


def free_places(roster: Roster, *, urgent: bool) -> dict[str, int]:
    """How many more incidents each can take; where something is urgent, at least one."""
    least = 1 if urgent else 0
    return {person.id: max(least, person.max_open - roster.work.get(person.id, Work()).open) for person in roster.staff}


def votes(similar: Sequence[Suggestion], target: Target) -> dict[str, float]:
    """Shares of the recommender's past incidents per responder, by the square of their score."""
    found: dict[str, float] = {}
    for suggestion in similar:
        if who := outcome_of(suggestion.incident, target).responder:
            found[who] = found.get(who, 0.0) + suggestion.score**2
    total = sum(found.values())
    return {who: vote / total for who, vote in found.items()} if total > 0 else {}


def mixed(people: Sequence[str], chances: Sequence[float] | Floats, by_vote: Mapping[str, float]) -> dict[str, float]:
    """Probability per person, a share of it by the past incidents of the recommender."""
    kept = (1.0 - _SIMILAR_SHARE if people else 0.0) if by_vote else 1.0
    told = (kept * np.asarray(chances, np.float64)).tolist()  # numbers of Python's: they are compared one by one
    found: dict[str, float] = dict(zip(people, told, strict=True))
    for who, vote in by_vote.items():
        found[who] = found.get(who, 0.0) + (1.0 - kept) * vote
    return found


def with_unseen(chances: Mapping[str, float], incident: Incident, staff: Sequence[Responder]) -> dict[str, float]:
    """`chances`, and what they leave over shared by staff never seen, more to those on call or with a fitting skill."""
    unseen = [person for person in staff if person.id not in chances and not person.left]
    if not unseen:
        return dict(chances)
    known = sum(chances.values())
    left = max(_UNSEEN_SHARE, 1.0 - known)
    about = set(words(f"{incident.text()} {incident.service} {incident.category}"))
    share = {person.id: 1.0 + 3.0 * person.on_call + 3.0 * _skilled(person, about) for person in unseen}
    scale, total = min(1.0, (1.0 - left) / max(known, 1e-12)), sum(share.values())
    return {who: chance * scale for who, chance in chances.items()} | {
        who: left * part / total for who, part in share.items()
    }


def explained(explainer: Explainer, by_vote: Mapping[str, float]) -> Callable[[Candidate], Candidate]:
    """What adds the model's reasons to a candidate, before those of the roster."""

    def explain(candidate: Candidate) -> Candidate:
        because = explainer.reasons(candidate.responder)
        if vote := by_vote.get(candidate.responder):
            detail = f"{vote:.0%} of the suggested past fixes"
            because += (Evidence(signal="suggested fixes", weight=vote, detail=detail),)
        return replace(candidate, because=(*because, *candidate.because))

    return explain


def _skilled(person: Responder, about: set[str]) -> bool:
    return any(about & set(words(skill)) for skill in person.skills)

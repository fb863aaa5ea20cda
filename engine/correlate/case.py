"""One alert beside one incident: what the signals look at."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from engine.correlate.background import Background, agreement
from engine.correlate.profile import Profile
from engine.correlate.question import Question, rarest
from engine.correlate.reading import Reading
from engine.correlate.topology import Near, closest

Parts = list[tuple[str, float]]  # measurement -> value
STRANGE_BELOW = 0.7  # nats of identity under which alert and incident count as strangers
MOMENTUM_S = 60.0
CAP = 6.0  # nats: no single field says more


class Case:
    """One alert beside one incident, and what is known about the world: what reasons are told from and weights are
    fitted to. Scores come from `lines`, which reads the same for many pairs at once."""

    __slots__ = (
        "at", "field_nats", "gap", "lately", "latest", "mention", "momentum", "near", "nearest", "profile", "question",
        "rivals", "strangers", "thing",
    )  # fmt: skip

    def __init__(self, question: Question, profile: Profile) -> None:
        self.question, self.profile = question, profile
        self.at = at = question.at
        self.gap = profile.gap(at)
        self.field_nats = _field_nats(question, profile)
        among = len(profile.members)
        nats, which = rarest(question.reading.things, question.thing_shares, profile.things, among)
        self.thing = (min(CAP, nats), which)
        self.mention = _mention(question, profile, among)
        self.nearest, self.rivals = True, 0
        self.momentum = 0.0  # nats: its share of what all candidates did in the last minute, against an equal share
        self.lately = min((profile.gap_of(thing, at) for thing in question.reading.things[:2]), default=math.inf)
        self.latest = False  # of several that named the alert's thing, the one that did so nearest in time
        self.near: tuple[str, str, Near] | None = (
            closest(question.around, profile.things, profile.words) if question.around else None
        )
        self.strangers = self._closest() < STRANGE_BELOW

    @property
    def reading(self) -> Reading:
        """What the alert says."""
        return self.question.reading

    @property
    def background(self) -> Background:
        """What is ordinary."""
        return self.question.world.background

    def _closest(self) -> float:
        closest = max(self.thing[0], self.mention[0], self.near[2].surprise if self.near else 0.0)
        for name, nats in self.field_nats.items():
            if nats > closest and (name in ("service", "host") or name.startswith("label.")):
                closest = nats
        return closest


def cases_of(question: Question, profiles: Sequence[Profile]) -> list[Case]:
    """The alert beside each of `profiles`, each told how it stands beside the others."""
    cases = [Case(question, profile) for profile in profiles]
    if len(cases) > 1:
        _compare(cases)
    return cases


def _compare(cases: Sequence[Case]) -> None:
    nearest = min(case.gap for case in cases)
    latest = min(case.lately for case in cases)
    holders = sum(case.lately < math.inf for case in cases)
    moves = [case.profile.near(case.at, MOMENTUM_S) + 0.5 for case in cases]
    equal = sum(moves) / len(cases)
    for case, moved in zip(cases, moves, strict=True):
        case.rivals = len(cases) - 1
        case.nearest = case.gap == nearest
        case.latest = holders > 1 and case.lately == latest
        case.momentum = math.log(moved / equal)


def _field_nats(question: Question, profile: Profile) -> dict[str, float]:
    found = {}
    for _, name, value, share, spread in question.sides:
        among = profile.among.get(name)
        if among:
            inside = profile.inside[name].get(value, 0)
            nats = agreement(share, spread, inside, among)
            found[name] = -CAP if nats < -CAP else min(nats, CAP)
    return found


def _mention(question: Question, profile: Profile, among: int) -> tuple[float, str]:
    named = rarest(question.reading.words, question.thing_shares, profile.things, among)
    said = rarest(question.reading.things, question.word_shares, profile.words, among)
    nats, which = max(named, said)
    return min(CAP, nats), which


def between(knots: tuple[float, ...], names: tuple[str, ...], value: float) -> Parts:
    """`value` as shares of the two knots around it: a weight per knot makes any piecewise linear curve."""
    place = bisect_right(knots, value)
    if place == 0:
        return [(names[0], 1.0)]
    if place == len(knots):
        return [(names[-1], 1.0)]
    low, high = knots[place - 1], knots[place]
    share = (value - low) / (high - low)
    return [(names[place - 1], 1.0 - share), (names[place], share)]


def duration(seconds: float) -> str:
    """In words, for a person."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"

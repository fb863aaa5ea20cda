"""Later evidence: alerts and whole incidents whose place looks different now that more is known.

Merges: the alerts of a small incident, scored beside a larger one, speak for their incident together. Moves: a recent
alert is taken out of its incident in thought and scored anew beside all rivals, with what came after it known too.
Both only propose; the caller applies them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from engine.correlate.asked import Scorer
from engine.correlate.between import Between
from engine.correlate.case import Parts, cases_of
from engine.correlate.columns import COLUMNS_READ
from engine.correlate.constraints import Constraints
from engine.correlate.pairs import met, pairing, whether_one, whether_two
from engine.correlate.profile import Member, Profile
from engine.correlate.profiles import Profiles
from engine.correlate.question import Question
from engine.correlate.seek import NEWEST_READ
from engine.correlate.settling import settle
from engine.correlate.signals import measured
from engine.correlate.state import State

_TOGETHER = 1024  # alerts asked about at once


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """A proposed move of one alert, applied by the caller through `Correlator.move`."""

    alert_id: str
    from_incident: str
    to_incident: str  # "" asks for a new incident
    reason: str
    beside: str = ""  # alert that opens the new incident for all that name it; "" = an incident of its own


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """How readily later evidence changes groups.

    Parameters
    ----------
    horizon_s
        Alerts that began at most this long ago, and incidents that showed a sign of life since, are looked at again.
    move_margin
        Log-odds by which another place must be better before an alert moves.
    merge_margin
        Log-odds for two incidents being one before they become one.
    storm_margin
        The same, beside it, where either was a storm: what many alerts went into is not lightly made larger.
    split_margin
        Log-odds against both sides of an incident being one before it becomes two.
    sample
        Alerts of an incident that speak for it when merging.
    reach
        Incidents that an incident is compared with.
    most
        Alerts looked at in one asking, so that nobody waits long for its end; the next asking goes on from there, and
        0 looks at all.
    """

    horizon_s: float = 1200.0
    move_margin: float = 1.0
    merge_margin: float = 0.0
    split_margin: float = 3.0
    storm_margin: float = 3.0
    sample: int = 8
    reach: int = 12
    most: int = 0

    def margin(self, one: Profile, other: Profile) -> float:
        """The log-odds that two incidents need to become one."""
        return self.merge_margin + (self.storm_margin if one.stormed or other.stormed else 0.0)


class Settler:
    """Weighs where alerts belong once it is known what came after them, beside at most `limit` incidents and the few
    that moved last."""

    def __init__(self, state: State, scorer: Scorer, limit: int) -> None:
        self.state, self.scorer, self.limit = state, scorer, limit

    def without(self, some: Sequence[tuple[Profile, Member]]) -> Iterator[dict[str, float]]:
        """For each alert, what each incident scores for it, its own one as it would be without it."""
        state, count = self.state, self.limit + NEWEST_READ
        due = np.array([member.row for _, member in some], np.int64)
        found, scores = np.zeros((len(some), count), np.int64), np.zeros((len(some), count))
        counts = np.zeros(len(some), np.int64)
        state.rank_members(due)
        settle(state.level(), self.scorer.weighing, due, np.zeros((count, COLUMNS_READ)), found, scores, counts)
        for row, nats, number in zip(found.tolist(), scores.tolist(), counts.tolist(), strict=True):
            yield {state.open[slot].id: score for slot, score in zip(row[:number], nats, strict=False)}


class Sides:
    """What weighs two incidents, or two sides of one, under `weights`."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights, self.pairing = weights, pairing(weights)


class Merger:
    """Weighs whether two incidents are one: the mean of what signals measure between the alerts of the smaller one
    and the larger one, and how their sizes and times lie to each other."""

    def __init__(self, repair: Repair, state: State, pair: Sides, sides: Sides) -> None:
        self.repair, self.state, self.pair, self.two = repair, state, pair, sides

    def pairs(self, profile: Profile, others: Sequence[Profile]) -> list[tuple[Profile, Parts]]:
        """Each of `others` with what is measured between it and `profile`: what weights are fitted to."""
        questions = self._questions(profile)
        sums: dict[str, dict[str, float]] = {other.id: {} for other in others}
        for question in questions:
            for case in cases_of(question, others):
                into = sums[case.profile.id]
                for name, value in measured(case):
                    into[name] = into.get(name, 0.0) + value / len(questions)
        return [(other, [*sums[other.id].items(), *Between().parts(profile, other)]) for other in others]

    def one(self, profile: Profile, others: Sequence[Profile]) -> list[float]:
        """The log-odds of `profile` being one with each of `others`, less what it takes."""
        if not others:
            return []
        found, scores = np.array([other.slot for other in others]), np.zeros(len(others))
        rows = np.zeros((len(others), COLUMNS_READ))
        self.state.rank_some(profile.slot, self.repair.sample)
        whether_one(self.state.level(), self.pair.pairing, profile.slot, found, self.repair.sample, rows, scores)
        return [nats - self.repair.margin(profile, other) for nats, other in zip(scores.tolist(), others, strict=True)]

    def sides(self, one: Sequence[Member], other: Sequence[Member]) -> tuple[float, float]:
        """Of two sides of an incident: the log-odds of being two, and of being merged again, less what that takes."""
        rows = np.array([member.row for member in (*one, *other)], np.int64)
        self.state.rank_members(rows[: len(one)])
        with self.state.apart(rows) as (sides, cells):
            pair, two, stormed = whether_two(
                self.state.level(),
                self.pair.pairing,
                self.two.pairing,
                sides,
                rows,
                len(one),
                cells,
                self.repair.sample,
            )
        return -two, pair - self.repair.merge_margin - (self.repair.storm_margin if stormed else 0.0)

    def neighbours(self, profile: Profile) -> list[Profile]:
        """The incidents that `profile` may be one with: those its own alerts would be weighed against."""
        reach = self.repair.reach
        found, heard = np.zeros((2, 4 * (reach + NEWEST_READ)), np.int64)
        room = np.zeros(reach + NEWEST_READ, np.int64)
        count = met(self.state.level(), profile.slot, found, heard, room)
        ranked = sorted(
            (-times, abs(other.first - profile.first), other.id, other)
            for times, other in zip(heard[:count].tolist(), self.state.profiles(found[:count]), strict=True)
        )
        return [other for _, _, _, other in ranked[:reach]]

    def _questions(self, profile: Profile) -> list[Question]:
        members = _spread(list(profile.members.values()), self.repair.sample)
        return [Question(one.reading, one.at, one.fingerprint, self.state.world) for one in members]


def merges(profiles: Profiles, changed: Iterable[str], merger: Merger, kept: Constraints) -> Iterator[Revision]:
    """Incidents of `changed` that are part of another one: all their alerts move."""
    gone: set[str] = set()
    for incident_id in sorted(changed, key=lambda name: (_size(profiles, name), name)):
        profile = profiles.open.get(incident_id)
        if profile is None or incident_id in gone:
            continue
        others = [
            other
            for other in merger.neighbours(profile)
            if other.id not in gone and kept.may_be_one(profile, other) and _may_meet(profile, other)
        ]
        scored = [(nats, other.id, other) for nats, other in zip(merger.one(profile, others), others, strict=True)]
        best, _, target = max(scored, default=(-math.inf, "", profile), key=lambda found: found[:2])
        if best <= 0.0:
            continue
        small, large = (profile, target) if len(profile.members) <= len(target.members) else (target, profile)
        if not kept.pinned.isdisjoint(small.members):
            small, large = large, small
        if not kept.pinned.isdisjoint(small.members):
            continue
        gone |= {small.id, large.id}
        for alert_id in small.members:
            yield Revision(
                alert_id=alert_id, from_incident=small.id, to_incident=large.id,
                reason=f"its incident is part of {large.id}: {best:.1f} in log-odds more than it takes to be one",
            )  # fmt: skip


def _may_meet(one: Profile, other: Profile) -> bool:
    """Neither ended before the other began: an incident that ended takes nothing that starts later."""
    return one.first <= other.closed_at and other.first <= one.closed_at


def moves(
    due: Iterable[tuple[Profile, Member]], repair: Repair, settler: Settler, kept: Constraints
) -> Iterator[Revision]:
    """Single alerts among those `due` that belong elsewhere."""
    asked = (
        (profile, member)
        for profile, member in due
        # What has ended is left as it was.
        if profile.closed_at == math.inf and member.alert_id in profile.members and member.alert_id not in kept.pinned
    )
    while some := list(islice(asked, _TOGETHER)):
        for (profile, member), scored in zip(some, settler.without(some), strict=True):
            yield from _move(profile, member, scored, repair, kept)


def _move(
    profile: Profile, member: Member, scored: dict[str, float], repair: Repair, kept: Constraints
) -> Iterator[Revision]:
    here = scored.pop(profile.id, 0.0)
    stays = len(profile.members) == 1 or here + repair.move_margin >= 0.0
    if stays and max(scored.values(), default=-math.inf) <= max(here, 0.0) + repair.move_margin:
        return  # nearly all of them: whether it may go elsewhere need not be asked
    scored = {name: nats for name, nats in scored.items() if kept.may_join(member.alert_id, profile.id, name)}
    best = max(scored, key=lambda name: (scored[name], name), default="")
    there = scored.get(best, 0.0)
    if len(profile.members) > 1 and max(here, there) + repair.move_margin < 0.0:
        yield Revision(
            alert_id=member.alert_id, from_incident=profile.id, to_incident="",
            reason=f"stands alone: {-here:.1f} against staying",
        )  # fmt: skip
    elif best and there > max(here, 0.0) + repair.move_margin:
        yield Revision(
            alert_id=member.alert_id, from_incident=profile.id, to_incident=best,
            reason=f"closer to {best} by {there - here:.1f}",
        )  # fmt: skip


def _size(profiles: Profiles, incident_id: str) -> int:
    profile = profiles.open.get(incident_id)
    return len(profile.members) if profile is not None else 0


def _spread(members: list[Member], count: int) -> list[Member]:
    step = max(1, len(members) // count)
    return members[::step][:count]

"""Later evidence: alerts and whole incidents whose place looks different now that more is known.

Merges: the alerts of a small incident, scored beside a larger one, speak for their incident together. Moves: a recent
alert is taken out of its incident in thought and scored anew beside all rivals, with what came after it known too.
Both only propose; the caller applies them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from engine.correlate.case import Parts, between, cases_of
from engine.correlate.profile import Member, Profile
from engine.correlate.profiles import Profiles
from engine.correlate.question import Question, World
from engine.correlate.sheet import Sheet
from engine.correlate.signals import measured, weighed
from engine.correlate.weigher import Weigher

Again = Callable[[Member, Sheet], list[Profile]]  # asks once more where an alert belongs: beside these incidents
_TOGETHER = 64  # alerts asked about on one sheet


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


class Constraints(NamedTuple):
    """What operators have settled."""

    pinned: set[str]  # alerts that stay where they are
    apart: set[frozenset[str]]  # pairs of incidents that are not one


class Settle(NamedTuple):
    """What weighs where an alert belongs once it is known what came after it."""

    world: World
    weigher: Weigher


class Sides:
    """What weighs two incidents, or two sides of one, under `weights`."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights, self.weigher = weights, Weigher(weights)


class Merger:
    """Weighs whether two incidents are one: the mean of what signals measure between the alerts of the smaller one
    and the larger one, and how their sizes and times lie to each other."""

    sizes = (1.0, 2.0, 3.0, 6.0, 15.0, 60.0, 300.0)
    small_names = tuple(f"merge.small@{size:g}" for size in sizes)
    large_names = tuple(f"merge.large@{size:g}" for size in sizes)
    onsets = (0.0, 10.0, 60.0, 180.0, 600.0, 1800.0, 7200.0)
    onset_names = tuple(f"merge.onset@{onset:g}" for onset in onsets)
    silences = (0.0, 2.0, 5.0, 10.0, 20.0, 45.0, 90.0, 180.0, 600.0, 1800.0)
    silence_names = tuple(f"merge.silence@{silence:g}" for silence in silences)
    hush_names = tuple(f"merge.hush@{silence:g}" for silence in silences)
    pauses = (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 5.0)
    pause_names = tuple(f"merge.pause@{pause:g}" for pause in pauses)

    def __init__(self, repair: Repair, world: World, pair: Sides, sides: Sides) -> None:
        self.repair, self.world, self.pair, self.two = repair, world, pair, sides

    def pairs(self, profile: Profile, others: Sequence[Profile]) -> list[tuple[Profile, Parts]]:
        """Each of `others` with what is measured between it and `profile`: what weights are fitted to."""
        questions = self._questions(profile)
        sums: dict[str, dict[str, float]] = {other.id: {} for other in others}
        for question in questions:
            for case in cases_of(question, others):
                into = sums[case.profile.id]
                for name, value in measured(case):
                    into[name] = into.get(name, 0.0) + value / len(questions)
        return [(other, [*sums[other.id].items(), *self._between(profile, other)]) for other in others]

    def one(self, profile: Profile, others: Sequence[Profile]) -> list[float]:
        """The log-odds of `profile` being one with each of `others`, less what it takes."""
        found = self._weighed(self.pair, self._sheet(profile, others), profile, others)
        return [nats - self.repair.margin(profile, other) for nats, other in zip(found, others, strict=True)]

    def sides(self, one: Profile, other: Profile) -> tuple[float, float]:
        """Of two sides of an incident: the log-odds of being two, and of being merged again, less what that takes."""
        sheet = self._sheet(one, [other])
        apart = -self._weighed(self.two, sheet, one, [other])[0]
        again = self._weighed(self.pair, sheet, one, [other])[0]
        return apart, again - self.repair.margin(one, other)

    def _questions(self, profile: Profile) -> list[Question]:
        members = _spread(list(profile.members.values()), self.repair.sample)
        return [Question(one.reading, one.at, one.fingerprint, self.world) for one in members]

    def _sheet(self, profile: Profile, others: Sequence[Profile]) -> Sheet:
        sheet = Sheet(self.world)
        for question in self._questions(profile):
            sheet.ask(question, others)
        return sheet

    def _weighed(self, both: Sides, sheet: Sheet, profile: Profile, others: Sequence[Profile]) -> list[float]:
        scores, asked = both.weigher.scores(sheet), max(1, len(sheet.groups))
        return [
            sum(scores[place :: len(others)]) / asked + weighed(both.weights, self._between(profile, other))
            for place, other in enumerate(others)
        ]

    def _between(self, one: Profile, other: Profile) -> Parts:
        small, large = sorted((float(len(one.members)), float(len(other.members))))
        shared = len(one.episodes.keys() & other.episodes.keys()) / max(1, min(len(one.episodes), len(other.episodes)))
        first, last = max(one.first, other.first), min(one.times[-1], other.times[-1])
        shorter = min(one.times[-1] - one.first, other.times[-1] - other.first)
        overlap = min(1.0, max(0.0, last - first + 1.0) / (shorter + 1.0))
        found = between(self.sizes, self.small_names, small) + between(self.sizes, self.large_names, large)
        found += between(self.onsets, self.onset_names, abs(one.first - other.first))
        found += self._silence(*sorted((one, other), key=lambda profile: profile.first))
        return [*found, ("merge.shared", shared), ("merge.overlap", overlap), ("merge.both", shared * overlap)]

    def _silence(self, earlier: Profile, later: Profile) -> Parts:
        """What lay between the end of the earlier one and the beginning of the later one, also by its own pauses."""
        silence = max(0.0, later.first - earlier.last)
        found = between(self.silences, self.silence_names, silence)
        if earlier.beats:
            found += between(self.pauses, self.pause_names, math.log((silence + 1.0) / (earlier.longest + 1.0)))
        return found + between(self.silences, self.hush_names, silence) if earlier.stormy else found


def merges(profiles: Profiles, changed: Iterable[str], merger: Merger, kept: Constraints) -> Iterator[Revision]:
    """Incidents of `changed` that are part of another one: all their alerts move."""
    gone: set[str] = set()
    for incident_id in sorted(changed, key=lambda name: (_size(profiles, name), name)):
        profile = profiles.open.get(incident_id)
        if profile is None or incident_id in gone:
            continue
        others = [
            other
            for other in neighbours(profiles, profile, merger.repair)
            if other.id not in gone
            and frozenset((other.id, incident_id)) not in kept.apart
            and _may_meet(profile, other)
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


def neighbours(profiles: Profiles, profile: Profile, repair: Repair) -> list[Profile]:
    """The incidents that `profile` may be one with: those its own alerts would be weighed against."""
    heard: dict[str, int] = {}
    for member in _spread(list(profile.members.values()), 3):
        for other in profiles.candidates(member.reading, member.at, repair.reach):
            if other.id != profile.id:
                heard[other.id] = heard.get(other.id, 0) + 1
    best = sorted(heard, key=lambda name: (-heard[name], abs(profiles.open[name].first - profile.first), name))
    return [profiles.open[name] for name in best[: repair.reach]]


def moves(
    due: Iterable[tuple[Profile, Member]], repair: Repair, again: Again, settle: Settle, kept: Constraints
) -> Iterator[Revision]:
    """Single alerts among those `due` that belong elsewhere."""
    asked = (
        (profile, member)
        for profile, member in due
        # What has ended is left as it was.
        if profile.closed_at == math.inf and member.alert_id in profile.members and member.alert_id not in kept.pinned
    )
    while some := list(islice(asked, _TOGETHER)):
        for (profile, member), scored in zip(some, _without(some, again, settle), strict=True):
            yield from _move(profile, member, scored, repair, kept)


def _without(some: Sequence[tuple[Profile, Member]], again: Again, settle: Settle) -> Iterator[dict[str, float]]:
    """For each alert, what each incident scores for it, its own one as it would be without it."""
    sheet, names = Sheet(settle.world), []
    for profile, member in some:
        with profile.lend(member.alert_id):
            names.append([found.id for found in again(member, sheet)])
    scores = iter(settle.weigher.scores(sheet))
    for found in names:
        yield {name: next(scores) for name in found}


def _move(
    profile: Profile, member: Member, scored: dict[str, float], repair: Repair, kept: Constraints
) -> Iterator[Revision]:
    here = scored.pop(profile.id, 0.0)
    scored = {name: nats for name, nats in scored.items() if frozenset((name, profile.id)) not in kept.apart}
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

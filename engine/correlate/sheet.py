"""Alerts beside incidents as lines of numbers: each pair is read once and can be weighed by any weights.

It holds what the signals measure of a `Case`, without names and words; `weigher` weighs it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.correlate.case import CAP, MOMENTUM_S, STRANGE_BELOW, Case
from engine.correlate.pace_signals import LASTED, Pause
from engine.correlate.profile import STORM_BEATS, Profile
from engine.correlate.question import SIDES, Question, Shares, World
from engine.correlate.time_signals import EPISODES_READ
from engine.correlate.topology import closest

WAYS = ("same", "down", "up", "side")
FAR = 16  # the spot of what is known and out of reach; a near one is 4 times its hops plus its way
LONG_S = 600.0  # what counts as near in time where a minute is short
_WAY_OF = {name: place for place, name in enumerate(WAYS)}

# What a line says of time: gap and seconds since the incident heard of the thing; age and alerts of the incident;
# seconds since it had the same symptom (-1: never), and whether that has ended; logarithms of the gap beside what is
# expected by chance, beside its usual gap, its longest pause and its length (the last three -inf where it is too new),
# its rank among few, many and storm; whether it stormed; alerts within a minute of the asked one; share still firing.
Times = tuple[float, float, float, int, float, bool, float, float, float, float, int, bool, int, float]
# What it says of identity: whether strangers; nats of each of SIDES, of the best and the worst label, of a thing in
# common, whether things are known and none is; of a mention and a word; of company by level; spot and surprise there.
Identity = tuple[
    bool, Sequence[float], float, float, float, bool, float, float, Sequence[tuple[str, float]], int, float
]


# What it says of the incident alone: its usual gap, the gaps that rests on, its longest pause; its services, hosts and
# names; alerts within ten minutes of the asked one.
Shape = tuple[float, int, float, int, int, int, int]

Line = tuple[Times, Identity, Shape]  # one alert beside one incident


class Rivalry(NamedTuple):
    """What the incidents beside one alert have in common."""

    rivals: int  # of each of them
    gap: float  # seconds, of the nearest in time
    lately: float  # seconds, of the one that heard of the alert's thing latest; -1 where not several did
    moved: float  # alerts within a minute, mean

    def momentum(self, near: int) -> float:
        """Nats: an incident's share of what all did within a minute, against an equal share."""
        return math.log((near + 0.5) / self.moved)


class Group(NamedTuple):
    """One question's lines."""

    rate: float  # incidents that open per hour anyway
    lines: Sequence[Line]

    def rivalry(self) -> Rivalry:
        """How they stand beside each other."""
        times = [line[0] for line in self.lines]
        known = [each[1] for each in times if each[1] < math.inf]
        moved = sum(each[12] + 0.5 for each in times) / len(times)
        return Rivalry(len(times) - 1, min(each[0] for each in times), min(known) if len(known) > 1 else -1.0, moved)


class Sheet:
    """Lines for alerts beside incidents, as they are at the moment of asking."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.groups: list[Group] = []  # a question beside no incident has none

    def ask(self, question: Question, profiles: Sequence[Profile]) -> None:
        """Add the question beside each of `profiles`."""
        if profiles:
            lines = [
                (_times(question, profile), _identity(question, profile), _shape(question.at, profile))
                for profile in profiles
            ]
            self.groups.append(Group(question.rate, lines))


class Asked(NamedTuple):
    """One alert beside the incidents it could belong to."""

    question: Question
    profiles: Sequence[Profile]
    sheet: Sheet  # with these lines alone

    def case(self, place: int) -> Case:
        """The case of the incident at `place` of `profiles`, in words."""
        case, group = Case(self.question, self.profiles[place]), self.sheet.groups[0]
        times, rivalry = group.lines[place][0], group.rivalry()
        case.rivals, case.nearest = rivalry.rivals, times[0] == rivalry.gap
        case.latest, case.momentum = times[1] == rivalry.lately, rivalry.momentum(times[12])
        return case


def ask(question: Question, profiles: Sequence[Profile]) -> Asked:
    """The alert beside `profiles`, read now."""
    sheet = Sheet(question.world)
    sheet.ask(question, profiles)
    return Asked(question, profiles, sheet)


def _times(question: Question, profile: Profile) -> Times:
    """What the signals of time and pace read."""
    at, times, beats = question.at, profile.times, profile.beats
    size, lasted = len(times), times[-1] - times[0]
    gap, lately = profile.gap(at), math.inf
    for thing in question.about:
        if thing in profile.things:
            lately = min(lately, profile.gap_of(thing, at))
    again, ended = -1.0, False
    if question.fingerprint in profile.episodes:
        again, ended = _again(question, profile)
    pace = pause = lull = -math.inf
    if beats >= LASTED - 1:
        pace = math.log((gap + 0.5) / (profile.beat + 0.5))
        pause = math.log((gap + 1.0) / (profile.longest + 1.0))
    if size >= LASTED:
        lull = math.log((gap + 1.0) / (lasted + 10.0))
    until = size if times[-1] <= at + MOMENTUM_S else bisect_right(times, at + MOMENTUM_S)
    return (
        gap, lately, at - times[0], size, again, ended, math.log(question.rate * (gap + 1.0) / 3600.0), pace, pause,
        lull, (beats >= Pause.many_from) + (beats >= Pause.storm_from), beats >= STORM_BEATS and profile.stormy,
        until - bisect_left(times, at - MOMENTUM_S), profile.firing / size,
    )  # fmt: skip


def _again(question: Question, profile: Profile) -> tuple[float, bool]:
    """Seconds since the same symptom was there, and whether that has ended."""
    at, members = question.at, profile.members
    ids = profile.ids_of(question.fingerprint)[-EPISODES_READ:]
    earlier = min((members[alert_id] for alert_id in ids), key=lambda m: abs(at - m.last_at))
    return abs(at - earlier.last_at), earlier.resolved


def _identity(question: Question, profile: Profile) -> Identity:
    """What the signals of identity read."""
    sides, best, worst = _fields(question, profile)
    thing, mention, word = _named(question, profile)
    kin = max(sides[0], sides[1], best) >= STRANGE_BELOW or thing >= STRANGE_BELOW or mention >= STRANGE_BELOW
    spot, surprise = 0, 0.0
    if question.around is not None:
        near = closest(question.around, profile.things, profile.words)
        if near is not None:
            spot, surprise = 4 * near[2].hops + _WAY_OF[near[2].direction], near[2].surprise
            kin = kin or surprise >= STRANGE_BELOW
        elif not (_apart(question, profile.things) and _apart(question, profile.words)):
            spot = FAR
    differ = not thing and bool(question.thing_set) and bool(profile.things)
    company = _company(question, profile) if question.company else ()
    return not kin, sides, best, worst, thing, differ, mention, word, company, spot, surprise


def _shape(at: float, profile: Profile) -> Shape:
    """What the incident is like, whatever is asked about it."""
    inside = profile.inside
    return (
        profile.beat, profile.beats, profile.longest, len(inside.get("service", ())), len(inside.get("host", ())),
        len(inside.get("name", ())), profile.near(at, LONG_S),
    )  # fmt: skip


def _apart(question: Question, names: Mapping[str, object]) -> bool:
    """Whether the topology knows none of `names`."""
    return question.world.topology.near.keys().isdisjoint(names.keys())


def _company(question: Question, profile: Profile) -> list[tuple[str, float]]:
    found = []
    for level, kind, together in question.company:
        nats = together.nats(kind, profile.kinds[level])
        if nats is not None:
            found.append((level, max(-CAP, min(CAP, nats))))
    return found


def _fields(question: Question, profile: Profile) -> tuple[Sequence[float], float, float]:
    """Nats of each of SIDES, of the label that speaks most for belonging, of the one that speaks most against."""
    among_of, inside_of, log = profile.among, profile.inside, math.log
    sides, best, worst = [0.0] * len(SIDES), 0.0, 0.0
    for place, name, value, share, spread in question.sides:
        among = among_of.get(name)
        if not among:
            continue
        inside = inside_of[name].get(value)
        nats = log((inside + spread * share) / ((among + spread) * share)) if inside else log(spread / (among + spread))
        if nats > CAP:
            nats = CAP
        elif nats < -CAP:
            nats = -CAP
        if place >= 0:
            sides[place] = nats
        elif nats > best:
            best = nats
        elif nats < worst:
            worst = nats
    return sides, best, worst


def _named(question: Question, profile: Profile) -> tuple[float, float, float]:
    """Nats of the rarest thing in common, of the rarest mention either way, of the rarest word in common."""
    things, words, among = profile.things, profile.words, len(profile.members)
    own, said = question.thing_set, question.word_set
    thing = mention = word = 0.0
    if shared := things.keys() & own:
        thing = _rarest(shared, things, among, question.thing_shares)
    if shared := things.keys() & said:
        mention = _rarest(shared, things, among, question.thing_shares)
    if shared := words.keys() & own:
        mention = max(mention, _rarest(shared, words, among, question.word_shares))
    if shared := words.keys() & said:
        word = _rarest(shared, words, among, question.word_shares)
    return thing, mention, word


def _rarest(shared: set[str], counts: Mapping[str, int], among: int, shares: Shares) -> float:
    spread, best = shares.spread, 1.0
    for value in shared:
        share = shares[value]
        odds = (counts[value] + spread * share) / ((among + spread) * share)
        if odds > best:
            best = odds
    return min(CAP, math.log(best))

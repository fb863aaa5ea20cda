"""Alerts beside incidents, read and weighed pair by pair in plain Python: what the compiled code must equal."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from engine.correlate.background import TEMPO_EDGES_S, Background
from engine.correlate.case import CAP, MOMENTUM_S, STRANGE_BELOW
from engine.correlate.forest import Forest
from engine.correlate.pace_signals import LASTED, Hush, Lull, Pace, Pause
from engine.correlate.profile import STORM_BEATS, Profile
from engine.correlate.question import SIDES, Question, Shares, World
from engine.correlate.reading import LEVELS
from engine.correlate.scores import SETTLED
from engine.correlate.table import FAR, LONG_S, NEVER, NEW, WAYS, Table
from engine.correlate.time_signals import EPISODES_READ, Again, Age, Chance, Gap, Lately
from engine.correlate.topology import REACH, closest

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


def table(sheet: Sheet) -> Table:
    """Rows in the order asked x `COLUMNS`."""
    usual = ordinary(sheet.world.background)
    rows = [
        _row(line, rivalry, group.rate, usual)
        for group in sheet.groups
        for rivalry in (group.rivalry(),)
        for line in group.lines
    ]
    return np.array(rows, dtype=np.float64)


class Ordinary(NamedTuple):
    """What is the same for all rows."""

    tempo: Sequence[float]  # nats of a gap, by stretch between `TEMPO_EDGES_S`
    told: float  # how far ends are told at all, 0..1
    again: float  # nats of a symptom that comes again
    joined: float  # alerts from which the pace here is known; fading


def ordinary(background: Background) -> Ordinary:
    again = math.log(background.repeats[0] / background.repeats[1])
    return Ordinary(background.tempo_levels(), background.ending, again, background.tempo_total)


def _row(line: Line, rivalry: Rivalry, rate: float, usual: Ordinary) -> tuple[float, ...]:
    tempo = usual.tempo[bisect_right(TEMPO_EDGES_S, line[0][0])]
    return (*_own(line), *_beside(line, rivalry), tempo, rate, usual.told, usual.again, usual.joined)


def _own(line: Line) -> tuple[float, ...]:
    """What a line says by itself."""
    gap, lately, age, size, again, ended, chance, pace, pause, lull, _, stormy, near, firing = line[0]
    strange, sides, best, worst, thing, differ, mention, word, company, spot, surprise = line[1]
    together = dict(company)
    return (
        gap, min(lately, NEVER), age, size, again, ended, chance, max(pace, NEW), max(pause, NEW), max(lull, NEW),
        stormy, near, firing, strange, *sides, best, worst, thing, differ, mention, word, spot // 4, spot % 4, surprise,
        *(together.get(level, 0.0) for level in LEVELS), *line[2],
    )  # fmt: skip


def _beside(line: Line, rivalry: Rivalry) -> tuple[float, ...]:
    """What it says beside its rivals."""
    gap, lately, near = line[0][0], line[0][1], line[0][12]
    momentum = rivalry.momentum(near) if rivalry.rivals else 0.0
    return rivalry.rivals, gap == rivalry.gap, lately == rivalry.lately, momentum


Curve = Callable[[float], float]


class Weigher:
    """Scores of a sheet's lines: under `weights` (measurement -> log-odds; what is not there weighs nothing), and what
    the trees of `forest` add for what only several measurements together say."""

    def __init__(self, weights: Mapping[str, float], forest: Forest | None = None) -> None:
        self.forest = forest
        self._times, self._identity = _TimesWeigher(weights), _IdentityWeigher(weights)
        self._always, self._by_rate = weights.get("background", 0.0), weights.get("background.rate", 0.0)

    def scores(self, sheet: Sheet) -> list[float]:
        """Nats of each line, in the order asked."""
        usual = self._times.usual(sheet.world.background)
        found = [score for group in sheet.groups for score in self._group(group, usual)]
        if self.forest is None or not found:
            return found
        trust = min(1.0, sheet.world.background.tempo_total / SETTLED)
        added = self.forest.scores(table(sheet)).tolist()
        return [nats + trust * more for nats, more in zip(found, added, strict=True)]

    def _group(self, group: Group, usual: _Usual) -> list[float]:
        always = self._always + self._by_rate * math.log(group.rate)
        rivalry, of_times, of_identity = group.rivalry(), self._times.nats, self._identity.nats
        return [
            always + of_times(times, identity[0], rivalry, usual) + of_identity(identity)
            for times, identity, _ in group.lines
        ]


class _Usual(NamedTuple):
    """What is usual here, weighed."""

    tempo: Sequence[float]  # nats of a gap, by stretch between `TEMPO_EDGES_S`
    again: float  # nats of a symptom that comes again
    told: float  # how far ends are told at all, 0..1


class _TimesWeigher:
    """What gaps, paces and ends weigh."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        weigh = weights.get
        self._kin = _curve(Gap.knots, Gap.kin, weights), _curve(Chance.knots, Chance.kin, weights)
        self._strange = _curve(Gap.knots, Gap.strange, weights), _curve(Chance.knots, Chance.strange, weights)
        self._pace = _curve(Pace.knots, Pace.names, weights)
        self._pauses = [_curve(Pause.knots, names, weights) for names in (Pause.few, Pause.many, Pause.storm)]
        self._hush = _curve(Hush.knots, Hush.names, weights)
        self._lately, self._latest = _curve(Lately.knots, Lately.names, weights), weigh("lately.latest", 0.0)
        self._age, self._lull = _curve(Age.knots, Age.names, weights), _curve(Lull.knots, Lull.names, weights)
        size = _curve(Age.sizes, Age.size_names, weights)
        self._sizes = [size(number) for number in range(int(Age.sizes[-1]) + 1)]
        self._again = [_curve(Again.knots, names, weights) for names in (Again.unended, Again.ended)]
        self._often = weigh("again.usual", 0.0)
        self._rivals = weigh("rivals", 0.0)
        self._nearest, self._other = weigh("rivals.nearest", 0.0), weigh("rivals.not_nearest", 0.0)
        self._busy, self._calm = weigh("momentum.busy", 0.0), weigh("momentum.calm", 0.0)
        self._tempo = weigh("tempo.usual", 0.0), weigh("tempo.unusual", 0.0)
        self._fires = [weigh(f"firing.{name}", 0.0) for name in ("some", "share", "none")]

    def usual(self, background: Background) -> _Usual:
        """What is usual here now, weighed."""
        usual, unusual = self._tempo
        again = math.log(background.repeats[0] / background.repeats[1])
        tempo = [nats * (usual if nats > 0.0 else unusual) for nats in background.tempo_levels()]
        return _Usual(tempo, self._often * again, background.ending)

    def nats(self, times: Times, strange: bool, rivalry: Rivalry, usual: _Usual) -> float:
        """What one line's times weigh."""
        gap, lately, age, size, again, ended, chance, pace, pause, lull, beats, stormy, near, firing = times
        of_gap, of_chance = self._strange if strange else self._kin
        total = of_gap(gap) + of_chance(chance) + usual.tempo[bisect_right(TEMPO_EDGES_S, gap)]
        total += self._age(age) + self._sizes[size if size < len(self._sizes) else -1]
        if pace > -math.inf:
            total += self._pace(pace) + self._pauses[beats](pause)
        if stormy:
            total += self._hush(gap)
        if lately < math.inf:
            total += self._lately(lately) + (self._latest if lately == rivalry.lately else 0.0)
        if lull > -math.inf:
            total += self._lull(lull)
        if again >= 0.0:
            total += self._again[ended](again) + usual.again
        some, share, none = self._fires
        total += usual.told * (some + share * firing if firing else none)
        if rivalry.rivals:
            moved = rivalry.momentum(near)
            total += moved * (self._busy if moved > 0.0 else self._calm)
            total += self._nearest if gap == rivalry.gap else self._other
            total += self._rivals * math.log1p(rivalry.rivals)
        return total


class _IdentityWeigher:
    """What is shared, and what differs, weighs."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        weigh = weights.get
        self._sides = [(weigh(f"{name}.agrees", 0.0), weigh(f"{name}.differs", 0.0)) for name in SIDES]
        self._best, self._worst = weigh("labels.agrees", 0.0), weigh("labels.differs", 0.0)
        self._thing, self._differ = weigh("things.shared", 0.0), weigh("things.none", 0.0)
        self._mention, self._word = weigh("mention", 0.0), weigh("words.shared", 0.0)
        self._company = {
            level: (weigh(f"together.{level}", 0.0), weigh(f"together.{level}.not", 0.0)) for level in LEVELS
        }
        self._spots = _spots(weights)

    def nats(self, identity: Identity) -> float:
        """What one line's identity weighs."""
        _, sides, best, worst, thing, differ, mention, word, company, spot, surprise = identity
        total = self._best * best + self._worst * worst + self._mention * mention + self._word * word
        total += self._thing * thing if thing else self._differ * differ
        for nats, (agrees, differs) in zip(sides, self._sides, strict=True):
            if nats:
                total += nats * (agrees if nats > 0.0 else differs)
        for level, nats in company:
            total += nats * self._company[level][nats <= 0.0]
        if spot:
            each, fixed = self._spots[spot]
            total += each * surprise + fixed
        return total


def _curve(knots: tuple[float, ...], names: tuple[str, ...], weights: Mapping[str, float]) -> Curve:
    """The piecewise linear curve through the weights of the knots, level beyond them."""
    levels = [weights.get(name, 0.0) for name in names]
    slopes = [(b - a) / (y - x) for a, b, x, y in zip(levels, levels[1:], knots, knots[1:], strict=False)]
    slopes = [0.0, *slopes, 0.0]  # before the first knot, between two, after the last
    starts = [
        level - slope * knot for level, slope, knot in zip([levels[0], *levels], slopes, [0.0, *knots], strict=True)
    ]

    def at(value: float) -> float:
        place = bisect_right(knots, value)
        return starts[place] + slopes[place] * value

    return at


def _spots(weights: Mapping[str, float]) -> list[tuple[float, float]]:
    """By spot: what a nat of surprise weighs there, and what the spot itself weighs."""
    found = [(0.0, 0.0)] * (FAR + 1)
    for hops in range(1, REACH + 1):
        for place, way in enumerate(WAYS):
            found[4 * hops + place] = weights.get(f"topology.{hops}", 0.0), weights.get(f"topology.{way}", 0.0)
    found[FAR] = 0.0, weights.get("topology.far", 0.0)
    return found

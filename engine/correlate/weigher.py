"""The weights of all signals, applied to a sheet: what the signals' `parts` say slowly, case by case."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from engine.correlate.background import TEMPO_EDGES_S, Background
from engine.correlate.forest import Forest
from engine.correlate.pace_signals import Hush, Lull, Pace, Pause
from engine.correlate.question import SIDES
from engine.correlate.reading import LEVELS
from engine.correlate.sheet import FAR, WAYS, Group, Identity, Rivalry, Sheet, Times
from engine.correlate.table import row_of, table
from engine.correlate.time_signals import Again, Age, Chance, Gap, Lately
from engine.correlate.topology import REACH

Curve = Callable[[float], float]
_SETTLED = 30.0  # alerts that joined an incident, from which on a place has shown its pace


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
        trust = _trusted(sheet.world.background)
        added = self.forest.scores(table(sheet)).tolist()
        return [nats + trust * more for nats, more in zip(found, added, strict=True)]

    def added(self, sheet: Sheet, place: int) -> dict[str, float]:
        """What trees add to the score of the line at `place` of the only question on the sheet, in nats by signal."""
        if self.forest is None:
            return {}
        trust = _trusted(sheet.world.background)
        return {signal: trust * nats for signal, nats in self.forest.reasons(row_of(sheet, place)).items()}

    def _group(self, group: Group, usual: _Usual) -> list[float]:
        always = self._always + self._by_rate * math.log(group.rate)
        rivalry, of_times, of_identity = group.rivalry(), self._times.nats, self._identity.nats
        return [
            always + of_times(times, identity[0], rivalry, usual) + of_identity(identity)
            for times, identity, _ in group.lines
        ]


def _trusted(background: Background) -> float:
    """How far trees are believed, 0 to 1: what they tell apart rests on a place's own pace, which shows in time."""
    return min(1.0, background.tempo_total / _SETTLED)


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

"""Rows of measurements to log-odds: curves through the weights of knots, and trees on top."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.correlate.columns import (
    AGAIN_NATS,
    AGAIN_S,
    AGE,
    AGREES,
    ALERTS,
    BEATS_HEARD,
    CHANCE,
    COLUMNS_READ,
    DIFFERS,
    ENDED,
    GAP,
    HOPS,
    JOINED_ALERTS,
    LATELY,
    LATEST,
    LULL,
    MENTION,
    MOMENTUM,
    NEAREST,
    NONE,
    PACE,
    PAUSE,
    RATE,
    RIVALS,
    SHARE,
    SHARED,
    SIDE,
    STORMY,
    STRANGERS,
    SURPRISE,
    TEMPO_NATS,
    TOGETHER,
    TOLD_NATS,
    WAY,
    WORDS_SHARED,
)
from engine.correlate.compiled import compiled, inner, inner_or
from engine.correlate.forest import Forest
from engine.correlate.layout import Bytes, Floats, Ints
from engine.correlate.pace_signals import LASTED, Hush, Lull, Pace, Pause
from engine.correlate.question import SIDES
from engine.correlate.reading import LEVELS
from engine.correlate.table import FAR, NEVER, WAYS
from engine.correlate.time_signals import Again, Age, Chance, Gap, Lately
from engine.correlate.topology import REACH

SETTLED = 30.0  # alerts that joined an incident, from which on a place has shown its pace
KNOTS = 16  # room for the knots of one curve
# Rows of `curves`.
(
    _GAP_KIN, _GAP_STRANGE, _CHANCE_KIN, _CHANCE_STRANGE, _PACE, _FEW, _MANY, _STORM, _HUSH, _LATELY, _AGE, _LULL,
    _AGAIN, _AGAIN_ENDED, _SIZE,
) = range(15)  # fmt: skip
_CURVES = (
    (Gap.knots, Gap.kin), (Gap.knots, Gap.strange), (Chance.knots, Chance.kin), (Chance.knots, Chance.strange),
    (Pace.knots, Pace.names), (Pause.knots, Pause.few), (Pause.knots, Pause.many), (Pause.knots, Pause.storm),
    (Hush.knots, Hush.names), (Lately.knots, Lately.names), (Age.knots, Age.names), (Lull.knots, Lull.names),
    (Again.knots, Again.unended), (Again.knots, Again.ended), (Age.sizes, Age.size_names),
)  # fmt: skip
_PLAIN = (
    "background", "background.rate", "tempo.usual", "tempo.unusual", "lately.latest", "again.usual", "firing.some",
    "firing.share", "firing.none", "momentum.busy", "momentum.calm", "rivals.nearest", "rivals.not_nearest", "rivals",
    "labels.agrees", "labels.differs", "mention", "words.shared", "things.shared", "things.none",
)  # fmt: skip
(
    _ALWAYS, _BY_RATE, _USUAL, _UNUSUAL, _LATEST, _OFTEN, _SOME, _FIRING, _QUIET, _BUSY, _CALM, _NEAREST, _OTHER,
    _RIVALS, _BEST, _WORST, _MENTION, _WORD, _THING, _NO_THING, _SIDES
) = range(21)  # fmt: skip
_COMPANY = _SIDES + 2 * len(SIDES)
_SPOTS = _COMPANY + 2 * len(LEVELS)
_PLAINS = _SPOTS + 2 * (FAR + 1)
_MANY_FROM, _STORM_FROM, _FAR = Pause.many_from, Pause.storm_from, FAR
_MANY_SIDES, _LEVELS = len(SIDES), len(LEVELS)
Places = NDArray[np.int64]


class Weighing(NamedTuple):
    """Weights as arrays."""

    curves: Floats  # curve x (knots, starts, slopes) x knot; a level beyond its knots
    plain: Floats
    cuts: Floats  # of the trees' questions, sorted, column by column
    columns: Ints  # column x (where its cuts begin, where they end)
    answers: Bytes  # (cuts + columns) x tree: the bits of a tree's place that are set where so many cuts are passed
    values: Floats  # (tree x places), flat
    depths: Bytes  # room for the place of one row in each tree


def weighing(weights: Mapping[str, float], forest: Forest | None) -> Weighing:
    """`weights` (measurement -> log-odds; what is not there weighs nothing) and the trees on top as arrays."""
    curves = np.zeros((len(_CURVES), 3, KNOTS + 1))
    curves[:, 0, :] = math.inf
    for place, (knots, names) in enumerate(_CURVES):
        draw(curves[place], knots, [weights.get(name, 0.0) for name in names])
    plain = np.zeros(_PLAINS)
    plain[: len(_PLAIN)] = [weights.get(name, 0.0) for name in _PLAIN]
    plain[_SIDES:_COMPANY] = [weights.get(f"{name}.{way}", 0.0) for name in SIDES for way in ("agrees", "differs")]
    plain[_COMPANY:_SPOTS] = [weights.get(f"together.{level}{way}", 0.0) for level in LEVELS for way in ("", ".not")]
    for hops in range(1, REACH + 1):
        for place, way in enumerate(WAYS):
            spot = _SPOTS + 2 * (4 * hops + place)
            plain[spot], plain[spot + 1] = weights.get(f"topology.{hops}", 0.0), weights.get(f"topology.{way}", 0.0)
    plain[_SPOTS + 2 * FAR + 1] = weights.get("topology.far", 0.0)
    found = _answers(forest)
    return Weighing(curves, plain, *found, np.zeros(found[2].shape[1], np.uint8))


def draw(curve: Floats, knots: tuple[float, ...], levels: list[float]) -> None:
    """The piecewise linear curve through the weights of the knots, level beyond them."""
    slopes = [(b - a) / (y - x) for a, b, x, y in zip(levels, levels[1:], knots, knots[1:], strict=False)]
    slopes = [0.0, *slopes, 0.0]  # before the first knot, between two, after the last
    curve[0, : len(knots)] = knots
    curve[1, : len(slopes)] = [
        level - slope * knot for level, slope, knot in zip([levels[0], *levels], slopes, [0.0, *knots], strict=True)
    ]
    curve[2, : len(slopes)] = slopes


@lru_cache(maxsize=8)
def _answers(forest: Forest | None) -> tuple[Floats, Ints, Bytes, Floats]:
    """The trees' questions by column: what is answered with yes where so many of its cuts are passed."""
    if forest is None:
        return np.zeros(0), np.zeros((0, 2), np.int64), np.zeros((0, 0), np.uint8), np.zeros(0)
    trees, depth = forest.columns.shape
    cuts: list[float] = []
    columns, answers = [], []
    for column in range(COLUMNS_READ):
        about = forest.columns == column
        found = np.unique(forest.cuts[about])
        columns.append((len(cuts), len(cuts) + len(found)))
        cuts += found.tolist()
        passed = np.zeros(trees, np.uint8)
        answers.append(passed)
        for cut in found:
            asked = about & (forest.cuts == cut)
            passed = passed | (asked * (1 << np.arange(depth))).sum(axis=1).astype(np.uint8)
            answers.append(passed)
    return np.array(cuts), np.array(columns, np.int64), np.ascontiguousarray(answers), forest.values.ravel().copy()


@inner
def curve_at(curve: Floats, value: float) -> float:
    """The level of a curve at `value`."""
    place = 0
    while curve[0, place] <= value:
        place += 1
    return float(curve[1, place] + curve[2, place] * value)


@inner
def weigh(weighing: Weighing, row: Floats) -> float:
    """The nats of one row, without the trees'."""
    curves, plain = weighing.curves, weighing.plain
    strange = row[STRANGERS] > 0.0
    total = curve_at(curves[_GAP_STRANGE if strange else _GAP_KIN], row[GAP])
    total += curve_at(curves[_CHANCE_STRANGE if strange else _CHANCE_KIN], row[CHANCE])
    total += row[TEMPO_NATS] * plain[_USUAL if row[TEMPO_NATS] > 0.0 else _UNUSUAL]
    total += curve_at(curves[_AGE], row[AGE]) + curve_at(curves[_SIZE], row[ALERTS])
    if row[BEATS_HEARD] >= LASTED - 1:
        pause = _FEW + (row[BEATS_HEARD] >= _MANY_FROM) + (row[BEATS_HEARD] >= _STORM_FROM)
        total += curve_at(curves[_PACE], row[PACE]) + curve_at(curves[pause], row[PAUSE])
    if row[STORMY] > 0.0:
        total += curve_at(curves[_HUSH], row[GAP])
    if row[LATELY] < NEVER:
        total += curve_at(curves[_LATELY], row[LATELY]) + plain[_LATEST] * row[LATEST]
    if row[ALERTS] >= LASTED:
        total += curve_at(curves[_LULL], row[LULL])
    if row[AGAIN_S] >= 0.0:
        total += (
            curve_at(curves[_AGAIN_ENDED if row[ENDED] > 0.0 else _AGAIN], row[AGAIN_S])
            + plain[_OFTEN] * row[AGAIN_NATS]
        )
    total += row[TOLD_NATS] * (plain[_SOME] + plain[_FIRING] * row[SHARE] if row[SHARE] > 0.0 else plain[_QUIET])
    if row[RIVALS] > 0.0:
        total += row[MOMENTUM] * plain[_BUSY if row[MOMENTUM] > 0.0 else _CALM]
        total += plain[_NEAREST if row[NEAREST] > 0.0 else _OTHER] + plain[_RIVALS] * math.log1p(row[RIVALS])
    always = plain[_ALWAYS] + plain[_BY_RATE] * math.log(row[RATE])
    return float(always + total + _weigh_identity(plain, row))


@inner
def _weigh_identity(plain: Floats, row: Floats) -> float:
    total = plain[_BEST] * row[AGREES] + plain[_WORST] * row[DIFFERS]
    total += plain[_MENTION] * row[MENTION] + plain[_WORD] * row[WORDS_SHARED]
    total += plain[_THING] * row[SHARED] if row[SHARED] > 0.0 else plain[_NO_THING] * row[NONE]
    for side in range(_MANY_SIDES):
        nats = row[SIDE + side]
        total += nats * plain[_SIDES + 2 * side + (nats <= 0.0)]
    for level in range(_LEVELS):
        nats = row[TOGETHER + level]
        total += nats * plain[_COMPANY + 2 * level + (nats <= 0.0)]
    spot = _SPOTS + 2 * int(4 * row[HOPS] + row[WAY])
    if spot > _SPOTS:
        total += plain[spot] * row[SURPRISE] + plain[spot + 1]
    return float(total)


@inner
def trust_of(row: Floats) -> float:
    """How far trees are believed, 0 to 1: what they tell apart rests on a place's own pace, which shows in time."""
    return float(min(1.0, row[JOINED_ALERTS] / SETTLED))


@compiled
def score(weighing: Weighing, rows: Floats, scores: Floats) -> None:
    """Write the log-odds of each row."""
    for place in range(len(rows)):
        scores[place] = weigh(weighing, rows[place])
    _add_trees(weighing, rows, scores)


def _add_trees_plainly(weighing: Weighing, rows: Floats, found: Floats) -> None:
    trees = weighing.answers.shape[1]
    if not trees:
        return
    values = weighing.values.reshape(trees, -1)
    for number, row in enumerate(rows):
        passed = [
            low + column + np.searchsorted(weighing.cuts[low:high], row[column])
            for column, (low, high) in enumerate(weighing.columns)
        ]
        places = np.bitwise_or.reduce(weighing.answers[passed], axis=0)
        found[number] += min(1.0, row[JOINED_ALERTS] / SETTLED) * values[np.arange(trees), places].sum()


@inner_or(_add_trees_plainly)
def _add_trees(weighing: Weighing, rows: Floats, found: Floats) -> None:
    """Add the nats of all trees to what is `found` for each of the rows."""
    answers, values, cuts, columns = weighing.answers, weighing.values, weighing.cuts, weighing.columns
    trees = answers.shape[1]
    if trees == 0:
        return
    places, depth = len(values) // trees, weighing.depths
    for number in range(len(rows)):
        for tree in range(trees):
            depth[tree] = 0
        for column in range(len(columns)):
            low, high = columns[column, 0], columns[column, 1]
            if low == high:
                continue
            base, value = low + column, rows[number, column]
            begin = low
            while low < high:  # cuts that the value is beyond
                middle = (low + high) // 2
                if cuts[middle] < value:
                    low = middle + 1
                else:
                    high = middle
            if low > begin:
                passed = answers[base + low - begin]
                for tree in range(trees):
                    depth[tree] |= passed[tree]
        total = 0.0
        for tree in range(trees):
            total += values[tree * places + depth[tree]]
        found[number] += trust_of(rows[number]) * total

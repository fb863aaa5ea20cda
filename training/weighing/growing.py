"""Trees on top of fitted weights: grown so that the right candidates of choices become likelier, tree by tree.

Gradient boosting (Friedman 2001) with oblivious trees, second-order steps (Chen and Guestrin 2016) and histograms of
binned measurements; the loss is that of `fitting`: what counts is the probability of all right candidates together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.correlate.forest import Forest
from engine.correlate.table import COLUMNS, Table
from training.progress import Track, quiet

SHARES: Mapping[str, float] = {"firm": 0.28, "world": 0.22, "fault": 0.26, "attack": 0.24}  # of a family in the loss
_HOPELESS = -14.0  # nats under which a wrong candidate teaches nothing
_BINNED = 60_000  # rows that place the cuts
_AT_ONCE = 5_000  # rows scored at once

Vector = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """How trees grow: many small steps, each on a part of the choices and of the columns, held back where little is
    known."""

    trees: int = 300
    depth: int = 6
    step: float = 0.15
    ridge: float = 20.0  # curvature added to every place, in choices
    choices: float = 0.4  # share of the choices that a tree sees
    columns: float = 0.6  # share of the columns that it may ask about
    bins: int = 40  # cuts per column, by quantiles
    seed: int = 0


@dataclass(slots=True)
class Examples:
    """Choices with what each candidate measures, what the weights make of it, and whether it is right."""

    rows: list[NDArray[np.float32]] = field(default_factory=list)
    base: list[Vector] = field(default_factory=list)
    right: list[NDArray[np.bool_]] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    families: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.weights)

    def add(self, rows: Table, base: Sequence[float], right: Sequence[bool], weight: float, family: str) -> None:
        """One more choice; candidates that are wrong and hopeless are left out."""
        good, scores = np.array(right), np.array(base)
        kept = good | (scores > _HOPELESS)
        if kept.any():
            self.rows.append(rows[kept].astype(np.float32))
            self.base.append(scores[kept])
            self.right.append(good[kept])
            self.weights.append(weight)
            self.families.append(family)

    def extend(self, others: Examples) -> None:
        """Take in all of `others`."""
        for name in self.__slots__:
            getattr(self, name).extend(getattr(others, name))

    def balanced(self) -> Vector:
        """The weight of each choice, such that a family has its share however many choices it has."""
        weights, families = np.array(self.weights), np.array(self.families)
        for family, share in SHARES.items():
            mine = families == family
            if mine.any():
                weights[mine] *= share * len(self) / weights[mine].sum()
        return weights


def grow(examples: Examples, growth: Growth | None = None, progress: Track = quiet) -> Forest:
    """Trees that add to the base scores of `examples` what makes right candidates likelier.

    Raises
    ------
    ValueError
        If there is no choice to learn from.
    """
    if not len(examples):
        raise ValueError("no alert has a candidate: no tree can grow")
    growth = growth or Growth()
    chance, soil = np.random.default_rng(growth.seed), _Soil(examples, growth)
    trees = [soil.tree(chance) for _ in progress(range(growth.trees), "grow trees", growth.trees)]
    columns, cuts, values, covers = (np.array(part) for part in zip(*trees, strict=True))
    return Forest(columns, cuts.astype(np.float64), values, covers)


def mean(forests: Sequence[Forest]) -> Forest:
    """One forest that answers the mean of what these answer: what single growings see by chance, it sees less."""
    return Forest(
        columns=np.concatenate([forest.columns for forest in forests]),
        cuts=np.concatenate([forest.cuts for forest in forests]),
        values=np.concatenate([forest.values for forest in forests]) / len(forests),
        covers=np.concatenate([forest.covers for forest in forests]),
    )


def loss(examples: Examples, forest: Forest | None = None) -> float:
    """The mean loss of a choice in nats, each counting as its family does."""
    sizes = np.array([len(rows) for rows in examples.base])
    scores = np.concatenate(examples.base)
    if forest is not None:
        rows = np.concatenate(examples.rows)
        parts = np.array_split(rows, len(rows) // _AT_ONCE + 1)  # each row is asked a thousand questions at once
        scores = scores + np.concatenate([forest.scores(part.astype(np.float64)) for part in parts])
    odds = _Odds.of(scores, np.concatenate(examples.right), np.cumsum(sizes) - sizes, sizes)
    return float(np.average(odds.loss(), weights=examples.balanced()))


class _Odds(NamedTuple):
    """Of each candidate: its odds beside "none of them"; of each choice: those of all, and of all that are right."""

    odds: Vector
    total: Vector
    right: Vector

    @classmethod
    def of(cls, scores: Vector, right: NDArray[np.bool_], firsts: Places, sizes: Places) -> _Odds:
        top = np.maximum(0.0, np.maximum.reduceat(scores, firsts))
        odds, none = np.exp(scores - np.repeat(top, sizes)), np.exp(-top)
        good = np.add.reduceat(np.where(right, odds, 0.0), firsts)
        known = np.logical_or.reduceat(right, firsts)
        return cls(odds, none + np.add.reduceat(odds, firsts), np.where(known, np.maximum(good, 1e-300), none))

    def loss(self) -> Vector:
        found: Vector = np.log(self.total) - np.log(self.right)
        return found


class _Tree(NamedTuple):
    columns: list[int]
    cuts: list[float]
    values: Vector
    covers: Vector


class _Soil:
    """Binned rows, and the scores that all trees so far have given them."""

    def __init__(self, examples: Examples, growth: Growth) -> None:
        self.growth = growth
        rows = np.concatenate(examples.rows)
        self.sizes = np.array([len(found) for found in examples.base])
        self.firsts = np.cumsum(self.sizes) - self.sizes
        self.right, self.scores = np.concatenate(examples.right), np.concatenate(examples.base)
        self.weights = np.repeat(examples.balanced(), self.sizes)
        sample = np.random.default_rng(growth.seed).choice(len(rows), min(len(rows), _BINNED), replace=False)
        self.cuts = [_cuts(rows[sample, column], growth.bins) for column in range(len(COLUMNS))]
        self.codes = [np.searchsorted(cuts, rows[:, column]) for column, cuts in enumerate(self.cuts)]
        self.codes = [codes.astype(np.uint8) for codes in self.codes]
        self.bins = max(len(cuts) for cuts in self.cuts) + 1

    def tree(self, chance: np.random.Generator) -> _Tree:
        """One more tree, with the scores moved by it."""
        odds = _Odds.of(self.scores, self.right, self.firsts, self.sizes)
        share = odds.odds / np.repeat(odds.total, self.sizes)
        due = np.where(self.right, odds.odds / np.repeat(odds.right, self.sizes), 0.0)
        slope, bend = self.weights * (share - due), self.weights * np.maximum(share * (1.0 - share), 1e-4)
        seen = np.flatnonzero(np.repeat(chance.random(len(self.sizes)) < self.growth.choices, self.sizes))
        slope, bend = slope[seen], bend[seen]
        columns, cuts, place = self._questions(chance, seen, slope, bend)
        count = 1 << self.growth.depth
        falls, bends = np.bincount(place, slope, count), np.bincount(place, bend, count)
        values = -self.growth.step * falls / (bends + self.growth.ridge * self.growth.choices)
        everywhere = np.zeros(len(self.scores), dtype=np.int64)
        for depth, (column, cut) in enumerate(zip(columns, cuts, strict=True)):
            everywhere |= (self.codes[column] > cut).astype(np.int64) << depth
        self.scores += values[everywhere]
        covers = np.bincount(everywhere, self.weights, count).astype(np.float64)
        return _Tree(columns, [float(self.cuts[c][cut]) for c, cut in zip(columns, cuts, strict=True)], values, covers)

    def _questions(
        self, chance: np.random.Generator, seen: Places, slope: Vector, bend: Vector
    ) -> tuple[list[int], list[int], Places]:
        """The questions that gain most, one after the other, and the place of each row seen."""
        asked = chance.choice(len(COLUMNS), max(1, round(len(COLUMNS) * self.growth.columns)), replace=False).tolist()
        codes = {column: self.codes[column][seen] for column in asked if len(self.cuts[column])}
        place, columns, cuts = np.zeros(len(seen), dtype=np.int64), [], []
        for depth in range(self.growth.depth):
            best = (-1.0, 0, 0)
            for column, mine in codes.items():
                gain = self._gain(place, mine, slope, bend, depth)[: len(self.cuts[column])]
                cut = int(gain.argmax())
                best = max(best, (float(gain[cut]), column, cut))
            _, column, cut = best
            columns.append(column)
            cuts.append(cut)
            place |= (codes[column] > cut).astype(np.int64) << depth
        return columns, cuts, place

    def _gain(self, place: Places, codes: NDArray[np.uint8], slope: Vector, bend: Vector, depth: int) -> Vector:
        """By cut: the loss that asking there saves, up to what is the same for all."""
        shape, ridge = (1 << depth, self.bins), self.growth.ridge
        spot = place * self.bins + codes
        falls = np.bincount(spot, slope, shape[0] * shape[1]).reshape(shape).cumsum(axis=1)
        bends = np.bincount(spot, bend, shape[0] * shape[1]).reshape(shape).cumsum(axis=1)
        others, rest = falls[:, -1:] - falls, bends[:, -1:] - bends
        found: Vector = (falls**2 / (bends + ridge) + others**2 / (rest + ridge)).sum(axis=0)
        return found


def _cuts(values: NDArray[np.float32], bins: int) -> NDArray[np.float32]:
    """Where to cut: between few values, else at quantiles, and at some of the distinct values for long tails."""
    distinct = np.unique(values)
    if len(distinct) <= bins:
        return ((distinct[1:] + distinct[:-1]) / 2).astype(np.float32)
    spread = np.quantile(values, np.linspace(0.01, 0.99, bins)), np.quantile(distinct, np.linspace(0.05, 0.95, 8))
    return np.unique(np.concatenate(spread)).astype(np.float32)

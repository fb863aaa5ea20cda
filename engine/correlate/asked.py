"""One alert beside the incidents it could belong to: measured, weighed, and told in words where somebody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from engine.correlate.case import Case
from engine.correlate.columns import COLUMNS_READ, JOINED_ALERTS, LATEST, MOMENTUM, NEAREST, RIVALS
from engine.correlate.forest import Forest
from engine.correlate.layout import Floats, Ints
from engine.correlate.profile import Profile
from engine.correlate.question import Question, World
from engine.correlate.reading import Reading
from engine.correlate.scores import SETTLED, score, weighing
from engine.correlate.seek import NEWEST_READ
from engine.correlate.table import Table


class Asked(NamedTuple):
    """One alert beside the incidents it could belong to."""

    reading: Reading
    at: float  # unix seconds
    fingerprint: str
    world: World
    profiles: Sequence[Profile]
    rows: Table  # incidents x `table.COLUMNS`
    scores: Sequence[float]  # log-odds of each

    @property
    def question(self) -> Question:
        """The alert, with all that is the same beside each incident."""
        return Question(self.reading, self.at, self.fingerprint, self.world)

    def case(self, place: int) -> Case:
        """The case of the incident at `place` of `profiles`, in words."""
        case, row = Case(self.question, self.profiles[place]), self.rows[place]
        case.rivals, case.nearest = int(row[RIVALS]), bool(row[NEAREST])
        case.latest, case.momentum = bool(row[LATEST]), float(row[MOMENTUM])
        return case


class Scorer:
    """Log-odds of rows: under `weights` (measurement -> log-odds; what is not there weighs nothing), and what the trees
    of `forest` add for what only several measurements together say."""

    def __init__(self, weights: Mapping[str, float], forest: Forest | None = None) -> None:
        self.weights, self.forest = weights, forest
        self.weighing = weighing(weights, forest)

    def scores(self, rows: Table) -> Floats:
        """Nats of each row."""
        found = np.zeros(len(rows))
        score(self.weighing, rows, found)
        return found

    def added(self, row: Table) -> dict[str, float]:
        """What trees add to the score of a row, in nats by signal."""
        if self.forest is None:
            return {}
        trust = min(1.0, float(row[JOINED_ALERTS]) / SETTLED)
        return {signal: trust * nats for signal, nats in self.forest.reasons(row).items()}


class Room(NamedTuple):
    """Where answers about one alert are written."""

    found: Ints
    rows: Table
    scores: Floats

    @classmethod
    def of(cls, limit: int) -> Room:
        """For `limit` candidates beside those that moved last."""
        count = limit + NEWEST_READ
        return cls(np.zeros(count, np.int64), np.zeros((count, COLUMNS_READ)), np.zeros(count))

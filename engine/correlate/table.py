"""A sheet as a table of numbers, for trees: one row per alert beside an incident, one column per measurement."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.correlate.background import TEMPO_EDGES_S, Background
from engine.correlate.question import SIDES
from engine.correlate.reading import LEVELS
from engine.correlate.sheet import Line, Rivalry, Sheet

Table = NDArray[np.float64]
_NEVER = 1e6  # seconds; written for what has not happened
_NEW = -30.0  # log; written where an incident is too new to have it
# Each column as the signal that tells of it to people, and its own name.
COLUMNS: tuple[tuple[str, str], ...] = (
    ("gap", "seconds"), ("lately", "seconds"), ("age", "seconds"), ("age", "alerts"), ("again", "seconds"),
    ("again", "ended"), ("chance", "log"), ("pace", "log"), ("pause", "log"), ("lull", "log"), ("pace", "stormy"),
    ("momentum", "minute"), ("firing", "share"),
    ("gap", "strangers"), *((name, "nats") for name in SIDES), ("labels", "agrees"), ("labels", "differs"),
    ("things", "shared"), ("things", "none"), ("mention", "nats"), ("words", "nats"), ("topology", "hops"),
    ("topology", "way"), ("topology", "surprise"), *(("together", level) for level in LEVELS),
    ("pace", "beat"), ("pace", "beats"), ("pause", "longest"), ("service", "values"), ("host", "values"),
    ("name", "values"), ("momentum", "ten minutes"),
    ("rivals", "count"), ("rivals", "nearest"), ("lately", "latest"), ("momentum", "nats"), ("tempo", "nats"),
    ("background", "rate"), ("firing", "told"), ("again", "usual"), ("tempo", "joined"),
)  # fmt: skip


def table(sheet: Sheet) -> Table:
    """Rows in the order asked x `COLUMNS`."""
    usual = _usual(sheet.world.background)
    rows = [
        _row(line, rivalry, group.rate, usual)
        for group in sheet.groups
        for rivalry in (group.rivalry(),)
        for line in group.lines
    ]
    return np.array(rows, dtype=np.float64)


def row_of(sheet: Sheet, place: int) -> Table:
    """The row of `table` for the line at `place` of the only question on the sheet."""
    group = sheet.groups[0]
    return np.array(_row(group.lines[place], group.rivalry(), group.rate, _usual(sheet.world.background)), np.float64)


class _Usual(NamedTuple):
    """What is the same for all rows."""

    tempo: Sequence[float]  # nats of a gap, by stretch between `TEMPO_EDGES_S`
    told: float  # how far ends are told at all, 0..1
    again: float  # nats of a symptom that comes again
    joined: float  # alerts from which the pace here is known; fading


def _usual(background: Background) -> _Usual:
    again = math.log(background.repeats[0] / background.repeats[1])
    return _Usual(background.tempo_levels(), background.ending, again, background.tempo_total)


def _row(line: Line, rivalry: Rivalry, rate: float, usual: _Usual) -> tuple[float, ...]:
    tempo = usual.tempo[bisect_right(TEMPO_EDGES_S, line[0][0])]
    return (*_own(line), *_beside(line, rivalry), tempo, rate, usual.told, usual.again, usual.joined)


def _own(line: Line) -> tuple[float, ...]:
    """What a line says by itself."""
    gap, lately, age, size, again, ended, chance, pace, pause, lull, _, stormy, near, firing = line[0]
    strange, sides, best, worst, thing, differ, mention, word, company, spot, surprise = line[1]
    together = dict(company)
    return (
        gap, min(lately, _NEVER), age, size, again, ended, chance, max(pace, _NEW), max(pause, _NEW), max(lull, _NEW),
        stormy, near, firing, strange, *sides, best, worst, thing, differ, mention, word, spot // 4, spot % 4, surprise,
        *(together.get(level, 0.0) for level in LEVELS), *line[2],
    )  # fmt: skip


def _beside(line: Line, rivalry: Rivalry) -> tuple[float, ...]:
    """What it says beside its rivals."""
    gap, lately, near = line[0][0], line[0][1], line[0][12]
    momentum = rivalry.momentum(near) if rivalry.rivals else 0.0
    return rivalry.rivals, gap == rivalry.gap, lately == rivalry.lately, momentum

"""Swings: windows that are work of their own told from what the slow course of a day leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.patterns.calendar import DayGrid
from engine.patterns.naming import Named, edge_share
from engine.patterns.peel import forget, levels
from engine.patterns.scores import detrended, median_of

_SLOW_MINUTES = 360  # windows that return sooner are no part of the course of the day
_OF_DAYS = 0.1  # share of days from which on a rule may show the usual course of a day, or of a weekday
_EARLY_MINUTES = 30  # by which work may begin early or end late: it is no part of the swing
_SEEN_SHARE = 0.2  # of days without a window at a time of the day, from which on they tell its usual level
_OWN_EDGES = 0.45  # of the rise of a window over the hours around it that lies at each of its edges at least
_LEAST_OF_SWING = 0.45  # of the range of the day's hours that a window must rise by
_SHARP_EDGES = 0.6  # unless so much of its rise lies at its edges and it comes once a day: a swing has none


def own_work(names: Sequence[tuple[Named, float]], grid: DayGrid) -> list[tuple[Named, float]]:
    """Those of `names`, with log p, that are work of its own rather than a part of the slow course of the day.

    What a running median leaves of a swing recurs as surely as work that is switched on. It has no edges, or is small
    beside the swing that goes on where no window is.
    """
    slow = [name for name, _ in names if _may_be_of_swing(name, grid)]
    if not slow:
        return list(names)
    rest = replace(grid, values=grid.values.copy())
    margin = _EARLY_MINUTES // grid.bin_minutes
    for name in slow:
        forget(name.cells, -margin, name.width + margin, rest)
    left = detrended(rest)
    left[:, np.isfinite(left).mean(axis=0) < _SEEN_SHARE] = np.nan
    hours = median_of(median_of(left, axis=0).reshape(24, -1), axis=1)
    least = _LEAST_OF_SWING * float(np.nanmax(hours) - np.nanmin(hours)) if np.isfinite(hours).any() else 0.0
    gone = [name for name in slow if _is_of_swing(name, grid, least)]
    return [(name, log_p) for name, log_p in names if all(name is not one for one in gone)]


def _may_be_of_swing(name: Named, grid: DayGrid) -> bool:
    """Whether a window comes on enough days, and seldom enough within them, to be a part of their slow course."""
    return (
        name.kind != "period"
        and name.period * grid.bin_minutes >= _SLOW_MINUTES
        and float(name.chosen.mean()) >= _OF_DAYS
    )


def _is_of_swing(name: Named, grid: DayGrid, least: float) -> bool:
    """Whether a window has no edges of its own, or rises by less than `least` and has none that are sharp."""
    edges = edge_share(name, grid)
    if name.period == grid.bins and edges >= _SHARP_EDGES:
        return False
    return edges < _OWN_EDGES or abs(float(np.subtract(*levels(grid, name)))) < least

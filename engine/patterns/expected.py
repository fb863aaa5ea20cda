"""What a series is likely to be at any moment of the coming weeks: its level, its range, the chance that it is high."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from engine.patterns.calendar import DAY_S, DayGrid, day_facts, day_grid, local_seconds
from engine.patterns.chances import Past, chances, means_of
from engine.patterns.counters import rates_of
from engine.patterns.finder import bin_minutes_of

PAST_DAYS = 91  # of samples that say something of the coming weeks
_LEAST_DAYS = 7
_LEVEL_DAYS = 45.0  # half-life of what is known of a slot
_AROUND_MINUTES = 30  # on each side of a slot, whose strays tell its range
_LEAST_STRAYS = 20  # of its own weekday; of fewer, those of all days tell it
_RANGE = (0.1, 0.9)


@dataclass(frozen=True, kw_only=True)
class ExpectedLevel:
    """A series in one slot of the local week, in units of the metric."""

    start: datetime  # UTC
    end: datetime
    level: float
    low: float  # a tenth of what is measured then lies below
    high: float  # and a tenth above
    chance_high: float  # 0..1, that within ten minutes it is above its 95th percentile and far off its median
    days: int  # of the past, with samples
    of_rate: bool = False  # levels are of the rate per second at which the metric, a counter, rises


def expected_levels(
    ts: np.ndarray, values: np.ndarray, timezone: str, moments: Sequence[datetime], metric: str = ""
) -> list[ExpectedLevel]:
    """The slots of the week in which `moments` lie, from samples (`ts` in UTC seconds) by the wall clock of `timezone`.

    Counters, which `metric` may name, are read as rates. Levels are means of the weekday shrunk to its half of the week
    and to every day, late days counting more. Empty where fewer than seven days have samples.
    """
    keep = np.isfinite(values)
    ts, values = np.asarray(ts, dtype=np.int64)[keep], np.asarray(values, dtype=float)[keep]
    if len(np.unique(local_seconds(ts, timezone) // DAY_S)) < _LEAST_DAYS:
        return []
    counted = rates_of(ts, values, metric)
    ts, values = counted or (ts, values)
    grid = day_grid(ts, values, timezone, bin_minutes_of(ts))
    week = _Week(grid)
    at = np.array([int(moment.timestamp()) for moment in moments])
    local = local_seconds(at, timezone)
    slot_s = 60 * grid.bin_minutes
    weekday, slot = day_facts((local // DAY_S).astype("datetime64[D]")).weekday, local % DAY_S // slot_s
    told = [
        week.told(moment - timedelta(seconds=int(second % slot_s)), int(day), int(one))
        for moment, second, day, one in zip(moments, local, weekday, slot, strict=True)
    ]
    return [replace(one, of_rate=counted is not None) for one in told]


class _Week:
    """The local week of a series."""

    def __init__(self, grid: DayGrid) -> None:
        past = Past.of(grid)
        known = np.isfinite(grid.values)
        self._level = means_of(np.where(known, grid.values, 0.0), past, _LEVEL_DAYS, float(grid.values[known].mean()))[
            2
        ]
        self._chance = chances(past)
        self._strays = grid.values - self._level[past.weekday]
        self._weekday = past.weekday
        self._around = _AROUND_MINUTES // grid.bin_minutes
        self._minutes = grid.bin_minutes
        self._days = int(known.any(axis=1).sum())

    def told(self, start: datetime, weekday: int, slot: int) -> ExpectedLevel:
        """The slot at `start`."""
        near = (slot + np.arange(-self._around, self._around + 1)) % self._strays.shape[1]
        around = self._strays[:, near]
        views = (around[self._weekday == weekday], around, self._strays)  # the last one has some for certain
        known = [view[np.isfinite(view)] for view in views]
        strays = next((view for view in known if len(view) >= _LEAST_STRAYS), known[-1])
        level = float(self._level[weekday, slot])
        low, high = (level + float(stray) for stray in np.quantile(strays, _RANGE))
        return ExpectedLevel(
            start=start,
            end=start + timedelta(minutes=self._minutes),
            level=level,
            low=min(low, level),
            high=max(high, level),
            chance_high=float(self._chance[weekday, slot]),
            days=self._days,
        )

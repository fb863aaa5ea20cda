"""The scan: every rule, window width and window start at once, best explanation first.

Sums over days are first weighed as if they were normal, which is cheap; the few that may matter are weighed exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import log

import numpy as np

from engine.patterns import loops
from engine.patterns.calendar import RuleTable
from engine.patterns.significance import log_tail, shares

FOLD_MINUTES = (10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720)  # after which windows may return within the day
_FOLD_COST = 3.2  # nats
_NEAR = 1  # bins between the starts of windows that are taken for one
_EXACT = 8  # sketches that are weighed exactly, of each direction
_FEW_DAYS = 13  # of a rule: fewer say too little of what their hours are like without the load
_ALL = np.zeros((0, 0), dtype=bool)  # in place of what was seen where everything was
LOG_LIKELY = -2.0  # a sketch must promise so much to be weighed exactly: most tails are heavier than normal


@dataclass(frozen=True)
class Candidate:
    """A window that recurs more than chance allows, before it is named and measured."""

    log_p: float  # natural logarithm of the chance of it anywhere in a series without patterns, an upper bound
    start: int  # bin of the day
    width: int  # bins
    sign: int  # 1: rises, -1: falls
    days: np.ndarray  # bool (days,): days of the rule it was found with
    period: int  # bins after which it was taken to return within the day; all of the day's if it was not
    pooled: bool = False  # whether it was seen in the pooled view

    def resembles(self, other: Candidate) -> bool:
        """Whether `other` is about the same window, seen on other days or a little wider: it bears the same name."""
        alike = (self.sign, self.pooled, self.period) == (other.sign, other.pooled, other.period)
        return alike and abs(self.start - other.start) <= _NEAR and other.width <= 2 * self.width <= 4 * other.width


@dataclass(frozen=True)
class View:
    """One way to look at all windows of one width: scores (days, bins) within [-1, 1]."""

    unit: np.ndarray
    width: int
    sign: int = 1
    pooled: bool = False
    valid: np.ndarray | None = None  # bool (days, bins), which scores were seen; None: all
    weekend: np.ndarray | None = None  # (days,), 1 on weekends, else 0; None: days have nothing in common

    def without(self, gone: np.ndarray) -> View:
        """The view without the scores at `gone` (bool, flat), which are lost to this one as well."""
        seen = ~gone.reshape(self.unit.shape)
        np.multiply(self.unit, seen, out=self.unit)
        return replace(self, valid=seen if self.valid is None else self.valid & seen)

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of each day: two arrays (days,)."""
        mean, variance = loops.moments(self.unit, _ALL if self.valid is None else self.valid)
        return mean, variance

    @cached_property
    def shares(self) -> np.ndarray:
        """How each day's scores are spread, as `significance.shares` gives it."""
        return shares(self.unit, self.valid)

    @cached_property
    def pooled_shares(self) -> np.ndarray:
        """The same of each day's scores and, mostly, of all days of its half of the week."""
        return shares(self.unit, self.valid, self.weekend)


@dataclass(frozen=True)
class Sketch:
    """The best start of one rule or fold in one view, weighed as if sums were normal."""

    log_p: float
    view: View
    rule: int  # row of the table's scanned rules; -1: every day
    start: int
    period: int


def widths_in_bins(minutes: Iterable[int], bin_minutes: int) -> list[int]:
    """Distinct window widths in bins for widths in minutes."""
    return sorted({max(1, round(m / bin_minutes)) for m in minutes})


def best_of(
    views: Sequence[View], table: RuleTable, bin_minutes: int, *, paid: float, within_day: bool = True
) -> list[Candidate]:
    """The windows of all `views` that chance explains least, best first; `paid` nats are for the choice among views."""
    sketches = sketched(views, table, bin_minutes, LOG_LIKELY - paid, within_day=within_day)
    likely = sorted(sketches, key=lambda s: s.log_p)
    chosen = [s for sign in (1, -1) for s in [s for s in likely if s.view.sign == sign][:_EXACT]]
    return sorted((_weighed(s, table, paid) for s in chosen), key=lambda c: c.log_p)


def sketched(
    views: Sequence[View], table: RuleTable, bin_minutes: int, below: float, *, within_day: bool = True
) -> list[Sketch]:
    """What each view shows of each rule and fold as if sums were normal, where its log p is `below` that."""
    if not views:
        return []
    totals = np.stack([_sums_over_days(view.unit, table) for view in views])
    found = _of_rules(views, totals[:, 1:], table, below)
    if within_day:
        plain = [row for row, view in enumerate(views) if not view.pooled]
        found += _of_folds([views[row] for row in plain], totals[plain, 0], bin_minutes, below)
    return found


def _sums_over_days(unit: np.ndarray, table: RuleTable) -> np.ndarray:
    """Sum of each bin over every day, and over the days of each rule looked for on its own: (1 + rules, bins)."""
    return np.asarray(np.concatenate([np.ones((1, len(unit)), np.float32), table.scanned_member]) @ unit)


def _of_rules(views: Sequence[View], totals: np.ndarray, table: RuleTable, below: float) -> list[Sketch]:
    """A sketch for each view and each rule that is looked for on its own, where its log p is `below` that.

    `totals` are sums over the days of each rule: (views, rules, bins).
    """
    if totals.size == 0:
        return []
    member, bins = table.scanned_member, totals.shape[2]
    mean, variance = np.stack([view.moments for view in views], axis=1)
    tops = totals.max(axis=2) - mean @ member.T
    z = np.maximum(tops, 0.0) / np.sqrt(np.maximum(variance @ member.T, 1e-12))
    many = np.array([log(positions(bins, view.width)) for view in views])[:, None]
    log_p = -0.5 * z**2 - np.log(np.maximum(2.5 * z, 1.0)) + table.scanned_cost + many
    return [
        Sketch(float(log_p[row, rule]), views[row], int(rule), int(totals[row, rule].argmax()), bins)
        for row, rule in np.argwhere(log_p < below)
    ]


def _of_folds(views: Sequence[View], total: np.ndarray, bin_minutes: int, below: float) -> list[Sketch]:
    """A sketch for each stretch after which a window may return within the day, where its log p is `below` that.

    `total` is the sum of each view over all days: (views, bins).
    """
    if not views:
        return []
    bins, width = total.shape[1], np.array([view.width for view in views])
    periods, begins, folding = _folding(bins, bin_minutes)
    if len(periods) == 0:
        return []
    folded = total @ folding
    variance = np.array([float(view.moments[1].sum()) for view in views])
    top = np.maximum.reduceat(folded, begins, axis=1) - total.mean(axis=1)[:, None] * bins / periods
    z = top / np.sqrt(np.maximum(variance[:, None] * bins / periods, 1e-12))
    many = np.minimum(periods, 3.0 * periods / width[:, None])
    log_p = -0.5 * z * z - np.log(np.maximum(2.5 * z, 1.0)) + _FOLD_COST + np.log(many)
    likely = (log_p < below) & (z > 0.0) & (2 * width[:, None] <= periods)
    found: list[Sketch] = []
    for row, column in np.argwhere(likely):
        period, begin = int(periods[column]), int(begins[column])
        at = int(folded[row, begin : begin + period].argmax())
        found.append(Sketch(float(log_p[row, column]), views[row], -1, at, period))
    return found


@lru_cache(maxsize=16)
def _folding(bins: int, bin_minutes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Periods within the day in bins, where the sums of each begin among all, and the matrix of them: (bins, sums)."""
    periods = [m // bin_minutes for m in FOLD_MINUTES if m % bin_minutes == 0 and 2 <= m // bin_minutes < bins]
    parts = [np.tile(np.eye(period, dtype=np.float32), (bins // period, 1)) for period in periods]
    begins = np.cumsum([0, *periods])[:-1]
    return np.array(periods, dtype=int), begins, np.concatenate(parts, axis=1) if parts else np.zeros((bins, 0))


def _weighed(sketch: Sketch, table: RuleTable, paid: float) -> Candidate:
    """The sketch with the exact chance of its sum."""
    view, bins = sketch.view, sketch.view.unit.shape[1]
    every = sketch.rule < 0
    days = np.ones(len(view.unit), dtype=bool) if every else table.scanned_member[sketch.rule] > 0
    cost = _FOLD_COST if every else float(table.scanned_cost[sketch.rule])
    if sketch.period < bins:
        unit = view.unit.reshape(len(view.unit), -1, sketch.period).mean(axis=1)
        unit, each = unit / (float(np.abs(unit).max()) or 1.0), days
    else:
        unit, each = view.unit, days if view.valid is None else days & view.valid[:, sketch.start]
    total = float(unit[each, sketch.start].sum(dtype=float))
    if not each.any():
        return Candidate(0.0, sketch.start, view.width, view.sign, days, sketch.period, view.pooled)
    if sketch.period < bins:
        share = shares(unit)
    else:
        share = (view.pooled_shares if each.sum() <= _FEW_DAYS else view.shares)[each]
    log_p = log_tail(share, total)
    log_p += cost + paid + log(positions(sketch.period, view.width))
    return Candidate(log_p, sketch.start, view.width, view.sign, days, sketch.period, view.pooled)


def positions(bins: int, width: int) -> float:
    """How many windows of `width` can say something of their own among `bins` starts: neighbours overlap."""
    return min(bins, 3.0 * bins / width)

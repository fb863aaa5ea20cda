"""The scan: every rule, window width and window start at once, best explanation first.

Sums over days are first weighed as if they were normal, which is cheap; the few that may matter are weighed exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import log

import numpy as np

from engine.patterns.calendar import RuleTable
from engine.patterns.contrasts import Contrasts
from engine.patterns.significance import cumulants, log_tail

FOLD_MINUTES = (10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720)  # after which windows may return within the day
_FOLD_COST = 3.2  # nats
_LOG_SIGNS = log(2)
_LOG_VIEWS = log(1.5)  # plain and pooled views of one window resemble each other
_NEAR = 1  # bins between the starts of windows that are taken for one
_EXACT = 8  # sketches that are weighed exactly, of each direction
_FEW_DAYS = 13  # of a rule: fewer say too little of what their hours are like without the load
_LOG_LIKELY = -2.0  # a sketch must promise so much to be weighed exactly: most tails are heavier than normal


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

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of each day: two arrays (days,)."""
        count = self.unit.shape[1] if self.valid is None else np.maximum(self.valid.sum(axis=1), 1)
        mean = self.unit.sum(axis=1) / count
        return mean, np.einsum("ij,ij->i", self.unit, self.unit) / count - mean**2

    @cached_property
    def cumulants(self) -> np.ndarray:
        """Cumulants of each day's scores, as `significance.cumulants` gives them."""
        return cumulants(self.unit, self.valid)

    @cached_property
    def shared_cumulants(self) -> np.ndarray:
        """Those of each day's scores and, mostly, of all days of its half of the week."""
        return cumulants(self.unit, self.valid, self.weekend)


@dataclass(frozen=True)
class _Sketch:
    """The best start of one rule or fold in one view, weighed as if sums were normal."""

    log_p: float
    view: View
    rule: int  # row of the table's scanned rules; -1: every day
    start: int
    period: int


def widths_in_bins(minutes: Iterable[int], bin_minutes: int) -> list[int]:
    """Distinct window widths in bins for widths in minutes."""
    return sorted({max(1, round(m / bin_minutes)) for m in minutes})


def candidates(contrasts: Contrasts, widths: Sequence[int], table: RuleTable) -> list[Candidate]:
    """The least chance-like windows of `widths`, by direction and repeat within the day, best first.

    Contrasts that show another course than that by rank add its rises, with room for early and late starts, alone.
    """
    by_rank = contrasts.shown is contrasts
    signs, pools = ((1, -1), (False, True)) if by_rank else ((1,), (True,))
    views = [
        View(unit, width, sign, pooled, None if contrasts.complete else contrasts.valid(width), table.weekend)
        for width in widths
        for sign in signs
        for pooled in (pools if contrasts.has_pool(width) else pools[:1])
        if (unit := contrasts.unit(width, sign, pooled=pooled)) is not None
    ]
    paid = log(1 + len(widths) / 3) + _LOG_SIGNS + _LOG_VIEWS
    return best_of(views, table, contrasts.bin_minutes, paid=paid)


def best_of(
    views: Sequence[View], table: RuleTable, bin_minutes: int, *, paid: float, within_day: bool = True
) -> list[Candidate]:
    """The windows of all `views` that chance explains least, best first; `paid` nats are for the choice among views."""
    sketches = [sketch for view in views for sketch in _of_rules(view, table, _LOG_LIKELY - paid)]
    if within_day:
        sketches += _of_folds([view for view in views if not view.pooled], bin_minutes, _LOG_LIKELY - paid)
    likely = sorted(sketches, key=lambda s: s.log_p)
    chosen = [s for sign in (1, -1) for s in [s for s in likely if s.view.sign == sign][:_EXACT]]
    return sorted((_weighed(s, table, paid) for s in chosen), key=lambda c: c.log_p)


def _of_rules(view: View, table: RuleTable, below: float) -> list[_Sketch]:
    """A sketch for each rule that is looked for on its own and whose log p is `below` that."""
    member, bins = table.scanned_member, view.unit.shape[1]
    mean, variance = view.moments
    totals = member @ view.unit
    starts = totals.argmax(axis=1)
    tops = totals[np.arange(len(totals)), starts] - member @ mean
    z = np.maximum(tops, 0.0) / np.sqrt(np.maximum(member @ variance, 1e-12))
    log_p = -0.5 * z**2 - np.log(np.maximum(2.5 * z, 1.0)) + table.scanned_cost + log(positions(bins, view.width))
    return [_Sketch(float(log_p[r]), view, int(r), int(starts[r]), bins) for r in np.flatnonzero(log_p < below)]


def _of_folds(views: Sequence[View], bin_minutes: int, below: float) -> list[_Sketch]:
    """A sketch for each stretch after which a window may return within the day, where its log p is `below` that."""
    if not views:
        return []
    total = np.stack([view.unit.sum(axis=0) for view in views])
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
    found: list[_Sketch] = []
    for row, column in np.argwhere(likely):
        period, begin = int(periods[column]), int(begins[column])
        at = int(folded[row, begin : begin + period].argmax())
        found.append(_Sketch(float(log_p[row, column]), views[row], -1, at, period))
    return found


@lru_cache(maxsize=16)
def _folding(bins: int, bin_minutes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Periods within the day in bins, where the sums of each begin among all, and the matrix of them: (bins, sums)."""
    periods = [m // bin_minutes for m in FOLD_MINUTES if m % bin_minutes == 0 and 2 <= m // bin_minutes < bins]
    parts = [np.tile(np.eye(period, dtype=np.float32), (bins // period, 1)) for period in periods]
    begins = np.cumsum([0, *periods])[:-1]
    return np.array(periods, dtype=int), begins, np.concatenate(parts, axis=1) if parts else np.zeros((bins, 0))


def _weighed(sketch: _Sketch, table: RuleTable, paid: float) -> Candidate:
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
    total = unit[each, sketch.start].sum(dtype=float)
    if not each.any():
        return Candidate(0.0, sketch.start, view.width, view.sign, days, sketch.period, view.pooled)
    if sketch.period < bins:
        cumulant = cumulants(unit)
    else:
        cumulant = (view.shared_cumulants if each.sum() <= _FEW_DAYS else view.cumulants)[:, each]
    log_p = float(log_tail(cumulant.sum(axis=1, keepdims=True), np.array([total]))[0])
    log_p += cost + paid + log(positions(sketch.period, view.width))
    return Candidate(log_p, sketch.start, view.width, view.sign, days, sketch.period, view.pooled)


def positions(bins: int, width: int) -> float:
    """How many windows of `width` can say something of their own among `bins` starts: neighbours overlap."""
    return min(bins, 3.0 * bins / width)

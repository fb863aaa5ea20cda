"""The scan: every rule, window width and window start at once, best explanation first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.patterns.calendar import RuleTable
from engine.patterns.scores import Scored, Sums, contrast, unit_contrast
from engine.patterns.significance import cumulants, log_tail

FOLD_HOURS = (1, 2, 3, 4, 6, 8, 12)  # windows that return so many times a day lock to the wall clock
_FOLD_COST = 3.2  # nats
_LOG_SIGNS = float(np.log(2))


@dataclass(frozen=True)
class Candidate:
    """A window that recurs more than chance allows, before it is named and measured."""

    log_p: float  # natural logarithm of the chance of it anywhere in a series without patterns, an upper bound
    start: int  # bin of the day
    width: int  # bins
    sign: int  # 1: rises, -1: falls
    days: np.ndarray  # bool (days,): days of the rule it was found with
    period: int  # bins after which it was taken to return within the day; all of the day's if it was not


def widths_in_bins(minutes: Iterable[int], bin_minutes: int) -> list[int]:
    """Distinct window widths in bins for widths in minutes."""
    return sorted({max(1, round(m / bin_minutes)) for m in minutes})


def flanks_of(width: int, bin_minutes: int) -> list[int]:
    """Bins of context on each side of a window that are worth a try, the shortest first: long ones suit steady noise."""
    tries = {max(1, min(max(width, round(20 / bin_minutes)) * times, 180 // bin_minutes)) for times in (1, 2, 4)}
    return sorted(tries)


def sharpest(sums: Sums, width: int, bin_minutes: int) -> tuple[np.ndarray, np.ndarray]:
    """Contrast and validity with the flank under which the background varies least: a box rises by 1 under all of them."""
    tries = [contrast(sums, width, flank) for flank in flanks_of(width, bin_minutes)]
    spreads = [float(np.median(np.abs(value[valid]))) if valid.any() else np.inf for value, valid in tries]
    return tries[int(np.argmin(spreads))]


def candidates(data: Scored, widths: list[int], table: RuleTable, bin_minutes: int) -> list[Candidate]:
    """The least chance-like windows of `data`, one for each of `widths`, direction and repeat within the day, best first."""
    sums = Sums.of(data)
    found: list[Candidate] = []
    for width in widths:
        unit = unit_contrast(*sharpest(sums, width, bin_minutes))
        if unit is not None:
            found += of_width(unit, width, table, bin_minutes)
            found += [replace(c, sign=-1) for c in of_width(-unit, width, table, bin_minutes)]
    paid = float(np.log(1 + len(widths) / 3)) + _LOG_SIGNS
    return sorted((replace(c, log_p=c.log_p + paid) for c in found), key=lambda c: c.log_p)


def of_width(
    unit: np.ndarray, width: int, table: RuleTable, bin_minutes: int, within_day: bool = True
) -> Iterator[Candidate]:
    """The best rising window of one width for each fold of the day; `unit` holds scores (days, bins) within [-1, 1]."""
    yield best_of(unit, table.member[table.scanned].astype(float), table.cost[table.scanned], width)
    for hours in FOLD_HOURS if within_day else ():
        period = hours * 60 // bin_minutes
        if 2 * width <= period:
            folded = unit.reshape(len(unit), -1, period).mean(axis=1)
            top = float(np.abs(folded).max()) or 1.0
            yield best_of(folded / top, np.ones((1, len(unit))), np.array([_FOLD_COST]), width)


def best_of(unit: np.ndarray, member: np.ndarray, cost: np.ndarray, width: int) -> Candidate:
    """The rule (row of `member`) and start whose total over days is least likely; its cost and all starts are paid for."""
    totals = member @ unit
    starts = totals.argmax(axis=1)
    tops = totals[np.arange(len(totals)), starts]
    log_p = log_tail(np.matmul(member, cumulants(unit)), tops) + cost + np.log(positions(unit.shape[1], width))
    best = int(log_p.argmin())
    return Candidate(float(log_p[best]), int(starts[best]), width, 1, member[best] > 0, unit.shape[1])


def positions(bins: int, width: int) -> float:
    """How many windows of `width` can say something of their own among `bins` starts: neighbours overlap."""
    return min(bins, 3.0 * bins / width)

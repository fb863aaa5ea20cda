"""The scan: every rule, window width and window start at once, best explanation first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.patterns.calendar import RuleTable
from engine.patterns.scores import Contrasts
from engine.patterns.significance import cumulants, log_tail

FOLD_HOURS = (1, 2, 3, 4, 6, 8, 12)  # windows that return so many times a day lock to the wall clock
_LEAST_Z = 3.0  # standard deviations below which a total cannot pay for its rule and start
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


def candidates(contrasts: Contrasts, widths: list[int], table: RuleTable) -> list[Candidate]:
    """The least chance-like windows, one for each of `widths`, direction and repeat within the day, best first."""
    bin_minutes = contrasts.bin_minutes
    found: list[Candidate] = []
    for width in widths:
        unit = contrasts.unit(width)
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
    """The rule (row of `member`) and start whose total over days is least likely; cost and all starts are paid for."""
    totals = member @ unit
    starts = totals.argmax(axis=1)
    tops = totals[np.arange(len(totals)), starts]
    worth = tops > _LEAST_Z * np.sqrt(member @ (unit**2).mean(axis=1))
    if not worth.any():
        return Candidate(0.0, 0, width, 1, member[0] > 0, unit.shape[1])
    rules = np.flatnonzero(worth)
    log_p = log_tail(np.matmul(member[rules], cumulants(unit)), tops[rules]) + cost[rules]
    at = int(log_p.argmin())
    best, paid = rules[at], float(np.log(positions(unit.shape[1], width)))
    return Candidate(float(log_p[at]) + paid, int(starts[best]), width, 1, member[best] > 0, unit.shape[1])


def positions(bins: int, width: int) -> float:
    """How many windows of `width` can say something of their own among `bins` starts: neighbours overlap."""
    return min(bins, 3.0 * bins / width)

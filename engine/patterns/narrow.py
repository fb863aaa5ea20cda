"""Narrow windows: the clearest one of up to some three hours, among all rules, widths and ways to see a course."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from math import log

import numpy as np

from engine.patterns.calendar import DayGrid, RuleTable
from engine.patterns.contrasts import Contrasts
from engine.patterns.naming import Named, beats_both_sides, named, weight_of
from engine.patterns.periods import Period, best_period
from engine.patterns.scan import Candidate, widths_in_bins
from engine.patterns.scores import Scored
from engine.patterns.sieve import Sieve, candidates

TRIES = 12  # candidates that are asked for a name before a series is left
LOG_WORTH = log(0.05)  # chance above which a candidate is not looked at
_NARROW_MINUTES = (10, 15, 20, 30, 45, 60, 90, 120, 180)
_LATER_COMB_Z = 8.0  # what patterns leave behind still repeats a little
_FREE_MORE = 1.2  # a free period must explain so much more than a rule of the calendar


def narrow_step(
    grid: DayGrid, scores: Sequence[tuple[Scored, Sieve]], table: RuleTable, *, alone: bool
) -> tuple[Named, float] | None:
    """The best window up to some three hours, with its log p: by the calendar, or a free period that says more.

    `scores` are those of the course by rank and, of bursty ones, likelihoods of rises, each with its sieve. A free
    period is weighed against the calendar once (`alone`), and later looked for where the calendar is silent.
    """
    plain = Contrasts(scores[0][0], grid.bin_minutes, ways=scores[0][1].ways)
    lenses = [plain, *(Contrasts(lens, grid.bin_minutes, plain, sieve.ways) for lens, sieve in scores[1:])]
    widths = [w for w in widths_in_bins(_NARROW_MINUTES, grid.bin_minutes) if 2 * w < grid.bins]
    free = best_period(plain) if alone else None
    failed: list[tuple[Contrasts, Candidate]] = []
    sieves = [sieve for _, sieve in scores]
    for lens, candidate in _likely(lenses, sieves, widths, table)[:TRIES]:
        if candidate.log_p > LOG_WORTH:
            break
        if any(lens is other and candidate.resembles(one) for other, one in failed):
            continue
        failed.append((lens, candidate))
        name = named(candidate, lens, table, grid)
        if name is None or not beats_both_sides(name, grid):
            continue
        if free is None or free.weight < _FREE_MORE * _weight_in(plain, name):
            return name, candidate.log_p
    free = free if alone else best_period(plain, _LATER_COMB_Z)
    return None if free is None else (_as_named(free, grid), free.log_p)


def _weight_in(contrasts: Contrasts, name: Named) -> float:
    """What a window explains as `contrasts` see it."""
    return weight_of(contrasts.of(name.width, name.sign).ravel()[name.cells])


def _likely(
    lenses: Sequence[Contrasts], sieves: Sequence[Sieve], widths: Sequence[int], table: RuleTable
) -> list[tuple[Contrasts, Candidate]]:
    """What every lens shows, each candidate with the contrasts it was seen in, best first."""
    paid = log(len(lenses))
    found = [
        (lens, replace(one, log_p=one.log_p + paid))
        for lens, sieve in zip(lenses, sieves, strict=True)
        for one in candidates(lens, widths, table, sieve)
    ]
    return sorted(found, key=lambda pair: pair[1].log_p)


def _as_named(period: Period, grid: DayGrid) -> Named:
    """A free period in the form of a calendar window, its rule counted from its last occurrence."""
    seconds = round(period.minutes * 60)
    step = f"FREQ=MINUTELY;INTERVAL={seconds // 60}" if seconds % 60 == 0 else f"FREQ=SECONDLY;INTERVAL={seconds}"
    anchor = (grid.days[0].astype("datetime64[m]") + int(period.cells[-1]) * grid.bin_minutes).item()
    moment = anchor.replace(tzinfo=grid.zone).astimezone(UTC)
    return Named(
        kind="period",
        rule=f"DTSTART:{moment:%Y%m%dT%H%M%SZ}\nRRULE:{step}",
        start=int(period.cells[-1]) % grid.bins,
        width=period.width,
        sign=period.sign,
        period=grid.bins,
        chosen=np.ones(len(grid.days), dtype=bool),
        hits=period.hits,
        chance_days=period.cells // grid.bins,
        cells=period.cells,
        weight=period.weight,
    )

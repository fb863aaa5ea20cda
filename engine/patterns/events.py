"""Events by the clock: bursts counted once, windows of the day that hold an event on more days than chance allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.patterns.calendar import DAY_S, RuleTable, local_seconds, rule_table
from engine.patterns.naming import choose_rule
from engine.patterns.scan import Candidate, View, best_of, widths_in_bins
from engine.patterns.windows import Window

BIN_MINUTES = 5
_BINS = 24 * 60 // BIN_MINUTES
_GAP_S = 1800  # events closer than this belong to one episode
_WIDTH_MINUTES = (5, 10, 15, 30, 60, 120, 240, 480)
_LEAST_HITS = 4
_LEAST_PERIODS = 3
_LEAST_SHARE = 0.45
_SHORTEST_S = 300  # a window is told as at least so long
_LOG_WORTH = float(np.log(0.05))


@dataclass(frozen=True)
class Episodes:
    """Runs of events, by wall clock: seconds since 1970-01-01 00:00 of that clock."""

    start: np.ndarray  # (n,)
    end: np.ndarray  # (n,)

    def without(self, gone: np.ndarray) -> Episodes:
        """The episodes that are not marked in `gone` (bool)."""
        return Episodes(self.start[~gone], self.end[~gone])


def episodes(ts: np.ndarray, timezone: str, gap_s: int = _GAP_S) -> Episodes:
    """Events (UTC seconds, any order) merged into one episode while they come less than `gap_s` apart.

    Examples
    --------
    >>> runs = episodes(np.array([0, 60, 7200]), "UTC")
    >>> runs.start.tolist(), runs.end.tolist()
    ([0, 7200], [60, 7200])
    """
    ts = np.unique(np.asarray(ts, dtype=np.int64))
    breaks = np.flatnonzero(np.diff(ts) >= gap_s)
    start, end = ts[np.concatenate([[0], breaks + 1])], ts[np.concatenate([breaks, [len(ts) - 1]])]
    local = local_seconds(start, timezone)
    return Episodes(local, local + (end - start))


def event_windows(runs: Episodes, first_day: int, days: int, most: int) -> list[Window]:
    """Recurring windows of `runs` over `days` days from day number `first_day`, the clearest first."""
    table = rule_table(first_day, days, _LEAST_HITS)
    found: list[Window] = []
    while len(found) < most and len(runs.start) >= _LEAST_HITS:
        step = _next_window(runs, first_day, days, table)
        if step is None:
            break
        found.append(step[0])
        runs = runs.without(step[1])
    return found


def _next_window(runs: Episodes, first_day: int, days: int, table: RuleTable) -> tuple[Window, np.ndarray] | None:
    """The clearest window that bears a name, and which episodes it explains."""
    held = start_counts(runs, first_day, days)
    often = len(runs.start) >= 0.9 * days  # rarer than that, nothing returns within the day
    widths = widths_in_bins(_WIDTH_MINUTES, BIN_MINUTES)
    views = [View(holds_start(held, width), width, weekend=table.weekend) for width in widths]
    paid = float(np.log(1 + len(widths) / 3))
    for c in best_of(views, table, BIN_MINUTES, paid=paid, within_day=often)[:8]:
        window = None if c.log_p > _LOG_WORTH else _named(c, c.log_p, runs, (first_day, days), table)
        if window is not None:
            return window
    return None


def start_counts(runs: Episodes, first_day: int, days: int) -> np.ndarray:
    """Episodes that begin in each bin: int (days, bins)."""
    cell = (runs.start - first_day * DAY_S) // (60 * BIN_MINUTES)
    return np.bincount(cell, minlength=days * _BINS)[: days * _BINS].reshape(days, _BINS)


def holds_start(counts: np.ndarray, width: int) -> np.ndarray:
    """1.0 where an episode begins within `width` bins of a bin, else 0.0: (days, bins). Over midnight too."""
    sums = np.concatenate([[0], np.cumsum(counts.ravel())])
    cells = np.arange(counts.size)
    inside = sums[np.minimum(cells + width, counts.size)] - sums[cells]
    return np.asarray((inside > 0).astype(float).reshape(counts.shape))


def _named(
    c: Candidate, log_p: float, runs: Episodes, span: tuple[int, int], table: RuleTable
) -> tuple[Window, np.ndarray] | None:
    """The candidate with rule, edges in seconds and record; None where too few chances were hits."""
    first_day, days = span
    held = holds_start(start_counts(runs, first_day, days), c.width)
    start = c.start + c.period * int(held[:, c.start :: c.period].sum(axis=0).argmax())
    row = choose_rule(held[:, start], np.ones(days, dtype=bool), table) if c.period == _BINS else 0
    if row is None:
        return None
    period_s, step_s = c.period * BIN_MINUTES * 60, BIN_MINUTES * 60
    offset = (runs.start - start * step_s) % period_s  # seconds after the window's begin
    day = (runs.start - start * step_s) // DAY_S - first_day
    chosen = table.member[row][np.clip(day, 0, days - 1)] & (day >= 0) & (day < days)
    inside = chosen & (offset < c.width * step_s)
    low, length = _edges(offset[inside], (runs.end - runs.start)[inside])
    slot = (runs.start[inside] - start * step_s) // period_s - first_day * (DAY_S // period_s)
    return _window(c, log_p, table, row, (start * step_s + low, length), slot, held, inside)


def _edges(offset: np.ndarray, length: np.ndarray) -> tuple[int, int]:
    """Begin after the window's first bin, and length, in seconds of whole minutes: the usual span of its events."""
    low = int(np.quantile(offset, 0.05)) // 60 * 60
    high = max(float(np.quantile(offset, 0.95)), float(np.median(offset + length)))
    return low, max(_SHORTEST_S, int(-(-(high - low) // 60)) * 60)


def _window(
    c: Candidate,
    log_p: float,
    table: RuleTable,
    row: int,
    edges: tuple[int, int],
    slot: np.ndarray,
    held: np.ndarray,
    inside: np.ndarray,
) -> tuple[Window, np.ndarray] | None:
    """The record of a window; None where it is too thin."""
    per_day = _BINS // c.period
    kind, rule = table.kinds[row], table.rules[row]
    chance = np.flatnonzero(np.repeat(table.member[row], per_day))
    hits = np.isin(chance, slot)
    chance_days = table.first + chance // per_day
    unit = "datetime64[M]" if kind.months else "datetime64[W]" if "WEEKLY" in rule else "datetime64[D]"
    periods = len(np.unique(chance_days[hits].astype("datetime64[D]").astype(unit)))
    if hits.sum() < _LEAST_HITS or hits.mean() < _LEAST_SHARE or periods < _LEAST_PERIODS:
        return None
    hours = c.period * BIN_MINUTES // 60
    name = kind.name if hours == 24 else "hourly" if hours == 1 else "every_k_hours"
    text = rule if hours == 24 else "FREQ=HOURLY" + (f";INTERVAL={hours}" if hours > 1 else "")
    start_s = edges[0] % (c.period * BIN_MINUTES * 60)
    window = Window(log_p, name, text, start_s, edges[1], hits, chance_days, float(hits.mean()), float(held.mean()))
    return window, inside


def merged(spans: Sequence[tuple[str, int, int]]) -> list[int]:
    """Which of `spans` (rule, start and length in seconds, the most telling first) to keep: each window once.

    A span goes where an earlier one of the same rule, or of every day, covers a third of the shorter of the two.
    """
    kept: list[int] = []
    for i, (rule, start, length) in enumerate(spans):
        if not any(
            spans[k][0] in (rule, "FREQ=DAILY") and _overlap(spans[k][1:], (start, length)) >= 0.3 for k in kept
        ):
            kept.append(i)
    return kept


def _overlap(a: Iterable[int], b: Iterable[int]) -> float:
    """Share of the shorter of two windows of the day that the other covers, on the circle of 24 hours."""
    (a_start, a_length), (b_start, b_length) = a, b
    best = 0
    for turn in (-DAY_S, 0, DAY_S):
        low, high = max(a_start, b_start + turn), min(a_start + a_length, b_start + turn + b_length)
        best = max(best, high - low)
    return best / max(1, min(a_length, b_length))

"""Peak load: windows of the local week in which a series is likely to be high, by the simplest rule that holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from engine.patterns.calendar import DAY_NAMES, DAY_S, DayGrid, rule_parts
from engine.patterns.chances import Past, best_share, chances, least_high
from engine.patterns.naming import Named
from engine.patterns.peel import levels
from engine.patterns.scan import positions
from engine.patterns.significance import cumulants, log_tail
from engine.patterns.windows import Window, next_probability

_LEAST_CHANCE = 0.18  # of a slot that is told
_OWN_SHARE = 0.6  # of it that each day of a rule must show for itself
_ALIKE = 0.5  # of the share of all days of a rule that each of them must reach
_SAME_SHARE = 0.5  # of the shorter of two windows that the other must cover to tell the same
_LEAST_SURE = 0.25  # chance of a window that is told
_GAP_MINUTES = 10  # between slots that are told as one window
_MARGIN_MINUTES = 30  # around a window within which nothing more is told
_LONGEST_MINUTES = 960
_SLACK_MINUTES = 10  # how early or late high load may be and still have come
_LEAST_HITS = 4
_SLOT_WEIGHT = 0.18  # of the log odds of its likeliest slot beside those of its record
_FAR = 3.0  # standard deviations from the mean of a day beyond which a value proves nothing more
_LOG_WORTH = log(0.05)  # chance above which a window is not told
_WIDTHS_COST = log(4)  # nats paid for the choice of a width


@dataclass(frozen=True)
class Peak:
    """A window of high load."""

    window: Window
    probability: float  # 0..1, that the load is high within the next one


@dataclass(frozen=True)
class _Days:
    """Days of the week that one rule names."""

    kind: str
    rule: str
    days: tuple[int, ...]
    cost: float  # nats
    least: int  # of its days that must show the window themselves


_RULES = (
    _Days("daily", "FREQ=DAILY", tuple(range(7)), 0.7, 6),
    _Days("weekdays", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", tuple(range(5)), 1.6, 4),
    _Days("weekends", "FREQ=WEEKLY;BYDAY=SA,SU", (5, 6), 2.3, 2),
    *(_Days("weekly", f"FREQ=WEEKLY;BYDAY={name}", (day,), 3.6, 1) for day, name in enumerate(DAY_NAMES)),
)


def peak_windows(grid: DayGrid, told: np.ndarray, most: int) -> list[Peak]:
    """Windows of high load outside the cells that are `told` (bool, like the grid), the simplest rules first."""
    past = Past.of(grid, told)
    if most <= 0 or not past.high.any():
        return []
    chance = chances(past)
    cut = max(_LEAST_CHANCE, best_share(chance) / 2)
    chance = np.where(_covered(told, past.weekday), 0.0, chance)
    found: list[Peak] = []
    for rule in _RULES:
        for start, width in _runs(chance, rule, cut, past):
            window = _window(rule, start, width, past, grid)
            if window is not None:
                sure = _probability(window, _inside(chance, rule, start, width))
                found += [Peak(window, sure)] if sure >= _LEAST_SURE else []
            chance[_slots(rule, start, width, past)] = 0.0
    clear = (peak for peak in found if peak.window.log_p < _LOG_WORTH)
    return sorted(clear, key=lambda peak: peak.window.log_p)[:most]


def _inside(chance: np.ndarray, rule: _Days, start: int, width: int) -> np.ndarray:
    """Chances of the slots of a window: (days of the rule, width)."""
    bins = chance.shape[1]
    slot = start + np.arange(width)
    return np.asarray(chance[(np.array(rule.days)[:, None] + slot // bins) % 7, slot % bins])


def _probability(window: Window, inside: np.ndarray) -> float:
    """Chance that the next window is high: what its record and its likeliest slot say, joined by fitted weights."""
    own = next_probability(window.hits, window.chance_days)
    slot = float(np.clip(inside.mean(axis=0).max(), 0.01, 0.99))
    odds = (own / (1.0 - own)) * (slot / (1.0 - slot)) ** _SLOT_WEIGHT
    return float(odds / (1.0 + odds))


def with_peaks(
    grid: DayGrid, names: list[tuple[Named, float]], spikes: Sequence[Window], most: int
) -> tuple[list[tuple[Named, float]], list[Peak]]:
    """The windows `names`, with log p, and the peaks beside them, `most` in all with `spikes`.

    Where load is high, a window that does not reach so far and a peak tell the same: the one that chance explains less
    is kept. A window of high load, or of spikes, keeps its time for itself.
    """
    least = least_high(grid.values[np.isfinite(grid.values)])
    low = [(name, log_p) for name, log_p in names if name.sign > 0 and levels(grid, name)[0] < least]
    high = [(name.cells, name.width) for name, _ in names if name.sign > 0 and all(name is not one for one, _ in low)]
    margin = _MARGIN_MINUTES // grid.bin_minutes
    told = _cells([*high, *(_span(window, grid) for window in spikes)], grid, margin)
    kept: list[Peak] = []
    gone: list[Named] = []
    lows = [(name, log_p, _cells([(name.cells, name.width)], grid, 0)) for name, log_p in low]
    for peak in peak_windows(grid, told, most):
        own = _cells([_span(peak.window, grid)], grid, 0)
        rivals = [(name, log_p) for name, log_p, cells in lows if _share(own, cells) >= _SAME_SHARE]
        if all(peak.window.log_p < log_p for _, log_p in rivals):
            kept.append(peak)
            gone += [name for name, _ in rivals]
    left = [(name, log_p) for name, log_p in names if all(name is not one for one in gone)]
    return left, kept[: max(0, most - len(left) - len(spikes))]


def _span(window: Window, grid: DayGrid) -> tuple[np.ndarray, int]:
    """Flat cells in which a window's chances begin, and its width in bins."""
    bin_s = grid.bin_minutes * 60
    return _begins(window, int(grid.days[0].astype(int)), bin_s), -(-window.length_s // bin_s)


def _cells(spans: Sequence[tuple[np.ndarray, int]], grid: DayGrid, margin: int) -> np.ndarray:
    """Cells of the grid within `margin` bins of windows that begin at cells and have a width: bool (days, bins)."""
    told = np.zeros(grid.values.size, dtype=bool)
    for cells, width in spans:
        index = cells[:, None] + np.arange(-margin, width + margin)
        told[index[(index >= 0) & (index < told.size)]] = True
    return told.reshape(grid.values.shape)


def _share(a: np.ndarray, b: np.ndarray) -> float:
    """Share of the fewer of two sets of cells that the other holds."""
    return float((a & b).sum() / max(1, min(a.sum(), b.sum())))


def _begins(window: Window, first: int, bin_s: int) -> np.ndarray:
    """Flat cells, from day number `first`, in which a window's chances begin."""
    step_s = 3600 * int(rule_parts(window.rule).get("INTERVAL", "1")) if "HOURLY" in window.rule else DAY_S
    starts = np.arange(window.start_s % step_s, DAY_S, step_s)
    return ((np.unique(window.chance_days)[:, None] - first) * DAY_S + starts).ravel() // bin_s


def _covered(told: np.ndarray, weekday: np.ndarray) -> np.ndarray:
    """Slots of the week (7, bins) that were told on half of their days."""
    own = weekday == np.arange(7)[:, None]
    return np.asarray(own.astype(np.float32) @ told >= 0.5 * np.maximum(own.sum(axis=1), 1)[:, None])


def _runs(chance: np.ndarray, rule: _Days, cut: float, past: Past) -> list[tuple[int, int]]:
    """Start and width, in bins, of the windows in which the days of `rule` are likely to be high, each for itself."""
    days = np.array(rule.days)
    mean = chance[days].mean(axis=0)
    found = []
    for start, width in stretches(mean >= cut, _GAP_MINUTES // past.bin_minutes):
        inside = (start + np.arange(width)) % len(mean)
        own = chance[days][:, inside].mean(axis=1) >= _OWN_SHARE * cut
        own &= _alike(rule, start, width, past)
        if own.sum() >= rule.least and width * past.bin_minutes <= _LONGEST_MINUTES:
            found.append((start, width))
    return found


def _alike(rule: _Days, start: int, width: int, past: Past) -> np.ndarray:
    """Which weekdays of `rule` were high in the window at least half as often as all of them: bool (days of the rule,).

    Each weekday's own share holds that of all as one day more.
    """
    days = np.flatnonzero(np.isin(past.weekday, rule.days))
    hits = np.asarray(_within(past.high, days, start, width).any(axis=1))
    own = past.weekday[days] == np.array(rule.days)[:, None]
    share = float(hits.mean()) if len(hits) else 0.0
    return np.asarray((own @ hits.astype(float) + share) / (own.sum(axis=1) + 1.0) >= _ALIKE * share)


def stretches(mask: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """Start and width of the stretches of `mask` on the circle of a day, those at most `gap` apart taken as one.

    Examples
    --------
    >>> stretches(np.array([1, 0, 0, 1, 0, 1], dtype=bool), 1)
    [(3, 4)]
    """
    at = np.flatnonzero(mask)
    if len(at) == 0:
        return []
    apart = np.diff(np.append(at, at[0] + len(mask)))
    last = np.flatnonzero(apart > gap + 1)
    if len(last) == 0:
        return [(0, len(mask))]
    ends = at[last]
    starts = at[(last + 1) % len(at)]
    begins = np.roll(starts, 1)
    return [(int(begin), int((end - begin) % len(mask)) + 1) for begin, end in zip(begins, ends, strict=True)]


def _slots(rule: _Days, start: int, width: int, past: Past) -> tuple[np.ndarray, np.ndarray]:
    """Index of the slots of the week that a window and its margins take."""
    margin, bins = _MARGIN_MINUTES // past.bin_minutes, past.high.shape[1]
    slot = start + np.arange(-margin, width + margin)
    day = (np.array(rule.days)[:, None] + slot // bins) % 7
    return day, np.broadcast_to(slot % bins, day.shape)


def _window(rule: _Days, start: int, width: int, past: Past, grid: DayGrid) -> Window | None:
    """The window with its record; None where it came too seldom."""
    days = np.flatnonzero(np.isin(past.weekday, rule.days))
    slack = _SLACK_MINUTES // past.bin_minutes
    seen, high = (_within(part, days, start - slack, width + 2 * slack) for part in (past.seen, past.high))
    known = seen.mean(axis=1) > 0.5
    hits = high[known].any(axis=1)
    if hits.sum() < _LEAST_HITS:
        return None
    return Window(
        log_p=_log_p(rule, start, width, past, days),
        kind=rule.kind,
        rule=rule.rule,
        start_s=start * past.bin_minutes * 60,
        length_s=width * past.bin_minutes * 60,
        hits=hits,
        chance_days=grid.days[0].astype(int) + days[known],
        level=float(hits.mean()),
        baseline=float(past.high.sum() / max(float(past.seen.sum()), 1.0)),
    )


def _within(part: np.ndarray, days: np.ndarray, start: int, width: int) -> np.ndarray:
    """Cells of the window on each of `days`: (days, width); 0 beyond the ends."""
    index = days[:, None] * part.shape[1] + start + np.arange(width)
    inside = (index >= 0) & (index < part.size)
    return np.where(inside, part.ravel()[np.clip(index, 0, part.size - 1)], 0.0)


def _log_p(rule: _Days, start: int, width: int, past: Past, days: np.ndarray) -> float:
    """Log of the chance that a window as wide stands out so much anywhere, had the days no clock.

    Told by how often it is high or by how far it leaves its days: the one sees jobs in noise, the other a swing.
    """
    cost = rule.cost + _WIDTHS_COST + log(2) + log(positions(past.high.shape[1], width))
    far = past.excess - past.excess.sum(axis=1, keepdims=True) / np.maximum(past.seen.sum(axis=1, keepdims=True), 1.0)
    far = far * past.seen
    spread = np.sqrt((far**2).sum(axis=1, keepdims=True) / np.maximum(past.seen.sum(axis=1, keepdims=True), 1.0))
    score = np.clip(far / np.maximum(_FAR * spread, 1e-9), -1.0, 1.0)
    return cost + min(_log_tail(part, start, width, days) for part in (past.high, score))


def _log_tail(score: np.ndarray, start: int, width: int, days: np.ndarray) -> float:
    """Log of the chance that windows at `start` of `days`, each turned at random, score as much in sum."""
    sums = np.concatenate([[0.0], np.cumsum(np.pad(score.ravel(), (0, width)), dtype=float)])
    unit = ((sums[width : width + score.size] - sums[: score.size]) / width).reshape(score.shape)[days]
    total = unit[:, start].sum()
    return float(log_tail(cumulants(unit).sum(axis=1, keepdims=True), np.array([total]))[0])

"""Peak load: windows of the local week in which a series is likely to be high, by the simplest rule that holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

from engine.patterns.calendar import DAY_NAMES, DAY_S, DayGrid, rule_parts
from engine.patterns.chances import Past, chances, worth_telling
from engine.patterns.naming import Named
from engine.patterns.proof import foretold
from engine.patterns.scan import positions
from engine.patterns.scores import without_swing
from engine.patterns.significance import log_tail, shares
from engine.patterns.windows import Window, next_probability

_OWN_SHARE = 0.6  # of it that each day of a rule must show for itself
_STILL_TIMES = 1.5  # it that a weekday must show to be looked at for itself where a window of several was not told
_ALIKE = 0.5  # of how often some weekdays were high that the others must reach to be told with them
_APART = 4.0  # standard errors by which they must fall short to be left out
_CHANCE = 2.0  # windows as good that turned days may show: whether the series has a clock is proven for all together
_LEAST_SURE = 0.3  # chance of a window that is told
_GAP_MINUTES = 30  # between slots that are told as one window
_LEAST_MINUTES = 15
_MARGIN_MINUTES = 30  # around a window within which nothing more is told
_TRIM_MINUTES = 5  # at each end: slots there are likely for what lies beside them
_LONGEST_MINUTES = 960
_LEAST_HITS = 4
_SLOT_WEIGHT = 0.18  # of the log odds of its likeliest slot beside those of its record
_LOG_WORTH = log(0.05)  # chance above which nothing is told
_GROUPS = ((tuple(range(7)), 5), (tuple(range(5)), 4), ((5, 6), 2), *(((day,), 1) for day in range(7)))  # days, least


@dataclass(frozen=True)
class Peak:
    """A window of high load."""

    window: Window
    probability: float  # 0..1, that the load is high within the next one


def peak_windows(grid: DayGrid, told: np.ndarray, most: int) -> list[Peak]:
    """Windows of high load outside the cells that are `told` (bool, like the grid), those of most high load first.

    None where windows chosen from the past would have foretold no more of the later half than chance does.
    """
    past = Past.of(grid, told)
    if most <= 0 or not past.near.any():
        return []
    log_p = foretold(past)
    if log_p > _LOG_WORTH:
        return []
    chance = chances(past)
    cut = worth_telling(chance)
    chance = np.where(_covered(told, past.weekday), 0.0, chance)
    found: list[tuple[float, Peak]] = []
    for group, least in _GROUPS:
        for start, width in _runs(chance[list(group)].mean(axis=0) >= cut, past.bin_minutes):
            days = _days(chance, group, start, width, cut, past)
            if len(days) < least:
                continue
            inside = _inside(chance, days, start, width)
            window = _window(days, start, width, past, grid, log_p)
            if window is not None and (sure := _probability(window, inside)) >= _LEAST_SURE:
                found.append((float(inside.sum()), Peak(window, sure)))
            else:  # what the days do not show together, one of them may still show if it is far likelier
                days = [day for day, own in zip(days, inside.mean(axis=1), strict=True) if own < _STILL_TIMES * cut]
            if days:
                chance[_slots(days, start, width, past)] = 0.0
    return [peak for _, peak in sorted(found, key=lambda row: -row[0])[:most]]


def _inside(chance: np.ndarray, days: Sequence[int], start: int, width: int) -> np.ndarray:
    """Chances of the slots of a window: (days of the rule, width)."""
    bins = chance.shape[1]
    slot = start + np.arange(width)
    return np.asarray(chance[(np.array(days)[:, None] + slot // bins) % 7, slot % bins])


def _probability(window: Window, inside: np.ndarray) -> float:
    """Chance that the next window is high: what its record and its likeliest slot say, joined by fitted weights."""
    own = next_probability(window.hits, window.chance_days)
    slot = float(np.clip(inside.mean(axis=0).max(), 0.01, 0.99))
    odds = (own / (1.0 - own)) * (slot / (1.0 - slot)) ** _SLOT_WEIGHT
    return float(odds / (1.0 + odds))


def peaks_beside(
    grid: DayGrid, names: Sequence[tuple[Named, float]], spikes: Sequence[Window], most: int
) -> list[Peak]:
    """Peaks beside the rises among the windows `names` (with log p) and `spikes`, which keep their time.

    `most` at most. The crest of a day that is a swing and little else is none.
    """
    spans = [(name.every_cell(grid.bins), name.width) for name, _ in names if name.sign > 0]
    spans += [_span(window, grid) for window in spikes]
    told = _cells(spans, grid, _MARGIN_MINUTES // grid.bin_minutes)
    return peak_windows(replace(grid, values=without_swing(grid)), told, most)


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


def _begins(window: Window, first: int, bin_s: int) -> np.ndarray:
    """Flat cells, from day number `first`, in which a window's chances begin."""
    step_s = 3600 * int(rule_parts(window.rule).get("INTERVAL", "1")) if "HOURLY" in window.rule else DAY_S
    starts = np.arange(window.start_s % step_s, DAY_S, step_s)
    return ((np.unique(window.chance_days)[:, None] - first) * DAY_S + starts).ravel() // bin_s


def _covered(told: np.ndarray, weekday: np.ndarray) -> np.ndarray:
    """Slots of the week (7, bins) that were told on half of their days."""
    own = weekday == np.arange(7)[:, None]
    return np.asarray(own.astype(np.float32) @ told >= 0.5 * np.maximum(own.sum(axis=1), 1)[:, None])


def _runs(mask: np.ndarray, bin_minutes: int) -> list[tuple[int, int]]:
    """Start and width, in bins, of the stretches of a day that are long enough to tell and no longer than a day's."""
    found = stretches(mask, _GAP_MINUTES // bin_minutes)
    return [one for one in found if _LEAST_MINUTES <= one[1] * bin_minutes <= _LONGEST_MINUTES]


def _days(chance: np.ndarray, group: Sequence[int], start: int, width: int, cut: float, past: Past) -> list[int]:
    """Weekdays of `group` likely to be high in the window by themselves, less those that were clearly less often."""
    own = _inside(chance, group, start, width).mean(axis=1) >= _OWN_SHARE * cut
    days = np.flatnonzero(np.isin(past.weekday, group))
    near = _within(past.near, days, start, width).mean(axis=1)
    often = more_often(near, past.weekday[days])
    return [day for day, enough in zip(group, own, strict=True) if enough and day in often]


def more_often(share: np.ndarray, weekday: np.ndarray) -> set[int]:
    """Weekdays of days with a `share` of high load each: all, or those that clearly stand apart from the rest.

    The rest are parted where that explains most of the variance; they stand apart where their mean is less than half of
    that of the others, by many standard errors.
    """
    means = {int(day): float(share[weekday == day].mean()) for day in np.unique(weekday)}
    ordered = sorted(means, key=lambda day: -means[day])
    parts = [np.isin(weekday, ordered[:count]) for count in range(1, len(ordered))]
    if not parts:
        return set(ordered)
    top = max(parts, key=lambda part: part.mean() * (~part).mean() * (share[part].mean() - share[~part].mean()) ** 2)
    high, low = share[top], share[~top]
    error = float(np.sqrt(high.var() / len(high) + low.var() / len(low)))
    apart = low.mean() < _ALIKE * high.mean() and high.mean() - low.mean() > _APART * error
    return {int(day) for day in weekday[top]} if apart else set(ordered)


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


def _slots(days: Sequence[int], start: int, width: int, past: Past) -> tuple[np.ndarray, np.ndarray]:
    """Index of the slots of the week that a window and its margins take."""
    margin, bins = _MARGIN_MINUTES // past.bin_minutes, past.near.shape[1]
    slot = start + np.arange(-margin, width + margin)
    day = (np.array(days)[:, None] + slot // bins) % 7
    return day, np.broadcast_to(slot % bins, day.shape)


def _window(weekdays: Sequence[int], start: int, width: int, past: Past, grid: DayGrid, log_p: float) -> Window | None:
    """The window with its record; None where it came too seldom."""
    days = np.flatnonzero(np.isin(past.weekday, weekdays))
    trim = min(_TRIM_MINUTES // past.bin_minutes, (width - 1) // 2)
    start, width = start + trim, width - 2 * trim
    seen, near = (_within(part, days, start, width) for part in (past.seen, past.near))
    known = seen.mean(axis=1) > 0.5
    hits = near[known].any(axis=1)
    if hits.sum() < _LEAST_HITS or _by_chance(past.near, days, start, width) > _CHANCE:
        return None
    kind, rule = rule_of(weekdays)
    return Window(
        log_p=log_p,
        kind=kind,
        rule=rule,
        start_s=start * past.bin_minutes * 60,
        length_s=width * past.bin_minutes * 60,
        hits=hits,
        chance_days=grid.days[0].astype(int) + days[known],
        level=float(hits.mean()),
        baseline=past.share(),
    )


def _by_chance(near: np.ndarray, days: np.ndarray, start: int, width: int) -> float:
    """How many windows as wide would meet as much high load on `days` if each were turned at random, an upper bound."""
    sums = np.concatenate([[0.0], np.cumsum(np.pad(near.ravel(), (0, width + near.shape[1])), dtype=float)])
    unit = ((sums[width : width + near.size] - sums[: near.size]) / width).reshape(near.shape)[days]
    at = np.minimum(days * near.shape[1] + start, near.size - 1)
    total = float(((sums[at + width] - sums[at]) / width).sum())
    tail = log_tail(shares(np.clip(unit, 0.0, 1.0)), total)
    return float(np.exp(tail)) * positions(near.shape[1], width)


def rule_of(weekdays: Sequence[int]) -> tuple[str, str]:
    """Name of the kind, and rule, of a window on some weekdays (Monday is 0, in order).

    Examples
    --------
    >>> rule_of([0, 1, 2, 3, 4])
    ('weekdays', 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR')
    """
    if len(weekdays) == 7:
        return "daily", "FREQ=DAILY"
    named = {(0, 1, 2, 3, 4): "weekdays", (5, 6): "weekends"}.get(tuple(weekdays))
    kind = named or ("weekly" if len(weekdays) == 1 else "days_of_week")
    return kind, "FREQ=WEEKLY;BYDAY=" + ",".join(DAY_NAMES[day] for day in weekdays)


def _within(part: np.ndarray, days: np.ndarray, start: int, width: int) -> np.ndarray:
    """Cells of the window on each of `days`: (days, width); 0 beyond the ends."""
    index = days[:, None] * part.shape[1] + start + np.arange(width)
    inside = (index >= 0) & (index < part.size)
    return np.where(inside, part.ravel()[np.clip(index, 0, part.size - 1)], 0.0)

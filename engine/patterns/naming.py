"""Naming: which rule a recurring window follows, where its edges lie, and on which days it came."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.patterns.calendar import DayGrid, Kind, RuleTable
from engine.patterns.contrasts import Contrasts
from engine.patterns.edges import box_around
from engine.patterns.scan import FOLD_MINUTES, Candidate
from engine.patterns.scores import CLIP, Scored, median_of, middle_of

LEAST_HITS = 4  # occurrences
_LEAST_PERIODS = 3  # different weeks (months for rules of the month) they fall in
_LEAST_SHARE = 0.45  # of chances that were hits
_LEAST_T = 2.2  # standard errors between the mean contrast of a rule's days and 0
_ROUNDS = 2  # of aligning windows and fitting a box to them
_FEW = 12  # occurrences whose usual course still shows how early or late each of them was
_MOST_TIMES = 1.5  # of the usual contrast of hits that one of them counts at most
_EXCLUSIVE = 0.4  # a rule's other days may show at most this share of the rise of its own
_SIDE_SHARE = 0.25  # of the greater difference to a side that the lesser must reach
_LEAST_IN_PLACE = 0.6  # of a rule's windows that must show something at their very place
_SPIKE_SHARE = 0.8  # of its highest sample that a window's middle one must lack to be a spike
_STANDS_OUT = 0.4  # of its rise over its sides by which a window must differ from the usual level of its days
_EDGE_SHARE = 0.28  # of the rise that must happen within the flanks of a wide window: else it is a smooth course


@dataclass(frozen=True)
class Named:
    """A window with its rule and its record."""

    kind: str
    rule: str
    start: int  # bin of the day, the first one of the day where it returns within the day
    width: int  # bins
    sign: int
    period: int  # bins from one occurrence to the next within a day; all bins of the day if it comes once
    chosen: np.ndarray  # bool (days,): days the rule names
    hits: np.ndarray  # bool, per chance, in order of time
    chance_days: np.ndarray  # day index per chance
    cells: np.ndarray  # flat cell in which each chance's window begins
    weight: float  # sum of contrasts over the root of their number: what the rule explains, for comparing rules

    def every_cell(self, bins: int) -> np.ndarray:
        """Flat cells in which its windows begin in days of `bins`, those among them that too little was seen of."""
        if self.kind == "period":
            return self.cells
        return (np.flatnonzero(self.chosen)[:, None] * bins + np.arange(self.start, bins, self.period)).ravel()


def named(candidate: Candidate, contrasts: Contrasts, table: RuleTable, grid: DayGrid) -> Named | None:
    """The candidate with its rule, edges and hits; None where it does not hold up."""
    if candidate.days.sum() <= _FEW:
        candidate = replace(candidate, pooled=True)  # each of so few may be early or late
    first = _named_at(candidate, contrasts, table, grid)
    if first is None:
        return None
    cells = first.cells[first.hits]
    if len(cells) > _FEW and _wanders(contrasts.of(first.width, first.sign), cells, contrasts.reach):
        return None
    fitted = _fitted(first, cells, contrasts, align=candidate.pooled or len(cells) <= _FEW)
    if fitted is None or _is_spike(first, contrasts):
        return None
    start, width = fitted
    refined = replace(candidate, start=start, width=width, days=first.chosen, period=first.period)
    name = _named_at(refined, contrasts, table, grid) or first
    return None if _is_spike(name, contrasts) else name


def _fitted(name: Named, cells: np.ndarray, contrasts: Contrasts, *, align: bool) -> tuple[int, int] | None:
    """First bin and width of the box that fits the windows of `name` that begin at `cells`; None where none does.

    With `align`, each is first moved to where it stands out most. As that depends on the width, it is done again with
    the box that was found.
    """
    if len(cells) <= _FEW and contrasts.has_pool(name.width):
        begin, width = contrasts.shown.common_box(name.cells, name.width, name.sign)
        return name.start + begin, width
    start, width, found = 0, name.width, None
    for _ in range(_ROUNDS if align else 1):
        at, shift = cells + start, 0
        if align and contrasts.has_pool(width):
            at, shift = _aligned(at, contrasts.of(width, name.sign), contrasts.reach)
        box = box_around(contrasts.shown.data, at, width, (name.period - width) // 2, name.sign)
        if box is None:
            return found
        start, width = start + shift + box[0], box[1] - box[0]
        found = name.start + start, width
    return found


def _wanders(value: np.ndarray, cells: np.ndarray, reach: int) -> bool:
    """Whether windows seldom fall where they are said to, though always near it: spikes within a longer window."""
    strong = np.sort(around(value, cells, reach))[len(cells) // 2 :].mean()
    return bool((around(value, cells, reach // 3) > 0.3 * strong).mean() < _LEAST_IN_PLACE)


def _is_spike(name: Named, contrasts: Contrasts) -> bool:
    """Whether little more than one sample of each window stands out: what wanders is told as a window of spikes."""
    data, cells = contrasts.shown.data, name.cells[name.hits]
    if len(cells) <= _FEW:
        cells = _aligned(cells, contrasts.of(name.width, name.sign), contrasts.reach)[0]
    index = cells[:, None] + np.arange(name.width)
    inside = name.sign * data.score.ravel()[np.clip(index, 0, data.score.size - 1)]
    top = np.maximum(inside.max(axis=1), 1e-6)
    return bool(name.width > 1 and middle_of((top - median_of(inside, axis=1)) / top) > _SPIKE_SHARE)


def _aligned(cells: np.ndarray, value: np.ndarray, reach: int) -> tuple[np.ndarray, int]:
    """`cells` moved within `reach` to where each one's contrast is greatest, and the usual move."""
    index = np.clip(cells[:, None] + np.arange(-reach, reach + 1), 0, value.size - 1)
    move = value.ravel()[index].argmax(axis=1) - reach
    return cells + move, round(float(move.mean()))


def _named_at(c: Candidate, contrasts: Contrasts, table: RuleTable, grid: DayGrid) -> Named | None:
    value = contrasts.of(c.width, c.sign, pooled=c.pooled)
    valid = contrasts.valid(c.width)
    period, start = _within_day(value, valid, c, grid)
    rows = np.arange(start % period, grid.bins, period)
    daily, known = _per_day(value[:, rows], valid[:, rows])
    row = choose_rule(daily, known, table)
    if row is None:
        return None
    kind, rule = table.kinds[row], table.rules[row]
    if period < grid.bins and kind.months:
        period, rows = grid.bins, np.array([start])
    day, column = np.nonzero(valid[:, rows] & table.member[row][:, None])
    cells = day * grid.bins + rows[column]
    reach = 0 if c.pooled else min(c.width, 15 // grid.bin_minutes)
    hits = hits_of(around(value, cells, reach))
    label = _label(kind, rule, (period, int(rows[0])), grid)
    values = value[day, rows[column]]
    chosen, weight = table.member[row], weight_of(values)
    name = Named(*label, int(rows[0]), c.width, c.sign, period, chosen, hits, day, cells, weight)
    if not _holds(name, kind, values, grid):
        return None
    seen = cells[hits]
    if c.pooled:
        seen = _aligned(seen, contrasts.of(c.width, c.sign), contrasts.reach)[0]
    rise = middle_of(contrasts.shown.rises(c.width, c.sign, seen))
    return name if _stands_out(name, seen, contrasts.shown.data, rise) else None


def beats_both_sides(name: Named, grid: DayGrid) -> bool:
    """Whether the values inside the window leave those before it and those after it, and do not only lie between them.

    What stands at the foot of a steep rise looks low beside it, and is no dip.
    """
    reach = max(1, min(name.width, 90 // grid.bin_minutes))
    inside = _typical(grid, name, 0, name.width)
    gaps = [name.sign * (inside - _typical(grid, name, shift, reach)) for shift in (-reach, name.width)]
    return bool(min(gaps) > _SIDE_SHARE * max(gaps))


def _typical(grid: DayGrid, name: Named, shift: int, width: int) -> float:
    """Median over hits of the mean of the `width` bins from `shift` bins after each window's begin."""
    index = np.clip(name.cells[name.hits][:, None] + np.arange(shift, shift + width), 0, grid.values.size - 1)
    course = median_of(grid.values.ravel()[index], axis=0)
    return float(np.mean(course[np.isfinite(course)])) if np.isfinite(course).any() else 0.0


def has_sharp_edges(name: Named, grid: DayGrid) -> bool:
    """Whether most of a window's rise and fall happens at its edges, as with work that is switched on.

    The slow swing of a day has no edges: it is the background of patterns and none itself.
    """
    return edge_share(name, grid) > _EDGE_SHARE


def edge_share(name: Named, grid: DayGrid) -> float:
    """Share of a window's rise over the hours around it that happens within an hour of the lesser of its edges."""
    reach = max(1, 60 // grid.bin_minutes)
    index = name.cells[name.hits][:, None] + np.arange(-4 * reach, name.width + 4 * reach)
    index = index[(index[:, 0] >= 0) & (index[:, -1] < grid.values.size)]
    if len(index) == 0:
        return 0.0
    course = name.sign * median_of(grid.values.ravel()[index], axis=0)
    inside, outside = course[4 * reach : -4 * reach], np.concatenate([course[: 4 * reach], course[-4 * reach :]])
    rise = float(np.nanmedian(inside) - np.nanmedian(outside))
    begins = inside[:reach].mean() - course[3 * reach : 4 * reach].mean()
    ends = inside[-reach:].mean() - course[-4 * reach : -3 * reach].mean()
    return float(min(begins, ends)) / rise if rise > 0 else 0.0


def choose_rule(daily: np.ndarray, known: np.ndarray, table: RuleTable) -> int | None:
    """Row of `table` whose days best explain the per-day contrasts `daily` (days,), by description length.

    A rule explains the contrasts by two means, on its days and off them; a rule is charged its cost.
    """
    if known.sum() < LEAST_HITS:
        return None
    spread = middle_of(np.abs(daily[known])) or 1.0
    x = np.where(known, np.clip(daily / spread, -CLIP, CLIP), 0.0)
    inside = table.member @ known.astype(float)
    total = table.member @ x
    outside = known.sum() - inside
    explained = total**2 / np.maximum(inside, 1) + (x.sum() - total) ** 2 / np.maximum(outside, 1)
    rest = np.maximum((x**2).sum() - explained, 0.02 * len(x))
    lower = np.where(outside > 0, (x.sum() - total) / np.maximum(outside, 1), -np.inf)
    length = known.sum() / 2 * np.log(rest) + table.cost + np.where(outside > 0, 0.5 * np.log(max(known.sum(), 1)), 0)
    ok = (inside >= LEAST_HITS) & (lower < _EXCLUSIVE * total / np.maximum(inside, 1))
    return int(np.where(ok, length, np.inf).argmin()) if ok.any() else None


def _within_day(value: np.ndarray, valid: np.ndarray, c: Candidate, grid: DayGrid) -> tuple[int, int]:
    """The shortest stretch after which the window returns within the day, and its start; else the whole day."""
    count = np.maximum(valid[c.days].sum(axis=0), 1)
    mean = value[c.days].sum(axis=0) / count
    error = np.sqrt(np.maximum((value[c.days] ** 2).sum(axis=0) / count - mean**2, 1e-9) / count)
    for period in (minutes // grid.bin_minutes for minutes in FOLD_MINUTES if minutes % grid.bin_minutes == 0):
        rows = np.arange(c.start % period, grid.bins, period)
        if 2 * c.width <= period and _repeats(mean[rows], error[rows], trusted=period == c.period):
            return period, c.start % period
    rows = np.arange(c.start % c.period, grid.bins, c.period)
    return grid.bins, int(rows[mean[rows].argmax()])


def _repeats(mean: np.ndarray, error: np.ndarray, *, trusted: bool) -> bool:
    """Whether all (of many: nearly all) windows of a day share in the rise, none of them carrying it alone."""
    middle = middle_of(mean)
    needed = np.maximum(0.45 * middle, 0.0 if trusted else 3.0 * error)
    share = float((mean > needed).mean())
    return middle > 0 and float(mean.max()) <= 2.5 * middle and share >= (1.0 if len(mean) <= 8 else 0.85)


def _per_day(value: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    count = valid.sum(axis=1)
    return value.sum(axis=1) / np.maximum(count, 1), count > 0


def weight_of(values: np.ndarray) -> float:
    """Sum of `values` over the root of their number."""
    return float(values.sum() / np.sqrt(max(len(values), 1)))


def around(value: np.ndarray, cells: np.ndarray, reach: int) -> np.ndarray:
    """The largest contrast within `reach` bins of each flat cell: jobs start a little early or late."""
    index = np.clip(cells[:, None] + np.arange(-reach, reach + 1), 0, value.size - 1)
    return np.asarray(value.ravel()[index].max(axis=1))


def hits_of(values: np.ndarray) -> np.ndarray:
    """Which contrasts are occurrences: above half of what the stronger half shows."""
    if len(values) == 0:
        return np.zeros(0, dtype=bool)
    strong = float(np.sort(values)[len(values) // 2 :].mean())
    return values > 0.5 * strong if strong > 0 else np.zeros(len(values), dtype=bool)


def _label(kind: Kind, rule: str, repeat: tuple[int, int], grid: DayGrid) -> tuple[str, str]:
    """Kind and rule as reported: windows that return within the day are rules of hours, or of minutes of the hour."""
    period, start = (bins * grid.bin_minutes for bins in repeat)
    if period >= 24 * 60:
        return kind.name, rule
    days = rule.partition("BYDAY=")[2]
    if period < 60:
        text = "FREQ=HOURLY;BYMINUTE=" + ",".join(str(minute) for minute in range(start, 60, period))
    else:
        text = f"FREQ=HOURLY;INTERVAL={period // 60}" if period > 60 else "FREQ=HOURLY"
    name = "every_k_minutes" if period < 60 else "hourly" if period == 60 else "every_k_hours"
    return name, f"{text};BYDAY={days}" if days else text


def _holds(name: Named, kind: Kind, values: np.ndarray, grid: DayGrid) -> bool:
    """Whether the record bears the name: enough hits in enough periods, a clear mean at this very clock position."""
    expected = name.chosen.sum() * (grid.bins // name.period)
    if name.hits.sum() < max(LEAST_HITS, 0.3 * expected) or name.hits.mean() < _LEAST_SHARE:
        return False
    days = grid.days[name.chance_days[name.hits]]
    unit = "datetime64[M]" if kind.months else "datetime64[W]" if "WEEKLY" in name.rule else "datetime64[D]"
    values = np.minimum(values, _MOST_TIMES * middle_of(values[name.hits]))
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    return len(np.unique(days.astype(unit))) >= _LEAST_PERIODS and float(values.mean()) > _LEAST_T * error * _small(
        len(values)
    )


def _stands_out(name: Named, cells: np.ndarray, data: Scored, rise: float) -> bool:
    """Whether the windows at `cells`, `rise` above their sides, differ from the usual level of their days as well.

    The calm between two peaks is no dip, and the rest between two dips no peak.
    """
    inside = cells[:, None] + np.arange(name.width)
    inside = inside[(inside >= 0) & (inside < data.score.size)]
    around = data.score[name.chosen][data.seen[name.chosen]]
    level = middle_of(data.score.ravel()[inside][data.seen.ravel()[inside]])
    return name.sign * (level - middle_of(around)) > _STANDS_OUT * rise


def _small(n: int) -> float:
    """How much further a t statistic of few values must reach than one of many."""
    return float(np.sqrt(1.0 / (1.0 - 1.5 / max(n, 3))))

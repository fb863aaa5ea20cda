"""The loops that a scan spends its time in: flat arrays in, flat arrays out, each for itself.

Courses are flat over cells (days by bins). `sums` are running sums of a course that goes on as 0 for `pad` cells on
each side: entry k sums what lies before cell k - pad. Arithmetic is in float32, as the arrays are.
"""

from __future__ import annotations

import numpy as np

from engine.patterns.compiled import compiled


@compiled
def strays(sums: np.ndarray, pad: int, cells: int, width: int, flanks: np.ndarray, step: int) -> np.ndarray:
    """How far every `step`-th window of `width` is from the mean of its flanks: (flanks, windows)."""
    count = (cells + step - 1) // step
    found = np.empty((len(flanks), count), np.float32)
    inner, half = np.float32(1.0 / width), np.float32(0.5)
    low, high = sums[pad : pad + cells : step], sums[pad + width : pad + width + cells : step]
    for k in range(len(flanks)):
        flank = flanks[k]
        outer = np.float32(1.0 / flank)
        first, last = sums[pad - flank : pad - flank + cells : step], sums[pad + width + flank :: step]
        for j in range(count):
            sides = (low[j] - first[j]) * outer + (last[j] - high[j]) * outer
            found[k, j] = abs((high[j] - low[j]) * inner - half * sides)
    return found


@compiled
def flanked(sums: np.ndarray, pad: int, cells: int, width: int, flank: int, sign: int, even: bool) -> np.ndarray:
    """By how much windows leave the nearer of their flanks, or (`even`) the mean of both: float32 (cells,)."""
    inner, outer, half = np.float32(1.0 / width), np.float32(1.0 / flank), np.float32(0.5)
    value = np.empty(cells, np.float32)
    first, low = sums[pad - flank : pad - flank + cells], sums[pad : pad + cells]
    high, last = sums[pad + width : pad + width + cells], sums[pad + width + flank : pad + width + flank + cells]
    if even:
        turn = np.float32(sign)
        for i in range(cells):
            sides = (low[i] - first[i]) * outer + (last[i] - high[i]) * outer
            value[i] = turn * ((high[i] - low[i]) * inner - half * sides)
    elif sign > 0:
        for i in range(cells):
            value[i] = (high[i] - low[i]) * inner - max((low[i] - first[i]) * outer, (last[i] - high[i]) * outer)
    else:
        for i in range(cells):
            value[i] = min((low[i] - first[i]) * outer, (last[i] - high[i]) * outer) - (high[i] - low[i]) * inner
    return value


@compiled
def seen_enough(unseen: np.ndarray, pad: int, cells: int, width: int, near: int) -> np.ndarray:
    """Windows of which half was seen, and half of the `near` cells to either side; `unseen` are running counts."""
    enough = np.empty(cells, np.bool_)
    for i in range(cells):
        low = pad + i
        high = low + width
        enough[i] = (
            unseen[high] - unseen[low] <= width // 2
            and unseen[low] - unseen[low - near] <= near // 2
            and unseen[high + near] - unseen[high] <= near // 2
        )
    return enough


@compiled
def clipped(value: np.ndarray, valid: np.ndarray, scale: float) -> np.ndarray:
    """`value` times `scale` within [-1, 1]; where some are not `valid` less the mean of those that are, 0 elsewhere."""
    times, top = np.float32(scale), np.float32(1.0)
    unit = np.empty(len(value), np.float32)
    for i in range(len(value)):
        unit[i] = min(max(value[i] * times, -top), top)
    if len(valid) > 0:
        count, total = 0, 0.0
        for i in range(len(value)):
            count += valid[i]
            total += unit[i]
        mean = np.float32(total / max(count, 1))
        for i in range(len(value)):
            unit[i] = min(max(unit[i] - mean, -top), top) * valid[i]
    return unit


@compiled
def moments(unit: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Mean and variance of each row of `unit` (days, bins) over its valid entries: (2, days). `valid` empty: all."""
    days, bins = unit.shape
    found = np.empty((2, days))
    for d in range(days):
        row = unit[d]
        total, squares = np.float32(0.0), np.float32(0.0)
        for b in range(bins):
            total += row[b]
            squares += row[b] * row[b]
        count = bins
        if len(valid) > 0:
            count = 0
            for b in range(bins):
                count += valid[d, b]
        mean = total / max(count, 1)
        found[0, d] = mean
        found[1, d] = squares / max(count, 1) - mean * mean
    return found


@compiled
def histogram(scores: np.ndarray, valid: np.ndarray, levels: int) -> np.ndarray:
    """How many of each day's valid scores (within [-1, 1]) lie on each of `levels` + 1 steps, rounded up."""
    days, bins = scores.shape
    every = len(valid) == 0
    count = np.zeros((days, levels + 1))
    half = levels / 2
    for d in range(days):
        for b in range(bins):
            if every or valid[d, b]:
                count[d, int(np.ceil(float(scores[d, b]) * half + (half - 1e-4)))] += 1.0
    return count


@compiled
def folded(course: np.ndarray, lengths: np.ndarray, cycles: int, thin: int, bins: int) -> np.ndarray:
    """Sums of `course` over `cycles` stretches that begin each of `lengths` apart, every `thin`-th of `bins` bins."""
    last = len(course) - bins
    total = np.zeros((len(lengths), (bins + thin - 1) // thin), course.dtype)
    for k in range(len(lengths)):
        for n in range(cycles):
            low = min(int(np.rint(lengths[k] * n)), last)
            for b in range(total.shape[1]):
                total[k, b] += course[low + b * thin]
    return total


@compiled
def comb(own: np.ndarray, index: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Sum of `own` at the teeth (teeth, periods) of each period that are `counted`, over the root of their number."""
    teeth, periods = index.shape
    total, count = np.zeros(periods), np.zeros(periods)
    for t in range(teeth):
        for p in range(periods):
            if counted[t, p]:
                total[p] += own[index[t, p]]
                count[p] += 1.0
    for p in range(periods):
        total[p] /= np.sqrt(count[p])
    return total


@compiled
def between(values: np.ndarray, order: np.ndarray, knots: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Straight lines through `heights` at rising `knots`, read at `values`, the outermost beyond them: (values,).

    `order` sorts `values`: one walk along the knots serves them all.
    """
    found = np.empty(len(values))
    at, last = 0, len(knots) - 1
    for i in order:
        one = values[i]
        while at < last and knots[at + 1] <= one:
            at += 1
        if at == last or one <= knots[0]:
            found[i] = heights[at]
        else:
            slope = (heights[at + 1] - heights[at]) / (knots[at + 1] - knots[at])
            found[i] = heights[at] + slope * (one - knots[at])
    return found


@compiled
def tail(share: np.ndarray, total: float, tilts: np.ndarray, weights: np.ndarray, values: np.ndarray) -> float:
    """Log of the tail of a sum over days at `total`, see `significance.log_tail`.

    `weights` are exp(tilt * value): (tilts, steps). The bound is convex in the tilt, so that its least is found by
    halving.
    """
    days, steps = share.shape
    low, high = 0, len(tilts)
    bound, spread = 0.0, 0.0
    least = np.inf
    best_spread, best = 0.0, 0
    while low < high:
        at = (low + high) // 2
        bound, slope, spread = -tilts[at] * total, -total, 0.0
        for d in range(days):
            mean, first, second = 0.0, 0.0, 0.0
            for k in range(steps):
                one = share[d, k] * weights[at, k]
                mean += one
                first += one * values[k]
                second += one * values[k] * values[k]
            bound += np.log(mean)
            slope += first / mean
            spread += max(second / mean - (first / mean) ** 2, 0.0)
        if bound < least:
            least, best, best_spread = bound, at, spread
        if slope <= 0.0:
            low = at + 1
        else:
            high = at
    beyond = tilts[best] * np.sqrt(2 * np.pi * best_spread)
    return float(min(0.0, least) - np.log(max(beyond, 1.0)))

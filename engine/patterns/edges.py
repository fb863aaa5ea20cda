"""Edges: where a recurring window begins and ends, from the median course around its occurrences."""

from __future__ import annotations

import numpy as np

from engine.patterns.scores import Scored, median_of, middle_of

_BOX_TIMES = 2.5  # times wider or narrower than it was found that a window may turn out to be


def box_around(data: Scored, cells: np.ndarray, width: int, room: int, sign: int) -> tuple[int, int] | None:
    """Edges, relative to `cells`, of the box that fits the median course around windows of `width` that begin there.

    The course is seen over at most `room` bins on each side. None where it leaves its middle more in the other
    direction: then the window is what lies between two others.
    """
    pad = max(1, min(room, max(2 * width, 12)))
    index = cells[:, None] + np.arange(-pad, width + pad)
    index = index[(index[:, 0] >= 0) & (index[:, -1] < data.score.size)]
    if len(index) == 0:
        return None
    seen = np.where(data.seen.ravel()[index], data.score.ravel()[index], np.nan)
    course = sign * np.nan_to_num(median_of(seen, axis=0))
    tail = min(0.1, width / 2 / len(course))  # a window of a single bin is less than a tenth of what is seen
    low, middle, high = np.quantile(course, (tail, 0.5, 1 - tail))
    if high - middle < middle - low:
        return None
    begin, end = half_height(course, *best_box(course, pad + width // 2, (width / _BOX_TIMES, width * _BOX_TIMES)))
    return begin - pad, end - pad


def best_box(course: np.ndarray, middle: int, widths: tuple[float, float]) -> tuple[int, int]:
    """The stretch `[low, high)` around `middle`, of a width within `widths`, that splits `course` best into two levels.

    One level inside and one outside; of the least width where no other splits it at all.
    """
    n = len(course)
    sums = np.concatenate([[0.0], np.cumsum(course)])
    low, high = np.arange(min(middle, n - 1) + 1)[:, None], np.arange(middle + 1, n + 1)
    width = high - low
    inside = sums[high] - sums[low]
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = inside / width - (sums[-1] - inside) / (n - width)
        fit = gain**2 * width * (n - width)
    allowed = (width >= max(1.0, widths[0])) & (width < n) & (width <= max(1.0, widths[1])) & (gain > 0)
    best = np.unravel_index(int(np.where(allowed, fit, -np.inf).argmax()), fit.shape)
    return int(best[0]), int(best[1]) + middle + 1


def half_height(course: np.ndarray, low: int, high: int) -> tuple[int, int]:
    """The box `[low, high)` without what lies below half of the rise at its ends: jitter smears steps into slopes."""
    if high - low < 3 or high - low >= len(course):
        return low, high
    smooth = np.maximum(course, np.convolve(np.pad(course, 1, mode="edge"), np.full(3, 1 / 3), mode="valid"))
    inside = np.sort(smooth[low:high])
    top = float(inside[-max(1, len(inside) // 2) :].mean())
    base = middle_of(np.concatenate([course[:low], course[high:]]))
    above = low + np.flatnonzero(smooth[low:high] >= (top + base) / 2)
    if not len(above):  # a flat course: rounding alone decides
        return low, high
    return int(above[0]), int(above[-1]) + 1

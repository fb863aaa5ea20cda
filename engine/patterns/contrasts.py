"""Contrasts: how far every window of a course stands above what lies beside it, seen in two ways.

The plain view compares the window with its flanks, as long as is quietest in the course at hand. The pooled view allows
for work that starts a little early or late, in the clearest of three ways: the best of the plain view within some
minutes, the steps at both ends of the window alone, or the filter that is matched to a window in noise like this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from engine.patterns import loops
from engine.patterns.aligned import common_box, tries_around
from engine.patterns.matched import autoregression, evidence, response
from engine.patterns.scores import CLIP, Scored

_POOL_MINUTES = 15  # how early or late a window may begin and still count as the same
_END_MINUTES = 25  # likewise for its end, which also varies with its length
_FINE_MINUTES = 10  # of a bin: where bins are longer, the ends of a window share one with its flanks
_POOLED_MINUTES = 240  # windows longer than this need no pooling
_CONTEXT_MINUTES = 180  # a flank reaches no further
_PAD_MINUTES = 4320  # beyond both ends of the course
_MATCHED_MORE = 1.1  # times the noise to rise of the other ways that the matched filter may have: it misses less
_LEAST_SPREAD = 8.0  # times it, the highest of a hundred lies off the middle at most: ties have no spread
_FEW = 1_200  # cells from which medians are taken
_NORMAL = 0.6745  # standard deviations within which half of normal values lie
_ALL = np.zeros(0, dtype=bool)  # in place of what was seen where everything was
_STEPS = (1, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)  # share no factor with the bins of a day: every hour is looked at


@dataclass
class Ways:
    """How windows of each width are looked at, chosen by the noise of a course, which outlives what is taken out."""

    flank: dict[int, int] = field(default_factory=dict)  # bins beside which windows of a width vary least
    clearest: dict[int, int] = field(default_factory=dict)  # the pooled way of a width, as `_clearest_way` names it


class Contrasts:
    """Contrasts of every window of one `Scored`, worked out once for each width asked for.

    All values are flat over cells, in units of the scores, and centred: 0 is what a window without work shows.
    """

    def __init__(
        self, data: Scored, bin_minutes: int, shown: Contrasts | None = None, ways: Ways | None = None
    ) -> None:
        self.data = data
        self._ways = Ways() if ways is None else ways  # of earlier looks at the same course
        self.shown = self if shown is None else shown  # of the course by rank: where edges and heights are read off
        self.bin_minutes = bin_minutes
        self.reach = _POOL_MINUTES // bin_minutes
        self._pad = _PAD_MINUTES // bin_minutes + 1
        seen = data.seen.ravel()
        self._unseen = None if seen.all() else _running(~seen, self._pad).astype(np.int32)
        self._course = _joined(data.score.ravel(), seen)
        self._sums = _running(self._course, self._pad).astype(np.float32)
        self._step = next((step for step in _STEPS if data.score.size <= step * _FEW), _STEPS[-1])
        self._valid: dict[int, np.ndarray] = {}
        self._plain: dict[tuple[int, int], np.ndarray] = {}
        self._pooled: dict[tuple[int, int], np.ndarray] = {}
        self._near: dict[tuple[int, int], np.ndarray] = {}
        self._ends: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = {}

    def valid(self, width: int) -> np.ndarray:
        """Which windows were seen for at least half of their bins: bool (days, bins)."""
        if width not in self._valid:
            self._valid[width] = self._seen_enough(width).reshape(self.data.score.shape)
        return self._valid[width]

    def _seen_enough(self, width: int) -> np.ndarray:
        """Windows of which half was seen, and half of what lies close to either side."""
        if self._unseen is None:
            return np.ones(self.data.score.size, dtype=bool)
        near = max(1, _END_MINUTES // self.bin_minutes)
        return np.asarray(loops.seen_enough(self._unseen, self._pad, self.data.score.size, width, near))

    def of(self, width: int, sign: int = 1, *, pooled: bool = False) -> np.ndarray:
        """Contrasts (days, bins) of windows of `width` bins: of rises (`sign` 1) or falls (-1), 0 where unseen."""
        flat = self._pooled_of(width, sign) if pooled and self.has_pool(width) else self._plain_of(width, sign)
        return flat.reshape(self.data.score.shape)

    def unit(self, width: int, sign: int = 1, *, pooled: bool = False) -> np.ndarray | None:
        """Contrasts over their robust spread, clipped to `CLIP` of it, within [-1, 1]; None where all are equal.

        Where some are unseen, 0 is the mean of what was seen: a place is not worth more for being seen.
        """
        value = self.of(width, sign, pooled=pooled)
        unit = self._clipped(value.ravel(), width, self._seen_flat(width))
        return None if unit is None else unit.reshape(value.shape)

    def even(self, width: int) -> np.ndarray | None:
        """Flat `unit` of rises against the mean of both flanks: adds up over windows, which a comb of lags needs."""
        return self._clipped(self._beside(width, 1, even=True), width, _ALL)

    def _clipped(self, value: np.ndarray, width: int, centred: np.ndarray) -> np.ndarray | None:
        """Flat `value` as `unit` gives it, about the mean of those `centred` (bool; none: 0 stays 0)."""
        spread = _spread(self._sample(value, width)) or float(value.std())
        return np.asarray(loops.clipped(value, centred, 1.0 / (CLIP * spread))) if 1e-9 < spread < np.inf else None

    def rises(self, width: int, sign: int, cells: np.ndarray) -> np.ndarray:
        """By how much the windows at flat `cells` leave the mean of their flanks, in scores and not centred."""
        flank = self._quietest(width)
        inside, before, after = (
            self._mean_at(cells + shift, size) for shift, size in ((0, width), (-flank, flank), (width, flank))
        )
        return np.asarray(sign * (inside - np.float32(0.5) * (before + after)))

    def common_box(self, cells: np.ndarray, width: int, sign: int) -> tuple[int, int]:
        """Begin after flat `cells` and width, in bins, that the windows which begin about there have in common."""
        begins, widths = tries = tries_around(width, self.bin_minutes)
        at = cells[:, None, None] + begins[:, None] + self._pad
        gains = sign * (self._evidence[at + widths] - self._evidence[at]) / self._noise
        costs = np.array([response(int(one), self._whitening) for one in widths]) / self._noise
        return common_box(gains, costs, tries, width, self.bin_minutes)

    @property
    def complete(self) -> bool:
        """Whether every cell was seen."""
        return self._unseen is None

    def has_pool(self, width: int) -> bool:
        """Whether the pooled view of a width says anything of its own."""
        return self.reach > 0 and width * self.bin_minutes <= _POOLED_MINUTES

    def _plain_of(self, width: int, sign: int) -> np.ndarray:
        if (width, sign) not in self._plain:
            self._plain[width, sign] = self._beside(width, sign, even=self.bin_minutes > _FINE_MINUTES)
        return self._plain[width, sign]

    def _quietest(self, width: int) -> int:
        """The flank, in bins, beside which windows of `width` vary least."""
        if width not in self._ways.flank:
            flanks = np.array(flanks_of(width, self.bin_minutes))
            strays = loops.strays(self._sums, self._pad, self.data.score.size, width, flanks, self._step)
            middle = strays.shape[1] // 2
            self._ways.flank[width] = int(flanks[np.partition(strays, middle, axis=1)[:, middle].argmin()])
        return self._ways.flank[width]

    def _pooled_of(self, width: int, sign: int) -> np.ndarray:
        """The clearest of the pooled plain view, of pooled edges and of the matched filter: the least noise to rise."""
        key = (width, sign)
        if key not in self._pooled:
            if width not in self._ways.clearest:
                self._ways.clearest[width] = self._clearest_way(width, sign)
            self._pooled[key] = self._centred(self._seen_by(self._ways.clearest[width], width, sign, 1), width)
        return self._pooled[key]

    def _clearest_way(self, width: int, sign: int) -> int:
        """0: the pooled plain view, -1: the matched filter, else the size of the edges that are pooled."""
        ways = [0, *(size for size in (1, 2, 4) if 2 * size <= width), -1]
        favour = {-1: 1.0 / _MATCHED_MORE}
        return min(ways, key=lambda way: favour.get(way, 1.0) * _noise_of(self._seen_by(way, width, sign, self._step)))

    def _seen_by(self, way: int, width: int, sign: int, step: int) -> np.ndarray:
        """Every `step`-th window of `width` in one of the pooled ways."""
        if way > 0:
            return self._pooled_edges(width, way, sign, step)
        if way < 0:
            return self._pooled_fit(width, sign, step)
        best = np.zeros(self.data.score.size, dtype=np.float32)
        best[self.reach : -self.reach] = highest(self._plain_of(width, sign), self.reach)
        return best[::step]

    @cached_property
    def _whitening(self) -> np.ndarray:
        return autoregression(self._course - self._course.mean())

    @cached_property
    def _noise(self) -> float:
        """Variance of the whitened course."""
        course = self._course - self._course.mean()
        return float(np.var(np.convolve(course, self._whitening)[: len(course)])) or 1.0

    @cached_property
    def _evidence(self) -> np.ndarray:
        """Running evidence for raised stretches, constant beyond the ends."""
        return np.pad(evidence(self._course - self._course.mean(), self._whitening), self._pad, mode="edge")

    def _pooled_fit(self, width: int, sign: int, step: int) -> np.ndarray:
        """The rise of the best window that begins and ends about when one of `width` does, by the matched filter."""
        far = min(_END_MINUTES // self.bin_minutes, max(2, width // 2 + 1))
        begin, end = self._nearest(sign, self.reach), self._nearest(sign, -far)
        low, cells = self._pad, self.data.score.size
        fit = end[low + width : low + width + cells : step] - begin[low : low + cells : step]
        return np.asarray(fit / response(width, self._whitening), np.float32)

    def _nearest(self, sign: int, reach: int) -> np.ndarray:
        """The least evidence within `reach` of each cell, or with a negative `reach` the most."""
        key = (sign, reach)
        if key not in self._near:
            size = abs(reach)
            turn = -sign if reach > 0 else sign
            best = turn * self._evidence
            best[size : len(best) - size] = highest(best.copy(), size)
            self._near[key] = np.asarray(-best if reach > 0 else best)
        return self._near[key]

    def _seen_flat(self, width: int) -> np.ndarray:
        """Flat `valid`, none at all where every window was seen."""
        return _ALL if self._unseen is None else self.valid(width).ravel()

    def _beside(self, width: int, sign: int, *, even: bool) -> np.ndarray:
        """Centred, by how much windows leave the nearer of their flanks, or (`even`) the mean of both: flat.

        What joins one of its flanks is no window of its own; the mean of both adds up over windows.
        """
        value = loops.flanked(self._sums, self._pad, self.data.score.size, width, self._quietest(width), sign, even)
        return self._centred(value, width)

    def _centred(self, value: np.ndarray, width: int) -> np.ndarray:
        """`value` less the median of what was seen; 0 elsewhere."""
        value = value - _middle(self._sample(value, width))
        if self._unseen is not None:
            value *= self._seen_flat(width)
        return value

    def _sample(self, value: np.ndarray, width: int) -> np.ndarray:
        """Some of the windows that were seen."""
        few = value[:: self._step]
        if self._unseen is None:
            return few
        few = few[self._seen_flat(width)[:: self._step]]
        return few if len(few) else np.zeros(1, dtype=value.dtype)

    def _mean(self, shift: int, width: int, step: int = 1, beyond: int = 0) -> np.ndarray:
        """Mean of the `width` bins that begin `shift` bins after each cell; `beyond` more cells on each side."""
        low = self._pad + shift - beyond
        high = low + self.data.score.size + 2 * beyond
        total = self._sums[low + width : high + width : step] - self._sums[low:high:step]
        return np.asarray(total * np.float32(1.0 / width))

    def _mean_at(self, cells: np.ndarray, width: int) -> np.ndarray:
        """Mean of the `width` bins that begin at each of `cells`."""
        return np.asarray((self._sums[cells + self._pad + width] - self._sums[cells + self._pad]) / np.float32(width))

    def _pooled_edges(self, width: int, size: int, sign: int, step: int) -> np.ndarray:
        """The lesser of the steepest step up near each window's begin and the steepest step down near its end."""
        if size not in self._ends:
            self._ends[size] = self._steps(size)
        up_begin, up_end, down_begin, down_end = self._ends[size]
        begin, end = (up_begin, down_end) if sign > 0 else (down_begin, up_end)
        cells = self.data.score.size
        begins, ends = begin[:cells:step], end[width : width + cells : step]
        if self.bin_minutes > _FINE_MINUTES:
            return np.asarray(np.float32(0.5) * (begins + ends))
        return np.asarray(np.minimum(begins, ends))

    def _steps(self, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Steepest steps near each cell: up and down, within the reach of begins and that of ends."""
        near, far = self.reach, _END_MINUTES // self.bin_minutes
        beyond = _POOLED_MINUTES // self.bin_minutes + far
        step = (self._mean(0, size, 1, beyond) - self._mean(-size, size, 1, beyond))[beyond - far :]
        begin, end = step[far - near :], step
        return highest(begin, near), highest(end, far), highest(-begin, near), highest(-end, far)


def flanks_of(width: int, bin_minutes: int) -> list[int]:
    """Bins of context on each side of a window that are worth a try, the shortest first."""
    most = _CONTEXT_MINUTES // bin_minutes
    if width > most:
        return sorted({max(1, 60 // bin_minutes), max(1, 120 // bin_minutes), most})
    tries = (max(width, round(20 / bin_minutes)) * times for times in (1, 2, 4))
    return sorted({max(1, min(flank, most)) for flank in tries})


def highest(course: np.ndarray, reach: int) -> np.ndarray:
    """The largest value within `reach` of each entry of `course`; the outermost `reach` entries fall away."""
    size, best = 1, course
    while 2 * size <= 2 * reach + 1:
        best = np.maximum(best[:-size], best[size:])
        size *= 2
    rest = 2 * reach + 1 - size
    return np.maximum(best[:-rest], best[rest:]) if rest else best


def _middle(value: np.ndarray) -> np.float32:
    """The median, or of an even number of values the upper one of the middle two."""
    return np.float32(np.partition(value, len(value) // 2)[len(value) // 2])


def _spread(centred: np.ndarray) -> float:
    """Robust standard deviation of centred contrasts."""
    return float(_middle(np.abs(centred))) / _NORMAL


def _noise_of(value: np.ndarray) -> float:
    """What windows without work show, in one figure: the mean of what they may reach by their usual spread, and of how
    far the highest of a hundred leaves the middle."""
    middle, last = len(value) // 2, int(0.99 * len(value))
    ordered = np.sort(value)
    usual, far = float(ordered[middle]), float(ordered[last] - ordered[middle])
    spread = max(_spread(value - ordered[middle]), far / _LEAST_SPREAD)
    return float(np.sqrt(max(far * (usual + 2.33 * spread), 0.0)))


def _running(course: np.ndarray, pad: int) -> np.ndarray:
    """Running sums of `course`, which goes on as 0 for `pad` cells on each side: entry k sums what lies before k."""
    sums = np.zeros(len(course) + 2 * pad + 1)
    np.cumsum(course, out=sums[pad + 1 : pad + 1 + len(course)])
    sums[pad + 1 + len(course) :] = sums[pad + len(course)]
    return sums


def _joined(course: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """`course` as float32 with straight lines where nothing was seen."""
    if seen.all():
        return course.astype(np.float32)
    known = np.flatnonzero(seen)
    if len(known) == 0:
        return np.zeros(len(course), dtype=np.float32)
    return np.asarray(np.interp(np.arange(len(course)), known, course[known]), dtype=np.float32)

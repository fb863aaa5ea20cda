"""Every few minutes: load that returns at fixed minutes of the hour, seen in samples a minute or less apart.

Hours are turned by random offsets in the null, as days are elsewhere, so bursts and slow noise do not make a rhythm.
"""

from __future__ import annotations

import numpy as np

from engine.patterns.calendar import day_grid
from engine.patterns.scores import CLIP, scored
from engine.patterns.significance import log_tail, shares
from engine.patterns.windows import Window

EVERY = (2, 3, 4, 5, 6)  # minutes; what returns more seldom is left to windows of the day
_HOURS = 24  # that must be seen at least
_SEEN = 45  # minutes of an hour without which it is not looked at
_COST = float(np.log(4 * sum(EVERY)))  # nats: rhythms, phases, lengths and directions that are tried
_AS_CLEAR = 0.8  # of the clearest rhythm's rise that a shorter one must reach to be told
_LEAST_SHARE = 0.6  # of chances that are hits
_HIGH = 0.5  # of the rise at which a minute belongs to the window


def best_rhythm(ts: np.ndarray, values: np.ndarray, timezone: str) -> Window | None:
    """The clearest rhythm of two to six minutes in samples (UTC seconds) of about a minute; None where none is."""
    grid = day_grid(ts, values, timezone, 1)
    hours = grid.values.reshape(-1, 60)
    kept = np.isfinite(hours).sum(axis=1) >= _SEEN
    if kept.sum() < _HOURS:
        return None
    day = np.repeat(grid.days.astype(int), 24)[kept]
    course = hours[kept]
    centred = course - np.nanmedian(course, axis=1, keepdims=True)
    data = scored(centred)
    tried = [_tried(data.score, every, sign) for every in EVERY for sign in (1, -1)]
    rises = [one for one in tried if one[0] < float(np.log(0.004))]
    if not rises:
        return None
    top = max(rise for _, rise, _, _ in rises)
    log_p, _, every, sign = next(one for one in rises if one[1] >= _AS_CLEAR * top)
    return _measured(log_p, every, sign, centred, course, day)


def _tried(score: np.ndarray, every: int, sign: int) -> tuple[float, float, int, int]:
    """Log p of the best phase of one rhythm, and its rise over the other phases."""
    folded = sign * score.reshape(len(score), -1, every).mean(axis=1)
    folded -= np.sort(folded, axis=1)[:, [(every - 1) // 2]]  # beside the usual phase of its hour
    unit = np.clip(folded - folded.mean(), -CLIP, CLIP) / CLIP
    total = unit.sum(axis=0)
    log_p = log_tail(shares(unit), float(total.max())) + _COST
    mean = folded.mean(axis=0)
    return log_p, float(mean.max() - np.median(mean)), every, sign


def _measured(
    log_p: float, every: int, sign: int, centred: np.ndarray, course: np.ndarray, day: np.ndarray
) -> Window | None:
    """The rhythm with its edges, level and record; None where too few of its chances are hits."""
    mean = sign * np.nanmedian(centred.reshape(-1, every), axis=0)
    base = float(np.median(mean))
    inside = mean > base + _HIGH * (float(mean.max()) - base)
    top = int(mean.argmax())
    start = next(top - n for n in range(every) if not inside[(top - n - 1) % every]) % every
    width = next((n for n in range(1, every) if not inside[(start + n) % every]), every)
    at = (start + np.arange(width)) % every
    phases = course.reshape(len(course), -1, every)
    level = float(np.nanmedian(phases[:, :, at]))
    outside = np.delete(phases, at, axis=2)
    baseline = float(np.nanmedian(outside)) if outside.size else level
    high = phases[:, :, at].max(axis=2)
    if sign < 0:
        high = phases[:, :, at].min(axis=2)
    known = np.isfinite(high)
    hits = (sign * (high - (level + baseline) / 2) > 0)[known]
    if level == baseline or not len(hits) or hits.mean() < _LEAST_SHARE:
        return None
    days = np.broadcast_to(day[:, None], high.shape)[known]
    minutes = ",".join(str(minute) for minute in range(start, 60, every))
    rule = f"FREQ=HOURLY;BYMINUTE={minutes}"
    return Window(log_p, "every_k_minutes", rule, 60 * start, 60 * width, hits, days, level, baseline)

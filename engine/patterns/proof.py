"""Proof: whether the slots of the week that were likely to be high would have foretold the days that came after.

Slots are chosen anew for each week of the later half of a series, from the days before it alone, so that choosing them
earns nothing. What they meet is weighed against the same days turned at random: a load without a clock meets as much at
any other time of the day. It is weighed twice, by how often the load was high, which sees jobs in noise, and by how far
it left its day, which sees the crest of a course that grows.
"""

from __future__ import annotations

from math import log

import numpy as np

from engine.patterns.chances import Past, chances, worth_telling
from engine.patterns.significance import log_tail, shares

_BLOCK_DAYS = 7
_TOP_SHARE = 0.05  # of the slots of the week, the likeliest, by which a course is weighed
_FAR = 3.0  # standard deviations from the mean of a day beyond which a value proves nothing more


def foretold(past: Past) -> float:
    """Log of the chance that the likely slots of a series without a clock foretell so much of its later half."""
    half = len(past.near) // 2
    high, course = [], []
    for day in range(half, len(past.near), _BLOCK_DAYS):
        chance = chances(past.until(day))
        weekday = past.weekday[day : day + _BLOCK_DAYS]
        high.append((chance >= worth_telling(chance))[weekday])
        course.append((chance >= _likeliest(chance))[weekday])
    pairs = ((past.near, high), (_far(past), course))
    return log(2) + min(_log_tail(met(score[half:], np.concatenate(chosen))) for score, chosen in pairs)


def _likeliest(chance: np.ndarray) -> float:
    """The chance that the likeliest slots of the week reach."""
    at = int((1.0 - _TOP_SHARE) * (chance.size - 1))
    return float(np.partition(chance, at, axis=None)[at])


def met(score: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Sum of the scores of each day that its chosen slots meet, the day turned by each number of bins: (days, bins)."""
    spectrum = np.fft.rfft(score, axis=1) * np.conj(np.fft.rfft(chosen.astype(np.float32), axis=1))
    return np.asarray(np.fft.irfft(spectrum, score.shape[1], axis=1))


def _log_tail(sums: np.ndarray) -> float:
    """Log of the chance that days turned at random meet as much in sum as those without a turn, the first column."""
    most = float(np.abs(sums).max(initial=0.0))
    if most < 1e-6:
        return 0.0
    unit = np.clip(sums / most, -1.0, 1.0)
    return log_tail(shares(unit), float(unit[:, 0].sum()))


def _far(past: Past) -> np.ndarray:
    """How far each value lies from the mean of its day, in parts of `_FAR` deviations: within [-1, 1], 0 if unseen."""
    count = np.maximum(past.seen.sum(axis=1, keepdims=True), 1.0)
    far = (past.excess - past.excess.sum(axis=1, keepdims=True) / count) * past.seen
    spread = np.sqrt((far**2).sum(axis=1, keepdims=True) / count)
    return np.asarray(np.clip(far / np.maximum(_FAR * spread, 1e-9), -1.0, 1.0))

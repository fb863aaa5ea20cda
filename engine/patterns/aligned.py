"""Aligned: where a window of few occurrences begins and how long it is, though each of them came early or late.

Each occurrence is a box of the common height in noise that is autoregressive; its own begin and length are unknown and
lie around common ones. Expectation and maximisation take turns: what each occurrence says of its begin, its length and
of having come at all, given what all have in common; and what they have in common, given that.
"""

from __future__ import annotations

import numpy as np

_ROUNDS = 8
_EARLY_MINUTES = 10.0  # standard deviation of begins
_LONGER = 0.15  # standard deviation of lengths, as a share of the length
_WIDE = (4.0, 2.5, 1.6)  # times these in the first rounds: where it was found may be some way off
_LEAST_SPREAD = 0.7  # bins, of begins and of lengths
_REACH_MINUTES = 30  # from where a window was found to begin, within which it may, or as long as it is
_LONGER_TIMES, _SHORTER_TIMES = 2.5, 6.0  # than it was found that a window may turn out to be: noise widens more
_CAME = 0.8  # share of occurrences that come, before they are looked at
_MOST_NATS = 50.0  # that one occurrence may say of having come


def tries_around(width: int, bin_minutes: int) -> tuple[np.ndarray, np.ndarray]:
    """Begins, from where a window of `width` bins was found, and widths that are worth a try, in bins."""
    reach = max(1, _REACH_MINUTES // bin_minutes, width)
    widths = np.arange(max(1, int(width / _SHORTER_TIMES)), int(np.ceil(width * _LONGER_TIMES)) + 1)
    return np.arange(-reach, reach + 1), widths


def common_box(
    gains: np.ndarray, costs: np.ndarray, tries: tuple[np.ndarray, np.ndarray], width: int, bin_minutes: int
) -> tuple[int, int]:
    """Begin and width, in bins, that the occurrences of a window found with `width` have in common.

    `gains` (occurrences, begins, widths) is the evidence for a rise in each stretch of `tries` (begins, widths), and
    `costs` (widths,) what a rise of 1 leaves there without any noise; both are over the variance of whitened noise.
    """
    begins, widths = tries
    found = int(np.abs(widths - width).argmin())
    begin, long = 0.0, float(width)
    height = max(float(gains[:, np.abs(begins).argmin(), found].mean() / costs[found]), 0.0)
    for turn in range(_ROUNDS):
        wide = _WIDE[turn] if turn < len(_WIDE) else 1.0
        prior = _log_normal(begins, begin, wide * max(_EARLY_MINUTES / bin_minutes, _LEAST_SPREAD))[:, None]
        prior = prior + _log_normal(widths, long, wide * max(_LONGER * long, _LEAST_SPREAD))
        share = _shares(height * gains - 0.5 * height**2 * costs + prior)
        came = max(float(share.sum()), 1e-9)
        begin = float((share.sum(axis=2) * begins).sum()) / came
        long = float((share.sum(axis=1) * widths).sum()) / came
        height = max(float((share * gains).sum() / max(float((share * costs).sum()), 1e-9)), 1e-3)
    return round(begin), max(1, round(long))


def _shares(log_likely: np.ndarray) -> np.ndarray:
    """Chance of each begin and width of each occurrence, which sum to the chance that it came: like `log_likely`."""
    top = log_likely.max(axis=(1, 2), keepdims=True)
    share = np.exp(log_likely - top)
    whole = share.sum(axis=(1, 2), keepdims=True)
    odds = _CAME / (1.0 - _CAME) * np.exp(np.clip(top + np.log(whole), -_MOST_NATS, _MOST_NATS))
    return np.asarray(share / whole * (odds / (1.0 + odds)))


def _log_normal(values: np.ndarray, middle: float, spread: float) -> np.ndarray:
    """Logarithms of shares, which sum to 1, of `values` that lie normally about `middle`."""
    log_share = -0.5 * ((values - middle) / spread) ** 2
    return np.asarray(log_share - np.log(np.exp(log_share).sum()))

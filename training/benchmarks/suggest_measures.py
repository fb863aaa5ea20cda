"""How suggest is judged: where the right one stands, whether the method knows when there is none, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

Array = NDArray[np.float64]

_FALSE = 0.10  # share of new kinds of incident for which something may be offered
_SUREST = 0.40  # share of repeats, the surest ones, whose first place is judged apart
_BINS = 10
_DRAWN, _INTERVAL = 1_000, (0.025, 0.975)


@dataclass(frozen=True)
class Told:
    """What a method said to the questions of a case."""

    ranks: Mapping[str, float]  # of the best right incident by question id, 1 is first, inf where it is not offered
    sure: Mapping[str, float]  # how sure the method is that there is one, by question id, higher is surer
    sure_of_new: Sequence[float]  # the same for incidents that nobody linked to an earlier one
    wall_s: Sequence[float]
    cpu_s: Sequence[float]
    calibrated: bool = False  # whether `sure` means a probability, that the first place is right


def best_rank(scores: Array, relevant: NDArray[np.bool_], usable: NDArray[np.bool_]) -> float:
    """Rank (1 is first) of the best relevant incident among the usable ones, ties at their middle; inf if not offered.

    Examples
    --------
    >>> best_rank(np.array([3.0, 2.0, 2.0]), np.array([False, True, False]), np.ones(3, dtype=bool))
    2.5
    """
    wanted = relevant & usable & np.isfinite(scores)
    if not wanted.any():
        return float("inf")
    best, others = scores[wanted].max(), scores[usable & ~wanted]
    return float(1 + np.sum(others > best) + 0.5 * np.sum(others == best))


def figures(told: Told) -> dict[str, float]:
    """All figures of one method on one case; milliseconds per question beyond encoding it."""
    place = np.array(list(told.ranks.values()))
    return {
        **{f"R@{k}": float(np.mean(place <= k)) for k in (1, 5, 10)},
        "MRR": float(np.mean(1 / place)),
        **silence(told),
        "p50 ms": float(np.median(told.wall_s)) * 1e3,
        "p95 ms": float(np.quantile(told.wall_s, 0.95)) * 1e3,
        "CPU p95 ms": float(np.quantile(told.cpu_s, 0.95)) * 1e3,
        "questions": float(len(place)),
    }


def silence(told: Told) -> dict[str, float]:
    """Whether a method knows when nothing fits; nothing where no new kinds of incident were asked about."""
    if not len(told.sure_of_new):
        return {}
    repeats, new = np.array(list(told.sure.values())), np.array(told.sure_of_new)
    truth = np.r_[np.ones(len(repeats)), np.zeros(len(new))]
    surest = np.argsort(-repeats, kind="stable")[: max(1, round(_SUREST * len(repeats)))]
    first = np.array(list(told.ranks.values())) <= 1
    calibration = {"ECE": error(np.r_[repeats, new], np.r_[first, np.zeros(len(new), dtype=np.bool_)])}
    return {
        "no-match AUROC": float(roc_auc_score(truth, np.r_[repeats, new])),
        "offered at 10 % false": offered(repeats, new),
        "P@1 of surest 40 %": float(np.mean(first[surest])),
        **(calibration if told.calibrated else {}),
    }


def error(told: Array, right: NDArray[np.bool_]) -> float:
    """Expected calibration error: how far probabilities are from what came, on the mean, in ten bins of like many.

    Examples
    --------
    >>> error(np.array([1.0, 0.0]), np.array([True, False]))
    0.0
    """
    parts = np.array_split(np.argsort(told, kind="stable"), min(_BINS, len(told)))
    return float(sum(len(part) * abs(told[part].mean() - right[part].mean()) for part in parts) / len(told))


def offered(repeats: Array, new: Array) -> float:
    """Share of `repeats` surer than all but a tenth of what is `new`.

    Examples
    --------
    >>> offered(np.array([0.9, 0.5]), np.array([0.1] * 9 + [0.6]))
    1.0
    """
    allowed = int(_FALSE * len(new))
    return float(np.mean(repeats > np.sort(new)[len(new) - 1 - allowed]))


def gain(ranks: Mapping[str, float], over: Mapping[str, float], within: int = 10) -> dict[str, float]:
    """How much more often than `over` the right one is `within` reach, on the questions both were asked.

    With its 95 % interval by paired bootstrap: questions are drawn again, both answers to each together.
    """
    both = [name for name in ranks if name in over]
    mine, theirs = (np.array([each[name] <= within for name in both], dtype=np.float64) for each in (ranks, over))
    drawn = np.random.default_rng(0).integers(0, len(both), (_DRAWN, len(both)))
    low, high = np.quantile((mine - theirs)[drawn].mean(axis=1), _INTERVAL)
    head = f"R@{within} - BM25's"
    return {head: float(np.mean(mine - theirs)), "from": float(low), "to": float(high)}

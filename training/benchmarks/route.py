"""Route beside what the field uses: majority, frequency per field, nearest neighbours, linear models, and the human.

All answer the same questions in one run, each with what was known when the question was opened.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain import Incident
from engine.route import Router
SIGNALS = ()
from training.benchmarks.report import Row
from training.benchmarks.route_data import Case, cases, firm_case
from training.progress import Track, track
from training.route import replay

Array = NDArray[np.float64]
_FIRMS = (101, 102)
_FOLDS = (2, 4, 6, 8, 10)
_QUICK_HISTORY = 2_500
_QUICK_QUERIES = 100
_OPINIONS = {
    "majority": "share",
    "majority, recent": "share, recent",
    "frequency per field": "fields",
    "kNN, text": "similar text",
    "kNN, text, recent": "similar text, recent",
    "kNN, fields": "similar fields",
    "linear": "linear",
    "linear, recent": "linear, recent",
}
OURS = "PathFinder"


@dataclass
class Score:
    """Ranks of the right answers of one method (inf: not offered), and for ours how sure it was."""

    ranks: list[float] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)
    automatic: list[bool] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    spent_s: list[float] = field(default_factory=list)


def run(shared: Path | None, *, quick: bool = False) -> list[Row]:
    """Measure every method on every case. `quick` takes the latest part of each history and few queries."""
    chosen = [firm_case(seed) for seed in _FIRMS[: 1 if quick else None]]
    if shared is not None:
        chosen += cases(shared, _FOLDS[-1:] if quick else _FOLDS)
    return [row for case in chosen for row in measure(case.thinned(_QUICK_HISTORY, _QUICK_QUERIES) if quick else case)]


def measure(case: Case, progress: Track = track) -> list[Row]:
    """One row per method on `case`."""
    scores = {name: Score() for name in (*_OPINIONS, OURS)}
    human = Score()
    steps = progress(replay(case.history, case.queries, case.target), case.name, len(case.queries))
    for place, router in steps:
        query, truth = case.queries[place], case.truth(case.queries[place])
        _ask(router, query, truth, scores)
        human.ranks.append(1.0 if query.fields.get(case.human) == truth else float("inf"))
    rows = [Row(dataset=case.name, method=name, metrics=figures(score)) for name, score in scores.items()]
    if case.human and case.target == "team":
        rows.append(Row(dataset=case.name, method="the human's first choice", metrics=figures(human)))
    return rows


def _ask(router: Router, query: Incident, truth: str, scores: dict[str, Score]) -> None:
    opinions = router.expertise.opinions(query)
    number = router.expertise.memory_.number_of(truth)
    for name, signal in _OPINIONS.items():
        scores[name].ranks.append(rank_of(opinions[:, SIGNALS.index(signal)], number))
    started = time.perf_counter()
    routing = router.predict_one(query, top=10)
    ours = scores[OURS]
    ours.spent_s.append(time.perf_counter() - started)
    ours.ranks.append(rank_of(router.expertise.stacker_.probabilities(opinions), number))
    ours.chances.append(routing.candidates[0].probability if routing.candidates else 0.0)
    ours.first.append(routing.candidates[0].responder if routing.candidates else "")
    ours.automatic.append(routing.automatic)


def rank_of(scores: Array, right: int | None) -> float:
    """Rank (1 is first) of number `right`, ties at their middle; inf for somebody never seen.

    Examples
    --------
    >>> rank_of(np.array([3.0, 1.0, 1.0]), 1), rank_of(np.array([1.0]), None)
    (2.5, inf)
    """
    if right is None:
        return float("inf")
    above, ties = np.sum(scores > scores[right]), np.sum(scores == scores[right]) - 1
    return float(1 + above + ties / 2)


def figures(score: Score) -> dict[str, float]:
    """Accuracy at 1, 3, 5, 10 and mean reciprocal rank; for ours calibration, what is automatic, load, and time."""
    ranks = np.array(score.ranks)
    found = {f"acc@{top}": float(np.mean(ranks <= top)) for top in (1, 3, 5, 10)}
    found["MRR"] = float(np.mean(1 / ranks))
    if score.chances:
        right, sure = ranks == 1, np.array(score.automatic)
        found["ECE"] = calibration_error(np.array(score.chances), right)
        found["automatic"] = float(sure.mean())
        if sure.any():
            found["precision of automatic"] = float(right[sure].mean())
        found["cover@.95"] = coverage(np.array(score.chances), right)
        found["busiest tenth"] = concentration(score.first)
        found["ms, median"] = float(np.median(score.spent_s) * 1000)
    return found


def calibration_error(chances: Array, right: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error: mean distance of stated and found accuracy over equal-width bins, 0..1."""
    place = np.minimum((chances * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(chances[place == b].mean() - right[place == b].mean()) * np.mean(place == b)
            for b in range(bins)
            if (place == b).any()
        )
    )


def coverage(chances: Array, right: NDArray[np.bool_], precision: float = 0.95) -> float:
    """Largest share of questions, the surest first, that is right at `precision` (threshold seen afterwards)."""
    hits = np.cumsum(right[np.argsort(-chances, kind="stable")]) / np.arange(1, len(right) + 1)
    good = np.flatnonzero(hits >= precision)
    return float((good[-1] + 1) / len(right)) if len(good) else 0.0


def concentration(first: Sequence[str]) -> float:
    """Share of the questions whose first candidate is among the busiest tenth of those named."""
    counts = sorted((first.count(who) for who in set(first)), reverse=True)
    return sum(counts[: max(1, len(counts) // 10)]) / len(first)

"""Suggest beside what the field uses: known duplicates of an issue tracker, and recurring faults of seeded firms."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain import Incident
from engine.settings import Settings
from engine.suggest import Encoder, Recommender
from training.benchmarks.report import Row
from training.benchmarks.suggest_data import Case, firm_case, issue_case
from training.benchmarks.suggest_methods import Method, methods
from training.progress import Track, track
from training.suggest import encoder_of

Array = NDArray[np.float64]

_FIRMS = (101, 102, 103)  # seeds that no weight was fitted on
_QUICK_QUERIES = 40
_QUICK_HISTORY = 5_000  # a longer history is compared by words alone when it must be quick


def run(shared: Path | None, *, quick: bool = False) -> list[Row]:
    """Measure every method on every case. `quick` takes few queries, and only words where there is much to encode."""
    cases = [firm_case(seed) for seed in (_FIRMS[:1] if quick else _FIRMS)]
    issues = issue_case(shared) if shared is not None else None
    rows: list[Row] = []
    for case in [*cases, *([issues] if issues else [])]:
        encoded = not quick or len(case.history) <= _QUICK_HISTORY
        asked = case.thinned(_QUICK_QUERIES) if quick else case
        rows += measure(asked, encoder_of(Settings()) if encoded else None, track)
    return rows


def measure(case: Case, encoder: Encoder | None, progress: Track) -> list[Row]:
    """One row per method over the queries of `case`, all in one memory."""
    recommender = Recommender(encoder=encoder).fit(case.history)
    for _ in progress(recommender.warming(), f"{case.name}: encode", recommender.steps_to_warm()):
        pass
    for query in case.queries:
        recommender.weigh(query)  # the query's own vector is remembered, so that methods are timed beyond it
    return [_row(case, method, recommender, progress) for method in methods(recommender)]


def _row(case: Case, method: Method, recommender: Recommender, progress: Track) -> Row:
    ranks, spent_s = [], []
    for query in progress(case.queries, f"{case.name}: {method.name}", len(case.queries)):
        started = time.perf_counter()
        scores = method.scores(query)
        spent_s.append(time.perf_counter() - started)
        ranks.append(best_rank(scores, *_told(case, query, recommender)))
    return Row(dataset=case.name, method=method.name, metrics=figures(ranks, spent_s))


def _told(case: Case, query: Incident, recommender: Recommender) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    memory = recommender.memory
    relevant = np.zeros(len(memory), dtype=np.bool_)
    relevant[[memory.slot_of[name] for name in case.relevant[query.id] if name in memory.slot_of]] = True
    return relevant, memory.known_at(query.opened_at, query.id)


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


def figures(ranks: Sequence[float], spent_s: Sequence[float]) -> dict[str, float]:
    """Shares of queries answered in the first 1, 5 and 10, mean reciprocal rank, and milliseconds per query."""
    place = np.array(ranks)
    return {
        **{f"R@{k}": float(np.mean(place <= k)) for k in (1, 5, 10)},
        "MRR": float(np.mean(1 / place)),
        "ms/query": float(np.mean(spent_s)) * 1e3,
        "p95 ms": float(np.quantile(spent_s, 0.95)) * 1e3,
    }

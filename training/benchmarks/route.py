"""Route beside what the field uses: majority, frequency, neighbours, linear models, the human, published figures.

All answer the same questions in one run, each with what was known when the first question was opened; where outcomes
keep arriving between questions (Hadoop), PathFinder learns them and its peers, as they are used, do not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain import Incident
from engine.errors import InvalidInput
from engine.route import Router
from training.benchmarks.report import Row
from training.benchmarks.route_data import Case, cases, firm_case, load_case
from training.benchmarks.route_load import shared_out
from training.benchmarks.route_peers import Past, Peer, peers
from training.benchmarks.route_picture import draw
from training.benchmarks.route_scale import scale
from training.progress import Track, track
from training.route import replay

__all__ = ["draw", "run"]
Array = NDArray[np.float64]
_FIRMS = (101, 102)
_FOLDS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
_QUICK_HISTORY = 2_500
_QUICK_QUERIES = 100
_MOST_ASKED = 600  # questions of one case, spread evenly
_MOST_ASKED_OF_FOLD = 100  # the same of one of ten folds
_MOST_WEIGHTS = 600_000  # features x people up to which the linear peers are fitted
OURS = "PathFinder"
SETS = ("firms", "team", "person", "lived", "firefox", "hadoop", "load", "scale")
PUBLISHED = {"Firefox": Row(dataset="Firefox", method="DBRNN-A (published)", metrics={"acc@10": 0.466})}


@dataclass
class Score:
    """Ranks of the right answers of one method (inf: not offered), and how sure it was."""

    ranks: list[float] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)
    automatic: list[bool] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    spent_s: list[float] = field(default_factory=list)
    fit_s: float = 0.0

    def note(self, people: Sequence[str], scores: Array, truth: str) -> None:
        """Where `truth` stands among `people`, and who comes first."""
        self.ranks.append(rank_of(scores, people.index(truth) if truth in people else None))
        self.first.append(people[int(np.argmax(scores))] if len(scores) else "")


def run(shared: Path | None, *, quick: bool = False, only: Sequence[str] = ()) -> list[Row]:
    """Measure every method on every case, or on those of the sets in `only`.

    `quick` takes the latest part of each history and few queries.

    Raises
    ------
    InvalidInput
        If `only` names what is no set.
    """
    chosen = [name.lower() for name in only] or list(SETS)
    if wrong := [name for name in chosen if name not in SETS]:
        raise InvalidInput(f"no set {wrong[0]}: choose among {', '.join(SETS)}")
    rows: list[Row] = []
    for case in _chosen(shared, chosen, quick):
        most = _MOST_ASKED_OF_FOLD if case.name.startswith("Firefox") else _MOST_ASKED
        smaller = case.thinned(_QUICK_HISTORY, _QUICK_QUERIES) if quick else case.thinned(10**9, most)
        rows += measure(smaller)
    shared_load = load_case(shared) if shared is not None and "load" in chosen else None
    rows += shared_out(shared_load, quick=quick) if shared_load is not None else []
    return [*_averaged(rows), *(scale(quick=quick) if "scale" in chosen else [])]


def _chosen(shared: Path | None, chosen: Sequence[str], quick: bool) -> Iterator[Case]:
    if "firms" in chosen:
        yield from (firm_case(seed) for seed in _FIRMS[: 1 if quick else None])
    if shared is not None:
        yield from cases(shared, _FOLDS[-1:] if quick else _FOLDS, chosen)


def measure(case: Case, progress: Track = track) -> list[Row]:
    """One row per method on `case`."""
    scores: dict[str, Score] = {OURS: Score()}
    human, fitted = Score(), False
    ours = scores[OURS]
    began = time.process_time()
    for place, router in progress(replay(case.history, case.queries, case.target), case.name, len(case.queries)):
        query, truth = case.queries[place], case.truth(case.queries[place])
        if not fitted:
            ours.fit_s, fitted = time.process_time() - began, True
        _ask(router, query, truth, ours)
        human.ranks.append(1.0 if query.fields.get(case.human) == truth else float("inf"))
    if not case.is_lived:  # the peers are fitted once: there is nothing new to say of them
        scores |= _peers(case)
    rows = [Row(dataset=case.name, method=name, metrics=figures(score)) for name, score in scores.items()]
    if case.human and case.target == "team":
        rows.append(Row(dataset=case.name, method="the human's first choice", metrics=figures(human)))
        mended = _mended(np.array(ours.ranks), np.array(human.ranks))
        rows[0] = replace(rows[0], metrics={**rows[0].metrics, **mended})
    return rows


def _peers(case: Case) -> dict[str, Score]:
    first = min(query.opened_at for query in case.queries)
    known = sorted((one for one in case.history if one.known_from < first), key=lambda one: one.known_from)
    known = [one for one in known if case.truth(one)]
    past = Past.of(known, [case.truth(one) for one in known])
    return {peer.name: _score(peer, case) for peer in peers(past, most_weights=_MOST_WEIGHTS)}


def _score(peer: Peer, case: Case) -> Score:
    score = Score(fit_s=peer.fit_s)
    for query in case.queries:
        began = time.process_time()
        found = peer.scores(query)
        score.spent_s.append(time.process_time() - began)
        score.note(peer.people, found, case.truth(query))
        if peer.probable:
            score.chances.append(float(found.max()))
    return score


def _ask(router: Router, query: Incident, truth: str, ours: Score) -> None:
    began = time.process_time()
    routing = router.predict_one(query, top=10)
    ours.spent_s.append(time.process_time() - began)
    ours.note(router.expertise.memory_.people, router.expertise.probabilities(query), truth)
    ours.chances.append(routing.candidates[0].probability if routing.candidates else 0.0)
    ours.automatic.append(routing.automatic)


def _mended(ours: Array, human: Array) -> dict[str, float]:
    """Of the questions that the human got wrong, the share we have right."""
    wrong = ~np.isfinite(human)
    if not wrong.any():
        return {}
    return {"mended@1": float(np.mean(ours[wrong] <= 1)), "mended@3": float(np.mean(ours[wrong] <= 3))}


def _averaged(rows: Sequence[Row]) -> list[Row]:
    """`rows`, the folds of the published protocol as their mean, beside what was published."""
    folds = [row for row in rows if row.dataset.startswith("Firefox")]
    rest = [row for row in rows if not row.dataset.startswith("Firefox")]
    found = []
    for method in dict.fromkeys(row.method for row in folds):
        some = [row.metrics for row in folds if row.method == method]
        names = list(dict.fromkeys(name for one in some for name in one))
        mean = {name: float(np.mean([one[name] for one in some if name in one])) for name in names}
        found.append(Row(dataset=f"Firefox, mean of {len(some)} folds", method=method, metrics=mean))
    return [*rest, *found, *([replace(PUBLISHED["Firefox"], dataset=found[0].dataset)] if found else [])]


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
    """Accuracy at 1, 3, 5, 10 and mean reciprocal rank; calibration, what is automatic, load, and time."""
    ranks = np.array(score.ranks)
    found = {f"acc@{top}": float(np.mean(ranks <= top)) for top in (1, 3, 5, 10)}
    found["MRR"] = float(np.mean(1 / ranks))
    if score.chances:
        right, chances = ranks == 1, np.array(score.chances)
        found["ECE"] = calibration_error(chances, right)
        found["cover@.95"] = coverage(chances, right)
        order = np.argsort(-chances, kind="stable")[: max(1, len(chances) // 2)]
        found["surer half"] = float(right[order].mean())
    if score.automatic:
        sure = np.array(score.automatic)
        found["automatic"] = float(sure.mean())
        if sure.any():
            found["precision of automatic"] = float((ranks == 1)[sure].mean())
    if score.first:
        found["busiest tenth"] = concentration(score.first)
        found["fit s"] = score.fit_s
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

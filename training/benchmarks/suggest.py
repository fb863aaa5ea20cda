"""Suggest beside what the field uses: duplicates of an issue tracker, faults of seeded firms and desks, growth."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain import Incident
from engine.settings import Settings
from engine.suggest import Encoder, Recommender
from engine.suggest.memory import Memory
from training.benchmarks import suggest_growth, suggest_peer, suggest_picture
from training.benchmarks.report import Row
from training.benchmarks.suggest_data import Case, firm_case, issue_case
from training.benchmarks.suggest_measures import Array, Told, best_rank, figures, gain
from training.benchmarks.suggest_methods import BM25, Method, methods
from training.progress import Track, track
from training.suggest import encoder_of, warmed
from training.suggest_desks import desk_case

draw = suggest_picture.draw

_FIRMS = (101, 102, 103)  # seeds that no weight was fitted on
_DESK = 121  # likewise
_HIDDEN = 5  # one kind of fault in so many is new to the firm
_FIRM_QUERIES, _QUICK_QUERIES = 50, 40  # asked of every method, Rootly's helper too
_MANY = 5_000  # incidents: a longer history is compared by words alone when it must be quick ...
_PEER_QUESTIONS = 20  # ... and Rootly's helper, which takes many seconds over it, is asked fewer questions
_GROWTH, _QUICK_GROWTH, _AT_WISH = (1_000, 10_000, 100_000), (1_000,), (1_000_000,)


def run(shared: Path | None, *, quick: bool = False, only: Sequence[str] = ()) -> list[Row]:
    """Measure every method on every case, and ours as history grows; `only` names parts: firms, desks, issues, growth.

    `quick` takes few questions, only words where there is much to encode, a short history to grow, and no peer that
    has to be installed. A part `growth:SIZE` is that size alone (1,000,000 is measured so only). `issues:all` encodes
    every issue, for the methods that need all vectors, and asks Rootly's helper a few of them, many seconds each;
    `issues` encodes what the batch verb does.
    """
    rows: list[Row] = []
    for case in _cases(shared, quick, only):
        encoded = not quick or len(case.history) <= _MANY
        asked = case.thinned(_QUICK_QUERIES) if quick else case
        encoder = encoder_of(Settings()) if encoded else None
        whole = "issues:all" in only
        rows += measure(asked, encoder, track, peer=not quick and (whole or len(case.history) <= _MANY), whole=whole)
    for size in _QUICK_GROWTH if quick else _GROWTH + _AT_WISH:
        usual = size not in _AT_WISH and (not only or "growth" in only)
        if usual or f"growth:{size}" in only:
            rows += suggest_growth.rows(size, track)
    return rows


def _cases(shared: Path | None, quick: bool, only: Sequence[str]) -> Iterator[Case]:
    if not only or "firms" in only:
        yield from (firm_case(seed, hide=_HIDDEN).thinned(_FIRM_QUERIES) for seed in (_FIRMS[:1] if quick else _FIRMS))
    if (not only and not quick) or "desks" in only:
        yield from (desk_case(_DESK, by_place=by_place) for by_place in (False, True))
    wanted = not only or bool({"issues", "issues:all"} & set(only))
    issues = issue_case(shared) if shared is not None and wanted else None
    if issues is not None:
        yield issues


def measure(
    case: Case, encoder: Encoder | None, progress: Track, *, peer: bool = False, whole: bool = True
) -> list[Row]:
    """One row per method over the questions of `case`, all in one memory, each beside BM25.

    `whole` encodes all of the history; otherwise what the batch verb would, which may leave out methods by vectors.
    """
    recommender = Recommender(encoder=encoder, topology=case.edges).fit(case.history)
    asked = (*case.queries, *case.new)
    if whole:
        for _ in progress(recommender.warming(), f"{case.name}: encode", recommender.steps_to_warm()):
            pass
    else:
        warmed(recommender, asked, progress)
    for query in asked:
        recommender.weigh(query)  # the question's own vector is remembered, so that methods are timed beyond it
    told = {method.name: _told(case, method, recommender.memory, progress) for method in methods(recommender)}
    told.update(_peer(case, recommender.memory, progress) if peer else {})
    return [_row(case, name, each, told[BM25]) for name, each in told.items()]


def _row(case: Case, name: str, told: Told, beside: Told) -> Row:
    over = gain(told.ranks, beside.ranks) if told is not beside else {}
    return Row(dataset=case.name, method=name, metrics={**figures(told), **over})


def _peer(case: Case, memory: Memory, progress: Track) -> Iterator[tuple[str, Told]]:
    asked = replace(case.thinned(_PEER_QUESTIONS), new=()) if len(memory) > _MANY else case
    heard = suggest_peer.rootly(asked, memory, progress)
    if heard is not None:
        yield suggest_peer.NAME, heard


def _told(case: Case, method: Method, memory: Memory, progress: Track) -> Told:
    ranks: dict[str, float] = {}
    sure: dict[str, float] = {}
    wall_s, cpu_s, calibrated = [], [], False
    asked = (*case.queries, *case.new)
    for query in progress(asked, f"{case.name}: {method.name}", len(asked)):
        wall, cpu = time.perf_counter(), time.process_time()
        scores, certain = method.answer(query)
        wall_s.append(time.perf_counter() - wall)
        cpu_s.append(time.process_time() - cpu)
        relevant, usable = _truth(case, query, memory)
        sure[query.id] = _highest(scores, usable) if certain is None else certain
        calibrated = certain is not None
        ranks[query.id] = best_rank(scores, relevant, usable)
    return Told(
        ranks={query.id: ranks[query.id] for query in case.queries},
        sure={query.id: sure[query.id] for query in case.queries},
        sure_of_new=[sure[query.id] for query in case.new],
        wall_s=wall_s,
        cpu_s=cpu_s,
        calibrated=calibrated,
    )


def _highest(scores: Array, usable: NDArray[np.bool_]) -> float:
    return float(scores[usable].max(initial=-1e9))


def _truth(case: Case, query: Incident, memory: Memory) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    relevant = np.zeros(len(memory), dtype=np.bool_)
    known = [memory.slot_of[name] for name in case.relevant.get(query.id, ()) if name in memory.slot_of]
    relevant[known] = True
    return relevant, memory.known_at(query.opened_at, query.id)

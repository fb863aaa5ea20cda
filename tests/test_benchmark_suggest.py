"""The benchmark of suggest: how it counts, what it asks, and that ours beats plain words where it should."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.suggest import Encoder, Recommender, memory
from engine.suggest.nearest import VectorIndex
from training.benchmarks import rootly_child, suggest_growth, suggest_peer
from training.benchmarks.growing_firm import GrowingFirm, StandInEncoder
from training.benchmarks.report import Row
from training.benchmarks.suggest import measure
from training.benchmarks.suggest_data import Case, firm_case, issue_case
from training.benchmarks.suggest_growth import rows as growth
from training.benchmarks.suggest_measures import Told, best_rank, figures, gain, offered, silence
from training.benchmarks.suggest_picture import draw
from training.progress import quiet
from training.suggest_desks import desk_case

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="module")
def firm() -> Case:
    return firm_case(205, hide=5)


def told(ranks: list[float], sure: list[float] | None = None, new: list[float] | None = None) -> Told:
    names = [f"q{place}" for place in range(len(ranks))]
    return Told(
        ranks=dict(zip(names, ranks, strict=True)),
        sure=dict(zip(names, sure or [0.0] * len(ranks), strict=True)),
        sure_of_new=new or [],
        wall_s=[0.001] * len(ranks),
        cpu_s=[0.001] * len(ranks),
    )


def test_ties_count_at_their_middle() -> None:
    usable = np.array([True, True, True, False])
    assert best_rank(np.zeros(4), np.array([True, False, False, False]), usable) == 2.0
    assert best_rank(np.array([0.0, 0, 0, 9]), np.array([False, False, False, True]), usable) == float("inf")


def test_figures_count_hits() -> None:
    found = figures(told([1, 2, 20, float("inf")]))
    assert (found["R@1"], found["R@5"], found["R@10"]) == (0.25, 0.5, 0.5)
    assert found["MRR"] == pytest.approx((1 + 0.5 + 0.05) / 4)
    assert "no-match AUROC" not in found


def test_silence_is_judged_against_what_is_new() -> None:
    found = silence(told([1, 1, 5, 9, 9], sure=[0.9, 0.8, 0.3, 0.2, 0.1], new=[0.35] + [0.0] * 9))
    assert found["P@1 of surest 40 %"] == 1.0
    assert found["offered at 10 % false"] == 1.0
    assert found["no-match AUROC"] == pytest.approx((10 + 10 + 9 + 9 + 9) / 50)


def test_no_more_than_a_tenth_of_what_is_new_is_offered() -> None:
    new = np.arange(20.0)
    assert offered(np.array([17.5]), new) == 1.0
    assert offered(np.array([16.5]), new) == 0.0


def test_gains_are_paired() -> None:
    mine = {f"q{place}": 1.0 for place in range(40)}
    theirs = {name: (1.0 if int(name[1:]) % 2 else 50.0) for name in mine}
    found = gain(mine, {**theirs, "never asked": 1.0})
    assert found["R@10 - BM25's"] == 0.5
    assert 0.3 < found["from"] < 0.5 < found["to"] < 0.7
    assert gain(mine, mine) == {"R@10 - BM25's": 0.0, "from": 0.0, "to": 0.0}


def test_hidden_kinds_are_new_to_the_firm(firm: Case) -> None:
    assert firm.new
    known = {each.id for each in firm.history}
    assert all(firm.relevant[query.id] <= known for query in firm.queries)
    assert all(not firm.relevant[query.id] for query in firm.new)


def test_on_a_firm_no_weight_was_fitted_on_it_is_no_worse_than_bm25() -> None:
    found = {row.method: row.metrics for row in measure(firm_case(205).thinned(60), None, quiet)}
    assert found["PathFinder, words alone"]["MRR"] >= found["BM25 (bm25s)"]["MRR"] - 0.01
    assert found["PathFinder, words alone"]["R@10"] > 0.9


class _Letters:
    """Stands in for sentence-transformers."""

    def encode(self, texts: Sequence[str], **_: Any) -> np.ndarray:
        rows = np.array([[text.count(letter) + 0.1 for letter in "abcdefghij"] for text in texts], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def get_embedding_dimension(self) -> int:
        return 10


def test_where_only_the_nearest_are_encoded_ours_is_measured_and_methods_by_vectors_are_not() -> None:
    case = firm_case(205)
    few = replace(case, queries=case.queries[-3:], new=())
    encoder = Encoder("letters")
    encoder.model_ = _Letters()
    found = {row.method: row.metrics for row in measure(few, encoder, quiet, whole=False)}
    assert found["PathFinder"]["R@10"] == 1.0
    assert not any("dense" in method for method in found)


def test_known_duplicates_are_found_better_than_by_bm25() -> None:
    case = issue_case(SHARED, "train")
    if case is None:
        pytest.skip("the issues are not beside the project: ../shared/datasets is missing")
    last = max(query.opened_at for query in case.queries)
    known = [past for past in case.history if past.opened_at <= last][-2_500:]
    names = {past.id for past in known}
    asked = [query for query in case.queries if query.id in names and case.relevant[query.id] & names][-60:]
    part = Case(name="recent", history=known, queries=asked, relevant=case.relevant)
    found = {row.method: row.metrics for row in measure(part, None, quiet)}
    ours, plain = found["PathFinder, words alone"], found["BM25 (bm25s)"]
    assert ours["R@10"] >= plain["R@10"]
    assert ours["MRR"] > plain["MRR"] + 0.03


def test_new_issues_are_linked_to_nothing() -> None:
    case = issue_case(SHARED)
    if case is None:
        pytest.skip("the issues are not beside the project: ../shared/datasets is missing")
    linked = set(case.relevant).union(*case.relevant.values())
    assert case.new
    assert not {each.id for each in case.new} & linked
    assert min(each.opened_at for each in case.new) >= case.queries[0].opened_at


def test_a_growing_firm_is_the_same_again_and_its_faults_recur() -> None:
    first, second = list(GrowingFirm(300).history()), list(GrowingFirm(300).history())
    assert first == second
    assert [each.opened_at for each in first] == sorted(each.opened_at for each in first)
    recommender = Recommender().fit(first)
    asked = GrowingFirm(300).questions(20)
    best = [recommender.predict_one(query).items[0].incident for query in asked]
    assert np.mean([one.service == query.service for one, query in zip(best, asked, strict=True)]) > 0.9


def test_growth_is_measured_with_words_and_with_vectors() -> None:
    found = {row.method: row.metrics for row in growth(300, quiet)}
    assert found["PathFinder"]["seen at once"] == 1.0
    assert found["PathFinder"]["nearest found"] == 1.0
    assert found["PathFinder, words alone"]["p95 ms"] > 0


def test_a_history_of_several_firms_has_a_vector_for_each_of_their_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest_growth, "_READ", 300)
    monkeypatch.setattr(memory, "VectorIndex", partial(VectorIndex, 500))
    found = {row.method: row.metrics for row in growth(1_200, quiet)}
    assert found["PathFinder"]["nearest found"] > 0.95


def test_stand_in_vectors_are_unit_ones_of_the_words() -> None:
    rows = StandInEncoder().encode(["disk full", "full disk", "pool slow"])
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1)
    assert rows[0] @ rows[1] == pytest.approx(1)
    assert abs(rows[0] @ rows[2]) < 0.3


def test_the_peer_reads_only_what_was_known_and_its_answers_are_ranked(tmp_path: Path, firm: Case) -> None:
    package = tmp_path / "rootly_mcp_server"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "smart_utils.py").write_text(
        "from types import SimpleNamespace as N\n"
        "class TextSimilarityAnalyzer:\n"
        "    def calculate_similarity(self, incidents, target):\n"
        "        return [N(incident_id=one['id'], similarity_score=0.5) for one in incidents]\n"
    )
    past = [{"id": name, "title": name, "description": "", "known": at} for name, at in (("a", 1), ("b", 9), ("q", 0))]
    asked = {"past": past, "asked": [{"id": "q", "title": "q", "description": "", "opened": 5}]}
    heard = subprocess.run(
        [sys.executable, rootly_child.__file__],
        input=json.dumps(asked),
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(heard.stdout)
    assert answer["scores"] == {"a": 0.5}
    memory = Recommender().fit(firm.history).memory
    case = Case(name="one", history=firm.history, queries=firm.queries[:1], relevant=firm.relevant)
    right = next(iter(firm.relevant[firm.queries[0].id]))
    answers = {firm.queries[0].id: {"scores": {right: 0.4}, "wall_s": 1.0, "cpu_s": 1.0}}
    found = suggest_peer.heard(answers, case, memory)
    assert found is not None
    assert list(found.ranks.values()) == [1.0]
    assert suggest_peer.heard({}, case, memory) is None


def test_the_picture_is_drawn_from_whatever_was_measured(tmp_path: Path) -> None:
    figures_ = {"R@10": 0.9, "offered at 10 % false": 0.5}
    rows = [Row(dataset="Hadoop duplicates (test)", method=name, metrics=figures_) for name in ("BM25", "PathFinder")]
    size = {"p95 ms": 9.0, "CPU p95 ms": 8.0}
    rows += [Row(dataset=f"growth: {n:,} incidents", method="PathFinder", metrics=size) for n in (1_000, 10_000)]
    for number, some in enumerate((rows, rows[:2], rows[2:], [])):
        draw(some, tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").stat().st_size > 1_000


@pytest.mark.parametrize("style", ["alerts", "terse"])
def test_on_desks_no_weight_was_fitted_on_it_knows_better_than_bm25_that_nothing_fits(style: str) -> None:
    found = {row.method: row.metrics for row in measure(desk_case(131, style, by_place=True), None, quiet)}
    ours, plain = found["PathFinder, words alone"], found["BM25 (bm25s)"]
    assert ours["R@1"] >= plain["R@1"] - 0.05
    assert ours["no-match AUROC"] > max(0.85, plain["no-match AUROC"])

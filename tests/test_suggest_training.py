"""Fitting weights from known pairs, and the ranks that the batch verb writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.domain import Incident, Resolution
from engine.suggest import Fusion, Recommender
from engine.suggest.gate import Gate, facts
from engine.suggest.signals import COLUMNS, needs_encoder
from training.benchmarks.growing_firm import StandInEncoder
from training.benchmarks.suggest_data import Case, firm_case, strangers
from training.suggest import fit_fusion, judge, rank
from training.suggest_gate import Judged, fit_gate
from training.suggest_weights import blinded

AT = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = list(COLUMNS)
EMPTY = Gate(full={}, lexical={}, shown_from={"full": 0.5, "lexical": 0.5})


@pytest.fixture(scope="module")
def firm() -> Case:
    return firm_case(205)


@pytest.fixture(autouse=True)
def _without_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHFINDER_ENCODER_ENABLED", "false")


def incident(name: str, day: int, title: str, closed_after_days: int | None = 0) -> Incident:
    opened = AT + timedelta(days=day)
    closed = None if closed_after_days is None else opened + timedelta(days=closed_after_days, hours=1)
    return Incident(id=name, opened_at=opened, closed_at=closed, title=title, resolution=Resolution(text="did it"))


def groups(telling: str, count: int = 60) -> list[Judged]:
    """Questions whose right answer is the one that is highest in one column; the others are noise."""
    random = np.random.default_rng(3)
    made = []
    for _ in range(count):
        columns = random.random((8, len(NAMES)))
        made.append(Judged(columns, np.arange(8) == columns[:, NAMES.index(telling)].argmax()))
    return made


def test_the_column_that_tells_gets_the_weight() -> None:
    fusion = fit_fusion(groups("title_match"))
    assert max(fusion.lexical, key=lambda name: fusion.lexical[name]) == "title_match"
    assert not any(needs_encoder(name) for name in set(fusion.lexical) & set(COLUMNS))


def test_a_strong_prior_holds_the_weights() -> None:
    prior = Fusion(full={"names_match": 3.0}, lexical={"names_match": 3.0}, gate=Fusion.shipped().gate)
    held = fit_fusion(groups("title_match"), prior, pull=1e6).lexical
    assert abs(held["title_match"]) < 0.01 * held["names_match"]


def test_fitted_scores_are_calibrated_on_what_they_were_fitted_on() -> None:
    judged = groups("title_match")
    fusion = fit_fusion(judged)
    scores = np.concatenate([fusion.scores(group.columns.astype(np.float32), lexical=True) for group in judged])
    assert np.mean(1 / (1 + np.exp(-scores))) == pytest.approx(1 / 8, abs=0.02)


def test_ranks_start_at_one_and_hold_only_what_was_known() -> None:
    past = [
        incident("a", 0, "disk full on db1"),
        incident("late", 1, "disk full on db2", closed_after_days=50),
        incident("open", 2, "disk full on db3", closed_after_days=None),
        incident("future", 30, "disk full on db4"),
    ]
    rows = rank(past, [incident("q", 10, "disk full on db9")], top=5)
    assert [row.rank for row in rows] == [1, 2]
    assert {row.incident_id for row in rows} == {"a", "open"}
    assert all(row.query_id == "q" and 0 <= row.score <= 1 for row in rows)


def test_a_query_that_is_in_the_history_is_not_its_own_answer() -> None:
    past = [incident(str(day), day, "disk full") for day in range(5)]
    rows = rank(past, past[3:4])
    assert {row.incident_id for row in rows} == {"0", "1", "2"}


def test_no_history_and_no_queries_give_no_rows() -> None:
    assert rank([], [incident("q", 1, "x")]) == []
    assert rank([incident("q", 1, "x")], []) == []


class Slow(StandInEncoder):
    """An encoder that is not loaded before it is needed, and counts what it reads."""

    loaded = False
    read = 0

    def load(self) -> Slow:
        self.loaded = True
        return self

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.read += len(texts)
        return super().encode(texts)


@pytest.mark.parametrize("most", [10, 1_000])
def test_what_would_take_too_long_to_encode_is_compared_by_words_and_says_so(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.suggest.MOST_ENCODED", most)
    past = [incident(str(day), day, f"disk full on db{day}") for day in range(40)]
    encoder, heard = Slow(), list[str]()
    rows = rank(past, [incident("q", 50, "disk full on db7")], encoder=encoder, say=heard.append)  # type: ignore[arg-type]
    assert rows[0].incident_id == "7"
    assert bool(encoder.read) == (most == 1_000)
    assert [("10 texts" in told, "words alone" in told) for told in heard] == [(True, True)] * (most == 10)


def test_judged_candidates_carry_the_truth() -> None:
    past = [incident("a", 0, "disk full"), incident("b", 1, "pool slow")]
    judged = judge(Recommender().fit(past), [incident("q", 5, "disk full")], {"q": {"a"}})
    assert judged[0].relevant.tolist() == [True, False]
    assert judged[0].columns.shape == (2, len(COLUMNS))


def gated(telling: bool, count: int = 200) -> list[Judged]:
    """Questions whose best candidate is right, where that can be told by how well its words match, or by nothing."""
    random = np.random.default_rng(5)
    made = []
    for _ in range(count):
        right = bool(random.random() < 0.5)
        columns = np.zeros((6, len(NAMES)))
        columns[0, NAMES.index("body_match")] = 0.8 if right and telling else 0.3
        made.append(Judged(columns, np.array([right, *[False] * 5]), asked_length=20, known=50))
    return made


def offered(judged: list[Judged], fusion: Fusion) -> list[float]:
    found = []
    for group in judged:
        values = group.columns.astype(np.float32)
        row = facts(fusion.scores(values, lexical=True), values, group.asked_length, group.known)
        found.append(1 / (1 + np.exp(-fusion.gate.odds(row, lexical=True))))
    return found


def test_the_gate_learns_to_tell_repeats_from_what_is_new() -> None:
    judged = gated(telling=True)
    fusion = fit_gate(judged, replace(Fusion.shipped(), gate=EMPTY))
    new = [odds for group, odds in zip(judged, offered(judged, fusion), strict=True) if not group.relevant.any()]
    known = [odds for group, odds in zip(judged, offered(judged, fusion), strict=True) if group.relevant.any()]
    assert min(known) > max(new)
    assert fusion.gate.least(lexical=True) == pytest.approx(max(new), abs=0.01)


def test_where_nothing_tells_the_gate_says_how_often_it_is_right() -> None:
    judged = gated(telling=False)
    fusion = fit_gate(judged, replace(Fusion.shipped(), gate=EMPTY))
    share = float(np.mean([group.relevant.any() for group in judged]))
    assert offered(judged, fusion) == pytest.approx([share] * len(judged), abs=0.03)


def test_what_would_be_left_without_the_relevant_ones_teaches_too() -> None:
    past = [incident("a", 0, "disk full"), incident("b", 1, "pool slow")]
    without = judge(Recommender().fit(past), [incident("q", 5, "disk full")], {"q": {"a"}})[0].without
    assert without is not None
    assert without.shape == (1, len(COLUMNS))


def test_every_second_question_is_told_without_fields() -> None:
    judged = [Judged(np.ones((3, len(NAMES))), np.array([True, False, False])) for _ in range(4)]
    shown = [group.columns[0, NAMES.index("service_same")] for group in blinded(judged)]
    assert shown == [1, 1, 1, 0]


def test_strangers_are_linked_to_nothing(firm: Case) -> None:
    linked = set(firm.relevant).union(*firm.relevant.values())
    assert not {each.id for each in strangers(firm, 20)} & linked

"""The indexes of suggest equal their naive twins, whether documents came at once or one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.suggest.index import FieldIndex, highest
from engine.suggest.nearest import VectorIndex
from tests.naive import suggest as naive

TERMS = st.lists(st.sampled_from(["disk", "full", "pool", "slow", "host", "retry"]), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(TERMS, max_size=12), st.lists(TERMS, max_size=12), TERMS)
def test_scores_are_bm25_of_bulk_and_tail(bulk: list[list[str]], tail: list[list[str]], query: list[str]) -> None:
    index = FieldIndex().fit(bulk)
    for document in tail:
        index.add(document)
    counted = len(bulk) if any(bulk) else 0
    if counted == 0 and bulk:
        return  # statistics of nothing but empty documents are those of no documents: lengths have no mean
    assert index.scores(query) == pytest.approx(naive.bm25([*bulk, *tail], counted, query), abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([1, 50, 17_000, 40_000]), st.integers(1, 900), st.sampled_from([1, 7, 10_000_000]))
def test_the_highest_of_few_or_many_scores_with_or_without_equals(size: int, count: int, different: int) -> None:
    scores = np.random.default_rng(size + count).integers(0, different, size).astype(np.float32)
    found = highest(scores, count).tolist()
    assert len(found) == min(count, size)
    assert set(found) == naive.highest(scores.tolist(), count)


def test_the_highest_are_found_where_they_all_stand_together() -> None:
    scores = np.zeros(40_000, dtype=np.float32)
    scores[20_001:20_051] = np.arange(1, 51)
    assert set(highest(scores, 60).tolist()) == naive.highest(scores.tolist(), 60)


@settings(max_examples=60, deadline=None)
@given(st.lists(TERMS, min_size=1, max_size=12), st.lists(TERMS, max_size=12), TERMS, st.integers(1, 12))
def test_scores_stay_exact_however_little_is_read(
    bulk: list[list[str]], tail: list[list[str]], query: list[str], read: int
) -> None:
    frugal, whole = FieldIndex(read=read).fit(bulk), FieldIndex().fit(bulk)
    for document in tail:
        frugal.add(document)
        whole.add(document)
    assert frugal.scores(query) == pytest.approx(whole.scores(query), abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.lists(TERMS, min_size=1, max_size=30), TERMS, st.integers(1, 5), st.integers(0, 5))
def test_the_best_are_the_best_of_those_that_may_be_used(
    documents: list[list[str]], query: list[str], count: int, hidden: int
) -> None:
    index = FieldIndex().fit(documents)
    usable = np.arange(len(documents)) >= hidden
    scores = np.where(usable, index.scores(query), 0.0)
    found = index.asked(query).best(usable, count)
    assert sorted(scores[found]) == pytest.approx(sorted(scores[scores > 0])[-count:])
    assert len(set(found.tolist())) == len(found)


def test_common_words_choose_among_those_that_rare_words_found() -> None:
    documents = [["rare", "disk"], *[["slow"]] * 500, ["rare", "slow"], *[["disk"]] * 20]
    index = FieldIndex(read=10).fit(documents)
    everything = np.ones(len(documents), dtype=np.bool_)
    assert index.asked(["rare", "slow"]).best(everything, 1).tolist() == [501]


def test_folding_the_tail_brings_statistics_up_to_date() -> None:
    documents = [["disk", "full", f"host{i % 7}"] for i in range(150)]
    index = FieldIndex()
    for document in documents:
        index.add(document)
    assert index.tail_size_ < len(documents)
    fresh = FieldIndex().fit(documents)
    assert index.settle().scores(["disk", "host3"]) == pytest.approx(fresh.scores(["disk", "host3"]))


def test_one_more_document_is_found_at_once() -> None:
    index = FieldIndex().fit([["disk", "full"]] * 5)
    index.add(["entirely", "new"])
    assert index.scores(["new"]).argmax() == 5
    assert index.scores(["new"])[5] > 0


def test_a_document_scores_its_own_self_score() -> None:
    documents = [["disk", "full", "disk"], ["pool", "slow"], ["retry"]]
    index = FieldIndex().fit(documents)
    index.add(["pool", "full"])
    for slot, document in enumerate([*documents, ["pool", "full"]]):
        assert index.scores(document)[slot] == pytest.approx(index.self_score(document), rel=1e-5)
        assert index.self_scores()[slot] == pytest.approx(index.self_score(document), rel=1e-5)


def test_kept_documents_are_an_index_of_their_own() -> None:
    index = FieldIndex().fit([["disk"], ["pool", "slow"], ["retry", "slow"]])
    kept = index.kept([1, 2])
    fresh = FieldIndex().fit([["pool", "slow"], ["retry", "slow"]])
    assert kept.scores(["slow", "pool"]) == pytest.approx(fresh.scores(["slow", "pool"]))


def test_shared_terms_are_named_rarest_first() -> None:
    index = FieldIndex().fit([["slow", "pool"], ["slow"], ["slow", "retry"]])
    assert index.asked(["slow", "pool", "other"]).shared(0, 5) == ["pool", "slow"]


@settings(max_examples=60, deadline=None)
@given(st.lists(TERMS, max_size=20), st.lists(TERMS, max_size=5), TERMS)
def test_shared_terms_are_those_that_both_hold(bulk: list[list[str]], tail: list[list[str]], query: list[str]) -> None:
    index = FieldIndex().fit(bulk)
    for document in tail:
        index.add(document)
    asked = index.asked(query)
    for slot, document in enumerate([*bulk, *tail]):
        assert set(asked.shared(slot, 99)) == set(query) & set(document)


def test_nothing_indexed_scores_nothing() -> None:
    assert FieldIndex().scores(["disk"]).shape == (0,)
    assert FieldIndex().fit([[], []]).scores(["disk"]).tolist() == [0.0, 0.0]


def test_vectors_equal_their_twin_as_they_grow() -> None:
    random = np.random.default_rng(0)
    index = VectorIndex()
    rows: list[list[float] | None] = []
    for slot in range(40):
        index.grow(slot + 1)
        if slot % 3 == 0:
            rows.append(None)
            continue
        row = random.normal(size=4).astype(np.float32)
        index.put([slot], row[None])
        rows.append(row.tolist())
    asked = random.normal(size=4).astype(np.float32)
    assert index.scores(asked) == pytest.approx(naive.cosines(rows, asked.tolist()), abs=1e-5)


def _cloud(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _filled(rows: np.ndarray, exact: int) -> VectorIndex:
    index = VectorIndex(exact=exact)
    index.grow(len(rows))
    index.put(range(len(rows)), rows)
    return index


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 150), spread=st.sampled_from([1.0, 0.1, 0.003]))
def test_the_nearest_of_many_vectors_are_the_nearest_however_close_they_lie(
    seed: int, count: int, spread: float
) -> None:
    random = np.random.default_rng(seed)
    rows = np.ones(12) + spread * random.normal(size=(5_000, 12))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    asked, usable = rows[random.integers(5_000)], random.random(5_000) < 0.7
    found = _filled(rows, exact=10_000).asked(asked).best(usable, count)
    assert usable[found].all()
    cosines = np.array([cosine if may else -1 for cosine, may in zip(rows @ asked, usable, strict=True)])
    wanted = naive.nearest(cosines.tolist(), count)
    assert len(found) == len(set(found.tolist())) == len(wanted)
    assert np.sort(cosines[found]) == pytest.approx(np.sort(cosines[wanted]), abs=1e-6)


def test_many_vectors_move_into_a_graph_that_answers_alike() -> None:
    rows, asked = _cloud(1500), _cloud(1, seed=9)[0]
    index, everything = _filled(rows, exact=1000), np.ones(1500, dtype=np.bool_)
    wanted = index.asked(asked).best(everything, 10)
    left = list(index.tidying())
    assert left[-1] == 0
    assert len(index.recent_) == 0
    assert index.graph_ is not None
    assert len(set(index.asked(asked).best(everything, 10)) & set(wanted)) >= 7
    assert index.scores(asked) == pytest.approx(rows @ asked, abs=0.02)


def test_between_two_steps_and_after_them_newcomers_are_found() -> None:
    rows, asked = _cloud(1500), _cloud(1, seed=9)[0]
    index = _filled(rows, exact=1000)
    steps = index.tidying()
    next(steps)
    index.grow(1502)
    index.put([1500, 1501], np.stack([asked, -asked]))
    everything = np.ones(1502, dtype=np.bool_)
    assert 1500 in index.asked(asked).best(everything, 3)
    list(steps)
    assert 1500 in index.asked(asked).best(everything, 3)
    assert index.rows(np.array([1500, 1501])) == pytest.approx(np.stack([asked, -asked]))


def test_a_graph_is_asked_wider_until_enough_may_be_used() -> None:
    rows = _cloud(1500)
    index = _filled(rows, exact=1000)
    list(index.tidying())
    usable = np.arange(1500) >= 1490
    found = index.asked(rows[0]).best(usable, 5)
    assert set(found.tolist()) <= set(range(1490, 1500))
    assert len(found) == min(5, int((rows[1490:] @ rows[0] > 0).sum()))


def test_a_graph_grows_and_what_is_kept_of_it_is_an_index_of_its_own() -> None:
    rows = _cloud(2600)
    index = _filled(rows[:1300], exact=1000)
    list(index.tidying())
    index.grow(2600)
    index.put(range(1300, 2600), rows[1300:])
    list(index.tidying())
    assert index.graph_ is not None
    assert len(index.graph_) == 2600
    kept = index.kept([5, 2000, 17])
    assert kept.rows(np.arange(3)) == pytest.approx(rows[[5, 2000, 17]], abs=0.02)


def test_few_vectors_are_compared_one_by_one() -> None:
    index = _filled(_cloud(100), exact=1000)
    assert list(index.tidying()) == []
    assert index.graph_ is None


def test_vectors_of_another_length_replace_the_old_ones() -> None:
    index = VectorIndex()
    index.grow(2)
    index.put([0, 1], np.eye(2, dtype=np.float32))
    index.put([1], np.ones((1, 3), dtype=np.float32))
    assert index.scores(np.ones(3, dtype=np.float32)).tolist() == [0.0, 3.0]


def test_a_later_process_takes_the_graph_from_its_file_and_compares_only_what_is_new(tmp_path: Path) -> None:
    rows, path = _cloud(1500), tmp_path / "graphs" / "one.usearch"
    index = VectorIndex(exact=1000, path=path)
    for place in range(1500):
        index.grow(place + 1, 7 * place)
    index.put(range(1500), rows)
    list(index.tidying())
    later = VectorIndex(exact=1000, path=path)
    for place in range(1502):
        later.grow(place + 1, 7 * (1501 - place))  # the same texts and two more, in another order
    known = later.adopt(path, rows.shape[1])
    assert sorted(known.tolist()) == list(range(2, 1502))
    wanted = {1501 - slot for slot in index.asked(rows[3]).best(np.ones(1500, dtype=np.bool_), 10).tolist()}
    assert set(later.asked(rows[3]).best(np.ones(1502, dtype=np.bool_), 10).tolist()) == wanted
    assert later.rows(np.array([1501 - 3]))[0] == pytest.approx(rows[3], abs=0.02)


def test_texts_that_are_the_same_share_a_vector_of_the_graph() -> None:
    rows = _cloud(1300)
    index = VectorIndex(exact=1000)
    for place in range(1300):
        index.grow(place + 1, place // 2)
    index.put(range(1300), np.repeat(rows[:650], 2, axis=0))
    list(index.tidying())
    assert len(index.graph_ or ()) == 650
    assert set(index.asked(rows[5]).best(np.ones(1300, dtype=np.bool_), 2).tolist()) == {10, 11}


@pytest.mark.parametrize("content", [b"", b"no graph at all", b"cut"])
def test_a_damaged_file_is_no_graph(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.usearch"
    index = _filled(_cloud(1500), exact=1000)
    index.path = path
    list(index.tidying())
    path.write_bytes(path.read_bytes()[:20_000] if content == b"cut" else content)
    later = VectorIndex()
    later.grow(1500)
    assert len(later.adopt(path, 16)) == 0
    assert later.graph_ is None

"""Made-up service desks: what is asked, what is known, and how differently one fault is told."""

from __future__ import annotations

from statistics import mean

import pytest

from training.suggest_desks import STYLES, desk_case


@pytest.mark.parametrize("style", STYLES)
def test_questions_come_later_and_know_no_outcome(style: str) -> None:
    case = desk_case(5, style, size=200)
    asked = [*case.queries, *case.new]
    assert max(one.opened_at for one in case.history) < min(one.opened_at for one in asked)
    assert all(one.resolution is None and one.closed_at is None for one in asked)
    assert all(one.resolution and one.closed_at for one in case.history)


@pytest.mark.parametrize("by_place", [False, True])
def test_repeats_have_their_like_in_the_history_and_new_ones_do_not(by_place: bool) -> None:
    case = desk_case(5, by_place=by_place)
    known = {one.id for one in case.history}
    assert case.queries
    assert case.new
    assert set(case.relevant) == {one.id for one in case.queries}
    assert all(same and same <= known for same in case.relevant.values())


def test_the_same_problem_is_narrower_by_place() -> None:
    anywhere, here = (desk_case(5, by_place=by_place) for by_place in (False, True))
    assert mean(map(len, here.relevant.values())) < mean(map(len, anywhere.relevant.values()))


def test_the_same_seed_tells_the_same_and_another_does_not() -> None:
    assert desk_case(5) == desk_case(5)
    assert desk_case(5).history != desk_case(6).history


def test_styles_show_in_the_texts() -> None:
    told = {style: [one.text() for one in desk_case(5, style, size=100).history] for style in STYLES}
    assert all(text.startswith("[FIRING:") for text in told["alerts"])
    assert any("<p>" in text for text in told["pages"])
    assert any(not text.isascii() for text in told["German"])
    assert all("\n" not in text for text in told["terse"])
    assert any("Confidentiality notice" in text for text in told["forms"])


def test_a_share_of_the_tickets_names_its_application() -> None:
    assert {one.service for one in desk_case(5, service=0).history} == {""}
    assert all(one.service for one in desk_case(5, service=1).history)

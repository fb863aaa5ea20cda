"""Incidents that turn out to be two."""

from __future__ import annotations

from dataclasses import replace

from engine.correlate import Correlator, Weights, shipped
from engine.correlate.cuts import cuts
from engine.correlate.profile import Profile
from engine.domain import Alert
from tests.small_models import alert


def chained(weights: Weights | None = None) -> tuple[Correlator, list[Alert], list[Alert]]:
    """One incident that holds two troubles, half an hour and a world apart."""
    correlator = Correlator(weights=weights)
    first = [
        alert("orders-db", f"orders-db refuses {kind}", at=10.0 * n, host="db-1") for n, kind in enumerate("abcdef")
    ]
    second = [
        alert("mail", f"queue of mail holds {kind}", at=1800.0 + 7 * n, host="mx-3") for n, kind in enumerate("uvwxyz")
    ]
    for one in (*first, *second):
        correlator.learn_one(one, "INC-1")
    return correlator, first, second


def test_one_side_of_a_chained_incident_moves_to_one_new_incident() -> None:
    correlator, first, second = chained()
    found = correlator.revise(second[-1].starts_at)
    assert {one.alert_id for one in found} in ({one.id for one in first}, {one.id for one in second})
    assert {one.to_incident for one in found} == {""}
    assert len({one.beside for one in found}) == 1
    assert found[0].beside in {one.alert_id for one in found}


def test_what_was_told_apart_is_not_merged_again_at_once() -> None:
    correlator, _, second = chained()
    for one in correlator.revise(second[-1].starts_at):
        correlator.move(one.alert_id, "INC-2")
    for _ in range(3):
        found = correlator.revise(second[-1].starts_at)
        assert not [one for one in found if {one.from_incident, one.to_incident} == {"INC-1", "INC-2"}]


def test_a_pinned_alert_holds_its_side() -> None:
    correlator, first, second = chained()
    correlator.pin([first[0].id, second[0].id])
    assert not [one for one in correlator.revise(second[-1].starts_at) if one.beside]


def test_a_whole_incident_stays_whole() -> None:
    correlator = Correlator()
    told = [
        alert("orders-db", f"orders-db refuses {kind}", at=10.0 * n, host="db-1") for n, kind in enumerate("abcdefghi")
    ]
    for one in told:
        correlator.learn_one(one, "INC-1")
    assert correlator.revise(told[-1].starts_at) == ()


def test_without_weights_for_it_nothing_is_cut() -> None:
    correlator, _, second = chained(replace(shipped(), split={}))
    assert not [one for one in correlator.revise(second[-1].starts_at) if one.beside]


def test_both_sides_of_a_cut_are_the_incident() -> None:
    correlator, first, second = chained()
    profile: Profile = correlator._profiles.open["INC-1"]
    seen = list(cuts(profile))
    assert seen
    for small, large in seen:
        assert len(small) <= len(large)
        assert sorted(one.alert_id for one in (*small, *large)) == sorted(one.id for one in (*first, *second))

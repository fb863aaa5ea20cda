"""Later evidence in small portions finds what it finds when all is looked at in one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.correlate import Correlator
from engine.correlate.profile import Member, Profile
from engine.correlate.repair import Settler
from engine.domain import Alert
from tests.small_models import alert


def misplaced() -> tuple[Correlator, list[Alert]]:
    """Two incidents of twelve alerts each, and one alert of the second put into the first."""
    correlator, told = Correlator(), []
    for number in range(12):
        for place, service in enumerate(("orders-db", "mail")):
            one = alert(service, f"{service} check {number} fails", at=10.0 * number + 4 * place, host=f"{service}-1")
            wrong = service == "mail" and number == 5
            correlator.learn_one(one, "INC-1" if wrong or service == "orders-db" else "INC-2")
            told.append(one)
    correlator.repair = replace(correlator.repair, merge_margin=100.0)  # or both might well be one
    return correlator, told


@pytest.mark.parametrize("most", [1, 5, 8, 24, 1000])
def test_small_portions_come_round_to_every_alert(most: int) -> None:
    whole, told = misplaced()
    now = told[-1].starts_at
    expected = {(one.alert_id, one.to_incident) for one in whole.revise(now)}
    assert (told[11].id, "INC-2") in expected
    correlator, _ = misplaced()
    correlator.repair = replace(correlator.repair, most=most)
    found = set()
    for _ in range(2 + len(told)):
        found |= {(one.alert_id, one.to_incident) for one in correlator.revise(now)}
    assert found == expected


def test_no_portion_is_larger_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    correlator, told = misplaced()
    correlator.repair = replace(correlator.repair, most=5)
    looked: list[str] = []
    without = Settler.without

    def noting(self: Settler, some: Sequence[tuple[Profile, Member]]) -> Iterator[dict[str, float]]:
        looked.extend(member.alert_id for _, member in some)
        return without(self, some)

    monkeypatch.setattr(Settler, "without", noting)
    for _ in range(12):
        before = len(looked)
        correlator.revise(told[-1].starts_at)
        assert len(looked) - before <= 5
    assert set(looked) == {one.id for one in told}
    correlator.revise(told[-1].starts_at + timedelta(days=1))
    correlator.move(told[0].id, "INC-3")
    assert correlator.revise(told[-1].starts_at) is not None, "what went in between does not matter"


def test_why_an_alert_is_where_it_is_can_be_asked_at_any_time() -> None:
    correlator, told = misplaced()
    question = alert("mail", "mail check 77 fails", at=118.0, host="mail-1")
    before = correlator.predict_one(question)
    homes = {}
    for one in told:
        match = correlator.explain(one.id)
        homes[one.id] = match.incident_id if match else None
        if match is not None:
            assert sum(reason.weight for reason in match.evidence) == pytest.approx(match.score, abs=1e-9)
            assert match.margin >= 0.0
            assert match.runner_up != match.incident_id
    assert homes[told[0].id] == "INC-1"
    assert homes[told[1].id] == "INC-2"
    assert homes[told[11].id] in (None, "INC-1"), "the misplaced one"
    assert correlator.explain("never seen") is None
    assert correlator.predict_one(question) == before, "asking changes nothing"

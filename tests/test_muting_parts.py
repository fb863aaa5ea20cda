"""Very many alerts that one cause, rule or window mutes: judged in parts, so that nobody waits for all of them."""

from __future__ import annotations

import pytest

from engine.handling import muting, planning
from engine.lifecycle.inhibition import Rule
from engine.lifecycle.matchers import parse_matcher
from engine.pathfinder import Pathfinder
from engine.store import quiet
from engine.store.store import Store
from tests.small_models import alert, moment, small_models

MANY, PART = 23, 5


@pytest.fixture
def engine(store: Store, monkeypatch: pytest.MonkeyPatch) -> Pathfinder:
    monkeypatch.setattr(muting, "AT_ONCE", PART)
    monkeypatch.setattr(planning, "AT_ONCE", PART)
    engine = Pathfinder(store, small_models())
    engine.start()
    return engine


def rule() -> Rule:
    return Rule(id="", source=(parse_matcher("title=down"),), target=(parse_matcher("title=slow"),))


def muted(engine: Pathfinder) -> int:
    places = [place for one in engine.incidents(limit=1000) for place in engine.members(one.id, limit=10_000)]
    return sum(place.muted for place in places)


def drained(engine: Pathfinder, at_s: float) -> int:
    """Parts until nothing is left to judge."""
    for part in range(1, 100):
        if not engine.quieten(moment(at_s)):
            return part
    raise AssertionError("it never ends")


def test_one_cause_mutes_many_in_parts_and_a_crash_between_them_loses_none(engine: Pathfinder, store: Store) -> None:
    engine.add_rule(rule(), moment(0))
    engine.handle([alert(f"web-{n}", "slow", at=10 + n) for n in range(MANY)])
    engine.handle([alert("db", "down", at=60)])
    assert 0 < muted(engine) <= PART, "the transaction of the cause judges one part"
    again = Pathfinder(store, small_models())
    again.start()
    assert drained(again, 70) >= MANY // PART
    assert muted(again) == MANY
    with store.read() as link:
        assert quiet.doubted(link, 1) == []


def test_a_rule_that_comes_and_goes_is_judged_in_parts(engine: Pathfinder) -> None:
    engine.handle([alert("db", "down", at=0), *(alert(f"web-{n}", "slow", at=10 + n) for n in range(MANY))])
    kept = engine.add_rule(rule(), moment(60))
    assert muted(engine) <= PART
    drained(engine, 61)
    assert muted(engine) == MANY
    engine.delete_rule(kept.id, moment(70))
    drained(engine, 71)
    assert muted(engine) == 0


def test_alerts_that_come_meanwhile_are_judged_at_once(engine: Pathfinder) -> None:
    engine.add_rule(rule(), moment(0))
    engine.handle([alert(f"web-{n}", "slow", at=10 + n) for n in range(MANY)])
    engine.handle([alert("db", "down", at=60)])
    before = muted(engine)
    engine.handle([alert("late", "slow", at=61)])
    assert muted(engine) == before + 1

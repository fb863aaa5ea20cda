"""Operators' words: what they do to incidents, and that neither later evidence nor a restart undoes them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, text

from engine.correlate import Correlator
from engine.domain import Alert, AlertStatus, Incident, IncidentStatus, Resolution, Severity
from engine.errors import Conflict, InvalidInput, NotFound, PathfinderError, Unavailable
from engine.handling.correcting import Word
from engine.handling.revising import MOVED_ENOUGH
from engine.lifecycle.explanation import explain
from engine.lifecycle.maintenance import Window
from engine.lifecycle.matchers import Matcher, Op
from engine.pathfinder import Pathfinder
from engine.ports import Models
from engine.store import alerts, incidents, migrations
from engine.store.records import Origin
from engine.store.store import Store
from engine.store.tables import PartingRow
from tests.conftest import create_database, sqlite_url
from tests.failing_storage import failing_commit
from tests.small_models import NOON, ByService, LastResolver, Move, SameTitle, alert, moment, small_models

ANN = Word(actor="ann", at=moment(600), reason="one broken switch")


def started(store: Store) -> Pathfinder:
    engine = Pathfinder(store, small_models())
    engine.start()
    return engine


@pytest.fixture
def engine(store: Store) -> Pathfinder:
    return started(store)


def learned(engine: Pathfinder) -> ByService:
    correlator = engine.live._correlator
    assert isinstance(correlator, ByService)
    return correlator


def placed(engine: Pathfinder) -> dict[str, str]:
    """The incident of every stored alert."""
    with engine.store.read() as link:
        stored = alerts.history(link, NOON - timedelta(days=1), NOON + timedelta(days=9))
        return {one.membership.alert.id: one.membership.incident_id for one in stored}


def inside(engine: Pathfinder, incident_id: str) -> set[str]:
    return {one.alert.id for one in engine.members(incident_id)}


DB, DB2 = alert("db", at=0), alert("db", "slow queries", at=1)
WEB, WEB2 = alert("web", at=2), alert("web", "slow pages", at=3, severity=Severity.CRITICAL)
MAIL = alert("mail", at=4)


@pytest.fixture
def three(engine: Pathfinder) -> Pathfinder:
    """INC-1: db, 2 alerts; INC-2: web, 2 alerts, one of them critical; INC-3: mail, 1 alert."""
    engine.handle([DB, DB2, WEB, WEB2, MAIL])
    return engine


# -- merge


def test_a_merged_incident_lives_on_in_the_other(three: Pathfinder) -> None:
    found = three.merge(["INC-2"], "INC-1", ANN)
    assert [(one.incident.id, one.alerts, one.firing) for one in found] == [("INC-1", 4, 4), ("INC-2", 0, 0)]
    assert found[0].incident.priority == "P1", "as urgent as its worst alert"
    assert inside(three, "INC-1") == {DB.id, DB2.id, WEB.id, WEB2.id}
    assert {one.id for one in three.incidents()} == {"INC-1", "INC-3"}
    for lookup in (three.incident("INC-2"), three.record("INC-2").incident):
        assert lookup.id == "INC-1", "the old id leads to the target"
    assert inside(three, "INC-2") == inside(three, "INC-1")
    assert all(one.pinned for one in three.members("INC-1"))
    told = three.timeline("INC-2")[-1]
    assert (told.kind, told.actor, told.detail) == (
        "merged", "ann", {"from": "INC-2", "to": "INC-1", "alerts": "2", "why": "one broken switch"}
    )  # fmt: skip
    assert [one.root_rank for one in three.members("INC-1")] == [1, 2, 3, 4]


def test_several_incidents_merge_at_once_or_not_at_all(three: Pathfinder) -> None:
    with pytest.raises(NotFound) as missing:
        three.merge(["INC-2", "INC-9"], "INC-1", ANN)
    assert missing.value.field == "incidents.1"
    assert three.incident("INC-2").id == "INC-2"
    three.merge(["INC-2", "INC-3"], "INC-1", ANN)
    assert three.record("INC-1").alerts == 5
    assert {one.id for one in three.incidents()} == {"INC-1"}


def test_what_comes_later_for_a_merged_incident_goes_to_the_target(three: Pathfinder) -> None:
    three.merge(["INC-2"], "INC-3", ANN)
    three.merge(["INC-3"], "INC-1", ANN)
    assert three.incident("INC-2").id == "INC-1", "through a chain of merges"
    end = alert("web", at=60, start=2, resolved=True)
    assert [(one.incident_id, one.outcome) for one in three.handle([end])] == [("INC-1", "resolved")]
    assert three.record("INC-1").firing == 4
    assert three.acknowledge("INC-2", "bob", moment(70)).id == "INC-1"
    assert three.resolve("INC-3", Resolution(text="new switch", resolver="bob"), moment(80)).id == "INC-1"
    assert three.incident("INC-1").status is IncidentStatus.RESOLVED
    assert three.triage("INC-2", moment(90)).model_version == "small"


def test_who_took_the_merged_one_has_taken_both(three: Pathfinder) -> None:
    three.acknowledge("INC-2", "bob", moment(30))
    target, _ = three.merge(["INC-2"], "INC-1", ANN)
    assert (target.assignee, target.acknowledged_at) == ("bob", moment(30))


def test_an_ended_target_opens_again_when_firing_alerts_come(three: Pathfinder) -> None:
    three.handle([alert("mail", at=60, start=4, resolved=True)])
    assert three.incident("INC-3").status is IncidentStatus.RESOLVED
    target, _ = three.merge(["INC-1"], "INC-3", ANN)
    assert (target.incident.status, target.incident.closed_at) == (IncidentStatus.OPEN, None)
    assert "reopened" in [event.kind for event in three.timeline("INC-3")]


def test_a_merge_said_twice_is_heard_once(three: Pathfinder) -> None:
    first = three.merge(["INC-2"], "INC-1", ANN)
    again = three.merge(["INC-2", "INC-3"], "INC-1", ANN)
    assert [one.incident.id for one in again] == ["INC-1", "INC-2", "INC-3"]
    assert (first[0].alerts, again[0].alerts) == (4, 5)
    assert [event.detail["from"] for event in three.timeline("INC-1")[1:]] == ["INC-2", "INC-3"]


# -- split and move


def test_a_split_makes_an_incident_of_its_own(three: Pathfinder) -> None:
    new, old = three.split("INC-2", [WEB2.id], ANN)
    assert (new.incident.id, new.incident.title, new.incident.priority) == ("INC-4", "slow pages", "P1")
    assert (new.alerts, new.firing, old.alerts, old.firing) == (1, 1, 1, 1)
    assert (new.incident.opened_at, new.incident.root_alert_id) == (WEB2.starts_at, WEB2.id)
    assert old.incident.priority == "P3", "the critical alert has left"
    [member] = three.members("INC-4")
    assert (member.pinned, member.score, member.evidence[0].detail) == (
        True, 0.0, "ann put it here (from INC-2): one broken switch"
    )  # fmt: skip
    assert [event.kind for event in three.timeline("INC-4")] == ["opened", "split"]
    assert three.timeline("INC-2")[-1].detail["to"] == "INC-4"


def test_the_first_alert_leaves_and_the_rest_is_named_after_the_next(three: Pathfinder) -> None:
    _, old = three.split("INC-2", [WEB.id], ANN)
    assert (old.incident.title, old.incident.opened_at) == ("slow pages", WEB2.starts_at)
    assert old.incident.root_alert_id == WEB2.id
    assert [one.root_rank for one in three.members("INC-2")] == [1]


def test_what_leaves_with_its_end_closes_what_it_leaves(three: Pathfinder) -> None:
    three.handle([alert("web", at=60, start=2, resolved=True)])
    new, old = three.split("INC-2", [WEB2.id], ANN)
    assert (new.incident.status, old.incident.status) == (IncidentStatus.OPEN, IncidentStatus.RESOLVED)
    assert old.incident.closed_at == moment(60)
    ended, still = three.move(WEB.id, "INC-1", ANN)
    assert (ended.alerts, ended.firing) == (3, 2)
    assert still.incident.merged_into == "INC-1", "its last alert has gone there"


def test_a_moved_alert_stays_where_it_was_put(three: Pathfinder) -> None:
    target, source = three.move(WEB.id, "INC-1", ANN)
    assert (target.incident.id, target.alerts, source.incident.id, source.alerts) == ("INC-1", 3, "INC-2", 1)
    assert learned(three).pinned == {WEB.id}
    new, _ = three.move(WEB.id, None, ANN)
    assert (new.incident.id, inside(three, "INC-4")) == ("INC-4", {WEB.id})
    [same] = three.move(DB.id, "INC-1", ANN)
    assert same.incident.id == "INC-1"
    assert {one.alert.id: one.pinned for one in three.members("INC-1")} == {DB.id: True, DB2.id: False}


# -- pin


def test_a_pin_is_told_once_and_taken_back(three: Pathfinder) -> None:
    three.pin(DB.id, ANN)
    [found] = three.pin(DB.id, ANN)
    assert found.incident.id == "INC-1"
    assert [event.kind for event in three.timeline("INC-1")] == ["opened", "pinned"]
    learned(three).proposed = [Move(DB.id, "INC-1", "INC-2")]
    assert three.revise(moment(700)) == []
    three.unpin(DB.id, ANN)
    assert [event.kind for event in three.timeline("INC-1")] == ["opened", "pinned", "unpinned"]
    assert len(three.revise(moment(800))) == 1


# -- what cannot be


@pytest.mark.parametrize(
    ("verb", "error", "field"),
    [
        (lambda e: e.merge(["INC-9"], "INC-1", ANN), NotFound, "incidents.0"),
        (lambda e: e.merge(["INC-2"], "INC-9", ANN), NotFound, "into"),
        (lambda e: e.merge(["INC-1"], "INC-1", ANN), InvalidInput, "into"),
        (lambda e: e.merge([], "INC-1", ANN), InvalidInput, "incidents"),
        (lambda e: e.split("INC-9", [DB.id], ANN), NotFound, "incident_id"),
        (lambda e: e.split("INC-1", [], ANN), InvalidInput, "alerts"),
        (lambda e: e.split("INC-1", [DB.id, "nothing"], ANN), NotFound, "alerts.1"),
        (lambda e: e.split("INC-1", [DB.id, WEB.id], ANN), Conflict, "alerts.1"),
        (lambda e: e.split("INC-1", [DB.id, DB2.id, DB.id], ANN), Conflict, "alerts"),
        (lambda e: e.move("nothing", "INC-1", ANN), NotFound, "alert_id"),
        (lambda e: e.move(DB.id, "INC-9", ANN), NotFound, "incident"),
        (lambda e: e.move(MAIL.id, None, ANN), Conflict, "incident"),
        (lambda e: e.pin("nothing", ANN), NotFound, "alert_id"),
        (lambda e: e.unpin("nothing", ANN), NotFound, "alert_id"),
    ],
)
def test_what_cannot_be_is_named_and_changes_nothing(
    three: Pathfinder, verb: object, error: type[PathfinderError], field: str
) -> None:
    before = placed(three)
    with pytest.raises(error) as refused:
        verb(three)  # type: ignore[operator]
    assert refused.value.field == field
    assert placed(three) == before
    assert three.live._correlator is not None, "a refusal does not cost the memory"
    assert [len(three.timeline(one)) for one in ("INC-1", "INC-2", "INC-3")] == [1, 1, 1]


def test_what_a_person_ended_and_what_was_merged_stays_as_it_is(three: Pathfinder) -> None:
    three.resolve("INC-3", Resolution(text="restarted"), moment(60))
    three.merge(["INC-2"], "INC-1", ANN)
    for sources, into, field in ((["INC-3"], "INC-1", "incidents.0"), (["INC-1"], "INC-3", "into")):
        with pytest.raises(Conflict, match="ended with a fix") as refused:
            three.merge(sources, into, ANN)
        assert refused.value.field == field
    with pytest.raises(Conflict, match="merged into INC-1"):
        three.merge(["INC-3"], "INC-2", ANN)
    with pytest.raises(Conflict) as refused:
        three.move(MAIL.id, "INC-1", ANN)
    assert refused.value.field == "alert_id"


def test_tickets_and_signs_of_life_are_part_of_nothing(three: Pathfinder) -> None:
    past = Incident(id="T-1", opened_at=NOON, title="old ticket")
    three.import_incidents([past])
    three.handle([alert("prom", "Watchdog", at=9)])
    for other in ("T-1", "INC-4"):
        with pytest.raises(Conflict):
            three.merge([other], "INC-1", ANN)
        with pytest.raises(Conflict):
            three.move(DB.id, other, ANN)


def test_planned_work_takes_nothing_and_gives_what_is_none_of_it(three: Pathfinder) -> None:
    pay = Matcher(field="service", op=Op.IS, value="pay")
    three.add_window(Window(id="", matchers=(pay,), starts_at=moment(10), ends_at=moment(900)), moment(10))
    planned = three.handle([alert("pay", at=20), alert("pay", "slow", at=21)])[0].incident_id
    assert three.record(planned).origin is Origin.MAINTENANCE
    for refused in (lambda: three.merge([planned], "INC-1", ANN), lambda: three.move(DB.id, planned, ANN)):
        with pytest.raises(Conflict, match="planned work"):
            refused()
    other = started(three.store)
    new, _ = three.split(planned, [alert("pay", "slow", at=21).id], ANN)
    other.handle([])
    for engine in (three, other, started(three.store)):
        assert set(learned(engine).members[new.incident.id]) == {alert("pay", "slow", at=21).id}


# -- no model undoes it


def test_later_evidence_moves_no_pinned_alert_and_joins_nothing_that_is_apart(three: Pathfinder) -> None:
    three.split("INC-1", [DB2.id], ANN)
    learned(three).proposed = [
        Move(DB2.id, "INC-4", "INC-2"),  # pinned
        Move(DB.id, "INC-1", "INC-4"),  # apart
        Move(MAIL.id, "INC-3", "INC-2"),
    ]
    learned(three).pinned.clear()
    learned(three).parted.clear()
    assert [one.alert_id for one in three.revise(moment(700))] == [MAIL.id]
    assert learned(three).pinned == {DB2.id}, "the correlator is told again"
    assert learned(three).parted == {frozenset(("INC-1", "INC-4")), frozenset(("INC-2", "INC-4"))}


def test_what_is_apart_stays_apart_by_way_of_a_third(three: Pathfinder) -> None:
    three.split("INC-1", [DB2.id], ANN)
    learned(three).proposed = [Move(DB.id, "INC-1", "INC-3")]
    assert len(three.revise(moment(700))) == 1
    assert three.incident("INC-1").id == "INC-3"
    learned(three).proposed = [Move(DB.id, "INC-3", "INC-4"), Move(MAIL.id, "INC-3", "INC-4")]
    assert three.revise(moment(800)) == []
    three.merge(["INC-3"], "INC-4", ANN)
    assert inside(three, "INC-4") == {DB.id, DB2.id, MAIL.id}, "only an operator's later word joins them"
    assert pairs(three) == [], "what is one is no longer noted as apart"


def test_later_evidence_leaves_what_a_person_ended(three: Pathfinder) -> None:
    three.resolve("INC-3", Resolution(text="restarted"), moment(60))
    away = [Move(MAIL.id, "INC-3", place) for place in ("INC-1", "")]
    learned(three).proposed = [*away, Move(DB.id, "INC-1", "INC-3")]
    assert three.revise(moment(700)) == []
    assert learned(three).pinned == {MAIL.id}, "it need not be proposed again"
    assert learned(three).parted == {frozenset(("INC-1", "INC-3"))}


def test_later_evidence_moves_an_alert_so_often_and_no_more(three: Pathfinder) -> None:
    for number in range(MOVED_ENOUGH + 2):
        there, back = ("INC-1", "INC-2") if number % 2 == 0 else ("INC-2", "INC-1")
        learned(three).proposed = [Move(DB.id, there, back)]
        assert len(three.revise(moment(700 + number))) == (number < MOVED_ENOUGH)
    churn = three.health().churn
    assert (churn.alerts, churn.changed, churn.changes, churn.corrected) == (5, 1, MOVED_ENOUGH, 0)
    assert three.record("INC-1").churn > 0


def test_what_parts_together_opens_one_incident(three: Pathfinder) -> None:
    learned(three).proposed = [Move(one.id, "INC-2", "", beside=WEB.id) for one in (WEB, WEB2)]
    three.handle([alert("web", "a third symptom", at=9)])
    assert len(three.revise(moment(700))) == 2
    assert inside(three, "INC-4") == {WEB.id, WEB2.id}
    assert three.record("INC-2").alerts == 1
    assert [event.kind for event in three.timeline("INC-4")] == ["opened", "moved"]
    learned(three).proposed = [Move(DB.id, "INC-1", ""), Move(DB2.id, "INC-1", "")]
    three.revise(moment(800))
    assert {len(inside(three, name)) for name in ("INC-5", "INC-6")} == {1}, "those that name none stand alone"


def test_a_merge_by_later_evidence_is_one_line(three: Pathfinder) -> None:
    more = [alert("web", f"symptom {number}", at=5 + number) for number in range(60)]
    three.handle(more)
    learned(three).proposed = [Move(one.id, "INC-2", "INC-1") for one in (WEB, WEB2, *more)]
    assert len(three.revise(moment(700))) == 62
    assert [event.kind for event in three.timeline("INC-1")] == ["opened", "merged"]
    detail = three.timeline("INC-1")[-1].detail
    assert detail["alerts"].endswith("and 42 more")
    assert (detail["from"], detail["why"]) == ("INC-2", "they share a cause")
    found = three.record("INC-2")
    assert (found.incident.id, found.alerts, found.came) == ("INC-1", 64, 62)


def test_what_later_evidence_moves_says_why_it_is_where_it_is_now(three: Pathfinder) -> None:
    learned(three).proposed = [Move(WEB.id, "INC-2", "INC-1"), Move(MAIL.id, "INC-3", "INC-1")]
    three.revise(moment(700))
    said = {one.alert.id: (explain(one), one.score, one.margin) for one in three.members("INC-1")}
    assert said[WEB.id] == (
        "they share a cause; in company; next best INC-99, 1.6 times less likely (0.5 in log-odds)", 1.5, 0.5
    )  # fmt: skip
    assert said[MAIL.id] == ("they share a cause; nothing of this service is open", -1.0, 0.0), "taken along"


def test_later_evidence_opens_an_incident_of_its_own(three: Pathfinder) -> None:
    learned(three).proposed = [Move(WEB2.id, "INC-2", "")]
    assert len(three.revise(moment(700))) == 1
    assert inside(three, "INC-4") == {WEB2.id}
    assert three.incident("INC-4").title == "slow pages"
    assert set(learned(three).members["INC-4"]) == {WEB2.id}
    assert [event.kind for event in three.timeline("INC-4")] == ["opened", "moved"]


def test_an_incident_goes_over_whole_or_not_at_all(three: Pathfinder) -> None:
    three.pin(WEB.id, ANN)
    learned(three).proposed = [Move(WEB.id, "INC-2", "INC-1"), Move(WEB2.id, "INC-2", "INC-1")]
    assert three.revise(moment(700)) == []
    assert inside(three, "INC-2") == {WEB.id, WEB2.id}


def test_nothing_is_written_where_later_evidence_is_silent(three: Pathfinder) -> None:
    before = three.health().revision
    assert three.revise(moment(700)) == []
    assert three.health().revision == before


def test_a_correlator_that_stumbles_over_later_evidence_is_asked_less_and_less(
    three: Pathfinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def stumbling(self: ByService, now: object) -> tuple[Move, ...]:
        asked.append(now)
        raise KeyError("no such profile")

    monkeypatch.setattr(ByService, "revise", stumbling)
    for number in range(40):
        assert three.revise(moment(number)) == []
        three.handle([alert("db", f"symptom {number}", at=10 + number)])
    assert 3 <= len(asked) <= 8
    assert three.record("INC-1").alerts == 42


# -- restarts, other processes, faults


def test_constraints_and_lessons_outlive_a_restart_and_reach_other_processes(three: Pathfinder) -> None:
    other = started(three.store)
    three.split("INC-1", [DB2.id], ANN)
    three.merge(["INC-3"], "INC-2", ANN)
    three.pin(DB.id, ANN)
    other.handle([])
    three.unpin(MAIL.id, ANN)
    other.handle([])
    fresh = started(three.store)
    for engine in (other, fresh):
        mine = learned(engine)
        assert mine.pinned == learned(three).pinned == {DB.id, DB2.id, WEB.id, WEB2.id}
        assert mine.parted == learned(three).parted == {frozenset(("INC-1", "INC-4"))}
        assert mine.taught == learned(three).taught == {"corrected": 1.0, "merged": 1.0}
        assert {key: set(found) for key, found in mine.members.items() if found} == {
            "INC-1": {DB.id}, "INC-2": {WEB.id, WEB2.id, MAIL.id}, "INC-4": {DB2.id}
        }  # fmt: skip


def test_a_word_that_could_not_be_stored_leaves_nothing_and_memory_comes_back_whole(three: Pathfinder) -> None:
    three.split("INC-1", [DB2.id], ANN)
    before, lessons = placed(three), dict(learned(three).taught)
    for verb in (lambda: three.merge(["INC-3"], "INC-2", ANN), lambda: three.pin(WEB.id, ANN)):
        with failing_commit(three.store), pytest.raises(Unavailable):
            verb()
    assert placed(three) == before
    assert three.timeline("INC-2")[-1].kind == "opened"
    three.handle([])
    assert (learned(three).pinned, learned(three).taught) == ({DB2.id}, lessons)
    assert learned(three).parted == {frozenset(("INC-1", "INC-4"))}


def test_lessons_outlive_a_new_model_version(three: Pathfinder) -> None:
    three.merge(["INC-3"], "INC-2", ANN)
    three.live.forget(ByService)
    three.handle([])
    assert learned(three).taught == {"merged": 1.0}


def test_a_correlator_that_stumbles_over_a_word_does_not_hold_it_up(
    three: Pathfinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.merge(["INC-3"], "INC-2", ANN)

    def stumbling(*_: object) -> None:
        raise KeyError("no such profile")

    with monkeypatch.context() as patch:
        patch.setattr(ByService, "correct", stumbling)
        new, _ = three.split("INC-1", [DB2.id], ANN)
    assert inside(three, new.incident.id) == {DB2.id}
    three.handle([])
    assert learned(three).taught == {"merged": 1.0}, "what was learned before is not lost"
    assert learned(three).pinned >= {DB2.id}


def test_the_real_correlator_keeps_to_the_word(store: Store) -> None:
    models = Models(
        version="", correlator=lambda edges: Correlator(topology=edges), recommender=SameTitle(), router=LastResolver()
    )
    engine = Pathfinder(store, models)
    engine.start()
    storm = [
        alert("orders-db", f"orders-db check {number} fails", at=10.0 * number, host="db-1") for number in range(8)
    ]
    engine.handle(storm)
    assert len(inside(engine, "INC-1")) == 8
    engine.split("INC-1", [storm[3].id, storm[5].id], ANN)
    engine.pin(storm[0].id, ANN)
    for later in (engine, Pathfinder(store, models)):
        later.start()
        later.handle(
            [alert("orders-db", f"orders-db check {n} fails", at=100.0 + n, host="db-1") for n in range(8, 12)]
        )
        for minute in range(5):
            later.revise(moment(120 + 60 * minute))
        assert inside(later, "INC-2") >= {storm[3].id, storm[5].id}
        assert storm[0].id in inside(later, "INC-1")
        assert engine.incident("INC-1").id == "INC-1"


@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_rows_of_the_first_release_survive(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A database of the first release, with rows, is brought up and worked with."""
    url = f"sqlite:///{tmp_path / 'old.db'}" if name == "sqlite" else ""
    url = url or create_database(request.getfixturevalue("postgres"), "first_release")
    store = Store(url)
    upgraded(store)
    engine = started(store)
    assert engine.record("INC-1").alerts == 2
    assert [(one.pinned, one.provisional, one.margin) for one in engine.members("INC-1")] == [(False, False, 0.0)] * 2
    new, old = engine.split("INC-1", ["a2"], ANN)
    assert (new.incident.id, new.firing, old.firing) == ("INC-2", 1, 1)
    store.close()


def upgraded(store: Store) -> None:
    """Rows as the first release wrote them, then the migrations after it."""
    migrations.upgrade(store.database, "0001")
    with store.database.engine.connect().execution_options(writes=True) as link, link.begin():
        at = "2026-03-02 12:00:00"
        link.execute(text(
            "INSERT INTO incidents (id, opened_at, title, description, service, category, priority, status, fields,"
            " origin, edited, alerts, firing, assignee, roots, roots_at, revision) VALUES ('INC-1', :at, 'db', '',"
            " 'db', '', 'P3', 'open', '{}', 'alerts', false, 2, 2, '', '[]', 0, 1)"
        ), {"at": at})  # fmt: skip
        for number in (1, 2):
            link.execute(text(
                "INSERT INTO alerts (id, arrival, source, fingerprint, title, description, severity, status, service,"
                " host, labels, starts_at, received_at, repeats, incident_id, probability, score, evidence, moved,"
                " revision) VALUES (:id, :n, 's', :id, 'db', '', 'warning', 'firing', 'db', '', '{}', :at, :at, 0,"
                " 'INC-1', 0.9, 2.0, '[[\"same host\", 2.0, \"db-1\"]]', 0, 1)"
            ), {"id": f"a{number}", "n": number, "at": at})  # fmt: skip
        link.execute(text("UPDATE counter SET revision = 1, incidents = 1, alerts = 2"))
    store.migrate()


# -- any sequence of words


Step = tuple[int, int, int, int]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without rows."""
    folder = tmp_path_factory.mktemp("template")
    sqlite_url(folder)
    return folder / "store.db"


def quick(database: Path) -> Store:
    """A store that does not wait for the disk."""
    store = Store(f"sqlite:///{database}")
    event.listen(store.database.engine, "connect", lambda link, _: link.execute("PRAGMA synchronous=OFF").close())
    return store


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(st.tuples(*[st.integers(0, 1000)] * 4), min_size=5, max_size=20))
def test_any_sequence_of_words_keeps_counters_and_pins(template: Path, steps: Sequence[Step]) -> None:
    with tempfile.TemporaryDirectory(prefix="pf-words-") as folder:
        store = quick(Path(shutil.copy(template, folder)))
        engine = started(store)
        for number, step in enumerate(steps):
            if step[3] % 7 == 0:
                engine = started(store)
            held, parted = pinned(engine), pairs(engine)
            by_model = act(engine, step, number)
            sound(engine)
            if by_model:
                after = placed(engine)
                assert {one: after[one] for one in held} == held
                assert all(not kept <= {before, now} for kept in parted for before, now in by_model)
        store.close()


def act(engine: Pathfinder, step: Step, number: int) -> list[tuple[str, str]]:
    """One step; the moves that later evidence made in it."""
    what, one, other, more = step
    known = sorted(placed(engine))
    found = sorted(incident.id for incident in engine.incidents())
    if what % 9 in (0, 1) or not known:
        engine.handle([incoming(one, other, number)])
        return []
    word = Word(actor="ann", at=moment(1000 + number))
    target, second = found[one % len(found)], found[other % len(found)]
    chosen = [known[(one + 7 * place) % len(known)] for place in range(1 + more % 3)]
    if what % 9 == 2:
        beside = chosen[0] if more % 2 else ""
        proposals = [Move(key, placed(engine)[key], ("", target, second)[more % 3], beside) for key in chosen]
        learned(engine).proposed = proposals
        moved = engine.revise(moment(1000 + number))
        after = placed(engine)
        learned(engine).proposed = []
        return [(move.from_incident, after[move.alert_id]) for move in moved]
    try:
        {
            3: lambda: engine.merge([target], second, word),
            4: lambda: engine.split(placed(engine)[chosen[0]], chosen, word),
            5: lambda: engine.move(chosen[0], target if more % 2 else None, word),
            6: lambda: engine.pin(chosen[0], word),
            7: lambda: engine.unpin(chosen[0], word),
            8: lambda: engine.resolve(target, Resolution(text="fixed"), moment(1000 + number)),
        }[what % 9]()
    except (Conflict, InvalidInput):
        return []
    return []


def incoming(one: int, other: int, number: int) -> Alert:
    start = float(one % 5)
    return alert(
        f"svc-{one % 3}", f"symptom {one % 4}", at=float(number), start=min(start, number), resolved=other % 3 == 0
    )


def pinned(engine: Pathfinder) -> dict[str, str]:
    with engine.store.read() as link:
        stored = alerts.history(link, NOON - timedelta(days=1), NOON + timedelta(days=9))
        return {o.membership.alert.id: o.membership.incident_id for o in stored if o.membership.pinned}


def pairs(engine: Pathfinder) -> list[set[str]]:
    with engine.store.read() as link:
        return [set(pair) for pair in link.execute(select(PartingRow.one_id, PartingRow.other_id))]


def sound(engine: Pathfinder) -> None:
    """Counters, status, roots, evidence and memory all say what the stored alerts say."""
    with engine.store.read() as link:
        stored = list(alerts.history(link, NOON - timedelta(days=1), NOON + timedelta(days=9)))
        names = [f"INC-{number}" for number in range(1, 200)]
        records = incidents.by_ids(link, names)
    of: dict[str, dict[str, bool]] = {key: {} for key in records}
    for one in stored:
        place = one.membership
        of[place.incident_id][place.alert.id] = place.alert.status is AlertStatus.FIRING
        assert sum(reason.weight for reason in place.evidence) == pytest.approx(place.score)
    for key, record in records.items():
        members = of[key]
        assert (record.alerts, record.firing) == (len(members), sum(members.values())), key
        assert {alert_id for alert_id, _ in record.roots} <= set(members), key
        incident = record.incident
        if incident.resolution is None:
            assert (incident.status is IncidentStatus.OPEN) == (record.firing > 0), key
        assert (incident.merged_into is not None) == (not members), key
        assert (incident.closed_at is None) == (incident.status is IncidentStatus.OPEN)
        if members:
            assert incident.root_alert_id in members, key
    memory = {key: set(found) for key, found in learned(engine).members.items() if found}
    assert memory == {key: set(found) for key, found in of.items() if found}

"""What is kept quiet in the whole engine: planned work, explained alerts, flapping symptoms. Nothing of it is lost."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.domain import Alert, AlertStatus, Edge, IncidentStatus, Membership, MuteKind, Resolution
from engine.errors import Conflict, NotFound
from engine.lifecycle.inhibition import Rule
from engine.lifecycle.maintenance import Window
from engine.lifecycle.matchers import parse_matcher
from engine.lifecycle.recurrence import Weekly
from engine.pathfinder import Pathfinder
from engine.store.records import Origin
from engine.store.store import Store
from tests.conftest import sqlite_url
from tests.naive import quiet as naive
from tests.small_models import NOON, ByService, alert, moment, small_models

FAR = 10**6


@pytest.fixture
def engine(store: Store) -> Pathfinder:
    engine = Pathfinder(store, small_models())
    engine.start()
    return engine


def again(engine: Pathfinder) -> Pathfinder:
    """The engine after a restart."""
    other = Pathfinder(engine.store, small_models())
    other.start()
    return other


def window(start: float, end: float, *matchers: str, **more: object) -> Window:
    found = tuple(parse_matcher(text) for text in matchers or ("service=db",))
    return Window(id="", matchers=found, starts_at=moment(start), ends_at=moment(end), **more)  # type: ignore[arg-type]


def rule(source: str = "title=down", target: str = "title=slow", *equal: str, **more: object) -> Rule:
    sides = (parse_matcher(source),), (parse_matcher(target),)
    return Rule(id="", source=sides[0], target=sides[1], equal=equal, **more)  # type: ignore[arg-type]


def everything(engine: Pathfinder) -> dict[str, Membership]:
    """Every stored alert, by id."""
    found = [place for one in engine.incidents(limit=1000) for place in engine.members(one.id, limit=10_000)]
    assert len({place.alert.id for place in found}) == len(found)
    return {place.alert.id: place for place in found}


def muted(engine: Pathfinder) -> set[str]:
    return {alert_id for alert_id, place in everything(engine).items() if place.muted}


def pages(engine: Pathfinder) -> int:
    """How often somebody would have been called: incidents that opened, or opened again, and were not muted."""
    lines = [
        (event.kind, one.muted or "maintenance" in event.detail)
        for one in engine.incidents(limit=1000)
        for event in engine.timeline(one.id)
    ]
    return sum(kind in ("opened", "reopened", "unmuted") and not quiet for kind, quiet in lines)


def kinds(engine: Pathfinder, incident_id: str) -> list[str]:
    return [event.kind for event in engine.timeline(incident_id)]


# -- flapping


def flapping_stream(cycles: int = 30, gap_s: float = 60.0, service: str = "db") -> list[Alert]:
    """It begins and ends, again and again."""
    stream = []
    for cycle in range(cycles):
        begun = 2 * cycle * gap_s
        stream.append(alert(service, "link down", at=begun))
        stream.append(alert(service, "link down", at=begun + gap_s, start=begun, resolved=True))
    return stream


def test_a_flapping_symptom_is_one_incident_and_nothing_of_it_is_lost(engine: Pathfinder) -> None:
    for one in flapping_stream():
        engine.handle([one])
    [incident] = engine.incidents()
    assert (incident.id, incident.status) == ("INC-1", IncidentStatus.OPEN)
    assert kinds(engine, "INC-1") == ["opened", "resolved", "reopened", "flapping_started"]
    held = engine.members("INC-1")[-1]
    assert held.flapping_since == moment(180)
    assert held.last_seen_at == moment(60 * 59)
    seen = sum(1 + place.repeats for place in engine.members("INC-1"))
    assert seen == 60 - 1  # each delivery counts but the first end, which is no repeat
    assert engine.health().quiet.flapping == 1


def test_without_the_feature_each_return_would_open_an_incident(engine: Pathfinder) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.handling.symptoms.Symptoms.latest", lambda _self, _alert: None)
        for one in flapping_stream():
            engine.handle([one])
    assert (len(engine.incidents(limit=100)), pages(engine)) == (30, 30)
    other = flapping_stream(service="web")
    for one in other:
        engine.handle([one])
    assert len(engine.incidents(limit=100, service="web")) == 1
    assert pages(engine) == 30 + 2  # opened, and opened again once before it was known to flap


def test_a_symptom_that_is_calm_again_ends_with_the_end_the_tool_told(engine: Pathfinder) -> None:
    for one in flapping_stream():
        engine.handle([one])
    engine.quieten(moment(59 * 60 + 1799))
    assert engine.incident("INC-1").status is IncidentStatus.OPEN
    engine.quieten(moment(59 * 60 + 1801))
    incident = engine.incident("INC-1")
    assert (incident.status, incident.closed_at) == (IncidentStatus.RESOLVED, moment(59 * 60))
    assert kinds(engine, "INC-1")[-2:] == ["flapping_stopped", "resolved"]
    assert [place.flapping_since for place in engine.members("INC-1")] == [None, None]
    engine.quieten(moment(FAR))
    assert kinds(engine, "INC-1").count("flapping_stopped") == 1


def test_a_symptom_that_is_calm_and_there_goes_on_firing(engine: Pathfinder) -> None:
    for one in flapping_stream()[:-1]:
        engine.handle([one])
    engine.quieten(moment(FAR))
    assert engine.incident("INC-1").status is IncidentStatus.OPEN
    assert engine.record("INC-1").firing == 1
    last = flapping_stream()[-1]
    engine.handle([replace(last, received_at=moment(FAR), ends_at=moment(FAR))])
    assert engine.incident("INC-1").status is IncidentStatus.RESOLVED


def test_calm_is_seen_at_the_next_alert_where_nobody_looked_meanwhile(engine: Pathfinder) -> None:
    for one in flapping_stream():
        engine.handle([one])
    [receipt] = engine.handle([alert("db", "link down", at=20_000)])
    assert (receipt.incident_id, receipt.outcome) == ("INC-2", "opened")
    assert engine.incident("INC-1").closed_at == moment(59 * 60)


def test_a_restart_keeps_what_flaps(engine: Pathfinder) -> None:
    stream = flapping_stream()
    for one in stream[:20]:
        engine.handle([one])
    before = everything(engine)
    engine = again(engine)
    assert everything(engine) == before
    for one in stream[20:]:
        engine.handle([one])
    assert [one.id for one in engine.incidents()] == ["INC-1"]
    assert kinds(engine, "INC-1").count("flapping_started") == 1


def test_each_change_alone_in_a_process_of_its_own_is_the_same(engine: Pathfinder) -> None:
    for one in flapping_stream(6):
        engine = again(engine)
        engine.handle([one])
    assert [one.id for one in engine.incidents()] == ["INC-1"]
    assert everything(engine)[engine.members("INC-1")[-1].alert.id].flapping_since == moment(180)


def test_a_delivery_told_twice_changes_nothing(engine: Pathfinder) -> None:
    stream = flapping_stream(8)
    for one in stream:
        engine.handle([one, one])
    held = engine.members("INC-1")[-1]
    assert held.flapping_since == moment(180)
    engine.quieten(moment(FAR))
    engine.handle(stream)  # all of it once more
    assert {one.status for one in engine.incidents()} == {IncidentStatus.RESOLVED}
    assert len(everything(engine)) == 2


def test_what_a_person_ended_stays_ended_and_its_return_is_news(engine: Pathfinder) -> None:
    stream = flapping_stream()
    for one in stream[:20]:
        engine.handle([one])
    engine.resolve("INC-1", Resolution(text="replaced the cable"), moment(1200))
    for one in stream[20:]:
        engine.handle([one])
    assert [(one.id, one.status) for one in engine.incidents()] == [
        ("INC-2", IncidentStatus.OPEN),
        ("INC-1", IncidentStatus.RESOLVED),
    ]
    assert engine.health().quiet.flapping == 1


def test_a_quick_return_is_the_same_occasion_and_a_late_one_is_not(engine: Pathfinder) -> None:
    engine.handle([alert("db", at=0), alert("db", at=60, start=0, resolved=True), alert("db", at=600)])
    assert [(one.id, one.status) for one in engine.incidents()] == [("INC-1", IncidentStatus.OPEN)]
    assert engine.members("INC-1")[-1].evidence[0].signal == "return"
    engine.handle([alert("db", at=700, start=600, resolved=True), alert("db", at=1400)])
    assert [one.id for one in engine.incidents()] == ["INC-2", "INC-1"]


def test_what_comes_back_takes_others_with_it_in_every_process(engine: Pathfinder) -> None:
    other = again(engine)
    engine.handle([alert("db", at=0), alert("db", at=60, start=0, resolved=True), alert("db", at=90)])
    assert [one.incident_id for one in other.handle([alert("db", "slow", at=100)])] == ["INC-1"]
    assert [one.incident_id for one in again(engine).handle([alert("db", "slower", at=110)])] == ["INC-1"]


# -- maintenance


def test_alerts_of_planned_work_are_grouped_muted_and_kept(engine: Pathfinder) -> None:
    planned = engine.add_window(window(0, 600, comment="new kernel"), moment(-60))
    engine.handle([alert("db", at=10), alert("web", at=20), alert("db", "slow", at=30)])
    engine.handle([alert("db", at=50, start=10, resolved=True), alert("db", "late", at=700, start=590, resolved=False)])
    quiet, loud = engine.incidents(muted=True), engine.incidents(muted=False)
    assert [(one.title, one.status, one.opened_at) for one in quiet] == [
        ("Maintenance: new kernel", IncidentStatus.OPEN, moment(0))
    ]
    assert [one.title for one in loud if one.service == "web"] == ["refuses writes"]
    members = engine.members(quiet[0].id)
    assert [(one.alert.title, one.alert.status) for one in members] == [
        ("refuses writes", AlertStatus.RESOLVED),
        ("slow", AlertStatus.FIRING),
    ]
    assert {(one.mutes[0].kind, one.mutes[0].by, one.mutes[0].until) for one in members} == {
        (MuteKind.MAINTENANCE, planned.id, moment(600))
    }
    assert "new kernel" in members[0].mutes[0].because
    assert len(everything(engine)) == 4


def test_what_outlives_the_work_is_loud_when_it_ends(engine: Pathfinder) -> None:
    engine.add_window(window(0, 600), moment(-60))
    engine.handle([alert("db", at=10), alert("db", "slow", at=20), alert("db", at=30, start=10, resolved=True)])
    engine.quieten(moment(599))
    assert engine.incidents(status=IncidentStatus.OPEN, muted=False) == []
    engine.quieten(moment(600))
    [incident] = engine.incidents(status=IncidentStatus.OPEN)
    assert (incident.title, incident.muted, incident.opened_at) == ("slow", False, moment(20))
    assert kinds(engine, incident.id) == ["opened", "unmuted"]
    [held] = engine.incidents(muted=True)
    assert (held.status, held.closed_at) == (IncidentStatus.RESOLVED, moment(600))
    assert kinds(engine, held.id) == ["opened", "unmuted", "resolved"]
    assert [one.alert.title for one in engine.members(held.id)] == ["refuses writes"]
    engine.quieten(moment(FAR))
    assert pages(engine) == 2  # opened and unmuted, both at once, of one incident


def test_what_outlives_the_work_is_grouped_as_anything_else(engine: Pathfinder) -> None:
    engine.add_window(window(0, 600, "service=~db|web"), moment(-60))
    other = again(engine)  # a process that follows
    engine.handle([alert("db", at=590), alert("web", at=591), alert("db", "slow", at=592)])
    other.handle([])
    engine.quieten(moment(601))
    assert other.handle([alert("web", "slow", at=605)])[0].outcome == "joined"
    opened = engine.incidents(status=IncidentStatus.OPEN)
    assert sorted((one.service, len(engine.members(one.id))) for one in opened) == [("db", 2), ("web", 2)]
    assert engine.handle([alert("db", "slower", at=610)])[0].outcome == "joined"
    fresh = again(engine)
    assert fresh.handle([alert("web", "slower", at=611)])[0].outcome == "joined"


def test_an_alert_that_was_there_before_the_work_stays_loud(engine: Pathfinder) -> None:
    engine.add_window(window(0, 600), moment(-60))
    engine.handle([alert("db", at=-1)])
    engine.handle([alert("db", at=5)])
    assert [(one.muted, len(engine.members(one.id))) for one in engine.incidents()] == [(False, 1)]


def test_repeats_and_ends_find_their_alert_in_the_work(engine: Pathfinder) -> None:
    engine.add_window(window(0, 600), moment(-60))
    assert [one.outcome for one in engine.handle([alert("db", at=10), alert("db", at=70), alert("db", at=10)])] == [
        "joined",
        "repeat",
        "repeat",
    ]
    assert engine.handle([alert("db", at=90, start=10, resolved=True)])[0].outcome == "resolved"
    assert len(everything(engine)) == 1


def test_planned_work_teaches_the_correlator_nothing(engine: Pathfinder) -> None:
    engine.add_window(window(0, 600, "source=test"), moment(-60))
    engine.handle(
        [alert("db", at=10), alert("web", at=20), alert("db", at=70), alert("web", at=80, start=20, resolved=True)]
    )
    for one in (engine, again(engine)):
        correlator = one.live._correlator
        assert isinstance(correlator, ByService)
        assert correlator.members == {}


def test_a_window_told_late_mutes_what_began_inside(engine: Pathfinder) -> None:
    engine.handle([alert("db", at=10), alert("web", at=20), alert("db", "old", at=-500, start=-500)])
    planned = engine.add_window(window(0, 600), moment(60))
    assert {(one.alert.service, one.alert.title, one.muted) for one in everything(engine).values()} == {
        ("db", "refuses writes", True),
        ("db", "old", False),
        ("web", "refuses writes", False),
    }
    engine.end_window(planned.id, moment(90))
    assert muted(engine) == set()


def test_ending_the_work_early_makes_the_rest_loud_at_once(engine: Pathfinder) -> None:
    planned = engine.add_window(window(0, 6000), moment(-60))
    engine.handle([alert("db", at=10)])
    engine.end_window(planned.id, moment(100))
    assert [(one.title, one.muted) for one in engine.incidents(status=IncidentStatus.OPEN)] == [
        ("refuses writes", False)
    ]
    assert engine.handle([alert("db", "later", at=200)])[0].incident_id == engine.incidents(muted=False)[0].id
    assert engine.window(planned.id).ended_at == moment(100)
    with pytest.raises(Conflict):
        engine.replace_window(replace(planned, comment="again"), moment(110))


def test_a_window_that_has_not_begun_is_taken_out(engine: Pathfinder) -> None:
    planned = engine.add_window(window(600, 700), moment(0))
    engine.end_window(planned.id, moment(10))
    with pytest.raises(NotFound):
        engine.window(planned.id)
    with pytest.raises(NotFound):
        engine.end_window("MW-999", moment(10))
    engine.handle([alert("db", at=650)])
    assert muted(engine) == set()


def test_a_window_can_be_planned_otherwise(engine: Pathfinder) -> None:
    planned = engine.add_window(window(0, 600), moment(-60))
    engine.handle([alert("db", at=10), alert("web", at=20)])
    engine.replace_window(replace(planned, ends_at=moment(1200)), moment(300))
    engine.quieten(moment(700))
    assert {one.alert.service for one in everything(engine).values() if one.muted} == {"db"}
    engine.replace_window(replace(planned, matchers=(parse_matcher("service=web"),)), moment(800))
    assert muted(engine) == set()


def test_a_weekly_window_holds_each_week_in_an_incident_of_its_own(engine: Pathfinder) -> None:
    engine.add_window(window(0, 600, weekly=Weekly(weekdays=(NOON.weekday(),), timezone="UTC")), moment(-60))
    week = 7 * 86_400
    for number in range(3):
        start = number * week + 10
        engine.handle([alert("db", at=start), alert("db", at=start + 60, start=start, resolved=True)])
        engine.quieten(moment(number * week + 700))
    held = engine.incidents(muted=True)
    assert [(one.opened_at, one.status) for one in held] == [
        (moment(number * week), IncidentStatus.RESOLVED) for number in (2, 1, 0)
    ]
    assert pages(engine) == 0


def test_an_end_told_late_is_judged_by_when_it_was(engine: Pathfinder) -> None:
    """It ended within the work, but that is told only after it was loud already."""
    engine.add_window(window(0, 600), moment(-60))
    engine.handle([alert("db", at=10), alert("db", "slow", at=11)])
    engine.quieten(moment(700))
    assert muted(engine) == set()
    within = replace(alert("db", at=800, start=10, resolved=True), ends_at=moment(500))
    after = replace(alert("db", "slow", at=800, start=11, resolved=True), ends_at=moment(650))
    engine.handle([within, after])
    assert muted(engine) == {within.id}


def test_measures_leave_planned_work_out(engine: Pathfinder) -> None:
    engine.add_window(window(0, 600), moment(-60))
    engine.handle([alert("db", at=10), alert("web", at=20)])
    assert engine.measures(NOON, moment(86_400)).incidents == 1


def test_a_correlator_that_stumbles_keeps_nothing_muted(engine: Pathfinder) -> None:
    engine.add_window(window(0, 600), moment(-60))
    engine.handle([alert("db", "stumble", at=10), alert("db", at=11)])
    engine.quieten(moment(601))
    assert muted(engine) == set()
    assert {one.title for one in engine.incidents(status=IncidentStatus.OPEN)} == {"stumble", "refuses writes"}


def test_a_flapping_symptom_within_the_work_is_muted_with_it(engine: Pathfinder) -> None:
    engine.add_window(window(0, 2400), moment(-60))
    for one in flapping_stream(10):
        engine.handle([one])
    engine.quieten(moment(2400))
    assert len(muted(engine)) == len(everything(engine)) == 2
    engine.quieten(moment(FAR))
    assert {(one.status, one.muted) for one in engine.incidents()} == {(IncidentStatus.RESOLVED, True)}
    assert pages(engine) == 0


def test_a_flapping_symptom_that_outlives_the_work_is_loud(engine: Pathfinder) -> None:
    engine.add_window(window(0, 1000), moment(-60))
    for one in flapping_stream(10):
        engine.handle([one])
    assert [(one.title, one.status) for one in engine.incidents(muted=False)] == [("link down", IncidentStatus.OPEN)]


# -- inhibition


@pytest.mark.parametrize("cause_first", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_cause_mutes_its_consequences_whichever_comes_first(
    engine: Pathfinder, cause_first: bool, at_once: bool
) -> None:
    made = engine.add_rule(rule("title=down", "title=slow", "host"), moment(-60))
    cause = alert("net", "down", at=20, host="rack-1")
    consequences = [alert("db", "slow", at=10, host="rack-1"), alert("web", "slow", at=30, host="rack-1")]
    elsewhere = alert("db", "slow", at=11, host="rack-2")
    told = [cause, *consequences, elsewhere] if cause_first else [*consequences, elsewhere, cause]
    for group in [told] if at_once else [[one] for one in told]:
        engine.handle(group)
    assert muted(engine) == {one.id for one in consequences}
    mute = everything(engine)[consequences[0].id].mutes[0]
    assert (mute.kind, mute.by, mute.alert_id, mute.until) == (MuteKind.INHIBITION, made.id, cause.id, None)
    assert "down on net" in mute.because
    assert muted(again(engine)) == {one.id for one in consequences}


def test_consequences_are_loud_when_the_cause_ends(engine: Pathfinder) -> None:
    engine.add_rule(rule(), moment(-60))
    engine.handle([alert("db", "slow", at=0)])
    engine.handle([alert("net", "down", at=10), alert("web", "slow", at=20)])
    assert [(one.id, one.muted) for one in engine.incidents()] == [("INC-2", False), ("INC-1", True)]
    assert engine.members("INC-2")[-1].evidence[0].signal == "inhibition"  # beside its cause: nobody is called twice
    engine = again(engine)
    engine.handle([alert("net", "down", at=60, start=10, resolved=True)])
    assert muted(engine) == set()
    assert kinds(engine, "INC-1") == ["opened", "muted", "unmuted"]
    assert [one.muted for one in engine.incidents()] == [False, False]


def test_consequences_that_end_a_little_later_stay_muted_where_the_rule_says_so(engine: Pathfinder) -> None:
    engine.add_rule(rule(linger_s=120.0), moment(-60))
    engine.handle([alert("net", "down", at=0), alert("db", "slow", at=5), alert("web", "slow", at=6)])
    engine.handle([alert("net", "down", at=60, start=0, resolved=True)])
    engine.handle([alert("db", "slow", at=100, start=5, resolved=True)])
    engine.quieten(moment(179))
    assert len(muted(engine)) == 2
    engine.quieten(moment(180))
    assert {everything(engine)[one].alert.service for one in muted(engine)} == {"db"}


def test_taking_a_rule_back_makes_its_targets_loud(engine: Pathfinder) -> None:
    made = engine.add_rule(rule(), moment(-60))
    engine.handle([alert("net", "down", at=0), alert("db", "slow", at=5)])
    other = engine.replace_rule(replace(made, target=(parse_matcher("title=slower"),)), moment(10))
    assert muted(engine) == set()
    engine.replace_rule(replace(other, target=(parse_matcher("title=slow"),)), moment(20))
    assert len(muted(engine)) == 1
    engine.delete_rule(made.id, moment(30))
    assert muted(engine) == set()
    with pytest.raises(NotFound):
        engine.rule(made.id)


def test_alerts_on_both_sides_of_a_rule_do_not_mute_each_other(engine: Pathfinder) -> None:
    engine.add_rule(rule("title=~down|slow", "title=slow"), moment(-60))
    engine.handle([alert("db", "slow", at=0), alert("web", "slow", at=1)])
    assert muted(engine) == set()
    engine.handle([alert("net", "down", at=2)])
    assert {everything(engine)[one].alert.title for one in muted(engine)} == {"slow"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_alerts_that_explain_each_other_in_a_circle_one_is_heard(engine: Pathfinder, order: Sequence[int]) -> None:
    for source, target in (("a", "b"), ("b", "c"), ("c", "a")):
        engine.add_rule(rule(f"title={source}", f"title={target}"), moment(-60))
    told = [alert("x", "a", at=0), alert("y", "b", at=1), alert("z", "c", at=2)]
    for number in order:
        engine.handle([told[number]])
    assert told[0].id not in muted(engine)
    assert len(muted(engine)) == 2


def test_a_chain_is_muted_from_its_head(engine: Pathfinder) -> None:
    engine.add_rule(rule("title=a", "title=b"), moment(-60))
    engine.add_rule(rule("title=b", "title=c"), moment(-60))
    engine.handle([alert("z", "c", at=0), alert("y", "b", at=1), alert("x", "a", at=2)])
    assert {everything(engine)[one].alert.title for one in muted(engine)} == {"b", "c"}
    engine.handle([alert("x", "a", at=60, start=2, resolved=True)])
    assert {everything(engine)[one].alert.title for one in muted(engine)} == {"c"}


def test_a_control_without_rules_calls_somebody_for_every_consequence(engine: Pathfinder) -> None:
    storm = [alert(f"svc-{number}", "slow", at=number + 1) for number in range(20)]
    engine.handle([alert("net", "down", at=0), *storm])
    assert pages(engine) == 21
    engine.add_rule(rule("title=gone", "title=late"), moment(100))
    engine.handle([alert("net2", "gone", at=200), *[alert(f"app-{n}", "late", at=201 + n) for n in range(20)]])
    assert pages(engine) == 22
    assert len(everything(engine)) == 42


# -- both, in any order


DOWN, SLOW = parse_matcher("title=down"), parse_matcher("title=slow")
PLANS = (
    Window(id="", matchers=(parse_matcher("service=~a|b"),), starts_at=moment(300), ends_at=moment(900)),
    Window(id="", matchers=(SLOW,), starts_at=moment(900), ends_at=moment(1200)),
    Window(id="", matchers=(SLOW, parse_matcher("host=h2")), starts_at=moment(2000), ends_at=moment(7200)),
)
RULES = (
    rule("title=down", "title=slow", "host"),
    replace(rule(linger_s=90.0), source=(DOWN, parse_matcher("service=a")), target=(SLOW, parse_matcher("service=c"))),
)
EPISODES = st.builds(
    lambda service, title, host, begun, length: (service, title, host, begun * 60.0, length),
    st.sampled_from("abc"),
    st.sampled_from(["down", "slow"]),
    st.sampled_from(["h1", "h2"]),
    st.integers(0, 40),
    st.one_of(st.none(), st.integers(1, 20)),
)


def deliveries(episodes: Sequence[tuple[str, str, str, float, int | None]]) -> list[Alert]:
    """Beginnings and ends; each symptom has one episode."""
    found: dict[tuple[str, str, str], list[Alert]] = {}
    for service, title, host, begun, length in episodes:
        told = [alert(service, title, at=begun, host=host)]
        if length is not None:
            told.append(alert(service, title, at=begun + length * 60.0, start=begun, host=host, resolved=True))
        found.setdefault((service, title, host), told)
    return [one for told in found.values() for one in told]


@pytest.fixture(scope="module")
def planned_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the plans and rules in it, to be copied."""
    path = tmp_path_factory.mktemp("planned")
    store = Store(sqlite_url(path))
    engine = Pathfinder(store, small_models())
    engine.start()
    for plan in PLANS:
        engine.add_window(plan, moment(-60))
    for one in RULES:
        engine.add_rule(one, moment(-60))
    with store.database.engine.connect() as link:
        link.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path / "store.db"


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes and tells little more
)
@given(episodes=st.lists(EPISODES, min_size=1, max_size=8), chance=st.randoms(use_true_random=False))
def test_whatever_the_order_the_same_alerts_are_muted(
    planned_database: Path, episodes: list[tuple[str, str, str, float, int | None]], chance: random.Random
) -> None:
    told = deliveries(episodes)
    now = moment(3_601)
    final = {one.id: one for one in sorted(told, key=lambda one: one.status is AlertStatus.RESOLVED)}
    expected = {key for key, one in final.items() if naive.is_muted(one, list(final.values()), PLANS, RULES, now)}
    for order in (told, chance.sample(told, len(told))):
        with tempfile.TemporaryDirectory() as folder:
            store = Store(f"sqlite:///{shutil.copy(planned_database, folder)}")
            assert _muted_after(store, order, chance, now) == expected
            store.close()


def _muted_after(store: Store, order: Sequence[Alert], chance: random.Random, now: datetime) -> set[str]:
    """In groups of any size, with looks at the clock and restarts between."""
    engine = Pathfinder(store, small_models())
    engine.start()
    rest = list(order)
    while rest:
        size = chance.randint(1, 3)
        engine.handle(rest[:size])
        rest = rest[size:]
        if chance.random() < 0.3:
            engine.quieten(moment(chance.randint(0, 60) * 60.0))
        if chance.random() < 0.2:
            engine = again(engine)
    engine.quieten(now)
    found = everything(engine)
    assert found.keys() == {one.id for one in order}, "an alert is lost"
    for one in engine.incidents(limit=1000):
        members = engine.members(one.id)
        assert one.muted is (bool(members) and all(place.muted for place in members))
        record = engine.record(one.id)
        planned = record.origin is Origin.MAINTENANCE  # open as long as the work goes on
        assert one.status is (IncidentStatus.OPEN if record.firing else IncidentStatus.RESOLVED) or planned
        assert record.alerts == len(members)
        assert record.firing == sum(place.alert.status is AlertStatus.FIRING for place in members)
    return {alert_id for alert_id, place in found.items() if place.muted}


def test_topology_and_model_changes_leave_what_is_muted(engine: Pathfinder) -> None:
    engine.add_window(window(0, 600), moment(-60))
    engine.handle([alert("db", at=10), alert("web", at=20)])
    engine.replace_topology([Edge(source="web", target="db")])
    engine.handle([alert("web", "slow", at=30)])
    assert {everything(engine)[one].alert.service for one in muted(engine)} == {"db"}
    assert {engine.record(one.id).origin for one in engine.incidents(muted=True)} == {Origin.MAINTENANCE}


def test_what_ends_with_the_work_or_with_its_cause_was_never_loud(engine: Pathfinder) -> None:
    engine.add_window(window(0, 600), moment(-60))
    engine.add_rule(rule(), moment(-60))
    engine.handle([alert("db", at=10), alert("net", "down", at=20), alert("web", "slow", at=30)])
    ends = [
        alert("net", "down", at=600, start=20, resolved=True),
        alert("db", at=600, start=10, resolved=True),
        alert("web", "slow", at=600, start=30, resolved=True),
    ]
    engine.handle(ends)
    assert muted(engine) == {ends[1].id, ends[2].id}


def test_earlier_times_told_late_open_nothing_again(engine: Pathfinder) -> None:
    later = [alert("db", at=300), alert("db", at=330, start=300, resolved=True)]
    engine.handle(later)
    [receipt] = engine.handle([replace(alert("db", at=400, start=200, resolved=True), ends_at=moment(230))])
    assert receipt.outcome == "resolved"
    assert {one.status for one in engine.incidents()} == {IncidentStatus.RESOLVED}
    assert len(everything(engine)) == 2
    [back] = engine.handle([alert("db", at=420)])  # the fifth change in four minutes
    assert any(one.flapping_since for one in engine.members(back.incident_id))
    assert engine.record(back.incident_id).firing == 1

"""What becomes of alerts, incidents and questions, on both databases, with small models of known behaviour."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.domain import (
    AlertStatus,
    Edge,
    Incident,
    IncidentStatus,
    Pattern,
    Resolution,
    Responder,
    Rung,
    Severity,
    Work,
)
from engine.errors import Conflict, NotFound, Unavailable
from engine.pathfinder import Pathfinder
from engine.store import incidents
from engine.store.store import Store
from tests.failing_storage import failing_commit
from tests.small_models import NOON, ByService, LastResolver, Move, alert, moment, small_models


@pytest.fixture
def engine(store: Store) -> Pathfinder:
    engine = Pathfinder(store, small_models(), queue="desk")
    engine.start()
    return engine


def again(store: Store) -> Pathfinder:
    """Another process on the same store."""
    other = Pathfinder(store, small_models(), queue="desk")
    other.start()
    return other


def outcomes(engine: Pathfinder, *alerts: object) -> list[tuple[str, str]]:
    return [(one.incident_id, one.outcome) for one in engine.handle(list(alerts))]  # type: ignore[arg-type]


def learned(engine: Pathfinder) -> ByService:
    correlator = engine.live._correlator
    assert isinstance(correlator, ByService)
    return correlator


# -- alerts


def test_a_storm_becomes_one_incident_per_cause(engine: Pathfinder) -> None:
    storm = [alert("db", at=0), alert("web", at=1), alert("db", "slow queries", at=2), alert("db", "slow disk", at=3)]
    assert outcomes(engine, *storm) == [
        ("INC-1", "opened"),
        ("INC-2", "opened"),
        ("INC-1", "joined"),
        ("INC-1", "joined"),
    ]
    assert [one.alert.title for one in engine.members("INC-1")] == ["refuses writes", "slow queries", "slow disk"]
    assert [one.root_rank for one in engine.members("INC-1")] == [1, 2, 3]


def test_receipts_stand_in_the_order_of_the_alerts(engine: Pathfinder) -> None:
    many = [alert(f"svc-{n % 7}", f"symptom {n}", at=n) for n in range(40)]
    receipts = engine.handle(many[::-1])
    assert [one.alert_id for one in receipts] == [one.id for one in many[::-1]]


def test_nothing_comes_of_nothing(engine: Pathfinder) -> None:
    assert engine.handle([]) == []


def test_a_second_delivery_counts_and_adds_no_alert(engine: Pathfinder) -> None:
    one = alert("db", at=0)
    assert outcomes(engine, one, one) == [("INC-1", "opened"), ("INC-1", "repeat")]
    assert outcomes(engine, replace(one, received_at=moment(300))) == [("INC-1", "repeat")]
    [member] = engine.members("INC-1")
    assert (member.repeats, member.last_seen_at) == (2, moment(300))


def test_the_same_symptom_under_another_start_is_a_repeat_of_the_first(engine: Pathfinder) -> None:
    first, second = alert("db", at=0), alert("db", at=60)
    assert first.id != second.id
    engine.handle([first])
    [receipt] = engine.handle([second])
    assert (receipt.alert_id, receipt.outcome) == (first.id, "repeat")
    assert len(engine.members("INC-1")) == 1


def test_a_repeat_that_is_worse_raises_the_priority(engine: Pathfinder) -> None:
    one = alert("db", severity=Severity.WARNING)
    engine.handle([one])
    assert engine.incident("INC-1").priority == "P3"
    engine.handle([replace(one, severity=Severity.CRITICAL)])
    engine.handle([replace(one, severity=Severity.INFO)])
    assert engine.incident("INC-1").priority == "P1"
    assert engine.members("INC-1")[0].alert.severity is Severity.CRITICAL


def test_an_incident_ends_with_its_last_alert(engine: Pathfinder) -> None:
    engine.handle([alert("db", at=0), alert("db", "slow", at=1)])
    assert outcomes(engine, alert("db", at=60, start=0, resolved=True)) == [("INC-1", "resolved")]
    assert engine.incident("INC-1").status is IncidentStatus.OPEN
    engine.handle([alert("db", "slow", at=50, start=1, resolved=True)])
    incident = engine.incident("INC-1")
    assert (incident.status, incident.closed_at) == (IncidentStatus.RESOLVED, moment(60))
    assert [event.kind for event in engine.timeline("INC-1")] == ["opened", "resolved"]


def test_the_end_said_twice_is_a_duplicate(engine: Pathfinder) -> None:
    end = alert("db", at=60, start=0, resolved=True)
    assert outcomes(engine, alert("db", at=0), end, end, alert("db", at=0)) == [
        ("INC-1", "opened"),
        ("INC-1", "resolved"),
        ("INC-1", "duplicate"),
        ("INC-1", "duplicate"),
    ]
    assert engine.members("INC-1")[0].alert.status is AlertStatus.RESOLVED


def test_a_symptom_that_comes_back_much_later_opens_a_new_incident(engine: Pathfinder) -> None:
    engine.handle([alert("db", at=0), alert("db", at=60, start=0, resolved=True)])
    assert outcomes(engine, alert("db", at=900)) == [("INC-2", "opened")]
    assert [one.status for one in engine.incidents()] == [IncidentStatus.OPEN, IncidentStatus.RESOLVED]


def test_an_end_without_a_beginning_opens_nothing_to_do(engine: Pathfinder) -> None:
    assert outcomes(engine, alert("db", at=60, start=0, resolved=True)) == [("INC-1", "resolved")]
    assert engine.incidents(status=IncidentStatus.OPEN) == []
    assert engine.incident("INC-1").closed_at == moment(60)
    assert outcomes(engine, alert("db", at=920)) == [("INC-2", "opened")]


def test_a_late_alert_that_still_fires_reopens_what_its_companions_had_ended(engine: Pathfinder) -> None:
    engine.handle([alert("db", at=0), alert("db", at=60, start=0, resolved=True)])
    assert outcomes(engine, alert("db", "slow", at=90, start=30)) == [("INC-1", "joined")]
    assert engine.incident("INC-1").status is IncidentStatus.OPEN
    engine.handle([alert("db", "slow", at=95, start=30, resolved=True)])
    assert engine.incident("INC-1").closed_at == moment(95)


def test_a_late_alert_leaves_what_a_person_ended(engine: Pathfinder) -> None:
    engine.handle([alert("db", at=0)])
    engine.resolve("INC-1", Resolution(text="restarted"), moment(60))
    assert outcomes(engine, alert("db", "slow", at=90, start=30)) == [("INC-1", "joined")]
    assert engine.incident("INC-1").status is IncidentStatus.RESOLVED
    assert outcomes(engine, alert("db", "slower", at=120)) == [("INC-2", "opened")]


def test_an_incident_is_named_after_its_probable_root(engine: Pathfinder) -> None:
    engine.handle([alert("db", "queries slow", at=10, severity=Severity.WARNING)])
    engine.handle([alert("db", "disk failing", at=20, start=5, severity=Severity.CRITICAL)])
    incident = engine.incident("INC-1")
    assert (incident.title, incident.service, incident.priority) == ("disk failing", "db", "P1")
    assert incident.opened_at == moment(5)
    assert incident.root_alert_id == engine.members("INC-1")[0].alert.id


def test_roots_of_a_great_storm_are_not_judged_at_every_alert(engine: Pathfinder) -> None:
    judged = []
    asked = ByService.roots

    def counting(self: ByService, incident_id: str) -> tuple[tuple[str, float], ...]:
        judged.append(incident_id)
        return asked(self, incident_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ByService, "roots", counting)
        for number in range(120):
            engine.handle([alert("db", f"symptom {number}", at=number)])
    assert 20 < len(judged) < 60
    assert engine.record("INC-1").alerts == 120


def test_the_topology_counts_from_the_next_alert_on(engine: Pathfinder) -> None:
    engine.handle([alert("db", at=0)])
    engine.replace_topology([Edge(source="web", target="db")])
    assert outcomes(engine, alert("web", at=1)) == [("INC-1", "joined")]


# -- faults


def test_after_a_failed_commit_the_same_alerts_can_be_sent_again(engine: Pathfinder) -> None:
    engine.handle([alert("db", at=0)])
    storm = [alert("db", "slow", at=1), alert("web", at=2)]
    with failing_commit(engine.store), pytest.raises(Unavailable):
        engine.handle(storm)
    assert [one.id for one in engine.incidents()] == ["INC-1"]
    assert outcomes(engine, alert("cron", at=3)) == [("INC-2", "opened")]
    assert outcomes(engine, *storm) == [("INC-1", "joined"), ("INC-3", "opened")]


def test_memory_that_outlived_a_failed_commit_would_go_wrong(engine: Pathfinder) -> None:
    """The control of the test above: with the correlator kept, an alert joins an incident that was never stored."""
    kept = learned(engine)
    with failing_commit(engine.store), pytest.raises(Unavailable):
        engine.handle([alert("db", at=0)])
    engine.live._correlator = kept
    assert kept.predict_one(alert("db", "slow", at=1)).incident_id == "INC-1"
    with pytest.raises(NotFound):
        engine.incident("INC-1")


def test_one_alert_that_cannot_be_judged_harms_no_other(engine: Pathfinder) -> None:
    group = [alert("db", at=0), alert("web", "stumble", at=1), alert("db", "slow", at=2)]
    assert outcomes(engine, *group) == [("INC-1", "opened"), ("INC-2", "opened"), ("INC-1", "joined")]
    assert engine.members("INC-2")[0].evidence[0].signal == "apart"
    assert outcomes(again(engine.store), alert("db", "slower", at=3)) == [("INC-1", "joined")]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_row_that_cannot_be_stored_harms_no_other(engine: Pathfinder, place: int) -> None:
    group = [alert("db", at=0), alert("db", "slow", at=1)]
    group.insert(place, replace(alert("web", at=2), labels={"n": object()}))  # type: ignore[dict-item]
    receipts = engine.handle(group)
    assert [one.outcome == "quarantined" for one in receipts] == [number == place for number in range(3)]
    assert len(engine.members("INC-1")) == 2
    assert engine.record("INC-1").firing == 2


@pytest.mark.parametrize("nasty", ["a\x00b", "\ud800", "\udfff\ud800"])
def test_strange_text_is_stored_and_found_again_as_the_same_alert(engine: Pathfinder, nasty: str) -> None:
    one = replace(alert("db", nasty, labels={nasty: nasty}), id=f"id-{nasty}")
    assert outcomes(engine, one, alert("web")) == [("INC-1", "opened"), ("INC-2", "opened")]
    assert outcomes(engine, one) == [("INC-1", "repeat")]
    assert outcomes(again(engine.store), one) == [("INC-1", "repeat")]


# -- several processes, restarts


def test_other_processes_alerts_count_before_the_next_decision(engine: Pathfinder) -> None:
    other = again(engine.store)
    assert outcomes(engine, alert("db", at=0)) == [("INC-1", "opened")]
    assert outcomes(other, alert("db", "slow", at=1)) == [("INC-1", "joined")]
    assert outcomes(engine, alert("db", "slow", at=1)) == [("INC-1", "repeat")]
    ends = [alert("db", at=60, start=0, resolved=True), alert("db", "slow", at=60, start=1, resolved=True)]
    other.handle(ends)
    assert outcomes(engine, alert("db", "slower", at=90)) == [("INC-2", "opened")]


def test_following_another_process_equals_having_done_it(engine: Pathfinder) -> None:
    other = again(engine.store)
    engine.handle([alert("db", at=0), alert("web", at=1), alert("db", "slow", at=2)])
    engine.handle([alert("db", at=30), alert("web", at=40, start=1, resolved=True)])
    other.handle([])
    fresh = again(engine.store)
    for one in (other, fresh):
        assert {key: set(value) for key, value in learned(one).members.items()} == {
            key: set(value) for key, value in learned(engine).members.items()
        }
        assert learned(one).last == learned(engine).last
        assert learned(one).closed == learned(engine).closed


def test_a_restart_in_the_middle_changes_no_group(engine: Pathfinder) -> None:
    storm = [alert(f"svc-{n % 5}", f"symptom {n % 11}", at=30.0 * n) for n in range(60)]
    storm += [alert("svc-1", "symptom 1", at=30.0 * 60, start=30.0, resolved=True)]
    whole = {}
    for number, one in enumerate(storm):
        if number % 9 == 4:
            engine = again(engine.store)
        whole[number] = engine.handle([one])[0].incident_id
    unharmed = Pathfinder(engine.store, small_models())
    unharmed.live._correlator = correlator = ByService()
    expected: dict[int, str] = {}
    opened = 0
    for number, one in enumerate(storm):
        match = correlator.predict_one(one)
        if match.incident_id is None:
            opened += 1
        expected[number] = match.incident_id or f"INC-{opened}"
        correlator.learn_one(one, expected[number], alert_of=match.repeat_of)
    assert whole == expected


def test_a_resolution_in_one_process_teaches_the_other(engine: Pathfinder) -> None:
    other = again(engine.store)
    engine.handle([alert("db", at=0)])
    engine.resolve("INC-1", Resolution(text="restart it", resolver="ann"), moment(60))
    question = Incident(id="", opened_at=moment(60), title="refuses writes", service="db")
    for process in (engine, other):
        triage = process.triage_text(question, moment(61))
        assert [one.incident.resolution.text for one in triage.suggestions.items if one.incident.resolution] == [
            "restart it"
        ]
        assert [one.responder for one in triage.routing.candidates] == ["ann"]


# -- incidents


def test_a_person_reports_and_alerts_do_not_rewrite_it(engine: Pathfinder) -> None:
    reported = engine.report(Incident(id="", opened_at=NOON, title="payments stuck", service="pay"), actor="ann")
    assert reported.id == "INC-1"
    assert engine.incident("INC-1") == reported
    assert engine.timeline("INC-1")[0].actor == "ann"
    assert outcomes(engine, alert("db")) == [("INC-2", "opened")]


def test_a_fix_can_be_replaced_and_the_end_stays(engine: Pathfinder) -> None:
    engine.handle([alert("db", at=0)])
    engine.resolve("INC-1", Resolution(text="restarted"), moment(60))
    incident = engine.resolve("INC-1", Resolution(text="replaced the disk", resolver="bob"), moment(120))
    assert incident.closed_at == moment(60)
    assert incident.resolution == Resolution(text="replaced the disk", resolver="bob", resolved_at=moment(120))
    assert engine.incident("INC-1") == incident
    assert [event.detail["text"] for event in engine.timeline("INC-1")[1:]] == ["restarted", "replaced the disk"]


def test_taking_an_incident_counts_into_the_load(engine: Pathfinder) -> None:
    engine.put_responder(Responder(id="ann", skills=("db",)))
    engine.handle([alert("db"), alert("web")])
    engine.acknowledge("INC-1", "ann", moment(30))
    engine.triage("INC-2", moment(40))
    router = engine.experience.models.router
    assert isinstance(router, LastResolver)
    assert router.asked_with == {
        "staff": [Responder(id="ann", skills=("db",))],
        "work": {"ann": Work(open=1, pages_day=1, pages_week=1)},
    }
    engine.resolve("INC-1", Resolution(resolver="ann"), moment(60))
    engine.triage("INC-2", moment(70))
    assert router.asked_with["work"] == {"ann": Work(open=0, pages_day=1, pages_week=1)}
    with pytest.raises(Conflict):
        engine.acknowledge("INC-1", "ann", moment(80))


@pytest.mark.parametrize("verb", ["incident", "members", "timeline", "triage", "resolve", "acknowledge"])
def test_what_does_not_exist_is_not_found(engine: Pathfinder, verb: str) -> None:
    more = {"triage": (NOON,), "resolve": (Resolution(), NOON), "acknowledge": ("ann", NOON)}.get(verb, ())
    with pytest.raises(NotFound):
        getattr(engine, verb)("INC-404", *more)


def test_later_evidence_moves_an_alert(engine: Pathfinder) -> None:
    first, second = alert("db", at=0), alert("web", at=1)
    other = again(engine.store)
    engine.handle([first, second])
    other.handle([])
    proposal = Move(second.id, "INC-2", "INC-1")
    learned(engine).proposed = [proposal, Move("gone", "INC-2", "INC-1")]
    assert engine.revise(moment(60)) == [proposal]
    assert {one.alert.id for one in engine.members("INC-1")} == {first.id, second.id}
    assert engine.incident("INC-2").id == "INC-1", "the old id leads to where its alerts are"
    assert engine.incidents(status=IncidentStatus.RESOLVED) == []
    told = engine.timeline("INC-1")[-1]
    assert (told.kind, told.detail["from"], told.detail["why"]) == ("merged", "INC-2", "they share a cause")
    other.handle([])
    assert set(learned(other).members["INC-1"]) == {first.id, second.id}


def test_tickets_of_another_tool_teach_and_keep_their_ids(engine: Pathfinder) -> None:
    past = Incident(
        id="INC-41",
        opened_at=NOON - timedelta(days=2),
        closed_at=NOON - timedelta(days=1),
        status=IncidentStatus.RESOLVED,
        title="refuses writes",
        resolution=Resolution(text="restart it", resolver="ann"),
    )
    assert engine.import_incidents([past, past]) == 1
    assert engine.incident("INC-41") == past
    assert outcomes(engine, alert("db")) == [("INC-42", "opened")]
    assert [one.incident.id for one in engine.triage("INC-42", moment(5)).suggestions.items] == ["INC-41"]
    with pytest.raises(Conflict):
        engine.import_incidents([replace(past, id="INC-42")])


def test_a_great_import_is_known_at_once_and_encoded_by_the_next_refresh(engine: Pathfinder) -> None:
    engine.warm()
    past = [
        Incident(
            id=f"T-{number}",
            opened_at=NOON - timedelta(days=2, seconds=number),
            closed_at=NOON - timedelta(days=1),
            status=IncidentStatus.RESOLVED,
            title=f"ticket {number}",
            resolution=Resolution(text="restart it", resolver="ann"),
        )
        for number in range(150)
    ]
    engine.import_incidents(past)
    answer = engine.triage_text(replace(past[7], id="", resolution=None), moment(5))
    assert [one.incident.id for one in answer.suggestions.items] == ["T-7"]
    recommender = engine.experience.models.recommender
    recommender.ready = False  # type: ignore[misc]
    engine.refresh()
    assert engine.health().rung is Rung.FULL


# -- questions


def test_an_answer_stands_on_its_lowest_rung(engine: Pathfinder) -> None:
    engine.handle([alert("db")])
    assert engine.triage("INC-1", moment(5)).rung is Rung.LEXICAL
    assert engine.health().rung is Rung.LEXICAL
    engine.warm()
    answer = engine.triage("INC-1", moment(5))
    assert (answer.rung, answer.model_version, answer.routing.queue) == (Rung.FULL, "small", "desk")
    assert engine.health().rung is Rung.FULL


def test_without_models_the_last_resolvers_are_named(store: Store) -> None:
    engine = Pathfinder(store, small_models(broken=True), queue="desk")
    engine.start()
    engine.handle([alert("db", at=0), alert("web", at=1)])
    engine.resolve("INC-1", Resolution(text="restarted", resolver="ann"), moment(60))
    engine.resolve("INC-2", Resolution(text="restarted", resolver="bob"), moment(70))
    engine.handle([alert("db", "slow", at=80)])
    answer = engine.triage("INC-3", moment(90))
    assert answer.rung is Rung.RULES
    assert [one.responder for one in answer.routing.candidates] == ["ann"]
    assert not answer.routing.automatic
    assert answer.routing.queue == "desk"
    assert answer.suggestions.note


def test_a_question_changes_nothing(engine: Pathfinder) -> None:
    engine.handle([alert("db")])
    before = engine.health().revision, copy.deepcopy(learned(engine).members)
    engine.triage("INC-1", moment(5))
    engine.triage_text(Incident(id="", opened_at=NOON, title="refuses writes"), moment(5))
    assert (engine.health().revision, learned(engine).members) == before


def test_expected_load_of_the_service_is_in_the_answer(engine: Pathfinder) -> None:
    pattern = Pattern(
        service="db",
        host="",
        metric="cpu",
        kind="daily",
        rule="FREQ=DAILY",
        timezone="UTC",
        start_local="13:00",
        duration_minutes=60,
        level=90.0,
        baseline=20.0,
        hits=11,
        chances=12,
        q_value=0.001,
        last_seen_at=NOON,
    )
    engine.replace_patterns([pattern])
    engine.replace_patterns([replace(pattern, level=95.0), replace(pattern, service="web")])
    engine.handle([alert("db")])
    [expected] = engine.triage("INC-1", moment(60)).expected
    assert expected.occurrence.start == NOON + timedelta(hours=1)
    assert expected.pattern.level == 95.0
    coming = engine.upcoming(NOON, days=2)
    assert [one.occurrence.start for one in coming] == [NOON + timedelta(hours=h) for h in (1, 1, 25, 25)]
    named = {one.pattern.service: one.id for one in engine.patterns()}
    engine.replace_patterns([pattern])
    states = {one.id: one.pattern.state for one in engine.patterns()}
    assert states.keys() == set(named.values()), "what is no longer found is kept for what it was"
    assert states[named["db"]] != "faded"


def test_measures_come_from_what_happened(engine: Pathfinder) -> None:
    engine.handle([alert("db", at=30, start=0), alert("db", at=630, start=0, resolved=True)])
    engine.handle([alert("db", at=1700)])
    engine.acknowledge("INC-2", "ann", moment(1760))
    measured = engine.measures(NOON, NOON + timedelta(days=7))
    assert (measured.incidents, measured.open, measured.repeats) == (2, 1, 1)
    assert (measured.detect.mean_s, measured.acknowledge.mean_s, measured.resolve.mean_s) == (15.0, 60.0, 630.0)


def test_health_tells_storage_that_is_away(engine: Pathfinder) -> None:
    assert (engine.health().readable, engine.health().writable) == (True, True)
    with engine.store.write(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "read", failing_read)
        health = engine.health()
    assert (health.readable, health.writable) == (False, False)
    assert "away" in health.note


@contextmanager
def failing_read(self: Store) -> Iterator[None]:
    raise Unavailable("the database is away")
    yield


def test_a_locked_store_refuses_alerts_and_loses_no_memory(engine: Pathfinder, url: str) -> None:
    engine.handle([alert("db", at=0)])
    holder = Store(url)
    with holder.write(), pytest.raises(Unavailable):
        engine.handle([alert("db", "slow", at=1)])
    assert learned(engine)
    assert outcomes(engine, alert("db", "slow", at=1)) == [("INC-1", "joined")]
    holder.close()


def test_records_are_counted_right_after_everything(engine: Pathfinder) -> None:
    engine.handle([alert("db", at=0), alert("db", "slow", at=1), alert("db", at=5)])
    engine.handle([alert("db", at=60, start=0, resolved=True)])
    record = engine.record("INC-1")
    assert (record.alerts, record.firing, record.ended_at) == (2, 1, moment(60))
    with engine.store.read() as link:
        assert incidents.counts(link) == {"open": 1}

"""The seeded firm: repeatable, its dials work, its truth is complete and fits what its tools send."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.domain import AlertStatus
from training.firm.kinds_infra import ALL_KINDS
from training.firm.rhythms import Rhythm
from training.simulate import NO_FAULT, Firm, Plan, simulate


@pytest.fixture(scope="module")
def firm() -> Firm:
    return simulate(seed=3, days=42)


def test_the_same_seed_gives_the_same_firm(firm: Firm) -> None:
    twin = simulate(seed=3, days=42)
    assert (twin.alerts, twin.truth, twin.incidents) == (firm.alerts, firm.truth, firm.incidents)
    assert twin.metrics.equals(firm.metrics)
    assert twin.edges == firm.edges


def test_another_seed_gives_other_names_and_people(firm: Firm) -> None:
    other = simulate(seed=4, days=42)
    names = [{edge.source for edge in each.edges} for each in (firm, other)]
    assert len(names[0] & names[1]) < len(names[0]) / 2
    assert {each.id for each in other.responders} != {each.id for each in firm.responders}


def test_every_alert_has_a_truth_and_they_come_in_the_order_received(firm: Firm) -> None:
    assert set(firm.truth) == {alert.id for alert in firm.alerts}
    received = [alert.received_at for alert in firm.alerts]
    assert received == sorted(received)
    assert len({alert.id for alert in firm.alerts}) == len(firm.alerts)


def test_some_alerts_are_late_and_out_of_order(firm: Firm) -> None:
    delays = [(a.received_at - a.starts_at).total_seconds() for a in firm.alerts if a.status is AlertStatus.FIRING]
    assert sum(delay > 120 for delay in delays) > 10
    starts = [alert.starts_at for alert in firm.alerts]
    assert any(later < earlier for earlier, later in itertools.pairwise(starts))


def test_a_resolved_notice_follows_a_firing_alert_of_the_same_symptom_and_incident(firm: Firm) -> None:
    fired = {(a.fingerprint, firm.truth[a.id]) for a in firm.alerts if a.status is AlertStatus.FIRING}
    over = [a for a in firm.alerts if a.status is AlertStatus.RESOLVED]
    assert over
    assert all((a.fingerprint, firm.truth[a.id]) in fired and a.ends_at is not None for a in over)


def test_what_shows_already_does_not_begin_anew_for_another_incident(firm: Firm) -> None:
    open_since: dict[str, str] = {}
    wrong = 0
    by_start = sorted((a for a in firm.alerts if a.labels), key=lambda a: (a.starts_at, a.status))
    ends = {(a.fingerprint, a.starts_at): a.ends_at for a in by_start if a.ends_at}
    until: dict[str, datetime] = {}
    for alert in by_start:
        incident, name = firm.truth[alert.id], alert.fingerprint
        over = ends.get((name, alert.starts_at))
        if open_since.get(name, incident) != incident and until[name] > alert.starts_at + timedelta(seconds=10):
            wrong += 1
        open_since[name] = incident
        until[name] = over or alert.starts_at
    assert wrong == 0


@pytest.mark.parametrize("noise", [0.0, 0.5, 0.8])
def test_the_noise_share_is_what_was_asked_for(noise: float) -> None:
    firm = simulate(seed=5, days=42, noise=noise)
    shown = {(a.fingerprint, firm.truth[a.id]) for a in firm.alerts}
    related = sum(incident in firm.roots for _, incident in shown)
    loads = sum(1 for rhythm in firm.rhythms if rhythm["alerts"]) * 6 * 9  # generous: what known loads may add
    share = 1 - related / len(shown)
    assert noise - 0.1 <= share <= noise + 0.12 + loads / len(shown)


def test_more_concurrency_means_more_faults_at_the_same_time() -> None:
    def together(concurrency: float) -> int:
        firm = simulate(plan=Plan(seed=6, days=60, concurrency=concurrency, noise=0.2))
        begun = defaultdict(list)
        for alert in firm.alerts:
            if firm.truth[alert.id] in firm.roots:
                begun[firm.truth[alert.id]].append(alert.starts_at)
        starts = sorted(min(each) for each in begun.values())
        return sum(b - a < timedelta(minutes=10) for a, b in itertools.pairwise(starts))

    assert together(0.8) > 2 * together(0.05)


def test_past_tickets_close_before_the_split_and_questions_open_after_it(firm: Firm) -> None:
    assert firm.incidents and firm.queries
    assert all(each.known_from < firm.split_at for each in firm.incidents)
    assert all(each.opened_at >= firm.split_at for each in firm.queries)
    assert {each.id for each in firm.incidents + firm.queries} <= set(firm.truth.values())


def test_tickets_carry_a_fix_a_resolver_and_a_team_that_work_there(firm: Firm) -> None:
    texts = Counter(bool(each.resolution and each.resolution.text) for each in firm.incidents)
    assert texts[True] > 0.9 * len(firm.incidents)
    teams = {each.team for each in firm.responders}
    assert all(
        each.resolution and each.resolution.resolver and each.resolution.team in teams for each in firm.incidents
    )


def test_the_resolver_can_be_learned_from_the_kind_of_fault() -> None:
    firm = simulate(seed=2, days=180)
    by_kind = defaultdict(Counter)
    for each in firm.incidents:
        if firm.fault_of[each.id] != NO_FAULT and each.resolution:
            by_kind[firm.fault_of[each.id]][each.resolution.resolver] += 1
    hits = sum(counts.most_common(1)[0][1] for counts in by_kind.values())
    total = sum(sum(counts.values()) for counts in by_kind.values())
    assert 0.35 < hits / total < 0.95  # neither chance among eight people, nor a table to look up


def test_one_kind_is_fixed_in_several_wordings(firm: Firm) -> None:
    assert len({kind.name for kind in ALL_KINDS}) == len(ALL_KINDS) >= 20
    assert all(len(set(kind.fixes)) >= 2 and len(set(kind.tells)) >= 2 for kind in ALL_KINDS)


def test_somebody_leaves_and_somebody_joins() -> None:
    firm = simulate(seed=1, days=120)
    seen = {each.resolution.resolver for each in firm.incidents if each.resolution}
    now = {each.id for each in firm.responders}
    assert seen - now, "nobody left"
    early = {each.resolution.resolver for each in firm.incidents[: len(firm.incidents) // 3] if each.resolution}
    assert now - early, "nobody joined"


def test_tools_differ_in_the_fields_they_fill(firm: Firm) -> None:
    habits = {(bool(a.service), bool(a.host), bool(a.labels)) for a in firm.alerts}
    assert {(True, True, True), (True, False, True), (False, True, True), (False, False, False)} <= habits


def test_the_friday_load_stands_in_the_metrics_of_batch_01(firm: Firm) -> None:
    load = next(each for each in firm.rhythms if each["host"] == "batch-01" and each["kind"] == "weekly")
    assert (load["start_local"], load["weekday"]) == ("16:00", 4)
    rows = firm.metrics[(firm.metrics.host == "batch-01") & (firm.metrics.metric == "cpu")]
    local = rows.ts.dt.tz_convert(firm.timezone)
    friday = rows[(local.dt.day_of_week == 4) & (local.dt.hour == 16) & (local.dt.minute.between(10, 40))]
    assert friday.value.median() > rows.value.median() + 30


def test_a_rhythm_keeps_the_wall_clock_when_the_clocks_change() -> None:
    rhythm = Rhythm("s", "h", "cpu", "daily", "16:00", 30, 80, 30)
    windows = rhythm.windows(datetime(2026, 10, 24, tzinfo=UTC), 3, ZoneInfo("Europe/Amsterdam"))
    assert [start.hour for start, _ in windows] == [14, 15, 15]


def test_known_loads_are_complained_about_by_the_clock(firm: Firm) -> None:
    zone = ZoneInfo(firm.timezone)
    told = [a for a in firm.alerts if a.host == "batch-01" or "batch-01" in a.title]
    fridays = {
        a.starts_at.astimezone(zone).date() for a in told if a.starts_at.astimezone(zone).strftime("%a%H") == "Fri16"
    }
    assert len(fridays) >= 3


@pytest.mark.parametrize(
    "plan", [Plan(services=4, people=4, days=14), Plan(services=40, people=24, days=14, noise=0.9)]
)
def test_small_and_large_firms(plan: Plan) -> None:
    for seed in range(3):
        firm = simulate(plan=replace(plan, seed=seed))
        assert firm.alerts and firm.incidents
        assert abs(len(firm.responders) - plan.people) <= 1


def test_undocumented_relations_are_left_out() -> None:
    full, part = (simulate(plan=Plan(seed=9, days=14, known_topology=share)) for share in (1.0, 0.5))
    assert len(part.edges) < 0.8 * len(full.edges)


@pytest.mark.parametrize("plan", [Plan(noise=1.0), Plan(noise=-0.1), Plan(days=3)])
def test_impossible_plans_are_refused(plan: Plan) -> None:
    with pytest.raises(ValueError, match="noise must be"):
        simulate(plan=plan)

"""The benchmark of grouping: nothing in a stream tells the label, peers do what they are said to, counts are right."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from engine.correlate import Correlator
from engine.domain import Alert, AlertStatus, alert_id_of, fingerprint_of
from engine.errors import InvalidInput
from training.benchmarks import alert_sets as sets
from training.benchmarks import alertmanager, beside, clusterers, correlate, correlate_sets, feedback, growth
from training.benchmarks.alert_sets import AlertSet, Episode
from training.benchmarks.corrections import largest
from training.benchmarks.correlate_sets import Superposition
from training.benchmarks.disorder import disordered
from training.benchmarks.families import overview
from training.benchmarks.feedback import Operator, taught
from training.benchmarks.grouping import adjusted_rand, bcubed
from training.benchmarks.keep_rules import best_keep, keep
from training.benchmarks.oracle import oracle
from training.benchmarks.ours import Watched, watched
from training.benchmarks.outcomes import Outcome, figures, first_right
from training.benchmarks.picture import draw
from training.benchmarks.plain_grouping import best_label, best_rule, everything, rolling, session
from training.benchmarks.report import Row
from training.benchmarks.summary import averaged, beside_oracle
from training.correlate import group
from training.worlds import draw as draw_world

START = datetime(2026, 3, 2, 3, tzinfo=UTC)
FAULTS = Path(__file__).resolve().parent.parent.parent / "shared" / "datasets" / "correlation"


def alert(seconds: float, service: str, title: str = "slow", **labels: str) -> Alert:
    at = START + timedelta(seconds=seconds)
    fingerprint = fingerprint_of("prom", title, service, "", labels)
    return Alert(
        id=alert_id_of("prom", fingerprint, at), source="prom", title=title, service=service, labels=labels,
        starts_at=at, received_at=at, fingerprint=fingerprint,
    )  # fmt: skip


def case(*placed: tuple[float, str, str]) -> AlertSet:
    """Alerts as (seconds, service, true incident)."""
    return AlertSet(
        name="case",
        alerts=[alert(seconds, service) for seconds, service, _ in placed],
        truth=[name for _, _, name in placed],
    )


@pytest.fixture(scope="module")
def world() -> AlertSet:
    made = draw_world(2, 240)
    return AlertSet(
        name="world",
        alerts=made.alerts[120:],
        truth=made.truth[120:],
        history=(made.alerts[:120], made.truth[:120]),
        topology=made.edges,
    )


@pytest.fixture(scope="module")
def folder() -> Path:
    if not (FAULTS / "ms_fault_alerts").is_dir():
        pytest.skip(f"the public alert sets are not at {FAULTS}")
    return FAULTS


# What must not leak


def said_by(alert: Alert) -> str:
    """All that a method could read in an alert."""
    words = [alert.source, alert.title, alert.description, alert.service, alert.host, *alert.labels, alert.id]
    return " ".join([*words, *alert.labels.values()]).lower()


def test_a_hidden_tag_is_in_no_field(folder: Path) -> None:
    for known, tag in ((correlate_sets.faults(folder, False), False), (correlate_sets.faults(folder, True), True)):
        told = [said_by(each) for episode in known.test for each in episode.alerts]
        named = sum(any(system in text for system in sets.SYSTEMS) for text in told)
        assert named == (len(told) if tag else 0)


def test_a_hidden_campaign_is_in_no_field(folder: Path) -> None:
    for tag in (True, False):
        found = sets.attack_alerts(folder, tag=tag, scenarios=["russellmitchell"], per_phase=50)
        assert any("russellmitchell" in said_by(each) for each in found.alerts) is tag


def test_labels_in_any_order_are_worth_nothing(folder: Path) -> None:
    found = correlate_sets.superposed(folder, Superposition(at_a_time=2, seed=0, faults=20))
    shuffled = random.Random(0).sample(list(found.truth), len(found.truth))
    rolled = rolling(found.alerts, 300, everything)
    assert adjusted_rand(found.truth, rolled) > 0.3
    assert abs(adjusted_rand(shuffled, rolled)) < 0.01


def test_history_ends_before_the_test_begins(folder: Path) -> None:
    episodes = sets.fault_episodes(folder, tag=False)
    for found in episodes.values():
        past, test = sets.halves({"one": found})
        assert max(each.starts_at for each in past) <= min(each.starts_at for each in test)
        assert not {each.incident_id for each in past} & {each.incident_id for each in test}


def made_up_episodes(count: int = 12) -> list[Episode]:
    """Episodes whose alerts come at second 7 of a minute, as a collector that samples there gives them."""
    return [
        Episode(
            incident_id=f"sys:{number}",
            alerts=[alert(number * 86_400 + 60 * minute + 7, f"svc-{number}-{minute}") for minute in range(8)],
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(("grid_s", "seconds"), [(60, 1), (1, 2)])
def test_shifts_by_whole_minutes_leave_the_second_that_all_share(grid_s: int, seconds: int) -> None:
    alerts, _ = sets.superposed(made_up_episodes(), 4, seed=3, grid_s=grid_s)
    found = {each.starts_at.second for each in alerts}
    assert len(found) >= seconds
    assert grid_s == 1 or found == {7}


def test_the_second_of_the_minute_tells_real_faults_apart_only_as_it_really_does(folder: Path) -> None:
    natural = correlate_sets.natural(folder, tag=False)
    shifted = correlate_sets.superposed(folder, Superposition(at_a_time=4, seed=1, faults=len(natural.alerts)))
    assert phases(shifted.alerts) == phases(natural.alerts)


def phases(alerts: Sequence[Alert]) -> Counter[tuple[int, int]]:
    return Counter((each.starts_at.second, each.starts_at.microsecond) for each in alerts)


def test_neither_ids_nor_the_order_within_a_second_tell_the_incident() -> None:
    many = [
        Episode(incident_id=f"sys:{n}", alerts=[replace(alert(0, f"s{n}-{k}"), id=f"{n}-{k}") for k in range(30)])
        for n in range(2)
    ]
    _, truth = sets.natural(many)
    together = sum(one == other for one, other in pairwise(truth))
    assert 18 < together < 44  # about half of sixty; in their own order it would be 58
    alerts, moved = sets.superposed(made_up_episodes(), 2, seed=0)
    assert len({each.id for each in alerts}) == len(alerts)
    assert [each.id for each in sorted(alerts, key=lambda each: each.id)] != [each.id for each in alerts]
    assert not any(name.split(":")[-1] == each.id for each, name in zip(alerts, moved, strict=True))


# What peers do


def test_keep_opens_a_new_incident_once_the_latest_alert_is_older_than_the_timeframe() -> None:
    alerts = [alert(0, "a"), alert(50, "a"), alert(105, "a"), alert(170, "a"), alert(171, "b")]
    found = keep(alerts, ["service"], 60)
    assert [found[0]] * 3 == found[:3]
    assert len({found[0], found[3], found[4]}) == 3
    assert len(set(keep(alerts, [], 3600))) == 1


def test_hindsight_finds_the_label_that_tells_incidents_apart() -> None:
    alerts = [alert(n, f"s{n}", shop="x" if n % 2 else "y", other=str(n)) for n in range(20)]
    found = best_label(AlertSet(name="", alerts=alerts, truth=["ab"[n % 2] for n in range(20)]))
    assert found is not None
    assert found[2] == "shop"
    assert bcubed(["ab"[n % 2] for n in range(20)], found[0].groups)[2] == 1.0
    keeps, name = best_keep(AlertSet(name="", alerts=alerts, truth=["ab"[n % 2] for n in range(20)]))
    assert "shop" in name
    assert len(set(keeps.groups)) == 2


def test_a_session_goes_on_while_a_rolling_window_ends() -> None:
    alerts = [alert(40 * n, "a") for n in range(5)]
    assert len(set(session(alerts, 60, everything))) == 1
    assert len(set(rolling(alerts, 60, everything))) == 3


def test_hindsight_takes_the_best_window() -> None:
    two = case(*[(n, "a", "x") for n in range(0, 100, 20)], *[(n, "a", "y") for n in range(200, 300, 20)])
    outcome, window_s = best_rule("session gap", two)
    assert 20 <= window_s < 120
    assert bcubed(two.truth, outcome.groups)[2] == 1.0


def test_the_oracle_is_right_where_incidents_do_not_overlap_and_only_there() -> None:
    apart = case((0, "a", "0:x:1"), (5, "a", "0:x:1"), (10, "b", "1:y:1"), (15, "b", "1:y:1"))
    assert bcubed(apart.truth, oracle(apart).groups)[2] == 1.0
    over = case((0, "a", "0:x:1"), (5, "b", "1:y:1"), (10, "a", "0:x:1"), (15, "b", "1:y:1"))
    assert bcubed(over.truth, oracle(over).groups)[2] < 1.0
    assert bcubed(over.truth, oracle(over, correlate_sets.system_of).groups)[2] == 1.0


def test_every_method_has_its_rows_and_a_missing_one_says_how_to_get_it(
    world: AlertSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alertmanager, "installed", lambda: False)
    monkeypatch.setattr(clusterers, "HAVE_RIVER", False)
    monkeypatch.setattr(clusterers, "RIVER", {})
    found = [*beside.rules(world), *beside.batch(world), *beside.streaming(world), *beside.product(world)]
    skipped = [row.method for row in found if not row.metrics]
    assert len(skipped) == 2
    assert "pip install" in skipped[0]
    assert "apt-get install" in skipped[1]
    scores = [row.metrics["bcubed_f1"] for row in found if row.metrics]
    assert len(scores) == 12
    assert all(0 < score <= 1 for score in scores)


def test_river_streams_are_grouped(world: AlertSet) -> None:
    pytest.importorskip("river", reason="river is an extra: pip install '.[benchmark]'")
    few = replace(world, alerts=world.alerts[:60], truth=world.truth[:60])
    for row in beside.streaming(few):
        assert 0 < row.metrics["bcubed_f1"] <= 1


# What is counted of ours


def test_what_is_measured_is_what_the_batch_verb_does(world: AlertSet) -> None:
    found = watched(replace(world, history=((), ()), topology=()))
    assert found.groups == [row.incident_id for row in group(world.alerts)]
    assert found.steps is not None
    assert len(found.steps) >= len(world.alerts)


def test_a_change_after_publication_is_a_step_and_counts_as_churn() -> None:
    replay = Watched(Correlator())
    for each in (alert(0, "a"), alert(9000, "b"), alert(18_000, "c")):
        replay.take(each)
    replay.incident_of[replay.heads[0]] = replay.incident_of[replay.heads[1]]
    assert [place for _, place, _ in replay.steps] == [0, 1, 2, 0]
    three = case((0, "a", "x"), (9000, "b", "y"), (18_000, "c", "z"))
    assert figures(three, Outcome(groups=["1"] * 3, steps=replay.steps))["churn"] == pytest.approx(1 / 3)


def test_the_first_right_group_is_dated() -> None:
    four = case((0, "a", "x"), (10, "b", "y"), (20, "a", "x"), (30, "b", "y"), (40, "a", "x"))
    right_late = [(0, 0, "1"), (1, 1, "1"), (2, 2, "1"), (3, 3, "2"), (4, 4, "1"), (4, 1, "2")]
    found = first_right(four, right_late)
    assert found == {"never_right": 0.0, "right_s": (40 + 30) / 2}
    assert first_right(four, [(n, n, "1") for n in range(5)])["never_right"] == 1.0


def test_runs_of_one_kind_become_their_mean_and_spread() -> None:
    rows = [Row(dataset="P2", method="m", metrics={"bcubed_f1": value}) for value in (0.4, 0.6)]
    rows.append(Row(dataset="P2", method=beside.ORACLE_SYSTEM, metrics={"bcubed_f1": 0.8}))
    found = beside_oracle(averaged(rows))
    assert found[0].metrics["bcubed_f1"] == pytest.approx(0.5)
    assert found[0].metrics["bcubed_f1 ±"] == pytest.approx(0.1414, abs=1e-3)
    assert found[0].metrics["of_oracle"] == pytest.approx(0.625)


def test_one_table_shows_the_best_of_each_kind_and_our_ways_apart() -> None:
    scores = {"session gap": 0.5, "per host + gap": 0.7, "PathFinder, topology": 0.8}
    scores |= {"PathFinder, topology and history": 0.9, "HDBSCAN, batch": 0.6}
    rows = [Row(dataset="P1", method=name, metrics={"bcubed_f1": value}) for name, value in scores.items()]
    rows += [Row(dataset="P3", method="Keep, best rule", metrics={"macro_f1": 0.3, "window_s": 10.0})]
    rows += [Row(dataset="P8 growth", method="1,000 alerts", metrics={"us_per_alert": 3.0})]
    found = {row.method: list(row.metrics.values()) for row in overview(rows)}
    assert found == {"P1": [0.7, 0.6, 0.8, 0.9], "P3": [0.3]}


def test_disorder_delivers_everything_late_and_some_of_it_twice() -> None:
    many = case(*[(10.0 * n, f"s{n}", f"i{n}") for n in range(2000)])
    told = disordered(many, 0)
    assert [one.alert.received_at for one in told] == sorted(one.alert.received_at for one in told)
    assert all(one.alert.received_at >= one.at for one in told)
    delays = [(one.alert.received_at - one.at).total_seconds() for one in told]
    assert 27 < sum(delays) / len(delays) < 33
    kinds: dict[int, list[Alert]] = defaultdict(list)
    for one in told:
        kinds[one.place].append(one.alert)
    assert len(kinds) == 2000
    ended = [alerts for alerts in kinds.values() if any(each.status is AlertStatus.RESOLVED for each in alerts)]
    doubled = [alerts for alerts in kinds.values() if len([each for each in alerts if each.id == alerts[0].id]) == 2]
    assert 60 < len(ended) < 140
    assert 60 < len(doubled) < 250


def test_an_operator_makes_no_more_corrections_than_allowed_and_none_is_undone(world: AlertSet) -> None:
    none, some = taught(world, 0), taught(world, 4)
    assert (none.corrections, none.held) == (0, 0)
    assert none.untouched == none.alerts
    assert 0 < some.corrections <= 4
    assert len(some.untouched) < len(some.alerts)
    assert some.broken == 0


def test_a_correction_that_is_undone_is_counted_as_broken() -> None:
    two = case((0, "a", "x"), (5, "a", "y"), (10, "a", "x"), (12, "a", "y"))
    two = replace(two, alerts=[replace(each, fingerprint=each.id) for each in two.alerts])
    operator = Operator(two)
    for place, each in enumerate(two.alerts):
        operator.take(each.starts_at, place)
    operator.mend(9)
    operator.look()
    assert 0 < operator.made < 9
    assert operator.pairs
    assert operator.broken == 0
    held = len(operator.pairs)
    for member in operator.truth_of:
        operator.replay.incident_of[member] = "all in one"
    operator.look()
    assert operator.broken == held - len(operator.pairs) > 0


def test_corrections_mend_what_is_wrong_and_the_largest_error_first() -> None:
    made = draw_world(0, 500)
    many = AlertSet(name="many", alerts=made.alerts, truth=made.truth)
    errors = [row.metrics["pair_errors"] for row in feedback.rows(many)]
    assert errors[0] > 100, "a stream without errors shows nothing"
    assert errors[-1] < 0.8 * errors[0]
    held = {"1": {"x": ["a", "b", "c"], "y": ["d"]}, "2": {"x": ["e"]}, "3": {"y": ["f", "g"], "z": ["h", "i", "j"]}}
    best = largest(held)
    assert best is not None
    assert (best.mends, sorted(best.alerts), best.sources) == (6, ["f", "g"], ["3"])


def test_growth_is_measured_at_every_size() -> None:
    (few,), (more,), storm = growth.by_alerts(200, 100), growth.by_incidents(20, 100), growth.storm(1200, 1000)
    assert few.metrics["us_per_alert"] > 0
    assert more.metrics["p99_ms"] > 0
    assert [row.metrics["alerts_per_cpu_s"] > 0 for row in storm] == [True, True]
    doubled = replace(few, metrics={**few.metrics, "us_per_alert": 2 * few.metrics["us_per_alert"]})
    assert growth.relative([few, doubled])[1].metrics["cost_ratio"] == pytest.approx(2.0)


def test_the_picture_has_a_panel_for_what_was_run(tmp_path: Path) -> None:
    rows = [
        Row(dataset="P2 2 at a time, tag hidden, 60 faults", method=method, metrics={"bcubed_f1": 0.5, "loss": 0.0})
        for method in ("session gap", "PathFinder, cold", beside.ORACLE_SYSTEM)
    ]
    rows.append(Row(dataset="P8 growth, open alerts", method="1,000 alerts", metrics={"cost_ratio": 1.0}))
    rows.append(Row(dataset="P2", method="skipped", metrics={}))
    small, large = tmp_path / "small.png", tmp_path / "deeper" / "large.png"
    draw(rows[:1], small)
    draw(rows, large)
    assert small.read_bytes()[:4] == b"\x89PNG"
    assert large.stat().st_size > small.stat().st_size


def test_a_protocol_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"no protocol P9: choose among firms, P1"):
        correlate.run(None, only=["P9"])


def test_alertmanager_groups_by_the_labels_that_serve_best() -> None:
    if not alertmanager.installed():
        pytest.skip("prometheus-alertmanager is not installed")
    alerts = [alert(n, f"s{n}", title=f"t{n}", shop="xy"[n % 2]) for n in range(12)]
    outcome, by, memory_mb = alertmanager.best_grouping(
        AlertSet(name="", alerts=alerts, truth=["xy"[n % 2] for n in range(12)])
    )
    assert by == "shop"
    assert len(set(outcome.groups)) == 2
    assert memory_mb > 1

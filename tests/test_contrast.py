"""What stands out in an incident: one copy, a whole service, a machine; and what has long been shown does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.correlate.contrast import HALVES, StandOut, stand_outs
from engine.correlate.habits import Habits
from engine.correlate.reading import read
from engine.correlate.suspects import Scene, scene_of
from engine.correlate.topology import Topology
from engine.domain import Alert, fingerprint_of
from tests.naive import contrast as naive
from training.root_weights import Seen

START = datetime(2026, 3, 2, 3, tzinfo=UTC)
PODS = [f"{name}-{number}" for name in ("cart", "mail", "ads") for number in range(3)]


def seen(thing: str, symptom: str, seconds: float = 0.0, peer: str = "", host: str = "") -> Seen:
    at = START + timedelta(seconds=seconds)
    labels = {"name": symptom, **({"peer": peer} if peer else {})}
    title = f"{symptom} anomalous"
    alert = Alert(
        id=f"{thing} {symptom} {peer} {seconds:g}", source="metric", title=title, service=thing, host=host,
        labels=labels, starts_at=at, received_at=at, fingerprint=fingerprint_of("m", title, thing, host, labels),
    )  # fmt: skip
    return Seen(alert.id, at.timestamp(), read(alert))


def scene(*rows: Seen) -> Scene:
    return scene_of(rows, Topology())


def most(found: StandOut, key: str) -> str:
    return max(found, key=lambda name: found[name].get(key, 0.0))


def test_one_copy_that_shows_what_no_other_does_stands_out_before_its_service() -> None:
    usual = [seen(pod, "memory", 20.0 * place) for place, pod in enumerate(PODS)]
    found = stand_outs(scene(*usual, seen("cart-1", "disk writes", 5.0)), Habits())
    assert most(found, "it at once") == "cart-1"


def test_a_service_whose_copies_all_show_it_stands_out_before_each_of_them() -> None:
    usual = [seen(pod, "memory", 20.0 * place) for place, pod in enumerate(PODS)]
    found = stand_outs(scene(*usual, *(seen(f"cart-{n}", "disk writes", 5.0) for n in range(3))), Habits())
    assert most(found, "it at once") == "cart"


def test_what_comes_at_once_outweighs_what_comes_late() -> None:
    rows = [seen("cart-1", "cpu", 0.0), seen("mail-1", "disk", 400.0), seen("ads-1", "memory", 300.0)]
    found = stand_outs(scene(*rows), Habits())
    assert found["cart-1"]["it at once"] > found["ads-1"].get("it at once", 0.0)
    assert found["ads-1"]["it soon"] > found["mail-1"].get("it soon", 0.0)


def test_machines_that_carry_numbers_are_no_service() -> None:
    rows = [seen(f"node-{n}", "load", 0.0) for n in range(3)]
    rows += [seen(f"cart-{n}", "memory", 9.0, host=f"node-{n}") for n in range(3)]
    found = stand_outs(scene(*rows), Habits())
    assert "it at once" not in found["node"]
    assert found["cart"]["it at once"] > 0.0


def test_a_call_to_itself_is_a_call_and_no_symptom_of_its_own() -> None:
    rows = [seen("web-1", "latency", 0.0, peer="web-1"), seen("cart-1", "cpu", 1.0)]
    made = scene(*rows)
    assert [sight.call for sight in made.sights] == [True, False]
    found = stand_outs(made, Habits())
    assert "itself at once" not in found["web-1"]


def test_the_other_end_of_calls_is_a_suspect_though_it_raised_no_alert() -> None:
    rows = [seen(caller, "latency", 1.0, peer="db-1") for caller in ("web-1", "cart-1", "mail-1")]
    rows += [seen(caller, "latency", 400.0, peer="index-1") for caller in ("web-1", "cart-1", "mail-1")]
    found = stand_outs(scene(*rows), Habits())
    assert found["db-1"]["called"] > found["index-1"].get("called", 0.0)


def test_a_call_to_several_parts_of_one_suspect_is_one_call() -> None:
    """Counted once for each part, the calls to other things would come to less than none."""
    usual = [seen(pod, "memory", 20.0 * place) for place, pod in enumerate(PODS)]
    for calls in range(1, 5):
        rows = [seen("mail-1", f"step {n}: neither cart-0 nor cart-1 nor cart-2 answers", n) for n in range(calls)]
        found = stand_outs(scene(*usual, *rows), Habits())
        assert most(found, "parts called") == "cart"


def test_what_was_shown_lately_does_not_stand_out_anew() -> None:
    habits = Habits()
    for _ in range(6):
        habits.learn([("cart-1", "cpu anomalous"), ("cart-1", "cpu cpu anomalous")])
    rows = [seen("cart-1", "cpu", 0.0), seen("mail-1", "disk", 1.0)]
    found = stand_outs(scene(*rows), habits)
    assert found["cart-1"]["it at once"] > found["mail-1"]["it at once"]
    assert found["cart-1"].get("anew: it at once", 0.0) < found["mail-1"]["anew: it at once"]


SIGHTS = st.lists(
    st.tuples(st.sampled_from([*PODS, "web"]), st.sampled_from(["cpu", "disk", "memory"]), st.integers(0, 500)),
    min_size=2,
    max_size=20,
)
PASTS = st.lists(
    st.lists(st.tuples(st.sampled_from([*PODS, "web"]), st.sampled_from(["cpu", "disk", "memory"])), max_size=5),
    min_size=1,
    max_size=9,
)


@settings(max_examples=60, deadline=None)
@given(SIGHTS)
def test_what_stands_out_equals_a_scan_of_every_region(shown: list[tuple[str, str, int]]) -> None:
    rows = [seen(thing, symptom, float(at)) for thing, symptom, at in shown]
    plain = [(thing, symptom, float(at)) for thing, symptom, at in shown]
    found = stand_outs(scene(*rows), Habits())
    for early, half_s in HALVES.items():
        for thing in {thing for thing, _, _ in shown}:
            expected = naive.nats(plain, [thing], 1, half_s)
            assert found[thing].get(f"itself {early}", 0.0) == pytest.approx(expected, abs=1e-9)
        for whole in ("cart", "mail", "ads"):
            parts = sorted({thing for thing, _, _ in shown if thing.startswith(f"{whole}-")})
            if len(parts) > 1:
                expected = naive.nats(plain, parts, len(parts), half_s)
                assert found[whole].get(f"parts {early}", 0.0) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(PASTS)
def test_habits_equal_a_scan_of_all_incidents(incidents: list[list[tuple[str, str]]]) -> None:
    habits = Habits()
    for shown in incidents:
        habits.learn(shown)
    for thing in ("cart-1", "web", "unheard of"):
        for symptom in ("cpu", "new"):
            expected = max(naive.share(incidents, thing, symptom, life) for life in (1.5, 20.0))
            assert habits.share(thing, symptom) == pytest.approx(expected)


def test_habits_survive_being_written_and_being_written_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    habits, small = Habits(), Habits()
    for turn in range(60):
        habits.learn([("cart-1", "cpu"), (f"pod-{turn}", "memory")])
    monkeypatch.setattr("engine.correlate.habits._LARGE", 4.0)
    for turn in range(60):
        small.learn([("cart-1", "cpu"), (f"pod-{turn}", "memory")])
    again = Habits()
    again.take(json.loads(json.dumps(habits.to_data())))
    for thing in ("cart-1", "pod-3", "pod-59"):
        for symptom in ("cpu", "memory"):
            assert again.share(thing, symptom) == pytest.approx(habits.share(thing, symptom))
            assert small.share(thing, symptom) == pytest.approx(habits.share(thing, symptom))


def test_habits_hold_a_bounded_number_of_pairs_and_keep_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.correlate.habits._PAIRS", 100)
    habits = Habits()
    for turn in range(500):
        habits.learn([("cart-1", "cpu"), (f"pod-{turn}", "memory")])
    assert all(sum(map(len, table.things.values())) <= 101 for table in habits.tables)
    assert habits.share("cart-1", "cpu") > 0.8
    assert habits.share("pod-499", "memory") > habits.share("pod-1", "memory")

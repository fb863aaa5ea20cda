"""What broke: named among everything in an incident, with reasons that sum, cold and after a history."""

from __future__ import annotations

import copy
import itertools
import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.correlate import Correlator
from engine.correlate.rarity import Rarity
from engine.correlate.reading import read
from engine.correlate.root_signals import phrase
from engine.correlate.roots import Root, RootRanker, shipped_root_weights
from engine.correlate.suspects import symptom_of
from engine.correlate.topology import Topology
from engine.domain import Alert, Edge, Severity, fingerprint_of
from tests.naive import roots as naive
from training.root_weights import Choice, Fault, InTurn, Seen, choices, firm, fit, fitted, world

START = datetime(2026, 3, 2, 3, tzinfo=UTC)
SHOP = [
    Edge(source="web", target="cart"),
    Edge(source="cart", target="cart-db"),
    Edge(source="search", target="index"),
    Edge(source="cart-0", target="cart", relation="part_of"),
    Edge(source="cart-1", target="cart", relation="part_of"),
    Edge(source="mail-0", target="mail", relation="part_of"),
    Edge(source="cart-0", target="node-1", relation="runs_on"),
    Edge(source="mail-0", target="node-1", relation="runs_on"),
    Edge(source="cart-1", target="node-2", relation="runs_on"),
]


def alert(seconds: float, service: str, title: str, host: str = "") -> Alert:
    at = START + timedelta(seconds=seconds)
    fingerprint = fingerprint_of("prom", title, service, host, {})
    return Alert(
        id=f"{service} {title} {seconds:g}", source="prom", title=title, service=service, host=host, starts_at=at,
        received_at=at, fingerprint=fingerprint, severity=Severity.ERROR,
    )  # fmt: skip


def rows(*alerts: Alert) -> list[Seen]:
    return [Seen(one.id, one.starts_at.timestamp(), read(one)) for one in alerts]


def names(found: tuple[Root, ...]) -> list[str]:
    return [root.name for root in found]


def busy_days(ranker: RootRanker, count: int = 40) -> RootRanker:
    """Days on which web and cart are slow, as ever."""
    for turn in range(count):
        start = 10_000.0 * turn
        ranker.learn(
            rows(alert(start, "web", "slow"), alert(start + 5, "cart", "slow"), alert(start + 9, "cart-db", "busy"))
        )
    return ranker


STORM = rows(
    alert(0, "web", "latency high"),
    alert(4, "cart", "latency high"),
    alert(6, "web", "timeouts calling cart"),
    alert(9, "cart", "timeouts calling cart-db"),
    alert(12, "cart-db", "disk full"),
)


def test_the_called_is_suspected_before_its_callers() -> None:
    found = RootRanker(Topology(SHOP)).suspects(STORM)
    assert names(found)[0] == "cart-db"
    assert found[0].probability > 0.5


def test_it_is_sensible_without_a_topology() -> None:
    assert names(RootRanker().suspects(STORM))[0] == "cart-db"
    assert names(RootRanker().suspects(rows(alert(0, "web", "down"))))[0] == "web"
    assert RootRanker().suspects([]) == ()
    assert RootRanker().rank([]) == ()


def test_reasons_sum_to_the_score_and_say_something() -> None:
    for ranker in (RootRanker(), RootRanker(Topology(SHOP)), busy_days(RootRanker(Topology(SHOP)))):
        for root in ranker.suspects(STORM):
            assert root.score == pytest.approx(sum(reason.weight for reason in root.reasons))
            assert all(reason.detail for reason in root.reasons)
            assert abs(root.reasons[0].weight) == max(abs(reason.weight) for reason in root.reasons)


def test_probabilities_are_shared_among_the_suspects_in_the_order_of_the_scores() -> None:
    found = RootRanker(Topology(SHOP)).suspects(STORM)
    assert [root.score for root in found] == sorted((root.score for root in found), reverse=True)
    for one, other in itertools.pairwise(found):
        assert math.log(one.probability / other.probability) == pytest.approx(one.score - other.score)
    assert sum(root.probability for root in found) <= 1.0 + 1e-9


def test_a_symptom_that_no_past_incident_showed_outweighs_the_usual_ones() -> None:
    day = rows(alert(0, "web", "slow"), alert(2, "cart", "slow"), alert(40, "cart-db", "busy"), alert(41, "web", "odd"))
    assert names(busy_days(RootRanker()).suspects(day))[0] == "web"
    again = rows(
        alert(0, "web", "slow"), alert(2, "cart", "slow"), alert(40, "cart-db", "busy"), alert(41, "cart", "odd")
    )
    assert names(busy_days(RootRanker()).suspects(again))[0] == "cart"


def test_a_machine_that_raised_no_alert_is_among_the_suspects_when_what_runs_on_it_fails() -> None:
    incident = rows(alert(0, "cart-0", "restarted"), alert(1, "mail-0", "restarted"))
    assert "node-1" in names(RootRanker(Topology(SHOP)).suspects(incident))
    told = rows(alert(0, "cart-0", "restarted", "node-1"), alert(1, "mail-0", "restarted", "node-1"))
    assert "node-1" in names(RootRanker().suspects(told))


def test_a_service_is_suspected_when_several_of_its_pods_fail_alike() -> None:
    ranker = busy_days(RootRanker(Topology(SHOP)))
    both = rows(*(alert(n, f"cart-{n}", "out of memory") for n in (0, 1)), alert(9, "web", "slow"))
    one = rows(alert(0, "cart-0", "out of memory"), alert(9, "web", "slow"))
    assert names(ranker.suspects(both))[0] == "cart"
    assert names(ranker.suspects(one))[0] == "cart-0"


def test_what_others_name_is_a_suspect() -> None:
    found = RootRanker(Topology(SHOP)).suspects(rows(alert(0, "web", "connection to cart refused")))
    assert "cart" in names(found)


def test_alerts_are_ranked_by_what_they_speak_for() -> None:
    ranked = RootRanker(Topology(SHOP)).rank(STORM)
    assert ranked[0][0].startswith("cart-db disk full")
    assert {alert_id for alert_id, _ in ranked} == {row.alert_id for row in STORM}
    assert sum(score for _, score in ranked) == pytest.approx(1.0, abs=1e-2)
    assert all(score >= 0.0 for _, score in ranked)


def test_a_repeated_symptom_does_not_count_twice() -> None:
    repeated = [*STORM, *rows(*(alert(20 + n, "web", "latency high") for n in range(30)))]
    assert names(RootRanker().suspects(repeated)) == names(RootRanker().suspects(STORM))


def test_asking_changes_nothing_and_the_order_of_rows_does_not_matter() -> None:
    ranker = busy_days(RootRanker(Topology(SHOP)))
    first = ranker.suspects(STORM)
    before = copy.deepcopy((ranker.rarity.__dict__, ranker.leads.__dict__))
    assert ranker.suspects(STORM[::-1]) == first
    ranker.rank(STORM)
    assert (ranker.rarity.__dict__, ranker.leads.__dict__) == before


def test_what_was_learned_survives_being_written() -> None:
    ranker = busy_days(RootRanker(Topology(SHOP)))
    again = RootRanker(Topology(SHOP))
    again.take(json.loads(json.dumps(ranker.to_data())))
    assert names(again.suspects(STORM)) == names(ranker.suspects(STORM))
    assert again.rarity.to_data() == ranker.rarity.to_data()


def test_a_few_incidents_are_no_history() -> None:
    assert busy_days(RootRanker(), count=3).suspects(STORM) == RootRanker().suspects(STORM)


def test_every_weight_that_is_shipped_can_be_told_in_words() -> None:
    for weights in shipped_root_weights().values():
        assert all(phrase(name) for name in weights)


def test_what_has_stayed_on_since_before_is_suspected_less_than_what_is_new() -> None:
    def day(number: int, *more: Alert) -> list[Seen]:
        start = 10_000.0 * number
        usual = [alert(start + 20 * n, f"{name}-{n}", "memory high") for name in ("cart", "mail") for n in range(3)]
        return rows(*usual, *more)

    now = day(30, alert(300_000, "cart-0", "threads up"), alert(300_001, "mail-1", "disk writes up"))
    fresh, used = RootRanker(), RootRanker()
    for number in range(15):
        fresh.learn(day(number))
        used.learn(day(number, alert(10_000.0 * number, "cart-0", "threads up")))
    assert names(fresh.suspects(now)).index("cart-0") < names(used.suspects(now)).index("cart-0")
    assert names(used.suspects(now))[0] == "mail-1"


def test_incidents_are_learned_half_an_hour_after_their_last_alert() -> None:
    ranker = RootRanker()
    turns = InTurn(ranker)
    learned = []
    for minutes in (0, 10, 29, 31, 70):
        turns.meet(Fault(rows=rows(alert(60.0 * minutes, "web", "slow")), root="web"))
        learned.append(ranker.rarity.incidents)
    assert learned == [0.0, 0.0, 0.0, 1.0, 4.0]


def test_symptoms_are_the_same_wherever_they_show() -> None:
    one, other = read(alert(0, "cart-1", "CPU 97% on cart-1")), read(alert(0, "mail-2", "CPU 12% on mail-2"))
    assert symptom_of(one) == symptom_of(other)
    up, down = read(alert(0, "a", "memory goes up")), read(alert(0, "a", "memory goes down"))
    assert symptom_of(up) != symptom_of(down)


def test_rarity_counts_incidents_not_alerts_and_learns_from_what_is_alike() -> None:
    rarity = Rarity()
    assert rarity.surprise("cart-1", "slow") == rarity.seldom("slow") == rarity.stays("slow") == 0.0
    for _ in range(30):
        rarity.learn([("cart-1", "slow")] * 5 + [("web", "errors"), ("mail", "errors")])
    rarity.learn([("mail", "odd")])
    assert rarity.pairs["cart-1"]["slow"] == 30.0
    assert rarity.surprise("cart-1", "slow") < rarity.surprise("cart-2", "slow") < rarity.surprise("web", "slow")
    assert rarity.seldom("odd") > rarity.seldom("slow")
    assert rarity.stays("slow") > rarity.stays("errors")
    assert rarity.burst("cart-1", 4) > rarity.burst("cart-1", 1)


SHOWN = st.lists(
    st.tuples(st.sampled_from(["cart-1", "cart-2", "web", "db"]), st.sampled_from(["slow", "down", "odd"])),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(SHOWN, min_size=1, max_size=12))
def test_rarity_equals_a_scan_of_all_incidents(incidents: list[list[tuple[str, str]]]) -> None:
    rarity = Rarity()
    for shown in incidents:
        rarity.learn(shown)
    for thing in ("cart-1", "cart-3", "web", "unheard of"):
        for symptom in ("slow", "odd", "new"):
            assert rarity.surprise(thing, symptom) == pytest.approx(naive.surprise(incidents, thing, symptom, 2.0))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("ghijkl")), min_size=1, max_size=12))
def test_how_many_of_those_alerting_need_a_suspect_equals_a_walk_over_the_relations(
    pairs: list[tuple[str, str]],
) -> None:
    topology = Topology([Edge(source=f"{one}x", target=f"{two}x") for one, two in pairs])
    alerting = sorted({f"{name}x" for pair in pairs for name in pair})
    measured = RootRanker(topology).measurements(rows(*(alert(n, name, "slow") for n, name in enumerate(alerting))))
    relations = [(f"{one}x", f"{two}x") for one, two in pairs]
    for name in alerting:
        expected = len(naive.needing(relations, name, 3)) / max(1, len(alerting) - 1)
        assert measured[name].get("needed", 0.0) == pytest.approx(expected)


def test_rarity_forgets_old_habits_first_when_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.correlate.rarity._PAIRS", 200)
    rarity = Rarity()
    for number in range(2000):
        rarity.learn([("always", "slow"), (f"thing {number}", f"oddity {number}")])
    assert sum(len(found) for found in rarity.pairs.values()) <= 200
    assert rarity.surprise("always", "slow") < 0.2


def test_the_correlator_learns_from_closed_incidents_and_tells_suspects() -> None:
    history, names_of = [], []
    for turn in range(40):
        for one in (alert(9000 * turn, "web", "slow"), alert(9000 * turn + 9, "cart", "slow")):
            history.append(one)
            names_of.append(f"I{turn}")
    correlator = Correlator(topology=SHOP).fit(history, names_of)
    later = 9000.0 * 50
    now = [alert(later, "web", "slow"), alert(later + 3, "cart", "slow"), alert(later + 30, "web", "odd")]
    for one in now:
        correlator.learn_one(one, "now")
    assert correlator.suspects(now)[0].name == "web"
    assert correlator.roots("now")[0][0].startswith("web odd")
    assert correlator.suspects([]) == ()
    restored = Correlator.from_part(correlator.to_part(), topology=SHOP)
    assert [each.name for each in restored.suspects(now)] == [each.name for each in correlator.suspects(now)]


def test_a_measurement_that_tells_gets_weight_and_one_that_does_not_gets_none() -> None:
    made = [Choice(suspects=[{"tells": 1.0, "noise": 1.0}, {"noise": 1.0}], right=0, weight=1.0) for _ in range(40)]
    found = fit(made, penalty=1.0)
    assert found["tells"] > 1.5
    assert abs(found["noise"]) < 0.01
    with pytest.raises(ValueError, match="nothing can be fitted"):
        fit([])


def test_weights_fitted_on_firms_name_roots_of_a_firm_they_never_saw() -> None:
    learned = fitted([firm(41), firm(42), world(301)])
    unseen = firm(43)
    asked = list(choices(unseen, topology=True, history=True))
    ranker = RootRanker(Topology(unseen.edges), learned)
    half = -(-len(unseen.faults) // 2)
    for fault in unseen.faults[:half]:
        ranker.learn(fault.rows)
    hits = [ranker.suspects(fault.rows)[0].name == fault.root for fault in unseen.faults[half:] if fault.root]
    assert len(asked) > 30
    assert sum(hits) > 0.55 * len(hits)

"""What operators teach the correlator, and what it then never undoes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from engine.correlate import Correlator
from engine.correlate.repair import Repair
from engine.domain import Alert, AlertStatus
from training.correlate import in_turn
from training.worlds import World, draw

START = datetime(2026, 3, 2, tzinfo=UTC)


def alert(at_s: float, service: str, title: str, *, ends_s: float | None = None) -> Alert:
    at = START + timedelta(seconds=at_s)
    return Alert(
        id=f"{service}/{title}/{at_s}", source="prom", title=title, service=service, starts_at=at, received_at=at,
        fingerprint=f"{service} {title}",
        status=AlertStatus.FIRING if ends_s is None else AlertStatus.RESOLVED,
        ends_at=None if ends_s is None else START + timedelta(seconds=ends_s),
    )  # fmt: skip


def told(world: World, count: int) -> Correlator:
    """A correlator that has grouped the first `count` alerts of a world by itself."""
    correlator = Correlator(topology=world.edges)
    for number, each in enumerate(world.alerts[:count]):
        match = correlator.predict_one(each, explain=False)
        correlator.learn_one(each, match.incident_id or f"I{number}", alert_of=match.repeat_of)
    return correlator


def test_evidence_sums_to_the_score_of_every_decision() -> None:
    world = draw(3, 200)
    correlator = told(world, 120)
    matches = [correlator.predict_one(each) for each in world.alerts[120:200]]
    assert len(matches) > 50
    for match in matches:
        assert sum(each.weight for each in match.evidence) == pytest.approx(match.score, abs=1e-9)
        assert match.margin >= 0.0


TROUBLES = ("loses packets", "runs out of disk", "restarts often", "queues mail", "answers slowly", "drops a replica")


def experienced() -> Correlator:
    """One with sixty past incidents behind it, each with two of a few troubles of one service."""
    past = [
        alert(-86_400.0 * (60 - n) + k, f"svc{n % 20}", f"svc{n % 20} {TROUBLES[(n + k) % len(TROUBLES)]}")
        for n in range(60)
        for k in (0, 1)
    ]
    return Correlator().fit(past, [f"P{place // 2}" for place in range(len(past))])


def apart_thrice(teach: bool) -> float:
    """The score with which a payroll alert joins an order incident, after three of them were put apart or not."""
    correlator = experienced()
    for day in range(3):
        at = day * 86_400.0
        correlator.learn_one(alert(at, "orders", "orders refuses cards"), f"A{day}")
        stray = alert(at + 20, "payroll", "payroll misses a file")
        correlator.learn_one(stray, f"A{day}")
        if teach:
            correlator.correct([stray.id], f"B{day}")
        else:
            correlator.move(stray.id, f"B{day}")
    at = 3 * 86_400.0
    correlator.learn_one(alert(at, "orders", "orders refuses cards"), "A3")
    return correlator.predict_one(alert(at + 20, "payroll", "payroll misses a file")).score


def test_it_learns_from_what_an_operator_puts_apart() -> None:
    assert apart_thrice(teach=True) < apart_thrice(teach=False) - 0.1


def merged_thrice(teach: bool) -> float:
    """The score with which a cart alert joins a till incident, after three pairs of them were made one or not."""
    correlator = experienced()
    for day in range(3):
        at = day * 86_400.0
        correlator.learn_one(alert(at, "till", "till refuses cards"), f"A{day}")
        correlator.learn_one(alert(at + 300, "cart", "cart loses items"), f"B{day}")
        if teach:
            correlator.merge(f"B{day}", f"A{day}")
    at = 3 * 86_400.0
    correlator.learn_one(alert(at, "till", "till refuses cards"), "A3")
    return correlator.predict_one(alert(at + 300, "cart", "cart loses items")).score


def test_it_learns_from_what_an_operator_merges() -> None:
    assert merged_thrice(teach=True) > merged_thrice(teach=False) + 0.5


def test_what_is_taken_up_twice_counts_once() -> None:
    correlator = experienced()
    correlator.learn_one(alert(0, "svc1", "svc1 refuses cards"), "A")
    correlator.learn_one(alert(300, "svc2", f"svc2 {TROUBLES[2]}"), "B")
    correlator.merge("B", "A")
    asked = alert(400, "svc2", f"svc2 {TROUBLES[2]}")
    other = experienced()
    other.learn_one(alert(390, "svc1", "svc1 refuses cards"), "C")
    before, scores = other.predict_one(asked).score, []
    for _ in range(3):
        other.take_lessons(correlator.lessons())
        scores.append(other.predict_one(asked).score)
    assert len(set(scores)) == 1
    assert scores[0] > before
    other.take_lessons({"gap": 1.0, "": 3.0})
    assert other.predict_one(asked).score == scores[0], "what is no lesson teaches nothing"


def test_lessons_are_plain_numbers_that_another_process_takes_up() -> None:
    first, second = Correlator(), Correlator()
    for each in (first, second):
        each.learn_one(alert(0, "orders", "orders is slow"), "A")
        each.learn_one(alert(20, "payroll", "payroll is slow"), "A")
    first.correct(["payroll/payroll is slow/20"], "B")
    assert first.lessons()
    second.move("payroll/payroll is slow/20", "B")
    second.take_lessons(first.lessons())
    asked = alert(40, "payroll", "payroll is down")
    assert second.predict_one(asked).score == pytest.approx(first.predict_one(asked).score)
    assert second.lessons() == first.lessons()


def test_what_both_sides_show_teaches_nothing() -> None:
    correlator = Correlator()
    for number, at in enumerate((0, 5, 300, 305)):
        correlator.learn_one(alert(at, "till", "till refuses cards"), "AABB"[number])
    correlator.merge("B", "A")
    assert correlator.lessons() == {}
    correlator.learn_one(alert(310, "cart", "cart loses items"), "C")
    correlator.merge("C", "A")
    assert correlator.lessons()


def joined_by_a_detour(barred: bool) -> bool:
    """Whether what was left behind comes into the incident of what was taken out, by way of a third one."""
    correlator = Correlator(repair=Repair(merge_margin=-50.0))
    for at, service in ((0, "orders"), (5, "payroll")):
        correlator.learn_one(alert(at, service, f"{service} is slow"), "A")
    if barred:
        correlator.correct(["payroll/payroll is slow/5"], "B")
    else:
        correlator.move("payroll/payroll is slow/5", "B")
    correlator.learn_one(alert(10, "mail", "mail is slow"), "C")
    correlator.move("orders/orders is slow/0", "C")
    for _ in range(4):
        for revision in correlator.revise(START + timedelta(seconds=60)):
            correlator.move(revision.alert_id, revision.to_incident or f"new-{revision.alert_id}")
    places = correlator._profiles.of_alert
    return places["orders/orders is slow/0"] == places["payroll/payroll is slow/5"]


def test_what_was_parted_does_not_meet_again_by_a_detour() -> None:
    assert joined_by_a_detour(barred=False), "a model that would not join them shows nothing"
    assert not joined_by_a_detour(barred=True)


def test_what_was_parted_stays_apart_from_those_that_an_operator_takes_further() -> None:
    correlator = Correlator(repair=Repair(merge_margin=-50.0))
    for at, service in ((0, "orders"), (5, "payroll"), (6, "mail")):
        correlator.learn_one(alert(at, service, f"{service} is slow"), "A")
    correlator.correct(["payroll/payroll is slow/5", "mail/mail is slow/6"], "B")
    correlator.correct(["payroll/payroll is slow/5"], "C")
    correlator.move("orders/orders is slow/0", "D")
    for _ in range(4):
        for revision in correlator.revise(START + timedelta(seconds=60)):
            correlator.move(revision.alert_id, revision.to_incident or f"new-{revision.alert_id}")
    places = correlator._profiles.of_alert
    assert len({places[name] for name in places}) == 3


def test_an_operator_may_join_what_an_operator_has_parted() -> None:
    correlator = Correlator()
    for at, service in ((0, "orders"), (5, "payroll")):
        correlator.learn_one(alert(at, service, f"{service} is slow"), "A")
    correlator.correct(["payroll/payroll is slow/5"], "B")
    correlator.merge("A", "B")
    assert correlator._kept.apart == set()
    assert not any(correlator._kept.barred.values())


def taken_back(by_hand: bool) -> int:
    """How many of the alerts put into incidents of their own later evidence moves away or joins with their old ones."""
    world = draw(12, 300)
    correlator = told(world, 200)
    crowded = [profile for profile in correlator._profiles.open.values() if len(profile.members) >= 3]
    strays = [next(iter(profile.members)) for profile in crowded]
    left = [set(profile.members) - {stray} for profile, stray in zip(crowded, strays, strict=True)]
    assert len(strays) >= 5
    for number, alert_id in enumerate(strays):
        (correlator.correct if by_hand else by_the_model(correlator))([alert_id], f"operator-{number}")
    for _ in range(8):
        for revision in correlator.revise(world.alerts[199].starts_at):
            correlator.move(revision.alert_id, revision.to_incident or f"new-{revision.alert_id}")
    places = [correlator._profiles.of_alert[alert_id] for alert_id in strays]
    again = [
        not others.isdisjoint(correlator._profiles.open[at].members) for at, others in zip(places, left, strict=True)
    ]
    return sum(back or place != f"operator-{n}" for n, (place, back) in enumerate(zip(places, again, strict=True)))


def by_the_model(correlator: Correlator) -> Callable[[Sequence[str], str], None]:
    """The model's own way of putting alerts elsewhere."""

    def put(alert_ids: Sequence[str], incident_id: str) -> None:
        for alert_id in alert_ids:
            correlator.move(alert_id, incident_id)

    return put


def test_no_later_evidence_undoes_what_an_operator_did() -> None:
    assert taken_back(by_hand=False) > 0, "a model that would leave all of them there shows nothing"
    assert taken_back(by_hand=True) == 0


def test_an_alert_delivered_late_is_placed_in_its_turn_and_one_too_late_at_once() -> None:
    order = [alert(0, "a", "x"), alert(100, "a", "y"), alert(50, "a", "z"), alert(5000, "a", "u"), alert(60, "a", "v")]
    assert [order[place].starts_at.minute * 60 + order[place].starts_at.second for place in in_turn(order)][:3] == [
        0,
        50,
        100,
    ]
    assert sorted(in_turn(order)) == [0, 1, 2, 3, 4]


def test_an_end_takes_its_turn_when_it_ended() -> None:
    told = [alert(0, "a", "x", ends_s=400), alert(100, "a", "y")]
    assert in_turn(told) == [1, 0]


def test_the_end_of_an_earlier_episode_does_not_end_a_later_one() -> None:
    correlator = Correlator()
    correlator.learn_one(alert(1000, "a", "x"), "A")
    assert correlator.predict_one(alert(100, "a", "x", ends_s=400)).repeat_of is None
    assert correlator.predict_one(alert(1000, "a", "x", ends_s=1400)).repeat_of == "a/x/1000"

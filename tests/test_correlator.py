"""What a user notices of grouping: what joins, what stays apart, why, and in which order it may arrive."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from engine.correlate import Correlator, layout
from engine.correlate.asked import Room
from engine.correlate.scores import Weighing
from engine.correlate.state import State
from engine.domain import Alert, AlertStatus, Edge, alert_id_of, fingerprint_of
from training.benchmarks.grouping import bcubed
from training.correlate import group
from training.worlds import draw

START = datetime(2026, 3, 2, 3, tzinfo=UTC)


def alert(seconds: float, service: str, title: str, **more: object) -> Alert:
    at = START + timedelta(seconds=seconds)
    fingerprint = fingerprint_of("prom", title, service, "", {})
    made = Alert(
        id=alert_id_of("prom", fingerprint, at), source="prom", title=title, service=service, starts_at=at,
        received_at=at, fingerprint=fingerprint,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def groups(alerts: list[Alert], **known: object) -> dict[str, str]:
    return {row.alert_id: row.incident_id for row in group(alerts, **known)}  # type: ignore[arg-type]


DISK = alert(0, "orders-db", "disk of orders-db full")
WRITES = alert(20, "orders-db", "orders-db refuses writes")
MAIL = alert(4000, "mail-relay", "queue of mail-relay grows")


def test_what_names_one_thing_within_seconds_is_one_incident() -> None:
    found = groups([DISK, WRITES])
    assert found[DISK.id] == found[WRITES.id]


def test_what_shares_nothing_an_hour_later_is_another_incident() -> None:
    found = groups([DISK, WRITES, MAIL])
    assert found[MAIL.id] != found[DISK.id]


def test_closeness_alone_glues_nothing_where_noise_is_usual() -> None:
    noise = [alert(n * 300, f"thing-{n}x", f"oddity {n}y") for n in range(60)]
    start = 60 * 300.0
    shop = [alert(start + n * 20, "shop-db", f"trouble {word} of shop-db") for n, word in enumerate("abcd")]
    lone = alert(start + 200, "mail-relay", "strange at mail-relay")
    found = groups(sorted([*noise, *shop, lone], key=lambda each: each.starts_at))
    assert len({found[each.id] for each in shop}) == 1
    assert found[lone.id] not in {found[each.id] for each in shop}
    assert len({found[each.id] for each in noise}) == len(noise)


def test_a_second_delivery_is_the_same_alert_and_counts_once() -> None:
    correlator = Correlator()
    correlator.learn_one(DISK, "INC-1")
    match = correlator.predict_one(DISK)
    assert (match.incident_id, match.repeat_of, match.probability) == ("INC-1", DISK.id, 1.0)
    correlator.learn_one(DISK, "INC-1", alert_of=match.repeat_of)
    assert len(correlator.roots("INC-1")) == 1


@pytest.mark.parametrize("hours_late", [0, 3])
def test_a_resolved_notice_follows_its_alert(hours_late: int) -> None:
    correlator = Correlator()
    correlator.learn_one(DISK, "INC-1")
    correlator.learn_one(MAIL, "INC-2")
    end = DISK.starts_at + timedelta(hours=hours_late)
    match = correlator.predict_one(replace(DISK, id="end", status=AlertStatus.RESOLVED, starts_at=end, ends_at=end))
    assert (match.incident_id, match.repeat_of) == ("INC-1", DISK.id)


def test_a_late_alert_joins_what_was_open_then() -> None:
    found = groups([DISK, MAIL, WRITES])
    assert found[WRITES.id] == found[DISK.id]


def test_a_closed_incident_takes_no_later_alert() -> None:
    correlator = Correlator()
    correlator.learn_one(DISK, "INC-1")
    assert correlator.predict_one(WRITES).incident_id == "INC-1"
    correlator.close("INC-1", DISK.starts_at + timedelta(seconds=5))
    assert correlator.predict_one(WRITES).incident_id is None


@pytest.mark.parametrize("second", [WRITES, MAIL, alert(30, "", "x")])
def test_the_evidence_sums_to_the_score_and_speaks(second: Alert) -> None:
    correlator = Correlator(topology=[Edge(source="orders-api", target="orders-db")])
    correlator.learn_one(DISK, "INC-1")
    match = correlator.predict_one(second)
    assert sum(each.weight for each in match.evidence) == pytest.approx(match.score)
    assert all(each.detail for each in match.evidence if abs(each.weight) > 1.0)
    assert 0.0 <= match.probability <= 1.0
    assert match.margin >= 0.0


def test_a_question_changes_nothing() -> None:
    correlator = Correlator()
    for number, world_alert in enumerate(draw(3, 60).alerts):
        correlator.learn_one(world_alert, f"INC-{number // 6}")
    before = copy.deepcopy(correlator.__dict__)
    correlator.predict_one(DISK)
    assert _facts(correlator.__dict__) == _facts(before)


def test_revise_proposes_the_misplaced_alert_and_changes_nothing() -> None:
    correlator = Correlator()
    shop = [alert(n * 20, "shop-db", f"trouble {word} of shop-db") for n, word in enumerate("abcdef")]
    mail = [alert(n * 20 + 9, "mail-relay", f"sign {word} at mail-relay") for n, word in enumerate("ghijkl")]
    for each in shop:
        correlator.learn_one(each, "INC-2" if each is shop[3] else "INC-1")
    for each in mail:
        correlator.learn_one(each, "INC-2")
    correlator._profiles.changed.clear()  # what is due to be looked at is no part of what is believed
    before = _facts(copy.deepcopy(correlator.__dict__))
    revisions = correlator.revise(mail[-1].starts_at)
    assert [(each.alert_id, each.to_incident) for each in revisions] == [(shop[3].id, "INC-1")]
    assert revisions[0].reason
    assert _facts(correlator.__dict__) == before


def test_a_moved_alert_is_where_it_was_put() -> None:
    correlator = Correlator()
    correlator.learn_one(DISK, "INC-1")
    correlator.learn_one(WRITES, "INC-1")
    correlator.move(WRITES.id, "INC-2")
    assert [name for name, _ in correlator.roots("INC-2")] == [WRITES.id]
    assert correlator.predict_one(WRITES).incident_id == "INC-2"


def test_a_repeat_follows_its_alert_to_where_that_was_moved() -> None:
    correlator, again = Correlator(), replace(DISK, id="again", starts_at=DISK.starts_at + timedelta(seconds=40))
    correlator.learn_one(DISK, "INC-1")
    correlator.move(DISK.id, "INC-2")
    correlator.learn_one(again, "INC-1", alert_of=DISK.id)
    assert [name for name, _ in correlator.roots("INC-2")] == [DISK.id]
    assert correlator.roots("INC-1") == ()


def test_what_is_over_is_forgotten() -> None:
    correlator = Correlator(keep_h=1.0)
    for hour in range(200):
        correlator.learn_one(alert(hour * 3600, f"service-{hour}", f"trouble {hour}"), f"INC-{hour}")
    profiles = correlator._profiles
    assert len(profiles.open) < 4
    assert len(profiles.of_alert) < 4
    state = correlator._state
    assert len(state.open) < 4
    assert len(state.arrays.tokens) < 2000, "texts of what is over make room for others"
    assert len(state.arrays.members) < 40
    assert len(state.arrays.table) < 2000


def test_it_works_on_a_title_and_a_time() -> None:
    bare = [alert(n, "", title) for n, title in enumerate(("vm0766 is down", "no answer from vm0766", "x"))]
    assert len(groups(bare)) == 3


def test_disorder_leaves_the_groups_nearly_as_they_were() -> None:
    world = draw(5, 250)
    chance = random.Random(0)
    late = sorted(world.alerts, key=lambda each: each.starts_at.timestamp() + chance.expovariate(1 / 30))
    straight, shuffled = groups(world.alerts), groups(late)
    names = [each.id for each in world.alerts]
    assert bcubed([straight[name] for name in names], [shuffled[name] for name in names])[2] > 0.85


def test_history_teaches_what_comes_together() -> None:
    past, names = [], []
    for day in range(12):
        for offset, service, title in ((0, "cart-db", "disk is full"), (70, "till", "payments fail")):
            past.append(alert(day * 86_400 + offset, service, title))
            names.append(f"past-{day}")
        past.append(alert(day * 86_400 + 40_000, "lamp", "bulb is out"))
        names.append(f"lamp-{day}")
    correlator = Correlator().fit(past, names)
    cold = Correlator()
    for each in (correlator, cold):
        each.learn_one(alert(13 * 86_400, "cart-db", "disk is full"), "INC-1")
    till = alert(13 * 86_400 + 70, "till", "payments fail")
    lamp = alert(13 * 86_400 + 70, "lamp", "bulb is out")  # as well known, but for the company it has kept
    assert correlator.predict_one(till).score > correlator.predict_one(lamp).score + 0.3
    assert cold.predict_one(till).score == pytest.approx(cold.predict_one(lamp).score, abs=0.05)
    said = {each.signal: each.detail for each in correlator.predict_one(till).evidence}
    assert said["together"] == "seen together in 12 of 12 past incidents"


def test_a_model_file_holds_what_was_learned_and_no_open_incident() -> None:
    world = draw(4, 120)
    correlator = Correlator(topology=world.edges).fit(world.alerts, world.truth)
    part = correlator.to_part()
    correlator.learn_one(DISK, "INC-1")
    again = Correlator.from_part(replace(part, data=json.loads(json.dumps(part.data))), topology=world.edges)
    assert again.predict_one(WRITES).incident_id is None
    again.learn_one(DISK, "INC-1")
    assert again.predict_one(WRITES).score == pytest.approx(correlator.predict_one(WRITES).score)


def test_the_root_is_early_and_what_the_others_need() -> None:
    edges = [Edge(source="web", target="api"), Edge(source="api", target="db")]
    correlator = Correlator(topology=edges)
    for seconds, service in ((0, "web"), (3, "db"), (6, "api")):
        correlator.learn_one(alert(seconds, service, f"{service} slow"), "INC-1")
    ranked = [name for name, _ in correlator.roots("INC-1")]
    assert ranked[0] == alert(3, "db", "db slow").id
    assert correlator.roots("unknown") == ()


def test_every_alert_of_a_file_gets_one_row_and_every_incident_one_root() -> None:
    world = draw(6, 200)
    rows = group(world.alerts, topology=world.edges)
    assert [row.alert_id for row in rows] == [each.id for each in world.alerts]
    roots: dict[str, int] = {}
    for row in rows:
        roots[row.incident_id] = roots.get(row.incident_id, 0) + (row.root_rank == 1)
    assert min(roots.values()) >= 1


def _facts(value: object) -> object:
    """A value's content, slots and all, so that two states can be compared deeply."""
    if isinstance(value, State):  # rows that are free, and room to write answers in, say nothing
        counts = value.arrays.table[value.arrays.table[:, layout.COUNT] > 0]
        paces = [value.arrays.spans[slot].tolist() for slot in value.open]
        return sorted(map(tuple, counts[:, : layout.LINK].tolist())), paces
    if isinstance(value, Room):
        return None
    if isinstance(value, Weighing):
        return _facts(value._replace(depths=value.depths[:0])._asdict())
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _facts(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_facts(each) for each in value]
    slots = getattr(type(value), "__slots__", None)
    if slots and not isinstance(value, str | int | float | datetime):
        return {name: _facts(getattr(value, name)) for name in slots}
    if hasattr(value, "__dict__"):
        return _facts(vars(value))
    return value


def _storms(count: int, *, every_s: float, alerts: int, begin_s: float) -> list[tuple[Alert, str]]:
    """Storms of a few symptoms told again and again, one storm after the other, with the name of each."""
    kinds = ("scan", "login fails", "odd request", "shell")
    return [
        (
            alert(begin_s + s * every_s + n * 0.3, host, f"{kinds[s % 3 + n % 2]} at {host}", id=f"{begin_s}-{s}-{n}"),
            f"{s}",
        )
        for s in range(count)
        for host in (f"web-{s % 3}",)
        for n in range(alerts)
    ]


def _f1_among_noise(history: list[tuple[Alert, str]]) -> float:
    chance = random.Random(1)
    rows = _storms(5, every_s=120, alerts=100, begin_s=0)
    rows += [(alert(chance.uniform(0, 700), f"pc-{n}", f"oddity {n}"), f"noise {n}") for n in range(40)]
    rows.sort(key=lambda row: row[0].starts_at)
    found = groups([each for each, _ in rows], history=tuple(zip(*history, strict=True)) if history else None)
    return bcubed([name for _, name in rows], [found[each.id] for each, _ in rows])[2]


def test_a_past_of_a_few_storms_glues_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    past = _storms(8, every_s=1500, alerts=150, begin_s=-400_000)
    cold = _f1_among_noise([])
    assert _f1_among_noise(past) >= cold
    monkeypatch.setattr("engine.correlate.background._STORMS_ALONE", 2.0)
    assert _f1_among_noise(past) < cold, "the control: pace and company of storms would glue"

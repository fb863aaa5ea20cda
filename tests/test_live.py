"""Several processes and restarts group as one process that never stopped would."""

from __future__ import annotations

import multiprocessing
import random
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.correlate import Correlator
from engine.domain import Alert
from engine.errors import Unavailable
from engine.handling.live import Live
from engine.pathfinder import Pathfinder
from engine.ports import Models
from engine.store.store import Store
from tests.conftest import sqlite_url
from tests.small_models import LastResolver, SameTitle, alert, moment, small_models

SERVICES = 20
SYMPTOMS = 6


def storm() -> list[Alert]:
    """120 symptoms of 20 services within half a minute, each once."""
    return [alert(f"svc-{n % SERVICES}", f"symptom {n}", at=n / 5) for n in range(SERVICES * SYMPTOMS)]


def deliver(url: str, seed: int) -> None:
    """One process: the whole storm, shuffled, in groups of one to nine."""
    shuffled = random.Random(seed)
    alerts = storm()
    shuffled.shuffle(alerts)
    store = Store(url, wait_s=30.0)
    engine = Pathfinder(store, small_models())
    engine.start()
    while alerts:
        size = shuffled.randint(1, 9)
        group, alerts = alerts[:size], alerts[size:]
        engine.handle(group)
    engine.close()


def groups(store: Store) -> set[frozenset[str]]:
    """The stored grouping, without the incidents' names."""
    engine = Pathfinder(store, small_models())
    return {frozenset(one.alert.id for one in engine.members(found.id)) for found in engine.incidents(limit=10_000)}


def test_two_processes_with_one_storm_group_as_one_process(url: str, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    alone = Store(sqlite_url(tmp_path / "alone"))
    deliver(alone.database.url, 0)
    fork = multiprocessing.get_context("fork")  # a fresh interpreter would only import everything again
    running = [fork.Process(target=deliver, args=(url, seed)) for seed in (1, 2)]
    for process in running:
        process.start()
    for process in running:
        process.join(120)
    assert [process.exitcode for process in running] == [0, 0]
    store = Store(url)
    assert groups(store) == groups(alone)
    engine = Pathfinder(store, small_models())
    found = engine.incidents(limit=1000)
    members = [member for one in found for member in engine.members(one.id)]
    assert len(found) == SERVICES
    assert {one.alert.id for one in members} == {one.id for one in storm()}
    assert sum(1 + one.repeats for one in members) == 2 * len(storm())
    store.close()
    alone.close()


def test_without_catching_up_two_processes_go_wrong(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a process that decides on what it remembers opens an incident that is there already."""
    one, other = Pathfinder(store, small_models()), Pathfinder(store, small_models())
    one.start()
    other.start()
    monkeypatch.setattr(Live, "_follow", lambda _self, correlator, _tx: correlator)
    one.handle([alert("db", at=0)])
    other.handle([alert("db", "slow", at=1)])
    assert len(groups(store)) == 2


def test_without_the_write_lock_two_writers_give_out_one_id_twice(tmp_path: Path) -> None:
    """The control of BEGIN IMMEDIATE: transactions that read first both see the same counter, and one then fails."""
    database = Store(sqlite_url(tmp_path), wait_s=5.0).database
    database._writer = database.engine
    with pytest.raises(Unavailable), database.write() as first:
        with database.write() as second:
            given = second.next_incident_id()
        assert first.next_incident_id() == given
    database.close()


def real_models() -> Models:
    return Models(
        version="",
        correlator=lambda topology: Correlator(topology=topology),
        recommender=SameTitle(),
        router=LastResolver(),
    )


def mixed_storm() -> list[Alert]:
    """Two faults at once, noise, repeats, ends, and late arrivals."""
    found = []
    for number in range(12):
        found.append(alert("orders-db", f"orders-db check {number} fails", at=10.0 * number, host=f"db-{number % 2}"))
        found.append(alert("search", f"search node {number} slow", at=10.0 * number + 4, host=f"se-{number % 3}"))
    found.append(alert("orders-db", "orders-db check 0 fails", at=130, start=0, host="db-0"))
    found.append(alert("orders-db", "orders-db check 1 fails", at=140, start=10, host="db-1", resolved=True))
    found.append(alert("search", "search queue grows", at=150, start=55, host="se-1"))
    found.append(alert("mail", "mail queue grows", at=7200, host="mx"))
    return found


@pytest.mark.parametrize("stop", [1, 9, 25, 27])
def test_the_real_correlator_groups_the_same_after_a_restart(tmp_path: Path, stop: int) -> None:
    found = []
    for name, stops in (("whole", ()), ("stopped", (stop,))):
        (tmp_path / name).mkdir()
        store = Store(sqlite_url(tmp_path / name))
        engine = Pathfinder(store, real_models())
        engine.start()
        receipts = []
        for number, one in enumerate(mixed_storm()):
            if number in stops:
                engine = Pathfinder(store, real_models())
                engine.start()
            receipts += engine.handle([one])
        found.append([(one.alert_id, one.incident_id, one.outcome) for one in receipts])
        store.close()
    assert found[0] == found[1]


def test_the_real_correlator_ends_and_reopens_as_promised(store: Store) -> None:
    engine = Pathfinder(store, real_models())
    engine.start()
    first = alert("db", "db down", at=0)
    assert [one.outcome for one in engine.handle([first, first])] == ["opened", "repeat"]
    end = alert("db", "db down", at=60, start=0, resolved=True)
    assert [one.outcome for one in engine.handle([end, end])] == ["resolved", "duplicate"]
    assert [one.outcome for one in engine.handle([alert("db", "db down", at=900)])] == ["opened"]
    never_fired = replace(alert("dns", "dns slow", at=200, start=150, resolved=True))
    assert [one.outcome for one in engine.handle([never_fired])] == ["resolved"]


def test_old_ended_incidents_are_not_replayed_and_open_ones_are(store: Store) -> None:
    engine = Pathfinder(store, small_models())
    engine.start()
    engine.handle([alert("db", at=0), alert("web", at=0), alert("db", at=60, start=0, resolved=True)])
    later = timedelta(days=3).total_seconds()
    engine.handle([alert("cron", at=later)])
    fresh = Pathfinder(store, small_models())
    fresh.start()
    correlator = fresh.live._correlator
    assert correlator is not None
    assert set(correlator.members) == {"INC-2", "INC-3"}  # type: ignore[attr-defined]
    assert moment(later) == fresh.incident("INC-3").opened_at


def test_a_rehearsal_leaves_nothing_behind_and_never_fails() -> None:
    made: list[object] = []
    live = Live(lambda edges: made.append(edges) or Correlator())  # type: ignore[func-returns-value]
    live.rehearse(moment(0))
    assert made == [()]
    assert live.revision == -1
    assert live.suspects([alert("a", "down")]) == ()
    Live(lambda _: object()).rehearse(moment(0))  # type: ignore[arg-type, return-value]


NOT_COMPILED_YET = """
import sys
from datetime import UTC, datetime
from engine.correlate.compiled import COMPILED
from engine.handling.live import Live
from engine.serving import first_usable
from engine.settings import Settings

live = Live(first_usable([], Settings(encoder_enabled=False))[0].correlator)
if "rehearsed" in sys.argv:
    live.rehearse(datetime(2026, 1, 1, 12, tzinfo=UTC))
live.make(())
for module in (sys.modules[f"engine.correlate.{name}"] for name in COMPILED):
    for name, one in vars(module).items():
        options = getattr(one, "targetoptions", None)
        is_called = getattr(one, "alone", False) or (options is not None and "no_cpython_wrapper" not in options)
        if is_called and one.__module__ == module.__name__ and not getattr(one, "signatures", ()):
            print(name)
"""


def not_compiled_yet(*words: str) -> set[str]:
    command = [sys.executable, "-c", NOT_COMPILED_YET, *words]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_after_a_rehearsal_nothing_is_compiled_while_alerts_wait() -> None:
    """In processes of their own, since tests before have loaded some of it; one without a rehearsal is the control."""
    pytest.importorskip("numba")
    for_training_only = {"score"}
    assert not_compiled_yet("rehearsed") == for_training_only
    assert not_compiled_yet() >= for_training_only | {"ask", "settle", "whether_two"}

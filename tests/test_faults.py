"""Storage, processes and models that fail at the worst moment: each fault scripted, with what is expected of it.

What needs a server and a kill -9 stands in `test_api_crash.py` and in `python -m api chaos`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine.domain import Alert, Match, Resolution, Severity
from engine.errors import Conflict, Unavailable
from engine.pathfinder import Delivery, Pathfinder
from engine.settings import Settings
from engine.store import alerts as stored_alerts
from engine.store import migrations
from engine.store.records import Scope
from engine.store.store import Store
from tests.conftest import homes, sqlite_url
from tests.live_server import new_key, url_of
from tests.small_models import ByService, small_models

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def alert(name: str, service: str = "db", at_s: float = 0, **changes: Any) -> Alert:
    at = NOON + timedelta(seconds=at_s)
    made = Alert(
        id=f"id-{name}", source="s", title=name, service=service, starts_at=at, received_at=at, fingerprint=name
    )
    return replace(made, **changes)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path)


def engine_at(url: str, wait_s: float = 0.3) -> Pathfinder:
    engine = Pathfinder(Store(url, wait_s=wait_s), small_models())
    engine.start()
    return engine


class Faulty(sqlite3.Connection):
    """A connection whose n-th write, or commit, fails as a broken disk does."""

    fail_at = -1
    seen = 0
    error = "disk I/O error"
    count_commits_only = False

    def _step(self) -> None:
        Faulty.seen += 1
        if Faulty.seen == Faulty.fail_at:
            raise sqlite3.OperationalError(Faulty.error)

    def commit(self) -> None:
        self._step()
        super().commit()

    def cursor(self, *_args: Any, **_kwargs: Any) -> Any:
        return super().cursor(_Cursor)


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, *args: Any) -> Any:
        if not Faulty.count_commits_only and sql.startswith(("INSERT", "UPDATE", "BEGIN IMMEDIATE")):
            self.connection._step()  # type: ignore[attr-defined]
        return super().execute(sql, *args)

    def executemany(self, sql: str, *args: Any) -> Any:
        if not Faulty.count_commits_only:
            self.connection._step()  # type: ignore[attr-defined]
        return super().executemany(sql, *args)


@contextmanager
def faulty(fail_at: int, error: str = "disk I/O error") -> Iterator[None]:
    """Every SQLite connection made inside fails at its `fail_at`-th write."""
    whole = sqlite3.connect

    def connect(*args: Any, **kwargs: Any) -> Any:
        return whole(*args, factory=Faulty, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqlite3.dbapi2.connect", connect)
        patch.setattr("sqlite3.connect", connect)
        Faulty.fail_at, Faulty.seen, Faulty.error = fail_at, 0, error
        yield
    Faulty.fail_at = -1


@pytest.mark.parametrize("error", ["disk I/O error", "database or disk is full", "database is locked"])
def test_the_nth_write_fails_for_every_n(url: str, error: str) -> None:
    """What was answered is on disk, what failed is not, and the same engine goes on once the disk does."""
    reached = 0
    with faulty(-1, error):
        engine = engine_at(url)
    for n in range(1, 40):
        batch = [alert(f"{n}-{k}", at_s=n) for k in range(3)]
        Faulty.seen, Faulty.fail_at, Faulty.error = 0, n, error
        try:
            receipts = engine.handle(batch)
        except Unavailable:
            reached += 1
            assert not {one.id for one in batch} & homes(url).keys(), f"write {n}: refused, and yet there"
        else:
            assert all(homes(url)[one.alert_id] == one.incident_id for one in receipts)
        Faulty.fail_at = -1
        assert all(one.outcome in ("opened", "joined", "repeat") for one in engine.handle(batch)), f"after write {n}"
    assert reached >= 5, "the floor: faults were reached"


def test_another_process_holds_the_lock_and_we_wait_no_longer_than_told(url: str) -> None:
    engine = engine_at(url)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable):
            engine.handle([alert("a")])
        other.execute("ROLLBACK")
    assert engine.handle([alert("a")])[0].outcome == "opened"


def test_an_analyst_who_reads_for_long_stops_nobody(url: str) -> None:
    engine = engine_at(url)
    engine.handle([alert("a")])
    with engine.store.read() as link:
        assert len(stored_alerts.told(link)) == 1
        for n in range(20):
            engine.handle([alert(f"b{n}")])
        assert len(stored_alerts.told(link)) == 1, "their moment stands still"
    assert len(homes(url)) == 21


def test_the_log_of_writes_is_bounded(url: str) -> None:
    engine = engine_at(url)
    for n in range(60):
        engine.handle([alert(f"{n}-{k}", description="x" * 5_000) for k in range(20)])
    log = Path(url.removeprefix("sqlite:///") + "-wal")
    assert log.stat().st_size <= 64 * 2**20


@pytest.mark.parametrize("damage", ["deleted", "header", "emptied", "folder"])
def test_a_damaged_database_is_said_and_not_replaced_in_silence(tmp_path: Path, damage: str) -> None:
    url = sqlite_url(tmp_path)
    engine_at(url).close()
    file = Path(url.removeprefix("sqlite:///"))
    before = file.read_bytes()
    if damage == "header":
        file.write_bytes(b"garbage!" * 64 + before[512:])
    elif damage == "emptied":
        file.write_bytes(before[: len(before) // 3])
    elif damage == "folder":
        file.unlink()
        file.mkdir()
    else:
        file.unlink()
    engine = Pathfinder(Store(url, wait_s=0.3), small_models())
    with pytest.raises(Exception, match=r".+") as told:
        engine.handle([alert("a")])
    assert isinstance(told.value, Unavailable) or "no such table" in str(told.value)
    assert engine.store.writable() is False or damage == "deleted"


def test_memory_is_dropped_with_a_transaction_that_failed(url: str) -> None:
    with faulty(-1):
        engine = engine_at(url)
    engine.handle([alert("a")])
    Faulty.seen, Faulty.fail_at = 0, 3
    with pytest.raises(Unavailable):
        engine.handle([alert("a", at_s=0), alert("b")])
    Faulty.fail_at = -1
    receipts = engine.handle([alert("b"), alert("a")])
    assert [one.outcome for one in receipts] == ["joined", "repeat"]
    assert [one.repeats for one in engine.members(receipts[0].incident_id)].count(1) == 1, "counted once, not twice"


def test_two_processes_and_memory_between_transactions(url: str) -> None:
    """What one process remembers ends with what another one writes."""
    one, other = engine_at(url), engine_at(url)
    one.handle([alert("a")])
    for _ in range(3):
        one.handle([alert("a")])
        other.handle([alert("a")])
    (member,) = one.members("INC-1")
    assert member.repeats == 6
    other.resolve("INC-1", resolution(), NOON + timedelta(minutes=1))
    assert one.handle([alert("a")])[0].incident_id == "INC-1"
    assert one.incident("INC-1").resolution is not None


def resolution() -> Resolution:
    return Resolution(text="restarted", resolver="dana")


@pytest.mark.parametrize("threads", [2, 4])
def test_many_writers_make_the_incidents_that_one_makes(url: str, threads: int) -> None:
    engines = [engine_at(url, wait_s=20.0) for _ in range(threads)]
    storm = [alert(f"{service}-{n}", f"s{service}", at_s=n) for n in range(6) for service in range(5)]

    def send(engine: Pathfinder) -> None:
        for one in storm:
            engine.handle([one])

    workers = [threading.Thread(target=send, args=(engine,)) for engine in engines]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = homes(url)
    assert len(found) == len(storm)
    for service in range(5):
        assert len({found[one.id] for one in storm if one.service == f"s{service}"}) == 1, "split"
    assert len(set(found.values())) == 5, "duplicate incidents"


def test_a_crash_between_two_transactions_changes_no_group(url: str, tmp_path: Path) -> None:
    """An engine that is started anew before every batch groups as one that never was."""
    other = sqlite_url(tmp_path / "calm")
    storm = [[alert(f"{n}-{k}", f"s{(n + k) % 4}", at_s=n) for k in range(3)] for n in range(12)]
    calm = engine_at(other)
    for batch in storm:
        calm.handle(batch)
        crashed = engine_at(url)
        crashed.handle(batch)
        crashed.close()
    assert homes(url) == homes(other)


# -- roots that were left to be judged later


def test_roots_left_open_in_a_storm_are_judged_afterwards_and_after_a_crash(url: str) -> None:
    engine = engine_at(url)
    engine.take([Delivery(alerts=[alert("a"), alert("b")])], hurried=True)
    assert engine.unjudged == {"INC-1"}
    again = engine_at(url)
    assert again.unjudged == {"INC-1"}, "a crash forgets no work"
    assert again.judge_roots() == 0
    assert again.unjudged == set()
    assert again.record("INC-1").roots_at == 2


# -- a correlator that fails


class Failing(ByService):
    """Fails whenever it is asked."""

    broken = True

    def predict_one(self, alert: Alert) -> Match:
        if Failing.broken:
            raise KeyError("no such signal")
        return super().predict_one(alert)


def test_a_correlator_that_fails_and_fails_is_left_in_peace_and_asked_again_later(url: str) -> None:
    engine = engine_at(url)
    engine.live.forget(lambda topology: Failing(topology))
    Failing.broken = True
    first = engine.handle([alert(f"a{n}") for n in range(30)])
    assert {one.outcome for one in first} == {"opened"}, "every alert is taken, each by itself"
    assert engine.grouping_rests
    Failing.broken = False
    for n in range(11):
        engine.handle([alert(f"b{n}-{k}") for k in range(100)])
    assert not engine.grouping_rests
    joined = engine.handle([alert("c1", "new"), alert("c2", "new")])
    assert [one.outcome for one in joined] == ["opened", "joined"]


def test_nothing_is_lost_of_a_group_with_poison_in_any_place(url: str) -> None:
    engine = engine_at(url)
    for place in range(7):
        group = [alert(f"{place}-{n}") for n in range(6)]
        group.insert(place, alert(f"bad{place}", labels={"n": object()}))
        told = engine.take([Delivery(alerts=group[:3], id=f"d{place}"), Delivery(alerts=group[3:])])
        outcomes = [one.outcome for each in told for one in each]
        assert [one == "quarantined" for one in outcomes] == [n == place for n in range(7)]
    assert len(engine.quarantined()) == 7
    assert len(homes(url)) == 42


# -- schemas


def stored_places(url: str) -> dict[str, tuple[str, str, int]]:
    with closing(Store(url)) as store, store.read() as link:
        return stored_alerts.places(link)


def test_the_schema_goes_down_and_up_again_with_data(url: str) -> None:
    engine = engine_at(url)
    engine.take([Delivery(alerts=[alert("a")], id="d"), Delivery(alerts=[alert("a"), alert("b")])])
    before = stored_places(url)
    assert sorted(again for *_, again in before.values()) == [0, 1]
    for revision in ("0006", "0003"):
        migrations.downgrade(engine.store.database, revision)
        migrations.upgrade(engine.store.database)
        migrations.check(engine.store.database)
        assert stored_places(url) == before
    assert engine_at(url).handle([alert("a")])[0].outcome == "repeat"


def test_an_old_program_refuses_a_newer_database(url: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as link:
        link.execute("UPDATE alembic_version SET version_num = '9999'")
        link.commit()
    with pytest.raises(Conflict, match="newer"):
        Store(url).migrate()


def test_a_migration_that_fails_half_way_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(url)
    migrations.downgrade(store.database, "0006")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr("alembic.op.create_index", fail)
        with suppress(RuntimeError):
            migrations.upgrade(store.database)
    migrations.upgrade(store.database)
    migrations.check(store.database)


# -- clocks


@pytest.mark.parametrize("jump_s", [-3600, 86_400, -30 * 86_400])
def test_clocks_that_jump_lose_nothing(url: str, jump_s: int) -> None:
    engine = engine_at(url)
    first = engine.handle([alert("a"), alert("b", at_s=1)])
    second = engine.handle([alert("c", at_s=jump_s), alert("a")])
    assert len(homes(url)) == 3
    assert second[1].incident_id == first[0].incident_id


# -- the whole service on a disk that fails


def test_a_disk_that_fails_is_told_and_recovers_without_a_new_start(tmp_path: Path) -> None:
    database = tmp_path / "p.db"
    token = new_key(database, Scope.ADMIN)
    settings = Settings(database_url=url_of(database), encoder_enabled=False)
    with faulty(-1, "database or disk is full"):
        engine = Pathfinder.open(settings)
        with TestClient(create_app(engine, settings), headers={"X-API-Key": token}) as client:
            assert client.post("/v1/alerts", json={"title": "before"}).status_code == 202
            Faulty.seen, Faulty.fail_at = 0, 2
            answer = client.post("/v1/alerts", json={"title": "during", "severity": Severity.CRITICAL})
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["X-PathFinder-Rung"] == "read-only"
            assert client.get("/v1/incidents").status_code == 200, "reads go on"
            Faulty.fail_at = -1
            again = client.post("/v1/alerts", json={"title": "during", "severity": Severity.CRITICAL})
            assert (again.status_code, again.json()["rung"]) == (202, "lexical")

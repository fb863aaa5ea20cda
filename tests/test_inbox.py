"""What is on disk before it is grouped: nothing is lost or counts twice, and it groups as if it had been at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from engine.domain import Alert, AlertStatus
from engine.errors import Unavailable
from engine.handling.receiving import QUARANTINED, STORED, Delivery
from engine.pathfinder import Pathfinder
from engine.settings import Settings
from engine.store import alerts, inbox
from engine.store.records import Scope
from tests.conftest import homes, sqlite_url
from tests.small_models import alert

pytestmark = pytest.mark.usefixtures("machine_code")  # some wait for an engine to start, but not so long
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MANY = 60


def told(count: int = MANY) -> list[Alert]:
    """Alerts of several services, some told again, some over."""
    first = [
        replace(alert(f"db-{n % 9}"), id=f"a{n}", fingerprint=f"f{n}", title=f"check {n % 7} fails on db-{n % 9}")
        for n in range(count)
    ]
    over = [replace(one, status=AlertStatus.RESOLVED, ends_at=one.received_at) for one in first[: count // 4]]
    return [*first, *first[count // 2 :], *over]


def settings_of(path: Path) -> Settings:
    return Settings(database_url=sqlite_url(path / "inbox.db"), encoder_enabled=False)


def counts(engine: Pathfinder) -> dict[str, int]:
    with engine.store.read() as link:
        return alerts.told(link)


def parts(every: list[Alert], size: int = 7) -> list[Delivery]:
    return [Delivery(alerts=every[start : start + size]) for start in range(0, len(every), size)]


def test_what_is_put_down_first_groups_as_what_is_taken_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    at_once, later = Pathfinder.open(settings_of(tmp_path / "a")), Pathfinder.open(settings_of(tmp_path / "b"))
    for delivery in parts(told()):
        at_once.take([delivery], hurried=True)
    receipts = later.put_down(parts(told()))
    assert {one.outcome for each in receipts for one in each} == {STORED}
    assert later.put_down_count() == len(told())
    assert homes(later.store.database.url) == {}
    while later.take_up(7):
        pass
    assert later.put_down_count() == 0
    assert homes(later.store.database.url) == homes(at_once.store.database.url)
    assert counts(later) == counts(at_once)


def test_what_is_grouped_and_what_is_dropped_go_to_disk_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Pathfinder.open(settings_of(tmp_path))
    engine.put_down(parts(told()))

    def crash(*_: object) -> None:
        raise Unavailable("the plug is pulled")

    with monkeypatch.context() as broken:
        broken.setattr("engine.store.inbox.drop", crash)
        with pytest.raises(Unavailable):
            engine.take_up(MANY)
    assert not counts(engine)
    again = Pathfinder.open(settings_of(tmp_path))
    while again.take_up(MANY):
        pass
    assert sum(counts(again).values()) == MANY + MANY // 2


def test_two_processes_that_read_the_same_group_it_once(tmp_path: Path) -> None:
    one, other = Pathfinder.open(settings_of(tmp_path)), Pathfinder.open(settings_of(tmp_path))
    one.put_down(parts(told()))
    with other.store.read() as link:
        read = inbox.oldest(link, 10 * MANY)
    while one.take_up(7):
        pass
    before = counts(one)
    one.put_down(parts(told(4)))  # under ids that were given before
    late = [Delivery(alerts=kept.alerts, id=kept.sent_as, kept=kept) for kept in read]
    assert not any(other.take(late))
    assert counts(other) == before
    assert other.put_down_count() == sum(len(delivery.alerts) for delivery in parts(told(4)))


def test_the_same_delivery_counts_once_however_it_comes(tmp_path: Path) -> None:
    engine = Pathfinder.open(settings_of(tmp_path))
    sent = Delivery(alerts=told(4)[:4], id="delivery")
    engine.put_down([sent, sent])
    engine.take_up()
    engine.take([sent])
    engine.put_down([sent])
    while engine.take_up():
        pass
    assert set(counts(engine).values()) == {1}


def test_no_secret_waits_in_the_inbox(tmp_path: Path) -> None:
    engine = Pathfinder.open(settings_of(tmp_path))
    engine.put_down([Delivery(alerts=[replace(alert("db"), title="login with password=hunter2 failed")])])
    engine.close()
    assert b"hunter2" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_what_cannot_be_put_down_sinks_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Pathfinder.open(settings_of(tmp_path))
    whole = engine.keeper.keepable

    def stumbling(one: Alert) -> Alert:
        if one.id == "a3":
            raise RuntimeError("a value that nobody can store")
        return whole(one)

    monkeypatch.setattr(engine.keeper, "keepable", stumbling)
    receipts = engine.put_down([Delivery(alerts=[one]) for one in told(8)[:8]])
    assert [one.outcome for each in receipts for one in each] == [*[STORED] * 3, QUARANTINED, *[STORED] * 4]
    assert len(engine.quarantined()) == 1


def test_alerts_are_taken_while_the_engine_starts_and_grouped_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, may_start = settings_of(tmp_path), threading.Event()
    engine = Pathfinder.open(settings, start=False)
    token = engine.issue_key("test", frozenset({Scope.ADMIN}), NOON)[1]
    whole = engine.start

    def slowly() -> None:
        may_start.wait(30)
        whole()

    monkeypatch.setattr(engine, "start", slowly)
    with TestClient(create_app(engine, settings), headers={"X-API-Key": token}) as client:
        answer = client.post("/v1/alerts", json=[{"title": "disk full", "service": "db"}])
        assert answer.status_code == 202
        assert [one["outcome"] for one in answer.json()["receipts"]] == [STORED]
        assert answer.json()["incident_ids"] == []
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["rung"], ready.json()["to_be_grouped"]) == (200, "stored", 1)
        may_start.set()
        deadline = datetime.now(UTC) + timedelta(seconds=30)
        while client.get("/readyz").json()["rung"] == "stored" and datetime.now(UTC) < deadline:
            threading.Event().wait(0.02)
        assert len(client.get("/v1/incidents").json()["items"]) == 1
        answer = client.post("/v1/alerts", json=[{"title": "disk full", "service": "db"}])
        assert answer.json()["incident_ids"] == ["INC-1"]


def test_alerts_wait_a_moment_for_an_engine_that_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path)
    engine = Pathfinder.open(settings, start=False)
    token = engine.issue_key("test", frozenset({Scope.ADMIN}), NOON)[1]
    whole, asked = engine.start, threading.Event()

    def slowly() -> None:
        asked.wait(30)
        whole()

    monkeypatch.setattr(engine, "start", slowly)
    monkeypatch.setattr("api.intake._GRACE_S", 60.0)
    with TestClient(create_app(engine, settings), headers={"X-API-Key": token}) as client:
        threading.Timer(0.2, asked.set).start()
        answer = client.post("/v1/alerts", json=[{"title": "disk full", "service": "db"}])
        assert answer.json()["incident_ids"] == ["INC-1"]


def test_what_a_process_left_in_the_inbox_is_grouped_by_the_next(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    engine = Pathfinder.open(settings)
    token = engine.issue_key("test", frozenset({Scope.ADMIN}), NOON)[1]
    engine.put_down([Delivery(alerts=told(5)[:5])])
    engine.close()
    with TestClient(create_app(Pathfinder.open(settings), settings), headers={"X-API-Key": token}) as client:
        deadline = datetime.now(UTC) + timedelta(seconds=30)
        while not client.get("/v1/incidents").json()["items"] and datetime.now(UTC) < deadline:
            threading.Event().wait(0.02)
        assert client.get("/v1/incidents").json()["items"]

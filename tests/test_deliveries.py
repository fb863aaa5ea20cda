"""Each delivery counts once; what cannot be taken is kept, shown, and tried again; the whole product over SQLite."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine.clock import utc_now
from engine.domain import Alert
from engine.pathfinder import Pathfinder
from engine.settings import Settings
from engine.sources import SOURCES
from engine.store import quarantine
from engine.store.records import Scope
from tests.live_server import new_key, url_of

BODY: list[dict[str, Any]] = [{"title": f"check {n}", "service": "db", "fingerprint": f"f{n}"} for n in range(3)]
HEADERS = ("Idempotency-Key", "webhook-id", "X-Delivery-Id", "X-Webhook-Id", "X-GitHub-Delivery", "svix-id")


class World:
    """The service over one database; a new start finds what the one before left."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "p.db"
        self.token = new_key(self.database, Scope.ADMIN)

    def start(self) -> TestClient:
        settings = Settings(database_url=url_of(self.database), encoder_enabled=False)
        app = create_app(Pathfinder.open(settings), settings)
        return TestClient(app, headers={"X-API-Key": self.token}, raise_server_exceptions=False)

    def other_key(self) -> str:
        return new_key(self.database, Scope.INGEST)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with world.start() as client:
        yield client


def repeats(client: TestClient) -> int:
    found = [one["id"] for one in client.get("/v1/incidents").json()["items"]]
    return sum(one["repeats"] for each in found for one in client.get(f"/v1/incidents/{each}").json()["alerts"])


@pytest.mark.parametrize("name", HEADERS)
def test_the_same_delivery_is_taken_once(client: TestClient, name: str) -> None:
    first = client.post("/v1/alerts", json=BODY, headers={name: "d-1"}).json()
    for _ in range(3):
        again = client.post("/v1/alerts", json=BODY, headers={name: "d-1"}).json()
        assert again["duplicates"] == again["accepted"] == 3
        assert again["incident_ids"] == first["incident_ids"]
        assert [one["alert_id"] for one in again["receipts"]] == [one["alert_id"] for one in first["receipts"]]
    assert repeats(client) == 0


def test_the_control_without_an_id_each_sending_counts(client: TestClient) -> None:
    sent = [one | {"starts_at": "2026-01-01T12:00:00Z"} for one in BODY]
    for _ in range(3):
        assert client.post("/v1/alerts", json=sent).status_code == 202
    assert repeats(client) == 6


def test_it_is_known_after_a_new_start_too(world: World) -> None:
    told = []
    for _ in range(2):
        with world.start() as client:
            told.append(client.post("/v1/alerts", json=BODY, headers={"Idempotency-Key": "d-1"}).json())
    assert told[1]["duplicates"] == 3
    assert told[0]["incident_ids"] == told[1]["incident_ids"]


def test_the_names_of_deliveries_are_forgotten_after_a_week(world: World) -> None:
    with world.start() as client:
        pathfinder: Pathfinder = client.app.state.desk.pathfinder  # type: ignore[attr-defined]
        for later, again in ((timedelta(days=6), 3), (timedelta(days=8), 0)):
            client.post("/v1/alerts", json=BODY, headers={"Idempotency-Key": "d1"})
            pathfinder.forget_deliveries(utc_now() + later)
            sent = client.post("/v1/alerts", json=BODY, headers={"Idempotency-Key": "d1"}).json()
            assert sent["duplicates"] == again


def test_an_id_used_for_something_else_loses_nothing(client: TestClient) -> None:
    client.post("/v1/alerts", json=BODY[:1], headers={"Idempotency-Key": "d-1"})
    other = client.post("/v1/alerts", json=BODY[1:], headers={"Idempotency-Key": "d-1"}).json()
    assert (other["accepted"], other["duplicates"]) == (2, 0)


def test_ids_of_different_senders_and_sources_are_different(world: World, client: TestClient) -> None:
    headers = {"Idempotency-Key": "d-1"}
    client.post("/v1/alerts", json=BODY, headers=headers)
    other = client.post("/v1/alerts", json=BODY, headers={**headers, "X-API-Key": world.other_key()})
    assert other.json()["duplicates"] == 0
    payload = SOURCES["alertmanager"].example
    assert client.post("/v1/ingest/alertmanager", json=payload, headers=headers).json()["duplicates"] == 0


def test_a_delivery_longer_than_a_transaction_is_known_as_a_whole(client: TestClient) -> None:
    many = [{"title": f"check {n}", "fingerprint": f"f{n}", "source": "s", "service": f"s{n % 7}"} for n in range(1100)]
    assert client.post("/v1/alerts", json=many, headers={"Idempotency-Key": "big"}).json()["duplicates"] == 0
    assert client.post("/v1/alerts", json=many, headers={"Idempotency-Key": "big"}).json()["duplicates"] == 1100


# -- quarantine

BAD_ENTRY = {"labels": {"password": "hunter2hunter2"}, "startsAt": "not a time"}
BAD_GROUP = {"alerts": [{"labels": {"alertname": "Fine"}}, BAD_ENTRY, 7]}


def test_what_cannot_be_read_is_kept_and_the_rest_is_taken(client: TestClient) -> None:
    answer = client.post("/v1/ingest/alertmanager", json=BAD_GROUP).json()
    assert (answer["accepted"], answer["rejected_count"], answer["quarantined"]) == (1, 2, 2)
    kept = client.get("/v1/quarantine").json()["items"]
    assert {(one["source"], one["field"]) for one in kept} == {("alertmanager", "startsAt"), ("alertmanager", "alert")}
    assert "hunter2" not in json.dumps(kept)
    assert client.get("/readyz").json()["quarantined"] == 2
    assert "pathfinder_quarantined 2.0" in client.get("/metrics").text


def test_of_many_that_cannot_be_read_beside_good_ones_none_is_lost(client: TestClient) -> None:
    mixed: list[dict[str, object]] = [{"title": f"fine {n}"} if n % 2 else {"untitled": n} for n in range(120)]
    answer = client.post("/v1/alerts", json=mixed).json()
    assert (answer["accepted"], answer["rejected_count"], answer["quarantined"]) == (60, 60, 60)
    assert len(answer["rejected"]) == 20, "the answer stays short"
    assert client.get("/readyz").json()["quarantined"] == 60


def test_of_a_refused_delivery_a_few_are_kept_to_be_looked_at(client: TestClient) -> None:
    answer = client.post("/v1/alerts", json=[{"untitled": n} for n in range(120)])
    assert answer.status_code == 422, "the sender still has it"
    assert client.get("/readyz").json()["quarantined"] == 20


def test_the_same_thing_sent_again_is_counted_and_not_kept_twice(client: TestClient) -> None:
    for _ in range(3):
        client.post("/v1/ingest/alertmanager", json=BAD_GROUP)
    assert [one["times"] for one in client.get("/v1/quarantine").json()["items"]] == [3, 3]


def test_it_is_tried_again_once_it_can_be_read(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object) -> None:
        raise KeyError("a payload nobody foresaw")

    with monkeypatch.context() as broken:
        broken.setattr("engine.sources.alertmanager.read_alert", stumble)
        answer = client.post("/v1/ingest/alertmanager", json=SOURCES["alertmanager"].example)
        assert (answer.status_code, answer.json()["accepted"], answer.json()["quarantined"]) == (202, 0, 1)
        (kept,) = client.get("/v1/quarantine").json()["items"]
        assert client.post(f"/v1/quarantine/{kept['id']}/replay").status_code == 422, "still in vain, still kept"
    told = client.post(f"/v1/quarantine/{kept['id']}/replay").json()
    assert told["accepted"] == 2
    assert client.get("/v1/quarantine").json()["items"] == []
    assert client.post(f"/v1/quarantine/{kept['id']}/replay").status_code == 404


def test_an_alert_that_cannot_be_stored_is_kept_and_let_in_later(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Pathfinder._alone

    def stumbling(_keeper: object, alert: Alert) -> Alert:
        if "poison" in alert.title:
            raise RuntimeError("a value that nobody can store")
        return alert

    with monkeypatch.context() as broken:
        broken.setattr("engine.handling.keeping.Keeper.keepable", stumbling)
        sent = [*BODY, {"title": "poison", "service": "db", "severity": "critical"}, {"title": "after"}]
        answer = client.post("/v1/alerts", json=sent).json()
    assert (answer["accepted"], answer["quarantined"]) == (4, 1)
    assert [one["index"] for one in answer["rejected"]] == [3]
    (kept,) = client.get("/v1/quarantine").json()["items"]
    assert json.loads(kept["payload"])["severity"] == "critical"
    assert client.post(f"/v1/quarantine/{kept['id']}/replay").json()["accepted"] == 1
    assert Pathfinder._alone is whole


def test_what_nobody_needs_is_thrown_away(client: TestClient) -> None:
    client.post("/v1/ingest/alertmanager", json=BAD_GROUP)
    first = client.get("/v1/quarantine?limit=1").json()
    assert client.delete(f"/v1/quarantine/{first['items'][0]['id']}").status_code == 204
    assert client.delete(f"/v1/quarantine/{first['items'][0]['id']}").status_code == 404
    rest = client.get(f"/v1/quarantine?before={first['before']}").json()
    assert len(rest["items"]) == 1


def test_quarantine_is_bounded_and_long_things_are_cut(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MOST_KEPT", 5)
    monkeypatch.setattr(quarantine, "LONGEST", 500)
    for n in range(9):
        client.post("/v1/ingest/alertmanager", json={"alerts": [{"labels": {}, "n": n, "x": "long" * 200 * (n == 8)}]})
    kept = client.get("/v1/quarantine").json()["items"]
    assert len(kept) == 5
    assert [one["whole"] for one in kept] == [False, True, True, True, True]
    assert client.post(f"/v1/quarantine/{kept[0]['id']}/replay").status_code == 422

"""Runbooks and the words of those who tried a fix, over HTTP; and what a triage says of fixes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine.settings import Settings
from engine.store.records import Scope
from tests.fake_engine import FakeEngine

PAGE = {"title": "Disk is full", "url": "https://wiki/disk", "text": "extend the volume", "services": ["orders"]}


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def client(engine: FakeEngine) -> Iterator[TestClient]:
    headers = {"Authorization": f"Bearer {engine.key(Scope.ADMIN)}"}
    with TestClient(create_app(engine, Settings()), headers=headers) as client:
        yield client


def test_runbooks_are_kept_listed_replaced_and_removed(client: TestClient) -> None:
    made = client.put("/v1/runbooks/disk-full", json=PAGE)
    assert made.status_code == 200
    assert made.json() == {"id": "disk-full", **PAGE}
    client.put("/v1/runbooks/disk-full", json={"title": "Full disk"})
    assert [(page["id"], page["title"]) for page in client.get("/v1/runbooks").json()] == [("disk-full", "Full disk")]
    assert client.delete("/v1/runbooks/disk-full").status_code == 204
    assert client.delete("/v1/runbooks/disk-full").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [({"title": ""}, "title"), ({"url": "javascript:alert(1)"}, "url"), ({"more": 1}, "no such field")],
)
def test_pages_that_cannot_be(client: TestClient, change: dict[str, Any], field: str) -> None:
    answer = client.put("/v1/runbooks/x", json={**PAGE, **change})
    assert answer.status_code == 422
    assert field in answer.text


def test_only_an_admin_changes_runbooks(client: TestClient, engine: FakeEngine) -> None:
    headers = {"Authorization": f"Bearer {engine.key(Scope.READ)}"}
    assert client.put("/v1/runbooks/x", json=PAGE, headers=headers).status_code == 403
    assert client.get("/v1/runbooks", headers=headers).status_code == 200


def report(client: TestClient, title: str) -> str:
    return str(client.post("/v1/incidents", json={"title": title}).json()["id"])


def test_what_was_tried_is_noted(client: TestClient, engine: FakeEngine) -> None:
    old, new = report(client, "old"), report(client, "new")
    assert client.post(f"/v1/incidents/{new}/tried", json={"incident": old, "helped": False}).status_code == 204
    assert [one[:3] for one in engine.tried] == [(new, old, False)]
    assert client.post(f"/v1/incidents/{new}/tried", json={"incident": "INC-99", "helped": True}).status_code == 404
    assert client.post(f"/v1/incidents/{new}/tried", json={"incident": old}).status_code == 422


def test_a_triage_tells_fixes_and_whether_the_kind_is_new(client: TestClient, engine: FakeEngine) -> None:
    old, new = report(client, "old"), report(client, "new")
    client.post(f"/v1/incidents/{old}/resolve", json={"text": "grew the volume", "resolver": "anna"})
    told = client.get(f"/v1/incidents/{new}/triage").json()["suggestions"]
    assert told["new_kind"] is False
    assert told["fixes"][0]["text"] == "grew the volume"
    assert told["fixes"][0]["kind"] == "permanent"
    assert (told["fixes"][0]["helped"], told["fixes"][0]["used"]) == (5, 6)
    engine.strange = True
    told = client.post("/v1/triage", json={"title": "never seen"}).json()["suggestions"]
    assert told["new_kind"] is True
    assert told["fixes"] == []
    assert told["items"]


def test_a_megabyte_of_dump_is_asked_about_by_its_beginning(client: TestClient, engine: FakeEngine) -> None:
    dump = "java.lang.OutOfMemoryError\n" + "\tat org.acme.Worker.run(Worker.java:7)\n" * 25_000
    assert client.post("/v1/triage", json={"title": "pay is down", "description": dump}).status_code == 200
    made = client.post("/v1/incidents", json={"title": "pay is down", "description": dump})
    assert made.status_code == 201
    assert made.json()["description"] == dump[:20_000]

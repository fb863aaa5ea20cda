"""Operators' verbs over HTTP: what they answer, what they refuse, and what is left afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine.pathfinder import Pathfinder
from engine.settings import Settings
from engine.store.records import Scope
from engine.store.store import Store
from tests.conftest import sqlite_url
from tests.small_models import NOON, ByService, Move, moment, small_models

ALERTS = [("db", "down"), ("db", "slow"), ("web", "errors"), ("web", "timeouts"), ("mail", "queue grows")]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Pathfinder]:
    store = Store(sqlite_url(tmp_path))
    engine = Pathfinder(store, small_models())
    engine.start()
    yield engine
    store.close()


@pytest.fixture
def client(engine: Pathfinder) -> Iterator[TestClient]:
    """INC-1: db, 2 alerts; INC-2: web, 2 alerts; INC-3: mail, 1 alert."""
    token = engine.issue_key("ann", frozenset([Scope.ADMIN]), NOON)[1]
    app = create_app(engine, Settings(encoder_enabled=False))
    with TestClient(app, headers={"X-API-Key": token}) as client:
        told = [
            {"service": service, "title": title, "starts_at": f"2026-03-02T12:00:0{number}Z"}
            for number, (service, title) in enumerate(ALERTS)
        ]
        assert client.post("/v1/alerts", json=told).json()["incident_ids"] == ["INC-1", "INC-2", "INC-3"]
        yield client


def ids(client: TestClient, incident: str) -> list[str]:
    return [member["alert"]["id"] for member in client.get(f"/v1/incidents/{incident}").json()["alerts"]]


def counted(answer: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [(one["id"], one["alert_count"], one["firing"]) for one in (answer["incident"], *answer["others"])]


def test_merge_into_another_and_the_old_id_leads_there(client: TestClient) -> None:
    answer = client.post("/v1/incidents/INC-2/merge", json={"into": "INC-1", "reason": "one switch"})
    assert answer.status_code == 200
    assert counted(answer.json()) == [("INC-1", 4, 4), ("INC-2", 0, 0)]
    assert (answer.json()["others"][0]["status"], answer.json()["others"][0]["merged_into"]) == ("resolved", "INC-1")
    shown = client.get("/v1/incidents/INC-2").json()
    assert (shown["incident"]["id"], shown["alert_count"]) == ("INC-1", 4)
    assert all(member["pinned"] for member in shown["alerts"])
    told = shown["timeline"][-1]
    assert (told["kind"], told["actor"], told["detail"]["why"]) == ("merged", "ann", "one switch")
    assert [item["id"] for item in client.get("/v1/incidents").json()["items"]] == ["INC-3", "INC-1"]
    fixed = client.post("/v1/incidents/INC-2/resolve", json={"text": "new switch"})
    assert fixed.json()["id"] == "INC-1"


def test_merge_several_into_this_one(client: TestClient) -> None:
    answer = client.post("/v1/incidents/INC-1/merge", json={"incidents": ["INC-2", "INC-3"]})
    assert counted(answer.json()) == [("INC-1", 5, 5), ("INC-2", 0, 0), ("INC-3", 0, 0)]


def test_split_move_pin_and_unpin(client: TestClient, engine: Pathfinder) -> None:
    db, slow = ids(client, "INC-1")
    answer = client.post("/v1/incidents/INC-1/split", json={"alerts": [slow], "reason": "another disk"}).json()
    assert counted(answer) == [("INC-4", 1, 1), ("INC-1", 1, 1)]
    [member] = client.get("/v1/incidents/INC-4").json()["alerts"]
    assert member["why"] == "ann put it here (from INC-1): another disk"
    answer = client.post(f"/v1/alerts/{slow}/move", json={"incident": "INC-2"}).json()
    assert counted(answer) == [("INC-2", 3, 3), ("INC-4", 0, 0)]
    answer = client.post(f"/v1/alerts/{slow}/move", json={"incident": None}).json()
    assert counted(answer) == [("INC-5", 1, 1), ("INC-2", 2, 2)]
    for body in (None, {}, {"reason": "seen it"}):
        assert client.post(f"/v1/alerts/{db}/pin", json=body).status_code == 200
    assert client.get("/v1/incidents/INC-1").json()["alerts"][0]["pinned"] is True
    client.post(f"/v1/alerts/{db}/unpin")
    assert client.get("/v1/incidents/INC-1").json()["alerts"][0]["pinned"] is False
    correlator = engine.live._correlator
    assert isinstance(correlator, ByService)
    assert correlator.taught["corrected"] == 3.0


@pytest.mark.parametrize(
    ("url", "body", "status", "field"),
    [
        ("incidents/INC-9/merge", {"into": "INC-1"}, 404, "incidents.0"),
        ("incidents/INC-1/merge", {"into": "INC-9"}, 404, "into"),
        ("incidents/INC-1/merge", {"into": "INC-1"}, 422, "into"),
        ("incidents/INC-1/merge", {"incidents": ["INC-2", "INC-9"]}, 404, "incidents.1"),
        ("incidents/INC-1/merge", {}, 422, ""),
        ("incidents/INC-1/merge", {"into": "INC-2", "incidents": ["INC-3"]}, 422, ""),
        ("incidents/INC-1/merge", {"into": "'; DROP TABLE alerts; --"}, 422, "into"),
        ("incidents/INC-1/merge", {"into": "INC-2", "reason": "x" * 2001}, 422, "reason"),
        ("incidents/INC-1/merge", {"into": "INC-2", "force": True}, 422, "*"),
        ("incidents/INC-3/merge", {"into": "INC-4"}, 409, "into"),
        ("incidents/INC-4/merge", {"into": "INC-3"}, 409, "incidents.0"),
        ("incidents/INC-5/merge", {"into": "INC-3"}, 409, "incidents.0"),
        ("incidents/INC-9/split", {"alerts": ["x"]}, 404, "incident_id"),
        ("incidents/INC-1/split", {"alerts": []}, 422, "alerts"),
        ("incidents/INC-1/split", {}, 422, "alerts"),
        ("incidents/INC-1/split", {"alerts": ["x"]}, 404, "alerts.0"),
        ("incidents/INC-1/split", {"alerts": ["{mail}"]}, 409, "alerts.0"),
        ("incidents/INC-3/split", {"alerts": ["{mail}"]}, 409, "alerts"),
        ("alerts/nothing/move", {"incident": "INC-1"}, 404, "alert_id"),
        ("alerts/{mail}/move", {}, 422, "incident"),
        ("alerts/{mail}/move", {"incident": "INC-9"}, 404, "incident"),
        ("alerts/{mail}/move", {"incident": None}, 409, "incident"),
        ("alerts/{mail}/move", {"incident": "INC-4"}, 409, "incident"),
        ("alerts/nothing/pin", {}, 404, "alert_id"),
        ("alerts/nothing/unpin", {}, 404, "alert_id"),
        ("alerts/{mail}/pin", {"reason": 7}, 422, "reason"),
    ],
)
def test_what_cannot_be_is_answered_with_the_field_and_without_its_value(
    client: TestClient, url: str, body: dict[str, Any], status: int, field: str
) -> None:
    client.post("/v1/incidents", json={"title": "fixed long ago"})
    client.post("/v1/incidents/INC-4/resolve", json={"text": "restarted"})
    client.post("/v1/incidents", json={"title": "told twice"})
    client.post("/v1/incidents/INC-5/merge", json={"into": "INC-1"})
    [mail] = ids(client, "INC-3")
    body = {key: [mail if item == "{mail}" else item for item in value] if key == "alerts" else value
            for key, value in body.items()}  # fmt: skip
    before = client.get("/v1/incidents").json()
    answer = client.post(f"/v1/{url.replace('{mail}', mail)}", json=body)
    assert answer.status_code == status
    if field:
        assert answer.json()["fields"][0]["field"] == field
    assert "DROP" not in answer.text
    assert client.get("/v1/incidents").json() == before


def test_changes_by_later_evidence_are_told_and_counted(client: TestClient, engine: Pathfinder) -> None:
    correlator = engine.live._correlator
    assert isinstance(correlator, ByService)
    correlator.proposed = [Move(one, "INC-2", "INC-1") for one in ids(client, "INC-2")]
    engine.revise(moment(60))
    shown = client.get("/v1/incidents/INC-1").json()
    assert [event["kind"] for event in shown["timeline"]] == ["opened", "merged"]
    assert shown["churn"] == 0.5
    client.post("/v1/incidents/INC-3/merge", json={"into": "INC-1"})
    told = client.get("/metrics").text
    assert "pathfinder_memberships 5.0" in told
    assert "pathfinder_memberships_changed 2.0" in told
    assert "pathfinder_churn_share 0.4" in told
    assert 'pathfinder_membership_moves{by="later evidence"} 2.0' in told
    assert 'pathfinder_membership_moves{by="operator"} 1.0' in told


def test_the_verbs_are_documented(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("incidents/{incident_id}/merge", "incidents/{incident_id}/split", "alerts/{alert_id}/move"):
        entry = paths[f"/v1/{path}"]["post"]
        assert len(entry["description"]) > 60
        assert {"200", "404", "409", "422"} <= set(entry["responses"])
    assert "merge" in client.get("/docs").text

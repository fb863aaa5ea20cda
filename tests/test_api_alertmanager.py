"""What a real Alertmanager sent, replayed against the whole product: HTTP, intake, engine, SQLite."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine.pathfinder import Pathfinder
from engine.settings import Settings
from engine.store.records import Scope
from tests.live_server import new_key, url_of

PAYLOADS = Path(__file__).parent / "payloads" / "alertmanager-live"
CAPTURES = {path.name: json.loads(path.read_text()) for path in sorted(PAYLOADS.glob("*.json"))}
STORM, REPEAT, MIXED, RESOLVED = (
    "006_grouped_firing_storm_6.json",
    "011_retry_of_010.json",
    "016_mixed_group_2_resolved_4_firing.json",
    "019_all_resolved_6.json",
)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    database = tmp_path / "p.db"
    settings = Settings(database_url=url_of(database), encoder_enabled=False)
    headers = {"Authorization": f"Bearer {new_key(database, Scope.ADMIN)}"}
    with TestClient(create_app(Pathfinder.open(settings), settings), headers=headers) as client:
        yield client


def post(client: TestClient, name: str) -> dict[str, Any]:
    answer = client.post("/v1/ingest/alertmanager", json=CAPTURES[name]["body"])
    assert answer.status_code == 202
    told: dict[str, Any] = answer.json()
    assert told["rejected"] == []
    return told


def incident(client: TestClient, told: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = client.get(f"/v1/incidents/{told['incident_ids'][0]}").json()
    return shown


def test_the_captures_are_here() -> None:
    assert len(CAPTURES) == 17


def test_every_capture_is_taken_whole(client: TestClient) -> None:
    for name, capture in CAPTURES.items():
        told = post(client, name)
        assert told["accepted"] == len(capture["body"]["alerts"]), name
        assert told["missing"] == capture["body"]["truncatedAlerts"], name
        assert all(told["incident_ids"]), name
    distinct = {(a["fingerprint"], a["startsAt"]) for c in CAPTURES.values() for a in c["body"]["alerts"]}
    pages = client.get("/v1/incidents?limit=200").json()["items"]
    shown = [m for page in pages for m in client.get(f"/v1/incidents/{page['id']}").json()["alerts"]]
    assert len(shown) == len(distinct), "repeats, retries and copies to other receivers add no alert"


def test_the_storm_of_six_is_one_incident(client: TestClient) -> None:
    told = post(client, STORM)
    assert len(told["incident_ids"]) == 1
    shown = incident(client, told)
    suspects = shown["suspects"]
    assert suspects and sum(each["probability"] for each in suspects) <= 1.0 + 1e-9
    for each in suspects:
        assert sum(reason["weight"] for reason in each["because"]) == pytest.approx(each["score"], abs=1e-6)
    assert len(shown["alerts"]) == 6
    assert shown["incident"]["status"] == "open"
    assert shown["root"]["id"] == shown["alerts"][0]["alert"]["id"]
    assert shown["alerts"][0]["root_rank"] == 1
    for member in shown["alerts"]:
        assert sum(e["weight"] for e in member["evidence"]) == pytest.approx(member["score"], abs=1e-6)


def test_a_heartbeat_is_kept_but_opens_no_incident_and_joins_none(client: TestClient) -> None:
    alive = incident(client, post(client, "001_heartbeat_watchdog.json"))
    assert alive["incident"]["status"] == "resolved"
    assert post(client, STORM)["incident_ids"] != [alive["incident"]["id"]]
    again = post(client, "007_heartbeat_repeat.json")
    assert again["incident_ids"] == [alive["incident"]["id"]]
    shown = incident(client, again)
    assert [member["repeats"] for member in shown["alerts"]] == [1]
    assert shown["incident"]["status"] == "resolved"


def test_repeats_add_no_alert(client: TestClient) -> None:
    first = post(client, STORM)
    again = post(client, REPEAT)
    assert again["incident_ids"] == first["incident_ids"]
    shown = incident(client, first)
    assert len(shown["alerts"]) == 6
    assert [member["repeats"] for member in shown["alerts"]] == [1] * 6


def test_a_mixed_group_is_read_per_alert(client: TestClient) -> None:
    post(client, STORM)
    shown = incident(client, post(client, MIXED))
    states = sorted(member["alert"]["status"] for member in shown["alerts"])
    assert states == ["firing"] * 4 + ["resolved"] * 2
    assert (shown["alert_count"], shown["firing"]) == (6, 4)
    assert shown["incident"]["status"] == "open", "the group says firing, and four of its alerts do"


def test_an_incident_closes_with_its_last_alert(client: TestClient) -> None:
    post(client, STORM)
    post(client, MIXED)
    shown = incident(client, post(client, RESOLVED))
    assert {member["alert"]["status"] for member in shown["alerts"]} == {"resolved"}
    assert shown["incident"]["status"] == "resolved"
    assert shown["incident"]["closed_at"] == "2026-11-23T07:01:49.189000Z", (
        "when the last alert ended, not when we heard"
    )


def test_what_a_person_did_is_known_to_the_next_storm(client: TestClient) -> None:
    first = post(client, STORM)["incident_ids"][0]
    fix = {"text": "raised max_connections on db-01 and restarted the pool", "resolver": "maria", "team": "dba"}
    assert client.post(f"/v1/incidents/{first}/resolve", json=fix).status_code == 200
    later = json.loads(json.dumps(CAPTURES[STORM]["body"]).replace("2026-11-23T07:01", "2026-11-24T09:30"))
    second = client.post("/v1/ingest/alertmanager", json=later).json()["incident_ids"]
    assert len(second) == 1
    assert second[0] != first
    triage = client.get(f"/v1/incidents/{second[0]}/triage").json()
    best = triage["suggestions"]["items"][0]
    assert best["incident"]["id"] == first
    assert best["incident"]["resolution"]["text"] == fix["text"]
    assert best["because"]
    assert triage["routing"]["candidates"][0]["responder"] == "maria"


def test_a_text_finds_the_same_fix(client: TestClient) -> None:
    first = post(client, STORM)["incident_ids"][0]
    client.post(f"/v1/incidents/{first}/resolve", json={"text": "raised max_connections", "resolver": "maria"})
    asked = client.post("/v1/triage", json={"title": "orders database uses 98% of its connections"}).json()
    assert asked["suggestions"]["items"][0]["incident"]["id"] == first


def test_the_service_remembers_after_a_restart(tmp_path: Path) -> None:
    database = tmp_path / "p.db"
    settings = Settings(database_url=url_of(database), encoder_enabled=False)
    headers = {"X-API-Key": new_key(database, Scope.ADMIN)}
    seen = []
    for name in (STORM, MIXED):
        with TestClient(create_app(Pathfinder.open(settings), settings), headers=headers) as client:
            seen.append(post(client, name)["incident_ids"])
    assert seen[0] == seen[1]


def test_basic_credentials_as_alertmanager_sends_them(client: TestClient, tmp_path: Path) -> None:
    token = new_key(tmp_path / "p.db", Scope.INGEST)
    client.headers.pop("Authorization")
    body = CAPTURES["101_ungrouped_resolved_basic_auth.json"]["body"]
    answer = client.post("/v1/ingest/alertmanager", json=body, auth=("am", token))
    assert answer.status_code == 202

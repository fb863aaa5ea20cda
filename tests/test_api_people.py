"""People, calendars, rotas, ownership and giving out, through HTTP and the command line, down to SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.commands import people as people_commands
from engine.clock import utc_now
from engine.pathfinder import Pathfinder
from engine.settings import Settings
from engine.store.records import Scope
from tests.live_server import new_key, url_of

ALWAYS = "mon-sun,00:00,00:00"
PEOPLE = (
    "id,team,skills,workdays,work_starts,work_ends,on_call\n"
    f"ann,db,postgres,{ALWAYS},\nbob,web,http,{ALWAYS},yes\ncat,,,mars-sun,,,\n"
)
AWAY = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20200101T000000Z\nDTEND:21000101T000000Z\nEND:VEVENT\nEND:VCALENDAR\n"


@pytest.fixture
def engine(tmp_path: Path) -> Pathfinder:
    return Pathfinder.open(Settings(database_url=url_of(tmp_path / "p.db"), encoder_enabled=False))


@pytest.fixture
def client(engine: Pathfinder, tmp_path: Path) -> Iterator[TestClient]:
    headers = {"Authorization": f"Bearer {new_key(tmp_path / 'p.db', Scope.ADMIN)}"}
    settings = Settings(encoder_enabled=False)
    with TestClient(create_app(engine, settings), headers=headers) as client:
        client.post("/v1/responders/import", json={"csv": PEOPLE})
        yield client


def report(client: TestClient, service: str = "db", title: str = "") -> str:
    told = {"title": title or f"{service} is down", "service": service}
    return str(client.post("/v1/incidents", json=told).json()["id"])


def resolved(client: TestClient, service: str, who: str, times: int = 1) -> None:
    for _ in range(times):
        fix = {"text": "restarted", "resolver": who}
        assert client.post(f"/v1/incidents/{report(client, service)}/resolve", json=fix).status_code == 200


def routing(client: TestClient, **asked: str) -> dict[str, Any]:
    answer = client.post("/v1/triage", json={"title": "db is down", "service": "db", **asked})
    assert answer.status_code == 200
    return dict(answer.json()["routing"])


def test_a_file_of_people_is_imported_and_bad_rows_are_told(client: TestClient) -> None:
    answer = client.post("/v1/responders/import", json={"csv": PEOPLE}).json()
    assert answer["stored"] == 2
    assert len(answer["problems"]) == 1
    assert [one["id"] for one in client.get("/v1/responders").json()] == ["ann", "bob"]


def test_a_calendar_takes_somebody_out_and_the_answer_says_why(client: TestClient) -> None:
    resolved(client, "db", "ann", times=3)
    assert routing(client)["candidates"][0]["responder"] == "ann"
    assert client.put("/v1/responders/ann/calendar", json={"ical": AWAY}).status_code == 200
    found = routing(client)
    assert found["candidates"][0]["responder"] == "bob"
    assert found["passed_over"][0]["responder"] == "ann"
    assert found["passed_over"][0]["because"][-1]["signal"] == "time off"
    assert [one["responder"] for one in found["fallback"]] == ["bob"]
    assert client.put("/v1/responders/zoe/calendar", json={"ical": AWAY}).status_code == 404
    assert client.put("/v1/responders/ann/calendar", json={"ical": "hello"}).status_code == 422


def test_turns_on_call_are_kept_and_followed(client: TestClient) -> None:
    rota = {"members": ["ann", "bob"], "starts_at": "2020-01-06T09:00:00Z", "turn_days": 36, "timezone": "UTC"}
    made = client.put("/v1/rotas/main", json=rota)
    assert made.status_code == 200
    assert client.get("/v1/rotas").json() == [made.json()]
    assert {one["responder"] for one in routing(client)["fallback"]} >= {"bob"}
    assert client.put("/v1/rotas/main", json={**rota, "members": ["zoe"]}).status_code == 404
    assert client.delete("/v1/rotas/main").status_code == 204
    assert client.delete("/v1/rotas/main").status_code == 404


def test_owners_stand_in_for_a_history(client: TestClient) -> None:
    stored = client.put("/v1/routing/ownership", json={"file": "/services/mail @bob\n/services/orders @ann\n"})
    assert stored.json() == {"stored": 2}
    assert routing(client, title="orders is slow", service="orders")["candidates"][0]["responder"] == "ann"
    assert [one["about"] for one in client.get("/v1/routing/ownership").json()] == [
        "/services/mail",
        "/services/orders",
    ]


def test_after_a_reorganisation_the_new_name_is_asked(client: TestClient) -> None:
    resolved(client, "db", "old-ann", times=4)
    client.put("/v1/routing/renames", json={"names": {"old-ann": "ann"}})
    assert routing(client)["candidates"][0]["responder"] == "ann"
    assert client.get("/v1/routing/renames").json() == {"old-ann": "ann"}


def test_a_policy_is_kept_and_followed(client: TestClient) -> None:
    resolved(client, "db", "ann", times=3)
    policy = client.get("/v1/routing/policy").json()
    needs = {"field": "service", "value": "db", "skill": "http"}
    assert client.put("/v1/routing/policy", json={**policy, "required": [needs]}).status_code == 200
    assert routing(client)["candidates"][0]["responder"] == "bob"
    assert client.put("/v1/routing/policy", json={**policy, "fair_share": 0}).status_code == 422


def test_a_choice_made_already_is_reviewed(client: TestClient) -> None:
    resolved(client, "db", "ann", times=6)
    resolved(client, "web", "bob", times=6)
    review = routing(client, chosen="bob")["review"]
    assert (review["looks_wrong"], review["better"]) == (True, "ann")
    assert routing(client)["review"] is None


def test_a_storm_is_given_out_together_and_counts_as_load(client: TestClient) -> None:
    resolved(client, "db", "ann", times=3)
    storm = [report(client, "db", f"db is down {number}") for number in range(7)]
    given = client.post("/v1/routing/assignments", json={"keep": True}).json()
    assert {one["incident_id"] for one in given} == set(storm)
    assert {one["responder"] for one in given} == {"ann", "bob"}
    taken = given[0]
    assert client.get(f"/v1/incidents/{taken['incident_id']}").json()["assignee"] == taken["responder"]
    assert client.post("/v1/routing/assignments", json={}).json() == []
    assert client.post("/v1/routing/assignments", json={"incidents": ["INC-999"]}).status_code == 404


def test_a_comment_is_read_and_the_change_is_shown(client: TestClient, engine: Pathfinder) -> None:
    resolved(client, "db", "ann", times=6)
    resolved(client, "http gateway", "bob", times=6)
    asked = report(client, "", "something is slow")
    engine.rescore(utc_now())
    for word in ("http gateway", "http gateway is down again"):
        answer = client.post(f"/v1/incidents/{asked}/comments", json={"text": word, "responder": "zoe"})
        assert answer.status_code == 201
    engine.rescore(utc_now())
    assert engine.rescore(utc_now()) == []  # nothing changed since
    routed = [one for one in client.get(f"/v1/incidents/{asked}").json()["timeline"] if one["kind"] == "routed"]
    assert routed[-1]["detail"]["first"] == "bob"
    assert all(one["detail"]["first"] != one["detail"]["before"] for one in routed)


def test_routing_is_judged_by_what_it_said_before(client: TestClient, engine: Pathfinder) -> None:
    resolved(client, "db", "ann", times=5)
    assert client.get("/v1/routing/watch").json()["weeks"] == []  # nobody had been named for them
    for who in ("ann", "ann", "ann", "bob"):
        asked = report(client, "db")
        engine.rescore(utc_now())
        assert client.post(f"/v1/incidents/{asked}/resolve", json={"text": "restarted", "resolver": who}).is_success
    [week] = client.get("/v1/routing/watch").json()["weeks"]
    assert (week["asked"], week["first"], week["near"]) == (4, 3, 4)


def test_the_command_line_does_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATHFINDER_DATABASE_URL", url_of(tmp_path / "cli.db"))
    for name, text in (("p.csv", PEOPLE), ("a.ics", AWAY), ("OWNERS", "/mail @ann\n")):
        (tmp_path / name).write_text(text)
    people_commands.import_csv(tmp_path / "p.csv")
    people_commands.take_calendar("ann", tmp_path / "a.ics")
    people_commands.put_rota("main", ["ann", "bob"], "2020-01-06T09:00:00Z", 7, "UTC")
    people_commands.take_owners(tmp_path / "OWNERS")
    people_commands.rename("dba", "db")
    people_commands.list_responders()
    people_commands.watch()
    told = capsys.readouterr()
    assert "2 responders stored, 1 rows left out" in told.out
    assert "ann: 1 stretches of time off" in told.out
    assert "line 4" in told.err

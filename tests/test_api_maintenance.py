"""Maintenance windows and inhibition rules over HTTP, on the command line and in the console, with a real engine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.__main__ import main
from api.app import create_app
from engine.clock import parse_time, to_text, utc_now
from engine.pathfinder import Pathfinder
from engine.settings import Settings
from engine.store.records import Scope
from engine.store.store import Store
from tests.conftest import sqlite_url
from tests.small_models import small_models

NOW = utc_now().replace(microsecond=0)


def at(minutes: float) -> str:
    return to_text(NOW + timedelta(minutes=minutes))


@pytest.fixture
def engine(tmp_path: Path) -> Pathfinder:
    engine = Pathfinder(Store(sqlite_url(tmp_path)), small_models())
    engine.start()
    return engine


def client_with(engine: Pathfinder, *scopes: Scope) -> TestClient:
    _, token = engine.issue_key("ann", frozenset(scopes), NOW)
    app = create_app(engine, Settings(encoder_enabled=False))
    return TestClient(app, headers={"Authorization": f"Bearer {token}"}, raise_server_exceptions=False)


@pytest.fixture
def client(engine: Pathfinder) -> Iterator[TestClient]:
    with client_with(engine, Scope.ADMIN) as client:
        yield client


def window(**changes: Any) -> dict[str, Any]:
    told = {"matchers": [{"field": "service", "value": "db"}], "starts_at": at(-10), "ends_at": at(60)}
    return {**told, "comment": "new kernel", **changes}


def rule(**changes: Any) -> dict[str, Any]:
    source, target = [{"field": "title", "value": "down"}], [{"field": "title", "op": "=~", "value": "slow.*"}]
    return {"source": source, "target": target, "equal": ["host"], **changes}


def send(client: TestClient, service: str, title: str = "refuses writes", **more: str) -> dict[str, Any]:
    told = {"service": service, "title": title, "starts_at": at(-1), **more}
    answer = client.post("/v1/alerts", json=told)
    assert answer.status_code == 202
    found: dict[str, Any] = answer.json()["receipts"][0]
    return found


def test_a_window_from_plan_to_end(client: TestClient) -> None:
    made = client.post("/v1/maintenance", json=window())
    assert made.status_code == 201
    planned = made.json()
    assert (planned["state"], planned["created_by"], planned["comment"]) == ("active", "ann", "new kernel")
    assert planned["now"] == {"starts_at": at(-10), "ends_at": at(60)}
    assert planned["matchers"] == [{"field": "service", "op": "=", "value": "db"}]
    receipt = send(client, "db")
    loud = send(client, "web")
    detail = client.get(f"/v1/incidents/{receipt['incident_id']}").json()
    assert detail["incident"]["muted"] is True
    [member] = detail["alerts"]
    assert (member["muted"], member["flapping_since"], member["why"] != "") == (True, None, True)
    [mute] = member["mutes"]
    assert (mute["kind"], mute["by"], mute["until"], mute["alert_id"]) == ("maintenance", planned["id"], at(60), "")
    assert "new kernel" in mute["because"]
    listed = {flag: client.get(f"/v1/incidents?muted={flag}").json()["items"] for flag in ("true", "false")}
    assert [one["id"] for one in listed["true"]] == [receipt["incident_id"]]
    assert [one["id"] for one in listed["false"]] == [loud["incident_id"]]
    assert "pathfinder_muted{" in (text := client.get("/metrics").text)
    assert 'pathfinder_muted{what="firing alerts"} 1.0' in text
    assert client.delete(f"/v1/maintenance/{planned['id']}").status_code == 204
    assert client.get("/v1/incidents?muted=true&status=open").json()["items"] == []
    assert client.get(f"/v1/maintenance/{planned['id']}").json()["state"] == "over"
    assert [one["state"] for one in client.get("/v1/maintenance").json()] == ["over"]
    assert client.get("/v1/maintenance?state=active").json() == []
    assert client.put(f"/v1/maintenance/{planned['id']}", json=window()).status_code == 409


def test_a_weekly_window_tells_when_it_comes_next(client: TestClient) -> None:
    weekly = {"weekdays": [5, 6, 5], "timezone": "Europe/Berlin"}
    told = window(starts_at="2026-01-03T21:00:00Z", ends_at="2026-01-04T01:00:00Z", weekly=weekly)
    answer = client.post("/v1/maintenance", json=told).json()
    assert answer["weekly"] == {"weekdays": [5, 6], "timezone": "Europe/Berlin", "until": None}
    coming = parse_time(answer["next"]["starts_at"], "next")
    assert timedelta(0) < coming - NOW <= timedelta(days=7)
    assert coming.minute == 0
    assert coming.hour in (20, 21)  # 22:00 in Berlin, with and without daylight saving


def test_a_window_is_planned_otherwise(client: TestClient) -> None:
    planned = client.post("/v1/maintenance", json=window()).json()
    changed = client.put(f"/v1/maintenance/{planned['id']}", json=window(comment="old kernel"))
    assert (changed.status_code, changed.json()["comment"], changed.json()["created_by"]) == (200, "old kernel", "ann")
    assert client.get(f"/v1/maintenance/{planned['id']}").json() == changed.json()


def test_a_rule_mutes_from_now_on_and_no_longer_when_taken_back(client: TestClient) -> None:
    consequence = send(client, "db", "slow queries", host="rack-1")
    made = client.post("/v1/inhibitions", json=rule(comment="racks"))
    assert made.status_code == 201
    send(client, "net", "down", host="rack-1")
    url = f"/v1/incidents/{consequence['incident_id']}"
    assert client.get(url).json()["incident"]["muted"] is True
    assert client.get(url).json()["alerts"][0]["mutes"][0]["by"] == made.json()["id"]
    assert [one["id"] for one in client.get("/v1/inhibitions").json()] == [made.json()["id"]]
    assert client.get(f"/v1/inhibitions/{made.json()['id']}").json() == made.json()
    assert client.put(f"/v1/inhibitions/{made.json()['id']}", json=rule(equal=["service"])).status_code == 200
    assert client.get(url).json()["incident"]["muted"] is False
    assert client.delete(f"/v1/inhibitions/{made.json()['id']}").status_code == 204
    assert client.get("/v1/inhibitions").json() == []


def test_a_flapping_symptom_is_shown_as_such(client: TestClient) -> None:
    for minute in range(8):
        status = "resolved" if minute % 2 else "firing"
        moments = {"starts_at": at(-20 + minute - minute % 2)}
        if status == "resolved":
            moments["ends_at"] = at(-20 + minute)
        receipt = send(client, "db", status=status, **moments)
    detail = client.get(f"/v1/incidents/{receipt['incident_id']}").json()
    assert detail["incident"]["status"] == "open"
    assert detail["alerts"][-1]["flapping_since"] == at(-17)
    assert "flapping_started" in [event["kind"] for event in detail["timeline"]]
    assert "pathfinder_flapping_symptoms 1.0" in client.get("/metrics").text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_at": at(-20)}, "ends_at"),
        ({"ends_at": "soon"}, "ends_at"),
        ({"matchers": []}, "matchers"),
        ({"matchers": [{"field": "service", "op": "~", "value": "x"}]}, "matchers.0.op"),
        ({"matchers": [{"field": "service", "op": "=~", "value": "(?=x)y"}]}, "matchers.0.value"),
        ({"matchers": [{"field": "service", "op": "=~", "value": "(x{200}){200}"}]}, "matchers.0.value"),
        ({"matchers": [{"field": "service", "op": "=~", "value": ".*"}]}, "matchers"),
        ({"matchers": [{"field": "service", "op": "!=", "value": "db"}]}, "matchers"),
        ({"matchers": [{"value": "db"}]}, "matchers.0.field"),
        ({"weekly": {"weekdays": [7], "timezone": "UTC"}}, "weekly.weekdays.0"),
        ({"weekly": {"weekdays": [], "timezone": "UTC"}}, "weekly.weekdays"),
        ({"weekly": {"weekdays": [1], "timezone": "Mars/Base"}}, "weekly.timezone"),
        ({"weekly": {"weekdays": [1]}}, "weekly.timezone"),
        ({"weekly": {"weekdays": [1], "timezone": "UTC"}, "ends_at": at(60 * 24 * 8)}, "weekly"),
        ({"comment": "x" * 1001}, "comment"),
        ({"surprise": 1}, "*"),
    ],
)
def test_windows_that_cannot_be_read_name_the_field(client: TestClient, changes: dict[str, Any], field: str) -> None:
    answer = client.post("/v1/maintenance", json=window(**changes))
    assert (answer.status_code, [each["field"] for each in answer.json()["fields"]]) == (422, [field])
    assert client.get("/v1/maintenance").json() == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"source": []}, "source"),
        ({"target": [{"field": "title", "op": "=~", "value": "[b-a]"}]}, "target.0.value"),
        ({"target": [{"field": "title", "op": "!=", "value": "x"}]}, "target"),
        ({"equal": [""]}, "equal.0"),
        ({"linger_s": -1}, "linger_s"),
        ({"linger_s": 90_000}, "linger_s"),
    ],
)
def test_rules_that_cannot_be_read_name_the_field(client: TestClient, changes: dict[str, Any], field: str) -> None:
    answer = client.post("/v1/inhibitions", json=rule(**changes))
    assert (answer.status_code, [each["field"] for each in answer.json()["fields"]]) == (422, [field])


@pytest.mark.parametrize("url", ["/v1/maintenance", "/v1/inhibitions"])
def test_reading_and_planning_need_their_scopes(engine: Pathfinder, url: str) -> None:
    body = window() if "maint" in url else rule()
    with client_with(engine, Scope.READ) as reader, client_with(engine, Scope.OPERATE) as operator:
        assert reader.get(url).status_code == 200
        assert reader.post(url, json=body).status_code == 403
        assert operator.get(url).status_code == 403
        made = operator.post(url, json=body)
        assert made.status_code == 201
        one = f"{url}/{made.json()['id']}"
        assert [reader.put(one, json=body).status_code, reader.delete(one).status_code] == [403, 403]
        assert [operator.put(one, json=body).status_code, operator.delete(one).status_code] == [200, 204]
        assert reader.get(f"{url}/nothing").status_code == 404
        assert operator.delete(f"{url}/nothing").status_code == 404


def test_the_console_shows_what_is_muted_apart(client: TestClient, engine: Pathfinder) -> None:
    client.post("/v1/maintenance", json=window(comment="<b>kernel</b>"))
    held = send(client, "db")["incident_id"]
    send(client, "web")
    client.cookies.set("pathfinder_key", client.headers["Authorization"].removeprefix("Bearer "))
    page = client.get(f"/?incident={held}").text
    assert "1 open" in page
    assert "Muted <b>1</b>" in page
    assert "in maintenance MW-" in page
    assert "<b>kernel</b>" not in page


# the command line

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line over the engine's database: exit code, standard output, standard error."""
    monkeypatch.setenv("PATHFINDER_DATABASE_URL", f"sqlite:///{tmp_path / 'store.db'}")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["api", "maintenance", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_a_window_on_the_command_line_reaches_the_running_service(run: Run, client: TestClient) -> None:
    before = send(client, "db")["incident_id"]
    code, said, _ = run("add", "service=db", "--starts", at(-5), "--ends", "90m", "--comment", "kernel", "--by", "bob")
    assert (code, said.strip()[:3]) == (0, "MW-")
    assert send(client, "web")["outcome"] == "opened"  # the next alert, of whatever kind, has the plan applied
    assert client.get(f"/v1/incidents/{before}").json()["incident"]["muted"] is True
    _, listed, _ = run("list")
    assert listed.split("\t")[1:] == ["active", f"{at(-5)} to {at(85)}", 'service="db"', "kernel", "bob\n"]
    assert run("end", said.strip())[0] == 0
    assert run("list")[1] == ""
    assert "over" in run("list", "--over")[1]


def test_a_weekly_window_on_the_command_line(run: Run) -> None:
    run("add", "host=~db-.*", "--ends", "4h", "--weekly", "sat,SUN", "--timezone", "Europe/Berlin")
    assert "every sat, sun (Europe/Berlin)" in run("list")[1]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["service", "--ends", "1h"], "a matcher is written like"),
        (["service=~(", "--ends", "1h"], "the pattern"),
        (["service=db", "--ends", "soon"], "ends"),
        (["service=db", "--ends", "2020-01-01"], "ends_at"),
        (["service=~.*", "--ends", "1h"], "every alert"),
        (["service=db", "--ends", "1h", "--weekly", "caturday,mon"], "1 of the weekly days"),
        (["service=db", "--ends", "1h", "--weekly", "mon", "--timezone", "Mars/Base"], "timezone"),
    ],
)
def test_errors_are_one_line(run: Run, arguments: list[str], named: str) -> None:
    code, said, error = run("add", *arguments)
    assert (code, said, error.count("\n")) == (2, "", 1)
    assert named in error

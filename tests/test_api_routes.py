"""Each route: what it answers when asked well, and what it says when not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine.settings import Settings
from engine.sources import SOURCES
from engine.store.records import Scope
from tests.fake_engine import FakeEngine


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def client(engine: FakeEngine) -> Iterator[TestClient]:
    app = create_app(engine, Settings())
    headers = {"Authorization": f"Bearer {engine.key(Scope.ADMIN)}"}
    with TestClient(app, headers=headers, raise_server_exceptions=False) as client:
        yield client


def alerts(*titles: str, **fields: str) -> list[dict[str, str]]:
    return [{"title": title, "service": "orders", "starts_at": "2026-01-01T12:00:00Z", **fields} for title in titles]


# alerts in


def test_one_alert_and_a_list_of_them(client: TestClient) -> None:
    one = client.post("/v1/alerts", json=alerts("disk full")[0])
    assert one.status_code == 202
    assert one.json()["accepted"] == 1
    assert one.json()["incident_ids"] == ["INC-1"]
    many = client.post("/v1/alerts", json=alerts("slow", "slower"))
    assert [r["outcome"] for r in many.json()["receipts"]] == ["joined", "joined"]
    again = client.post("/v1/alerts", json=alerts("slow")).json()
    assert (again["accepted"], again["duplicates"]) == (1, 1)


def test_one_unreadable_alert_never_holds_up_the_others(client: TestClient) -> None:
    body: list[Any] = [*alerts("a"), {"severity": "critical"}, "nonsense", *alerts("b")]
    answer = client.post("/v1/alerts", json=body)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert [(r["index"], bool(r["field"]), bool(r["problem"])) for r in answer.json()["rejected"]] == [
        (1, True, True),
        (2, True, True),
    ]
    assert answer.json()["rejected_count"] == 2


def test_many_unreadable_alerts_are_counted_and_the_first_listed(client: TestClient) -> None:
    answer = client.post("/v1/alerts", json=[*alerts("good"), *[{}] * 500]).json()
    assert answer["accepted"] == 1
    assert answer["rejected_count"] == 500
    assert len(answer["rejected"]) == 20


def test_nothing_readable_is_the_senders_fault(client: TestClient) -> None:
    answer = client.post("/v1/alerts", json=[{"severity": "critical"}])
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] == "0.title"


def test_an_empty_list_is_fine(client: TestClient) -> None:
    assert client.post("/v1/alerts", json=[]).json()["accepted"] == 0


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_source_takes_its_own_example(client: TestClient, name: str) -> None:
    answer = client.post(f"/v1/ingest/{name}", json=SOURCES[name].example)
    if name == "cloudwatch":
        assert answer.status_code == 403, "of a topic that nobody allowed"
        return
    assert answer.status_code == 202
    assert answer.json()["accepted"] >= 1
    assert answer.json()["rejected"] == []


def test_an_unknown_source_names_the_known_ones_and_not_itself(client: TestClient) -> None:
    answer = client.post("/v1/ingest/hunter2", json={})
    assert answer.status_code == 404
    assert all(name in answer.json()["message"] for name in SOURCES)
    assert "hunter2" not in answer.text


def test_content_type_does_not_matter_to_intake(client: TestClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = client.post("/v1/alerts", content=b'{"title": "x"}', headers={"content-type": kind})
        assert answer.status_code == 202, kind


def test_storage_that_does_not_answer_means_send_again(client: TestClient, engine: FakeEngine) -> None:
    assert client.get("/v1/incidents").status_code == 200
    engine.broken = True
    answer = client.post("/v1/alerts", json=alerts("a"))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    assert client.get("/v1/incidents").status_code == 200, "reads go on"
    engine.broken = False
    assert client.post("/v1/alerts", json=alerts("a")).status_code == 202
    assert client.get("/readyz").status_code == 200


def test_an_alert_that_storage_refuses_is_reported_and_the_others_are_taken(
    client: TestClient, engine: FakeEngine
) -> None:
    engine.poison = "poison"
    answer = client.post("/v1/alerts", json=alerts("a", "poison", "b"))
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert answer.json()["rejected"][0]["index"] == 1
    assert answer.json()["quarantined"] == 1
    alone = client.post("/v1/alerts", json=alerts("poison"))
    assert (alone.status_code, alone.json()["quarantined"]) == (202, 1), "kept here: sent again it would fail again"


# incidents


def test_an_incident_shows_its_alerts_why_and_root(client: TestClient) -> None:
    client.post("/v1/alerts", json=alerts("disk full", "slow"))
    shown = client.get("/v1/incidents/INC-1").json()
    assert shown["incident"]["status"] == "open"
    assert shown["root"]["title"] == "disk full"
    assert (shown["alert_count"], shown["firing"]) == (2, 2)
    assert [member["alert"]["title"] for member in shown["alerts"]] == ["disk full", "slow"]
    assert shown["alerts"][1]["evidence"] == [{"signal": "service", "weight": 2.0, "detail": "same service"}]
    assert shown["timeline"][0]["kind"] == "opened"


def test_an_unknown_incident_is_404_everywhere(client: TestClient) -> None:
    assert client.get("/v1/incidents/INC-9").status_code == 404
    assert client.get("/v1/incidents/INC-9/triage").status_code == 404
    assert client.post("/v1/incidents/INC-9/resolve", json={"text": "x"}).status_code == 404
    assert client.post("/v1/incidents/INC-9/acknowledge", json={"responder": "anna"}).status_code == 404


def test_pages_of_incidents_join_without_gap_or_overlap(client: TestClient) -> None:
    for n in range(7):
        client.post("/v1/incidents", json={"title": f"t{n}", "service": f"s{n}"})
    seen: list[str] = []
    url: str | None = "/v1/incidents?limit=3"
    while url:
        page = client.get(url).json()
        seen += [item["id"] for item in page["items"]]
        url = f"/v1/incidents?limit=3&before={page['next']}" if page["next"] else None
    assert seen == [f"INC-{n}" for n in range(7, 0, -1)]


def test_filters_of_incidents(client: TestClient) -> None:
    client.post("/v1/incidents", json={"title": "old", "service": "a", "opened_at": "2026-01-01T00:00:00Z"})
    client.post("/v1/incidents", json={"title": "new", "service": "b", "opened_at": "2026-02-01T00:00:00Z"})
    client.post("/v1/incidents/INC-1/resolve", json={"text": "restarted"})

    def titles(query: str) -> list[str]:
        return [item["title"] for item in client.get(f"/v1/incidents?{query}").json()["items"]]

    assert titles("status=open") == ["new"]
    assert titles("status=resolved") == ["old"]
    assert titles("service=a") == ["old"]
    assert titles("since=2026-01-15T00:00:00Z") == ["new"]


@pytest.mark.parametrize(
    "query", ["status=hunter2", "since=hunter2", "since=0001-01-01T00:00:00Z", "limit=0", "limit=x"]
)
def test_wrong_filters_are_named_and_not_repeated(client: TestClient, query: str) -> None:
    answer = client.get(f"/v1/incidents?{query}")
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] == query.partition("=")[0]
    assert "hunter2" not in answer.text


def test_a_person_reports_and_resolves_and_the_next_triage_knows(client: TestClient) -> None:
    first = client.post("/v1/incidents", json={"title": "orders are slow", "service": "orders"})
    assert first.status_code == 201
    resolved = client.post(
        f"/v1/incidents/{first.json()['id']}/resolve", json={"fix": "add an index", "resolver": "anna"}
    )
    assert resolved.json()["status"] == "resolved"
    assert resolved.json()["resolution"]["text"] == "add an index"
    second = client.post("/v1/incidents", json={"title": "orders are slow again", "service": "orders"}).json()
    triage = client.get(f"/v1/incidents/{second['id']}/triage").json()
    assert triage["suggestions"]["items"][0]["incident"]["resolution"]["text"] == "add an index"
    assert triage["routing"]["candidates"][0]["responder"] == "anna"
    assert triage["expected"][0]["pattern"]["support"] == "8 of 8"
    assert triage["rung"] == "lexical"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "x" * 501}, "title"),
        ({"title": "x", "opened_at": "yesterday"}, "opened_at"),
        ({"title": "x", "opened_at": 1767225600}, "opened_at"),
        ({"title": "x", "opened_at": "9999-12-31T23:59:59-12:00"}, "opened_at"),
        ({"title": "x", "fields": {"a": 1}}, "fields"),
        ({"title": "x", "fields": dict.fromkeys(map(str, range(201)), "")}, "fields"),
        ({"title": 7}, "title"),
        ({"title": "x", "verdict": "resolved"}, "*"),
    ],
)
@pytest.mark.parametrize("url", ["/v1/incidents", "/v1/triage"])
def test_questions_that_cannot_be_read(client: TestClient, url: str, body: dict[str, Any], field: str) -> None:
    answer = client.post(url, json=body)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["fields"]] == [field]


def test_a_text_is_triaged_without_being_stored(client: TestClient, engine: FakeEngine) -> None:
    answer = client.post("/v1/triage", json={"title": "orders are slow"})
    assert answer.status_code == 200
    assert answer.json()["model_version"] == "fake"
    assert engine.found == {}


# patterns, metrics, responders, health


def test_patterns_and_what_is_coming(client: TestClient) -> None:
    assert client.get("/v1/patterns").json()[0]["pattern"]["start_local"] == "16:00"
    coming = client.get("/v1/patterns/upcoming?days=3").json()[0]
    assert coming["occurrence"]["start"] == "2026-01-09T16:00:00Z"
    assert "Fridays" in coming["sentence"]
    assert client.get("/v1/patterns/upcoming?days=29").status_code == 422


def test_patterns_for_calendars_silences_and_incidents(client: TestClient) -> None:
    feed = client.get("/v1/patterns/calendar.ics")
    assert feed.headers["content-type"].startswith("text/calendar")
    assert "UID:p1@pathfinder" in feed.text
    assert "RRULE:" in feed.text
    silences = client.get("/v1/patterns/silences?days=28").json()
    assert all(one["createdBy"] == "PathFinder" and one["matchers"] for one in silences)
    found = client.get("/v1/patterns/incidents").json()[0]
    assert (found["id"], found["sentence"]) == ("p1", "preceded 9 of 12 incidents, 14x chance")
    crossing = client.get("/v1/patterns/capacity?weeks=8").json()[0]
    assert (crossing["id"], crossing["limit"], crossing["weeks"]) == ("p1", 95.0, 5.0)


def test_metric_samples(client: TestClient, engine: FakeEngine) -> None:
    sample = {"ts": "2026-01-01T00:00:00Z", "service": "a", "host": "h", "metric": "cpu", "value": 1.5}
    answer = client.post("/v1/metrics", json={"samples": [sample, sample]})
    assert (answer.status_code, answer.json()) == (202, {"stored": 2})
    assert engine.samples[0].value == 1.5
    wrong = client.post("/v1/metrics", json={"samples": [sample, {**sample, "value": "hunter2"}]})
    assert wrong.json()["fields"][0]["field"] == "samples.1.value"
    assert "hunter2" not in wrong.text
    assert client.post("/v1/metrics", json={"samples": []}).status_code == 422


def test_what_is_expected_of_a_series(client: TestClient) -> None:
    asked = "/v1/metrics/expected?service=a&host=h&metric=cpu&at=2026-01-02T16:00:00Z"
    one = client.get(asked).json()
    assert [(told["start"], told["level"], told["days"]) for told in one] == [("2026-01-02T16:00:00Z", 31.0, 56)]
    assert len(client.get(f"{asked}&hours=24").json()) == 25
    assert client.get("/v1/metrics/expected?metric=unknown").status_code == 404
    assert client.get("/v1/metrics/expected?service=a").status_code == 422
    assert client.get(f"{asked}&hours=9999").json()["fields"][0]["field"] == "hours"


def test_responders_are_created_replaced_shown_and_removed(client: TestClient) -> None:
    anna = {
        "name": "Anna",
        "team": "dba",
        "skills": ["postgres"],
        "timezone": "Europe/Amsterdam",
        "work_starts": "08:30",
        "time_off": [{"starts_at": "2026-07-01T00:00:00Z", "ends_at": "2026-07-15T00:00:00Z"}],
    }
    made = client.put("/v1/responders/anna", json=anna).json()
    assert made["id"] == "anna"
    assert made["work_starts"] == "08:30:00"
    assert client.get("/v1/responders/anna").json() == made
    client.put("/v1/responders/anna", json={"team": "web"})
    assert [(r["id"], r["team"]) for r in client.get("/v1/responders").json()] == [("anna", "web")]
    assert client.delete("/v1/responders/anna").status_code == 204
    assert client.delete("/v1/responders/anna").status_code == 404
    assert client.get("/v1/responders/anna").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"workdays": [7]}, "workdays.0"),
        ({"work_starts": "25:00"}, "work_starts"),
        ({"time_off": [{"starts_at": "2026-07-02T00:00:00Z", "ends_at": "2026-07-01T00:00:00Z"}]}, "time_off.0"),
        ({"max_open": 0}, "max_open"),
    ],
)
def test_responders_that_cannot_be(client: TestClient, body: dict[str, Any], field: str) -> None:
    answer = client.put("/v1/responders/anna", json=body)
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] == field


def test_ready_says_from_which_rung_answers_come(client: TestClient) -> None:
    assert client.get("/readyz").json() == {
        "ready": True,
        "readable": True,
        "writable": True,
        "rung": "lexical",
        "model_version": "fake",
        "note": "fake",
        "quarantined": 0,
        "waiting_alerts": 0,
        "to_be_grouped": 0,
    }


def test_prometheus_can_read_what_happened(client: TestClient) -> None:
    client.post("/v1/alerts", json=[*alerts("a", "b"), {}])
    client.get("/v1/incidents/INC-1")
    client.get("/v1/incidents/INC-2")
    client.get("/nowhere/hunter2")
    text = client.get("/metrics").text
    assert 'pathfinder_alerts_total{outcome="joined",source="generic"} 1.0' in text
    assert 'pathfinder_alerts_total{outcome="rejected",source="generic"} 1.0' in text
    assert "pathfinder_commit_alerts_sum 2.0" in text
    assert 'pathfinder_rung{rung="lexical"} 1.0' in text
    assert 'route="/v1/incidents/{incident_id}",status="404"' in text
    assert "INC-2" not in text
    assert "hunter2" not in text


def test_two_services_in_one_process_count_apart() -> None:
    first, second = create_app(FakeEngine(), Settings()), create_app(FakeEngine(), Settings())
    assert first.state.desk.telemetry.registry is not second.state.desk.telemetry.registry


def test_an_error_nobody_expected_says_nothing_of_itself(
    client: TestClient, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(*_: object, **__: object) -> None:
        raise RuntimeError("hunter2 in a traceback")

    monkeypatch.setattr(engine, "incidents", burst)
    answer = client.get("/v1/incidents")
    assert answer.status_code == 500
    assert answer.json()["error"] == "internal"
    assert "hunter2" not in answer.text


def test_the_engine_is_closed_with_the_service(engine: FakeEngine) -> None:
    with TestClient(create_app(engine, Settings())):
        assert not engine.closed
    assert engine.closed


def test_a_method_that_is_not_there_is_told_all_that_are(client: TestClient) -> None:
    for path, methods in (("/v1/incidents", "GET, POST"), ("/v1/routing/policy", "GET, PUT"), ("/v1/alerts", "POST")):
        answer = client.request("OPTIONS", path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, methods)


def test_every_reference_of_the_openapi_leads_somewhere(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    references = re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(schema))
    assert references
    for reference in references:
        place = schema
        for step in reference.split("/"):
            place = place[step]

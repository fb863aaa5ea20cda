"""The console: shows what is known, and is no way in for what alerts or strangers bring along."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine.domain import Runbook
from engine.settings import Settings
from engine.store.records import Scope
from tests.fake_engine import FakeEngine

EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</textarea><svg/onload=alert(1)>",
    "{{7*7}}",
    "{% include 'x' %}",
    "${jndi:ldap://x}",
    "javascript:alert(1)",
    "<!--",
    "&lt;b&gt;",
    "]]>",
    "<style>*{display:none}</style>",
    "<meta http-equiv=refresh content=0;url=//x>",
    "\u202eevil",
]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def client(engine: FakeEngine) -> Iterator[TestClient]:
    with TestClient(create_app(engine, Settings())) as client:
        yield client


def sign_in(client: TestClient, token: str) -> str:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return client.post("/sign-in", content=f"key={token}", headers=kind).text


def send(client: TestClient, engine: FakeEngine, **fields: object) -> None:
    answer = client.post("/v1/alerts", json=fields, headers={"X-API-Key": engine.key(Scope.INGEST)})
    assert answer.status_code == 202


def test_strangers_see_the_form_and_nothing_else(client: TestClient, engine: FakeEngine) -> None:
    send(client, engine, title="disk full on db-1")
    page = client.get("/")
    assert page.status_code == 200
    assert 'type="password"' in page.text
    assert "disk full" not in page.text


def test_a_key_that_may_read_opens_the_page(client: TestClient, engine: FakeEngine) -> None:
    send(client, engine, title="disk full on db-1", service="orders", host="db-1", severity="critical")
    send(client, engine, title="checkout is slow", service="orders")
    page = sign_in(client, engine.key(Scope.READ))
    for shown in ("disk full on db-1", "checkout is slow", "same service", "INC-1", "critical", "Fridays 16:00-16:50"):
        assert shown in page
    assert "the encoder is loading" in page, "the rung and why"


def test_past_fixes_and_people_are_shown(client: TestClient, engine: FakeEngine) -> None:
    send(client, engine, title="old trouble", service="a")
    headers = {"X-API-Key": engine.key(Scope.OPERATE)}
    client.post("/v1/incidents/INC-1/resolve", json={"text": "grew the volume", "resolver": "anna"}, headers=headers)
    send(client, engine, title="new trouble", service="a")
    page = sign_in(client, engine.key(Scope.READ))
    assert "grew the volume" in page
    assert "anna" in page
    assert "old trouble" in client.get("/?incident=INC-1").text


def test_a_fix_is_shown_with_its_record_and_incidents_are_folded(client: TestClient, engine: FakeEngine) -> None:
    send(client, engine, title="old trouble", service="a")
    headers = {"X-API-Key": engine.key(Scope.OPERATE)}
    client.post("/v1/incidents/INC-1/resolve", json={"text": "grew the volume", "resolver": "anna"}, headers=headers)
    send(client, engine, title="new trouble", service="a")
    page = sign_in(client, engine.key(Scope.READ))
    for shown in ("70% likely to help", "permanent", "helped 5 of 6", "30 min", "lvextend -L +5G data"):
        assert shown in page
    assert "new kind of incident" not in page
    engine.strange = True
    page = client.get("/").text
    assert "new kind of incident" in page
    assert "likely to help" not in page
    assert "The nearest incidents" in page


def test_only_links_of_the_web_are_links(client: TestClient, engine: FakeEngine) -> None:
    send(client, engine, title="trouble")
    engine.pages = {
        "a": Runbook(id="a", title="Good page", url="https://wiki/disk"),
        "b": Runbook(id="b", title="Evil page", url="javascript:alert(1)"),
    }
    page = sign_in(client, engine.key(Scope.READ))
    assert '<a href="https://wiki/disk" rel="noreferrer">Good page</a>' in page
    assert "Evil page" in page
    assert "javascript:" not in page


def test_wrong_keys_and_keys_that_may_not_read_are_told_so(client: TestClient, engine: FakeEngine) -> None:
    for token in ("pf_1_wrong", "", engine.key(Scope.INGEST)):
        page = sign_in(client, token)
        assert "may not read" in page
        assert not client.cookies


def test_the_cookie_is_out_of_reach_and_opens_only_the_console(client: TestClient, engine: FakeEngine) -> None:
    token = engine.key(Scope.ADMIN)
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = client.post("/sign-in", content=f"key={token}", headers=kind, follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/v1/incidents").status_code == 401, "another site cannot ride on the cookie"
    client.post("/sign-out")
    assert 'type="password"' in client.get("/").text


@pytest.mark.parametrize("evil", EVIL)
def test_what_alerts_say_stays_text(client: TestClient, engine: FakeEngine, evil: str) -> None:
    fields = {"title": evil, "description": evil, "service": evil, "host": evil, "labels": {"a": evil, "service": evil}}
    send(client, engine, **fields)
    headers = {"X-API-Key": engine.key(Scope.OPERATE)}
    client.post("/v1/incidents/INC-1/resolve", json={"text": evil, "resolver": evil, "team": evil}, headers=headers)
    send(client, engine, **{**fields, "title": evil + evil})
    page = sign_in(client, engine.key(Scope.READ))
    tags = set(re.findall(r"<(/?[a-z!][a-z0-9]*)", page.lower()))
    assert not tags & {"script", "img", "svg", "style", "iframe", "textarea"}
    assert not re.search(r"<[^>]*\son[a-z]+=", page)
    assert 'href="javascript' not in page
    assert "49" not in re.findall(r"<h2>(.*?)</h2>", page)


@pytest.mark.parametrize("url", ["/", "/docs", "/console.css"])
def test_pages_load_nothing_from_elsewhere_and_say_so(client: TestClient, engine: FakeEngine, url: str) -> None:
    sign_in(client, engine.key(Scope.READ))
    page = client.get(url)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)
    assert "<script" not in page.text
    assert " style=" not in page.text


def test_the_reference_shows_every_operation_with_its_scope(client: TestClient) -> None:
    page = client.get("/docs").text
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in page
    assert "ingest" in page
    assert "curl" in page


def test_an_incident_that_is_gone_is_no_error(client: TestClient, engine: FakeEngine) -> None:
    sign_in(client, engine.key(Scope.READ))
    assert client.get("/?incident=INC-99").status_code == 200
    assert "Nothing is open" in client.get("/").text

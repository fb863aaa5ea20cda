"""Who may do what: the matrix comes from the OpenAPI, so a new route is tested the day it is written."""

from __future__ import annotations

import asyncio
import base64
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.security import KeyRing
from engine.errors import Unavailable
from engine.settings import Settings
from engine.store.records import Key, Scope
from tests.fake_engine import FakeEngine

SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)
OPEN = {"/healthz", "/readyz"}  # the only routes that answer strangers
SCHEMA = create_app(FakeEngine(), Settings()).openapi()
ROUTES = [(path, method) for path, item in SCHEMA["paths"].items() for method in item]


def scopes_of(path: str, method: str) -> list[str]:
    needs: list[dict[str, list[str]]] = SCHEMA["paths"][path][method].get("security", [])
    return [scope for need in needs for scopes in need.values() for scope in scopes]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def client(engine: FakeEngine) -> Iterator[TestClient]:
    with TestClient(create_app(engine, Settings()), raise_server_exceptions=False) as client:
        yield client


def ask(client: TestClient, path: str, method: str, headers: dict[str, Any] | None = None) -> int:
    names = defaultdict(lambda: "X-1", source="generic", incident_id="INC-1", responder_id="anna")
    url = path.format_map(names)
    body: Any = {} if method in ("post", "put") else None
    status = client.request(method, url, json=body, headers=headers or {}).status_code
    told = SCHEMA["paths"][path][method]["responses"]
    assert status == 500 or str(status) in told, "an answer that the schema does not tell of"  # 500: the fake knows not
    return status


def test_the_schema_knows_the_routes() -> None:
    assert len(ROUTES) >= 18


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_every_route_but_health_has_exactly_one_scope(path: str, method: str) -> None:
    assert len(scopes_of(path, method)) == (0 if path in OPEN else 1)


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_strangers_and_wrong_keys_are_turned_away(client: TestClient, path: str, method: str) -> None:
    wrong: list[dict[str, Any]] = [
        {},
        {"Authorization": "Bearer pf_1_wrong"},
        {"X-API-Key": b"\xff"},
        {"Authorization": "Basic !!!"},
    ]
    for headers in wrong:
        status = ask(client, path, method, headers)
        assert status == (200 if path in OPEN else 401)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_a_key_opens_what_its_scope_names_and_nothing_else(
    client: TestClient, engine: FakeEngine, path: str, method: str, scope: Scope
) -> None:
    status = ask(client, path, method, {"Authorization": f"Bearer {engine.key(scope)}"})
    if path in OPEN or scope is Scope.ADMIN or scope.value in scopes_of(path, method):
        assert status not in (401, 403)
    else:
        assert status == 403


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_a_revoked_key_opens_nothing(client: TestClient, engine: FakeEngine, path: str, method: str) -> None:
    token = engine.key(Scope.ADMIN)
    engine.revoke_key("1", SOME_TIME)
    assert ask(client, path, method, {"Authorization": f"Bearer {token}"}) == (200 if path in OPEN else 401)


@pytest.mark.parametrize("place", ["bearer", "lower case", "genie", "x-api-key", "basic", "query"])
def test_a_key_is_found_wherever_a_tool_can_put_it(client: TestClient, engine: FakeEngine, place: str) -> None:
    token = engine.key(Scope.READ)
    basic = base64.b64encode(f"anybody:{token}".encode()).decode()
    headers = {
        "bearer": {"Authorization": f"Bearer {token}"},
        "lower case": {"authorization": f"bearer {token}"},
        "genie": {"Authorization": f"GenieKey {token}"},
        "x-api-key": {"X-API-Key": token},
        "basic": {"Authorization": f"Basic {basic}"},
        "query": {},
    }[place]
    url = "/v1/incidents" + (f"?token={token}" if place == "query" else "")
    assert client.get(url, headers=headers).status_code == 200


def test_refusals_say_what_to_send_and_repeat_no_key(client: TestClient, engine: FakeEngine) -> None:
    refused = client.get("/v1/incidents", headers={"Authorization": "Bearer pf_1_hunter2"})
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Authorization" in refused.json()["message"]
    assert "hunter2" not in refused.text
    forbidden = client.get("/v1/incidents", headers={"X-API-Key": engine.key(Scope.INGEST)})
    assert forbidden.json() == {"error": "forbidden", "message": "this key lacks the scope read"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def ring(engine: FakeEngine) -> tuple[KeyRing, Clock]:
    clock = Clock()
    return KeyRing(engine.check_key, keep_s=5.0, clock=clock), clock


def find(keys: KeyRing, token: str) -> Key | None:
    return asyncio.run(keys.find(token))


def test_a_storm_asks_the_store_once_per_key(engine: FakeEngine) -> None:
    token = engine.key(Scope.INGEST)
    keys, _ = ring(engine)
    assert all(find(keys, token) for _ in range(50))
    assert [find(keys, "pf_1_wrong") for _ in range(50)] == [None] * 50
    assert engine.checks == 2


def test_a_revoked_key_ends_within_seconds(engine: FakeEngine) -> None:
    token = engine.key(Scope.INGEST)
    keys, clock = ring(engine)
    assert find(keys, token)
    engine.revoke_key("1", SOME_TIME)
    assert find(keys, token), "still remembered"
    clock.now = 5.1
    assert find(keys, token) is None


def test_known_keys_hold_while_the_store_does_not_answer(engine: FakeEngine) -> None:
    token = engine.key(Scope.INGEST)
    keys, clock = ring(engine)
    assert find(keys, token)
    engine.broken, clock.now = True, 60.0
    assert find(keys, token)
    with pytest.raises(Unavailable):
        find(keys, "pf_9_never-seen")


def test_guessing_does_not_fill_the_memory(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.security._KEPT", 10)
    keys, _ = ring(engine)
    for guess in range(30):
        find(keys, f"pf_{guess}_x")
    assert len(keys._known) == 10

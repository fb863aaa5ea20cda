"""The express lane answers as the router would, only sooner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.express import Express
from engine.settings import Settings
from engine.sources import SOURCES
from engine.store.records import Scope
from tests.fake_engine import FakeEngine
from tests.test_api_hostile import CORPUS

URLS = ["/v1/alerts", *(f"/v1/ingest/{name}" for name in SOURCES), "/v1/ingest/nobody", "/v1/ingest/", "/v1/ingest/a/b"]


def serve(*, express: bool) -> Iterator[tuple[TestClient, FakeEngine]]:
    engine = FakeEngine()
    app = create_app(engine, Settings())
    if not express:
        app.user_middleware = [each for each in app.user_middleware if each.cls is not Express]
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client, engine


@pytest.fixture(scope="module")
def both() -> Iterator[list[tuple[TestClient, FakeEngine]]]:
    lanes = [serve(express=True), serve(express=False)]
    yield [next(lane) for lane in lanes]
    for lane in lanes:
        next(lane, None)


def test_only_one_of_the_two_has_the_lane() -> None:
    assert any(each.cls is Express for each in create_app(FakeEngine(), Settings()).user_middleware)


@pytest.mark.parametrize("name", CORPUS)
def test_both_answer_alike(both: list[tuple[TestClient, FakeEngine]], name: str) -> None:
    told = []
    for client, engine in both:
        headers = {"X-API-Key": engine.key(Scope.INGEST)}
        answers = [client.post(url, content=CORPUS[name], headers=headers) for url in URLS]
        told.append(
            [
                (
                    a.status_code,
                    a.headers["content-type"],
                    a.json() if a.status_code >= 400 else (a.json()["accepted"], a.json()["rejected"]),
                )
                for a in answers
            ]
        )
    assert told[0] == told[1]


@pytest.mark.parametrize("scope", [*Scope, None])
@pytest.mark.parametrize("url", URLS[:2])
def test_both_ask_for_the_same_scope(both: list[tuple[TestClient, FakeEngine]], scope: Scope | None, url: str) -> None:
    told = []
    for client, engine in both:
        headers = {"X-API-Key": engine.key(scope)} if scope else {}
        answer = client.post(url, json=SOURCES["generic"].example, headers=headers)
        told.append((answer.status_code, answer.json().get("message"), answer.headers.get("WWW-Authenticate")))
    assert told[0] == told[1]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_the_routers(both: list[tuple[TestClient, FakeEngine]], method: str) -> None:
    for client, engine in both:
        headers = {"X-API-Key": engine.key(Scope.ADMIN)}
        assert client.request(method, "/v1/alerts", headers=headers).status_code == 405


def test_both_are_counted_under_the_same_routes(both: list[tuple[TestClient, FakeEngine]]) -> None:
    told = []
    for client, engine in both:
        headers = {"X-API-Key": engine.key(Scope.ADMIN)}
        client.post("/v1/ingest/generic", json={"title": "x"}, headers=headers)
        text = client.get("/metrics", headers=headers).text
        counts = (line.rpartition(" ")[0] for line in text.splitlines() if "request_seconds_count{" in line)
        told.append(sorted(counts))
    assert told[0] == told[1]
    assert any("/v1/ingest/{source}" in line for line in told[0])

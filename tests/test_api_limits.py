"""What one client can cost: bytes, requests at once, and time. Against the real server where sockets matter."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from api.app import create_app
from api.limits import Load, _Held
from api.server import PatientProtocol
from engine.errors import Unavailable
from engine.settings import Settings
from engine.store.records import Scope
from tests.fake_engine import FakeEngine
from tests.live_server import Connection, free_port

SMALL = Settings(max_body_bytes=10_000, max_in_flight=4)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def client(engine: FakeEngine) -> Iterator[TestClient]:
    with TestClient(create_app(engine, SMALL, body_s=0.5)) as client:
        yield client


def test_a_body_is_refused_by_its_announced_size(client: TestClient, engine: FakeEngine) -> None:
    key = {"X-API-Key": engine.key(Scope.INGEST)}
    answer = client.post("/v1/alerts", content=b"x" * 10_001, headers=key)
    assert answer.status_code == 413
    assert "10000" in answer.json()["message"]
    assert client.post("/v1/alerts", content=b'{"title":"' + b"x" * 400 + b'"}', headers=key).status_code == 202


def test_a_body_without_announced_size_is_refused_while_it_streams(client: TestClient, engine: FakeEngine) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1000
            yield b"x" * 1000

    answer = client.post("/v1/alerts", content=endless(), headers={"X-API-Key": engine.key(Scope.INGEST)})
    assert answer.status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999999", "ten", "+5", "\u0661"])
def test_absurd_lengths_are_refused(engine: FakeEngine, length: str) -> None:
    key = engine.key(Scope.INGEST)

    async def ask() -> int:
        app = create_app(engine, SMALL)
        started: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                started.append(message["status"])

        headers = [(b"x-api-key", key.encode()), (b"content-length", length.encode())]
        scope = {"type": "http", "method": "POST", "path": "/v1/alerts", "headers": headers, "query_string": b""}
        await app(scope, receive, send)
        return started[0]

    assert asyncio.run(ask()) == 413


def test_strangers_send_little(client: TestClient) -> None:
    assert client.post("/v1/alerts", content=b"x" * 5_000).status_code == 401
    assert client.post("/sign-in", content=b"key=" + b"x" * 5_000).status_code == 401


def test_all_bodies_together_are_bounded() -> None:
    load = Load()
    first, second = _Held(load, 100), _Held(load, 100)
    first.take(60)
    with pytest.raises(Unavailable):
        second.take(60)
    first.free()
    second.take(60)
    second.free()
    assert load.body_bytes == 0


@contextlib.contextmanager
def listening(engine: FakeEngine, settings: Settings = SMALL, body_s: float = 0.5) -> Iterator[int]:
    """The application on a real socket, in this process."""
    port = free_port()
    app = create_app(engine, settings, body_s=body_s)
    config = uvicorn.Config(app, port=port, log_level="critical", access_log=False, http=PatientProtocol, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join()


def talk(port: int, *parts: bytes) -> bytes:
    """Send the parts, then read until the service hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


def test_a_body_that_never_ends_is_given_up(engine: FakeEngine) -> None:
    key = engine.key(Scope.INGEST).encode()
    with listening(engine) as port:
        answer = talk(
            port, b"POST /v1/alerts HTTP/1.1\r\nHost: x\r\nX-API-Key: " + key + b"\r\nContent-Length: 99\r\n\r\n["
        )
    assert b" 408 " in answer
    assert b"connection: close" in answer.lower()


def test_a_head_that_never_ends_is_given_up(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.server._HEAD_S", 0.3)
    with listening(engine) as port:
        assert talk(port, b"POST /v1/alerts HTTP/1.1\r\nHost: x\r\nX-Slow: ") == b""
        assert talk(port) == b"", "not even one byte"
        first = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        assert talk(port, first, b"GET /healthz HT").count(b"200 OK") == 1, "nor in a later request"


def test_a_head_without_end_is_given_up(engine: FakeEngine) -> None:
    with listening(engine) as port:
        lines = b"X-Long: " + b"x" * 8000 + b"\r\n"
        assert talk(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + lines, *[lines] * 12) == b""


def test_a_slow_but_honest_connection_is_kept(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.server._HEAD_S", 0.3)

    async def twice(port: int) -> list[int]:
        connection = Connection(port, engine.key(Scope.INGEST))
        first, _ = await connection.post("/v1/alerts", b'{"title": "a"}')
        await asyncio.sleep(0.6)
        second, _ = await connection.post("/v1/alerts", b'{"title": "b"}')
        connection.close()
        return [first, second]

    with listening(engine) as port:
        assert asyncio.run(twice(port)) == [202, 202]


def test_too_many_at_once_are_sent_away_at_once_and_health_still_answers(engine: FakeEngine) -> None:
    token = engine.key(Scope.INGEST)

    async def storm(port: int) -> list[int]:
        engine.lock.acquire()  # storage hangs: requests pile up
        connections = [Connection(port, token) for _ in range(20)]
        posts = [asyncio.create_task(c.post("/v1/alerts", b'{"title": "a"}')) for c in connections]
        done, waiting = await asyncio.wait(posts, timeout=2)
        assert len(waiting) == SMALL.max_in_flight
        assert {task.result()[0] for task in done} == {429}
        health = await asyncio.to_thread(talk, port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"200 OK" in health
        engine.lock.release()
        answers = [(await task)[0] for task in posts]
        later, _ = await connections[0].post("/v1/alerts", b'{"title": "b"}')
        for connection in connections:
            connection.close()
        return [*answers, later]

    with listening(engine) as port:
        answers = asyncio.run(storm(port))
    assert answers.count(202) == SMALL.max_in_flight + 1
    assert answers[-1] == 202


def test_slow_clients_do_not_keep_others_waiting(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.server._HEAD_S", 1.0)
    with listening(engine, Settings()) as port, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(200)]
        for connection in slow:
            connection.sendall(b"POST /v1/alerts HTTP/1.1\r\nHost")

        async def post() -> int:
            connection = Connection(port, engine.key(Scope.INGEST))
            status, _ = await connection.post("/v1/alerts", b'{"title": "a"}')
            connection.close()
            return status

        assert asyncio.run(post()) == 202
        for connection in slow:
            connection.settimeout(20)
            assert connection.recv(1) == b"", "closed by the service"


def test_half_a_body_is_no_body(engine: FakeEngine) -> None:
    """What came before a client hung up may be readable, and is not what it meant to say."""
    key = engine.key(Scope.INGEST).encode()
    head = b"POST /v1/alerts HTTP/1.1\r\nHost: x\r\nX-API-Key: " + key + b"\r\nContent-Length: 99\r\n\r\n"
    with listening(engine, body_s=5.0) as port:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head + b'[{"title": "x"}]')
        talk(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert engine.calls == []

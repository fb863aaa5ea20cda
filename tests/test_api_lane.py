"""The shortest way of a delivery answers as the long one would, in the order asked, and leaves nothing behind."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from api.lane import Lane
from engine.settings import Settings
from engine.sources import SOURCES
from engine.store.records import Scope
from tests.fake_engine import FakeEngine
from tests.test_api_hostile import CORPUS
from tests.test_api_limits import listening

URLS = ["/v1/alerts", "/v1/ingest/alertmanager", "/v1/ingest/cloudwatch", "/v1/ingest/nobody"]
PLAIN = json.dumps(SOURCES["alertmanager"].example).encode()


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def port(engine: FakeEngine) -> Iterator[int]:
    with listening(engine, Settings(), body_s=5.0) as found:
        yield found


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each delivery that was offered to the lane went this way."""
    found: list[bool] = []
    whole = Lane.take

    def watched(lane: Lane, *args: Any) -> bool:
        found.append(whole(lane, *args))
        return found[-1]

    monkeypatch.setattr(Lane, "take", watched)
    return found


def request(url: str, body: bytes, key: str, more: bytes = b"") -> bytes:
    head = f"POST {url} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: {len(body)}\r\n".encode()
    return head + more + b"\r\n" + body


def answers(connection: socket.socket, count: int) -> list[tuple[int, dict[str, str], Any]]:
    """The next `count` answers: status, headers, JSON."""
    found: list[tuple[int, dict[str, str], Any]] = []
    stream = connection.makefile("rb")
    for _ in range(count):
        status = int(stream.readline().split()[1])
        headers: dict[str, str] = {}
        while line := stream.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        found.append((status, headers, json.loads(stream.read(int(headers["content-length"])))))
    return found


def told(answer: tuple[int, dict[str, str], Any]) -> Any:
    """What of an answer must be alike, whoever asked before."""
    status, headers, content = answer
    names = sorted(set(headers) - {"connection"})
    if status >= 400:
        return status, names, headers["content-type"], content
    return status, names, content["accepted"], content["rejected"], sorted(content), content["rung"]


@pytest.mark.parametrize("name", CORPUS)
def test_both_ways_answer_alike(engine: FakeEngine, port: int, name: str) -> None:
    key = engine.key(Scope.INGEST)
    for url in URLS:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(request(url, PLAIN, key))  # from now on the key is known
            answers(connection, 1)
            connection.sendall(request(url, CORPUS[name], key))
            short = answers(connection, 1)[0]
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(request(url, CORPUS[name], key, b"Connection: close\r\n"))
            assert told(answers(connection, 1)[0]) == told(short), url


def test_plain_deliveries_go_the_short_way_and_nothing_else_does(
    engine: FakeEngine, port: int, taken: list[bool]
) -> None:
    key, reader = engine.key(Scope.INGEST), engine.key(Scope.READ)
    bodies = [PLAIN, PLAIN, b"[", b"{}", PLAIN + b" " * 40_000, PLAIN]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for body in bodies:
            connection.sendall(request("/v1/ingest/alertmanager", body, key))
            answers(connection, 1)
        connection.sendall(request("/v1/alerts", b'{"title": "x"}', reader))
        assert answers(connection, 1)[0][0] == 403
    assert taken[:4] == [False, True, False, False], "a key nobody has asked for, a plain one, two that cannot be read"
    assert taken[-2:] == [True, False]


def test_answers_come_in_the_order_asked(engine: FakeEngine, port: int) -> None:
    key = engine.key(Scope.INGEST)
    plain, bad = request("/v1/alerts", b'{"title": "a"}', key), request("/v1/alerts", b"[", key)
    health = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(plain)
        answers(connection, 1)
        connection.sendall(plain + bad + plain + health + plain + plain)
        assert [answer[0] for answer in answers(connection, 6)] == [202, 422, 202, 200, 202, 202]


def test_a_body_in_pieces_is_taken_too(engine: FakeEngine, port: int) -> None:
    key = engine.key(Scope.INGEST)
    whole = request("/v1/alerts", b'{"title": "in pieces"}', key)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for _ in range(2):
            for start in range(0, len(whole), 25):
                connection.sendall(whole[start : start + 25])
            assert answers(connection, 1)[0][0] == 202


def test_a_refusal_tells_senders_when_to_come_again(engine: FakeEngine, port: int) -> None:
    key = engine.key(Scope.INGEST)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request("/v1/alerts", b'{"title": "a"}', key))
        answers(connection, 1)
        engine.broken = True
        try:
            connection.sendall(request("/v1/alerts", b'{"title": "a"}', key))
            status, headers, content = answers(connection, 1)[0]
        finally:
            engine.broken = False
        assert (status, content["error"], headers["retry-after"]) == (503, "unavailable", "5")
        connection.sendall(request("/v1/alerts", b'{"title": "a"}', key))
        assert answers(connection, 1)[0][0] == 202

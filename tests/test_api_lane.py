"""The shortest way of a delivery answers as the long one would, in the order asked, and leaves nothing behind."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from api.head import Head
from api.lane import Lane
from api.server import PatientProtocol
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


def test_what_has_the_head_of_the_one_before_is_taken_unparsed(
    engine: FakeEngine, port: int, taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    whole = PatientProtocol.on_message_begin
    monkeypatch.setattr(PatientProtocol, "on_message_begin", lambda one: (parsed.append(1), whole(one))[1])
    key = engine.key(Scope.INGEST)
    bodies = [b'{"title": "%s"}' % (b"x" * size) for size in (1, 1, 1, 500, 2_000, 9)]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for body in bodies:
            connection.sendall(request("/v1/alerts", body, key))
            assert answers(connection, 1)[0][0] == 202
        assert len(parsed) == 2, "the first, which asks for the key, and the one that is known from then on"
        connection.sendall(request("/v1/alerts", b"[", key))  # like it, but not to be read: it goes the long way
        assert answers(connection, 1)[0][0] == 422
        connection.sendall(request("/v1/alerts", bodies[0], key))
        assert answers(connection, 1)[0][0] == 202
    assert len(parsed) == 4
    assert taken == [False, *[True] * 5, False, True]


def test_what_looks_like_a_request_inside_a_body_is_none(engine: FakeEngine, port: int) -> None:
    key = engine.key(Scope.INGEST)
    plain = request("/v1/alerts", b'{"title": "a"}', key)
    inside = b'[{"title": "b"}' + b" " * 200 + plain + b"]"
    before = len(engine.calls)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for _ in range(2):
            connection.sendall(plain)
            assert answers(connection, 1)[0][0] == 202
        outer = request("/v1/alerts", inside, key)
        cut = outer.index(plain, 50)
        connection.sendall(outer[:cut])
        time.sleep(0.2)
        connection.sendall(outer[cut : cut + len(plain)])
        time.sleep(0.2)
        connection.sendall(outer[cut + len(plain) :])
        assert answers(connection, 1)[0][0] == 422
    assert len(engine.calls) == before + 2


def test_requests_with_known_heads_sent_at_once_are_answered_in_order(engine: FakeEngine, port: int) -> None:
    key = engine.key(Scope.INGEST)
    plain, health = request("/v1/alerts", b'{"title": "a"}', key), b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for _ in range(3):
            connection.sendall(plain)
            answers(connection, 1)
        connection.sendall(plain)
        connection.sendall(health)
        connection.sendall(plain + plain)
        assert [answer[0] for answer in answers(connection, 4)] == [202, 200, 202, 202]


@pytest.mark.parametrize(
    ("first", "second", "body"),
    [
        (b"Content-Length: 2\r\n", b"Content-Length: 3\r\n", b"abc"),
        (b"content-length:2\r\n", b"content-length:3\r\n", b"abc"),
        (b"Content-Length: 2\r\n", b"Content-Length: 03\r\n", None),
        (b"Content-Length: 2\r\n", b"Content-Length: +3\r\n", None),
        (b"Content-Length: 2\r\n", b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", None),
        (b"Content-Length: 2\r\n", b"Content-Length: 3 \r\n", None),
    ],
)
def test_only_the_length_may_differ(first: bytes, second: bytes, body: bytes | None) -> None:
    lines = b"POST /v1/alerts HTTP/1.1\r\nHost: x\r\n"
    head = Head.of(lines + first + b"\r\nab", b"ab")
    assert head is not None
    assert head.body_of(lines + second + b"\r\nabc") == body
    assert head.body_of(lines + second + b"\r\nabcd") is None


def test_a_head_that_names_its_length_twice_is_not_remembered() -> None:
    lines = b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n"
    assert Head.of(lines + b"ab", b"ab") is None
    assert Head.of(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab", b"abc") is None


class Clock:
    """Stands for the event loop, and for a connection's transport."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.later: list[float] = []
        self.closed = False

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, _call: Any) -> None:
        self.later.append(delay)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("busy", "idle_s", "later"), [(False, 30.0, [45.0]), (True, 80.0, [75.0]), (False, 75.0, [])])
def test_a_connection_that_is_used_is_not_closed_as_idle(busy: bool, idle_s: float, later: list[float]) -> None:
    clock: Any = Clock()
    connection: Any = PatientProtocol.__new__(PatientProtocol)
    connection.loop = connection.transport = clock
    connection.timeout_keep_alive, connection._answered_at = 75.0, clock.now - idle_s
    connection.cycle = SimpleNamespace(response_complete=not busy)
    connection.timeout_keep_alive_handler()
    assert (clock.later, clock.closed) == (later, not later)

"""Overload: what waits is bounded, the worst goes first, the least bad is sent away first, nobody starves another."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.errors import Overloaded
from api.intake import Intake
from api.security import KeyRing
from engine.domain import Alert, Receipt, Severity
from engine.errors import Unavailable
from engine.settings import Settings
from engine.store.records import Scope
from tests.fake_engine import FakeEngine
from tests.live_server import Connection
from tests.test_api_intake import Disk
from tests.test_api_limits import listening

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CRITICAL, ERROR, WARNING, INFO = Severity.CRITICAL, Severity.ERROR, Severity.WARNING, Severity.INFO


def alerts(name: str, severity: Severity = WARNING, count: int = 1) -> list[Alert]:
    return [
        Alert(
            id=f"{name}{n}",
            source="s",
            title=name,
            starts_at=NOON,
            received_at=NOON,
            fingerprint=f"{name}{n}",
            severity=severity,
        )
        for n in range(count)
    ]


def serve(
    story: Callable[[Intake, Disk], Awaitable[None]], *, group: int = 10, most: int = 100, patience_s: float = 20
) -> Disk:
    disk = Disk()

    async def run() -> None:
        intake = Intake(disk.take, group=group, most_waiting=most, patience_s=patience_s)
        intake.start()
        disk.gate.clear()
        held = asyncio.create_task(intake.take(alerts("held", INFO)))  # keeps the writer busy
        await asyncio.sleep(0.02)
        await story(intake, disk)
        disk.gate.set()
        await asyncio.wait({held})
        held.exception()
        await intake.stop()

    asyncio.run(run())
    return disk


def send(
    intake: Intake, name: str, severity: Severity, count: int = 1, sender: str = "a"
) -> asyncio.Task[list[Receipt]]:
    return asyncio.create_task(intake.take(alerts(name, severity, count), sender=sender))


async def outcomes(*tasks: asyncio.Task[list[Receipt]]) -> list[str]:
    told = await asyncio.gather(*tasks, return_exceptions=True)
    return ["shed" if isinstance(one, Overloaded) else "taken" if isinstance(one, list) else repr(one) for one in told]


def test_the_worst_is_written_first() -> None:
    async def story(intake: Intake, disk: Disk) -> None:
        tasks = [send(intake, one.value, one, 10) for one in (INFO, WARNING, ERROR, CRITICAL)]
        await asyncio.sleep(0)
        disk.gate.set()
        await asyncio.gather(*tasks)

    stored = serve(story).stored[1:]
    assert [stored[n][:-1] for n in (0, 10)] == ["critical", "error"]


def test_the_least_bad_is_sent_away_first() -> None:
    async def story(intake: Intake, disk: Disk) -> None:
        mild = [send(intake, f"i{n}", INFO, 10, f"k{n}") for n in range(8)]
        await asyncio.sleep(0)
        assert intake.waiting <= 50, "half of the room is kept for what is worse"
        worse = [send(intake, f"c{n}", CRITICAL, 10, f"k{n}") for n in range(9)]
        await asyncio.sleep(0)
        disk.gate.set()
        assert await outcomes(*worse) == ["taken"] * 9
        assert "shed" in await outcomes(*mild)

    assert sum(name.startswith("c") for name in serve(story).stored) == 90


@pytest.mark.parametrize("seed", range(20))
def test_no_critical_alert_is_refused_while_something_less_bad_waits(seed: int) -> None:
    chance = random.Random(seed)

    async def story(intake: Intake, disk: Disk) -> None:
        sent = []
        for n in range(60):
            severity = chance.choice((CRITICAL, ERROR, WARNING, INFO))
            sent.append(
                (severity, send(intake, f"{severity.value}{n}-", severity, chance.randrange(1, 8), f"k{n % 5}"))
            )
            await asyncio.sleep(0)
            assert intake.waiting <= 100
        disk.gate.set()
        for severity, task in sent:
            (told,) = await outcomes(task)
            taken[severity].append(told)

    taken: dict[Severity, list[str]] = {severity: [] for severity in Severity}
    serve(story)
    if "shed" in taken[CRITICAL]:
        assert "taken" not in taken[INFO], "info was kept where critical was refused"
    assert "shed" in taken[INFO], "the floor: there was too much"


def test_the_control_first_come_first_served_would_refuse_critical() -> None:
    waiting = 100
    assert not any(waiting + 1 <= 100 for _ in [CRITICAL]), "a plain bound knows no severity"


def test_a_greedy_sender_leaves_room_for_others() -> None:
    async def story(intake: Intake, disk: Disk) -> None:
        greedy = [send(intake, f"g{n}-", CRITICAL, 10, "greedy") for n in range(20)]
        await asyncio.sleep(0)
        quiet = [send(intake, f"q{n}-", CRITICAL, 10, "quiet") for n in range(3)]
        await asyncio.sleep(0)
        disk.gate.set()
        assert await outcomes(*quiet) == ["taken"] * 3
        assert "shed" in await outcomes(*greedy)

    serve(story)


def test_senders_have_their_turns() -> None:
    async def story(intake: Intake, disk: Disk) -> None:
        noisy = [send(intake, f"n{n}-", WARNING, 2, "noisy") for n in range(20)]
        await asyncio.sleep(0)
        quiet = send(intake, "quiet", WARNING, 1, "quiet")
        await asyncio.sleep(0)
        disk.gate.set()
        await asyncio.gather(quiet, *noisy)

    stored = serve(story).stored
    assert stored.index("quiet0") < 12, "it did not wait for all that came before"


def test_info_is_not_put_off_for_ever() -> None:
    async def story(intake: Intake, disk: Disk) -> None:
        mild = send(intake, "mild", INFO)
        bad = [send(intake, f"c{n}-", CRITICAL, 10, f"k{n}") for n in range(8)]
        await asyncio.sleep(0)
        disk.gate.set()
        await asyncio.gather(mild, *bad)

    stored = serve(story).stored
    assert stored.index("mild0") < len(stored) - 20


def test_who_waits_too_long_is_told_to_send_again() -> None:
    async def story(intake: Intake, disk: Disk) -> None:
        task = send(intake, "late", CRITICAL)
        with pytest.raises(Unavailable):
            await task
        assert intake.waiting == 1, "what nobody waits for is not kept"

    assert serve(story, patience_s=0.2).stored == ["held0"]


# -- at the door


async def post(port: int, token: str, path: str, body: bytes) -> tuple[int, bytes]:
    connection = Connection(port, token)
    try:
        return await connection.post(path, body)
    finally:
        connection.close()


def test_in_a_crowd_only_critical_alerts_pass_and_others_are_told_when_to_come_back() -> None:
    engine = FakeEngine()
    token, other = engine.key(Scope.INGEST), engine.key(Scope.INGEST, Scope.READ)
    settings = Settings(max_in_flight=4)

    async def storm(port: int) -> None:
        engine.lock.acquire()
        held = [asyncio.create_task(post(port, token, "/v1/alerts", b'{"title": "a"}')) for _ in range(4)]
        await asyncio.sleep(0.3)
        mild = await post(port, token, "/v1/alerts", b'{"title": "a", "severity": "info"}')
        assert mild[0] == 429
        tool = await post(port, token, "/v1/ingest/generic", b'{"title": "a", "severity": "info"}')
        assert tool[0] == 503, "a tool that drops what is answered with 429"
        bad = asyncio.create_task(post(port, token, "/v1/alerts", b'{"title": "a", "severity": "critical"}'))
        fair = asyncio.create_task(post(port, other, "/v1/alerts", b'{"title": "a", "severity": "info"}'))
        await asyncio.sleep(0.3)
        engine.lock.release()
        assert [(await one)[0] for one in (*held, bad, fair)] == [202] * 6

    with listening(engine, settings) as port:
        asyncio.run(asyncio.wait_for(storm(port), 30))


@pytest.mark.parametrize("agent", ["Alertmanager/0.25.0", "Grafana"])
def test_tools_are_told_503_by_whatever_door_they_come(agent: str) -> None:
    engine = FakeEngine()
    headers = {"X-API-Key": engine.key(Scope.INGEST), "User-Agent": agent}
    app = create_app(engine, Settings())
    with TestClient(app, headers=headers) as client:
        app.state.desk.intake._stopping = True
        answer = client.post("/v1/alerts", json={"title": "x"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        answer = client.post("/v1/alerts", json={"title": "x"}, headers={"User-Agent": "curl/8"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        app.state.desk.intake._stopping = False


def test_guessing_keys_gets_nowhere() -> None:
    now = [0.0]
    asked: list[str] = []
    ring = KeyRing(lambda token: asked.append(token), clock=lambda: now[0])  # type: ignore[func-returns-value]

    async def guess() -> int:
        refused = 0
        for n in range(1000):
            try:
                assert await ring.find(f"pf_{n}", "6.6.6.6") is None
            except Overloaded:
                refused += 1
        assert await ring.find("pf_other", "7.7.7.7") is None, "others may still ask"
        now[0] += 10.0
        assert await ring.find("pf_later", "6.6.6.6") is None
        return refused

    assert asyncio.run(guess()) == 800
    assert len(asked) == 202


def test_every_answer_tells_the_step_of_the_ladder() -> None:
    engine = FakeEngine()
    app = create_app(engine, Settings())
    with TestClient(app, headers={"X-API-Key": engine.key(Scope.ADMIN)}) as client:
        for url in ("/healthz", "/v1/incidents", "/nowhere", "/metrics"):
            assert client.get(url).headers["X-PathFinder-Rung"] == "lexical", url
        engine.grouping_rests = True
        assert client.post("/v1/alerts", json={"title": "x"}).json()["rung"] == "apart"
        assert client.get("/readyz").json()["rung"] == "apart"
        engine.broken = True
        assert client.post("/v1/alerts", json={"title": "x"}).headers["X-PathFinder-Rung"] == "read-only"
        assert client.get("/readyz").json()["rung"] == "read-only"
        engine.broken = engine.grouping_rests = False
        assert client.post("/v1/alerts", json={"title": "x"}).headers["X-PathFinder-Rung"] == "lexical"
        assert 'pathfinder_rung{rung="lexical"} 1.0' in client.get("/metrics").text

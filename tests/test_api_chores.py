"""What the service does beside answering gives way to alerts, and goes on after a failure."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from datetime import datetime
from threading import Event

import pytest
from starlette.testclient import TestClient

from api import chores
from api.app import create_app
from engine.errors import Unavailable
from engine.settings import Settings
from tests.fake_engine import FakeEngine


class Tended(FakeEngine):
    """Counts how often it is tended; fails the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.revised = self.refreshed = 0

    def revise(self, now: datetime) -> list[object]:  # type: ignore[override]
        assert now.tzinfo is not None
        self.revised += 1
        if self.revised == 1:
            raise RuntimeError("something unforeseen")
        return []

    def refresh(self) -> bool:
        self.refreshed += 1
        return False


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "_GLANCE_S", 0.001)


async def tended(engine: Tended, waiting: Callable[[], int], until: Callable[[], bool]) -> None:
    """Tend `engine` until something holds, or for five seconds."""
    tending = asyncio.create_task(chores.tend(engine, 0.001))
    weighing = asyncio.create_task(chores.weigh(engine, 0.001, waiting))
    for _ in range(5000):
        if until():
            break
        await asyncio.sleep(0.001)
    tending.cancel()
    weighing.cancel()
    assert until()


class Starting(FakeEngine):
    """An engine that is not ready yet; notes what it does for that."""

    def __init__(self) -> None:
        super().__init__()
        self.starting = True
        self.done: list[str] = []

    def rehearse(self, now: datetime) -> None:
        assert now.tzinfo is not None
        self.done.append("rehearse")

    def begin(self) -> None:
        self.done.append("begin")
        self.starting = False


@pytest.mark.parametrize("fails", [None, OSError("no more processes"), subprocess.TimeoutExpired("python", 1)])
@pytest.mark.parametrize("due", [True, False])
def test_machine_code_is_made_in_a_process_that_ends(
    due: bool, fails: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, begun = Starting(), Event()

    def run(command: list[str], **_: object) -> None:
        engine.done.append(command[-1])
        if fails is not None:
            raise fails

    monkeypatch.setattr(chores, "compiling_is_due", lambda: due)
    monkeypatch.setattr(subprocess, "run", run)
    chores.begin(engine, begun.set)
    assert begun.wait(10)
    assert engine.done == [*(["import api.loaded"] if due else []), "rehearse", "begin"]


def test_a_failed_chore_is_tried_again_and_holds_up_no_other() -> None:
    engine = Tended()
    asyncio.run(tended(engine, lambda: 0, lambda: engine.revised >= 2 and engine.refreshed >= 2))


def test_later_evidence_waits_for_alerts_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, asked = Tended(), []

    def waiting() -> int:
        asked.append(engine.revised)
        return 7 if len(asked) < 20 else 0

    asyncio.run(tended(engine, waiting, lambda: engine.revised >= 1))
    assert set(asked[:20]) == {0}, "nothing was weighed while alerts were waiting"
    monkeypatch.setattr(chores, "_PATIENCE_S", 0.01)
    again = Tended()
    asyncio.run(tended(again, lambda: 1, lambda: again.revised >= 1))


class Quieting(FakeEngine):
    """Counts how often it lets go of what was kept quiet; fails the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.quietened = 0

    def quieten(self, now: datetime) -> None:
        assert now.tzinfo is not None
        self.quietened += 1
        if self.quietened == 1:
            raise RuntimeError("something unforeseen")


def test_what_was_kept_quiet_is_let_go_again_and_again_after_a_failure() -> None:
    engine = Quieting()

    async def a_while() -> None:
        task = asyncio.create_task(chores.let_go(engine, 0.001))
        for _ in range(5_000):
            if engine.quietened >= 3:
                break
            await asyncio.sleep(0.001)
        task.cancel()

    asyncio.run(a_while())
    assert engine.quietened >= 3


class Warming(FakeEngine):
    """Notes that its models were asked to get ready, and cannot read its storage."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Event()

    def warm(self) -> None:
        self.asked.set()
        raise Unavailable("storage does not answer")


@pytest.mark.parametrize("encoder_enabled", [True, False])
def test_models_get_ready_with_an_encoder_and_without_and_the_service_outlives_it(encoder_enabled: bool) -> None:
    engine = Warming()
    app = create_app(engine, Settings(encoder_enabled=encoder_enabled))  # type: ignore[arg-type]
    with TestClient(app) as client:
        assert engine.asked.wait(10)
        assert client.get("/healthz").status_code == 200

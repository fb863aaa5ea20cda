"""The one writer: what waits is written together, an answer comes after COMMIT, one bad alert sinks alone."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from itertools import islice

import pytest

from api.errors import Overloaded
from api.intake import Commits, Intake
from engine.domain import Alert, Receipt
from engine.errors import InvalidInput, Unavailable
from engine.handling.receiving import STORED
from engine.pathfinder import Delivery

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def alert(name: str) -> Alert:
    return Alert(id=name, source="test", title=name, starts_at=NOON, received_at=NOON, fingerprint=name)


class Disk:
    """Stands for the engine: holds commits back, fails on demand, keeps what was committed."""

    def __init__(self, *, poison: str = "", error: type[BaseException] = InvalidInput) -> None:
        self.stored: list[str] = []
        self.groups: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.poison = poison
        self.error = error
        self.down = False

    def handle(self, alerts: Sequence[Alert]) -> list[Receipt]:
        assert self.gate.wait(10)
        self.groups.append(len(alerts))
        if self.down:
            raise Unavailable("disk full")
        if any(self.poison and self.poison in each.id for each in alerts):
            raise self.error("bad row")
        self.stored += [each.id for each in alerts]
        return [Receipt(alert_id=each.id, incident_id="INC-1", outcome="joined") for each in alerts]

    def take(self, sent: Sequence[Delivery], *, hurried: bool = False) -> list[list[Receipt]]:
        receipts = iter(self.handle([each for delivery in sent for each in delivery.alerts]))
        return [list(islice(receipts, len(delivery.alerts))) for delivery in sent]


def serve(disk: Disk, story: Callable[[Intake], Awaitable[None]], group: int = 500, most_waiting: int = 1000) -> None:
    async def run() -> None:
        intake = Intake(disk.take, group=group, most_waiting=most_waiting)
        intake.start()
        await story(intake)
        disk.gate.set()
        await intake.stop()

    asyncio.run(run())


def test_what_waits_is_committed_together_and_in_order() -> None:
    disk = Disk()

    async def story(intake: Intake) -> None:
        disk.gate.clear()
        waiting = [asyncio.create_task(intake.take([alert(f"a{n}")])) for n in range(100)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in waiting), "answered before COMMIT"
        assert intake.waiting == 100
        disk.gate.set()
        receipts = await asyncio.gather(*waiting)
        assert [r[0].alert_id for r in receipts] == [f"a{n}" for n in range(100)]
        assert intake.waiting == 0

    serve(disk, story)
    assert len(disk.groups) <= 2
    assert disk.stored == [f"a{n}" for n in range(100)]


def test_a_transaction_never_holds_more_than_the_group() -> None:
    disk = Disk()

    async def story(intake: Intake) -> None:
        big, small = await asyncio.gather(intake.take([alert(f"b{n}") for n in range(23)]), intake.take([alert("s")]))
        assert [r.alert_id for r in big] == [f"b{n}" for n in range(23)]
        assert [r.alert_id for r in small] == ["s"]

    serve(disk, story, group=10)
    assert max(disk.groups) <= 10
    assert sum(disk.groups) == 24


@pytest.mark.parametrize("error", [InvalidInput, ValueError, RuntimeError, MemoryError, KeyboardInterrupt])
def test_whatever_the_engine_raises_everybody_is_told_and_the_writer_lives_on(error: type[BaseException]) -> None:
    disk = Disk(poison="bad", error=error)

    async def story(intake: Intake) -> None:
        names = ["a0", "bad", "a1"]
        answers = await asyncio.gather(*(intake.take([alert(name)]) for name in names), return_exceptions=True)
        assert all(isinstance(answer, Unavailable) for answer in answers), "nobody is told that it is on disk"
        assert intake.failing
        assert (await intake.take([alert("later")]))[0].outcome == "joined"
        assert not intake.failing

    serve(disk, story)
    assert disk.stored == ["later"]


def test_storage_that_does_not_answer_fails_every_delivery_and_recovers() -> None:
    disk = Disk()

    async def story(intake: Intake) -> None:
        disk.down = True
        answers = await asyncio.gather(*(intake.take([alert(f"a{n}")]) for n in range(5)), return_exceptions=True)
        assert all(isinstance(answer, Unavailable) for answer in answers)
        assert len(disk.groups) <= 2, "storage that is down is not asked once per alert"
        disk.down = False
        assert (await intake.take([alert("z")]))[0].outcome == "joined"
        assert intake.waiting == 0

    serve(disk, story)


def test_a_full_queue_refuses_at_once_but_one_large_delivery_always_fits() -> None:
    disk = Disk()

    async def story(intake: Intake) -> None:
        disk.gate.clear()
        large = asyncio.create_task(intake.take([alert(f"b{n}") for n in range(30)]))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await intake.take([alert("late")])
        disk.gate.set()
        assert len(await large) == 30
        assert len(await intake.take([alert("again")])) == 1

    serve(disk, story, group=10, most_waiting=20)


def test_a_client_that_leaves_does_not_stop_the_writer() -> None:
    disk = Disk()

    async def story(intake: Intake) -> None:
        disk.gate.clear()
        gone = asyncio.create_task(intake.take([alert("gone")]))
        await asyncio.sleep(0.01)
        gone.cancel()
        disk.gate.set()
        assert (await intake.take([alert("next")]))[0].outcome == "joined"

    serve(disk, story)
    assert disk.stored == ["gone", "next"]


def test_stopping_writes_what_waits_and_takes_nothing_new() -> None:
    disk = Disk()

    async def run() -> None:
        seen: list[int] = []
        intake = Intake(disk.take, group=2, commits=Commits(observe=lambda alerts, _seconds: seen.append(alerts)))
        intake.start()
        waiting = [asyncio.create_task(intake.take([alert(f"a{n}")])) for n in range(5)]
        await asyncio.sleep(0)
        await intake.stop()
        assert sum(len(r) for r in await asyncio.gather(*waiting)) == 5
        assert sum(seen) == 5
        with pytest.raises(Overloaded):
            await intake.take([alert("late")])

    asyncio.run(run())
    assert len(disk.stored) == 5


def test_nothing_to_store_is_answered_without_the_writer() -> None:
    disk = Disk()

    async def story(intake: Intake) -> None:
        assert await intake.take([]) == []

    serve(disk, story)
    assert disk.groups == []


class Slow(Disk):
    """An engine that needs 5 ms for an alert."""

    def handle(self, alerts: Sequence[Alert]) -> list[Receipt]:
        time.sleep(0.005 * len(alerts))
        return super().handle(alerts)


def test_alerts_that_take_long_are_written_in_small_transactions() -> None:
    slow = Slow()

    async def story(intake: Intake) -> None:
        for round_ in range(4):
            await asyncio.gather(*(intake.take([alert(f"{round_}-{n}")]) for n in range(60)))

    serve(slow, story)
    assert slow.groups[0] >= 20, "nothing is known yet of how long they take"
    assert max(slow.groups[-3:]) == 20, "others wait for a tenth of a second, not for all of them"
    assert len(slow.stored) == 240


class Inbox(Slow):
    """With an inbox, which takes no time."""

    starting = False

    def __init__(self) -> None:
        super().__init__()
        self.inbox: list[Alert] = []

    def put_down(self, sent: Sequence[Delivery]) -> list[list[Receipt]]:
        self.inbox += [each for delivery in sent for each in delivery.alerts]
        return [[Receipt(alert_id=each.id, incident_id="", outcome=STORED) for each in one.alerts] for one in sent]

    def take_up(self, most: int) -> int:
        some, self.inbox = self.inbox[:most], self.inbox[most:]
        self.handle(some)
        return len(some)

    def put_down_count(self) -> int:
        return len(self.inbox)


def put_down_of(requests: int, alerts_each: int) -> int:
    """How many of so many alerts at once are answered before they are grouped, by an engine known to be slow."""
    engine, found = Inbox(), []

    async def run() -> None:
        intake = Intake(engine.take, later=engine)
        intake.start()
        for known in range(3):
            await intake.take([alert(f"known-{known}-{n}") for n in range(20)])
        sent = [[alert(f"{one}-{n}") for n in range(alerts_each)] for one in range(requests)]
        found.extend(receipt for told in await asyncio.gather(*map(intake.take, sent)) for receipt in told)
        await intake.stop()

    asyncio.run(run())
    assert len(found) == requests * alerts_each
    return sum(receipt.outcome == STORED for receipt in found)


def test_a_crowd_is_answered_before_its_alerts_are_grouped_and_one_alone_is_not() -> None:
    assert put_down_of(20, 6) > 60
    assert put_down_of(1, 120) == 0, "who sends alone gets incidents, however many"
    assert put_down_of(20, 1) == 0, "a crowd with little waits for its incidents"

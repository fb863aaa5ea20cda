"""Durable intake: one writer takes what is waiting, has it grouped and committed at once, and only then answers.

While the engine starts, and in a storm beyond what it can weigh, alerts are put down first: on disk and answered, then
grouped in the order in which they came. What waits is bounded and shared fairly: the worst alerts are written first,
each sender has its turn, and where there is too much the least bad are sent away first. A critical alert is refused
only when nothing less bad is waiting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from api.errors import Overloaded
from api.queue import Piece, Queue, Told, Waiting, rank_of
from engine.domain import Alert, Receipt
from engine.errors import Unavailable
from engine.handling.receiving import Delivery

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
_PATIENCE_S = 20.0  # how long a request waits for its COMMIT
_STORM = 5_000  # waiting alerts from which on they are put down first,
_CROWD = 8  # or waiting requests, where grouping all of theirs takes longer than
_CROWD_WAITS_S = 0.2  # this; a request that is alone rather waits for its incidents
_GRACE_S = 0.5  # how long alerts wait for an engine that starts before they are put down
_PUT_DOWN = 2_000  # alerts put down in one transaction
_MOST_PUT_DOWN = 1_000_000  # alerts that are still to be grouped from which on senders have to wait
_PART_S = 0.1  # of grouping, about, between two looks at who waits: so long worse alerts and the next ones wait
_UNDER_WAY_S = 0.07  # the same of what was put down: whoever waits meanwhile waits for no more than to be put down
_FEWEST, _RETRY_S = 20, 0.5
_LOOKS = 20  # in the time for which a request waits, for those who have waited for so long


class Takes(Protocol):
    """The engine's `take`."""

    def __call__(self, sent: Sequence[Delivery], *, hurried: bool = False) -> list[list[Receipt]]:
        """Group and store, all on disk when it returns."""


class Later(Protocol):
    """The engine's inbox: deliveries that are on disk and grouped later."""

    @property
    def starting(self) -> bool:
        """Whether nothing can be grouped yet."""

    def put_down(self, sent: Sequence[Delivery]) -> list[list[Receipt]]:
        """Store, all on disk when it returns."""

    def take_up(self, most: int) -> int:
        """Group about so many of the oldest alerts; how many it were, 0 where none are left."""

    def put_down_count(self) -> int:
        """How many are still to be grouped."""


@dataclass(kw_only=True)
class Commits:
    """Called after each transaction with the number of alerts and the seconds it took."""

    observe: Callable[[int, float], None] = field(default=lambda _alerts, _seconds: None)


class Intake:
    """The one writer of this process. An answer from `take` means: on disk, and grouped but where it says `stored`."""

    def __init__(
        self,
        take: Takes,
        *,
        group: int = 500,
        most_waiting: int = 20_000,
        patience_s: float = _PATIENCE_S,
        commits: Commits | None = None,
        later: Later | None = None,
    ) -> None:
        """Of the engine's `take`; at most `group` alerts a transaction and `most_waiting` in the queue.

        `later` keeps what cannot be grouped at once; without it all waits for its turn.
        """
        self._take = take
        self._group = group
        self._queue = Queue(most_waiting)
        self._patience_s = patience_s
        self._commits = commits or Commits()
        self._later = later
        self._put_down = 0  # alerts on disk that are still to be grouped, as far as this process knows
        self._grouped_s = 0.0005  # an alert takes to be grouped
        self._wake = asyncio.Event()
        self._stopping = False
        self._thread: ThreadPoolExecutor | None = None
        self._loop: asyncio.Task[None] | None = None
        self._home: asyncio.AbstractEventLoop | None = None
        self._looked = False  # whether the process before left anything to be grouped
        self._grace_ends = 0.0  # by the monotonic clock
        self._patient: deque[Waiting] = deque()  # in the order in which they came; those in front may be answered
        self.failing = False  # the latest transaction could not be stored

    @property
    def waiting(self) -> int:
        """Alerts that wait to be written, or are being written."""
        return self._queue.size

    @property
    def to_be_grouped(self) -> int:
        """Alerts on disk that are still to be grouped."""
        return self._put_down

    @property
    def defers(self) -> bool:
        """Whether alerts are put down now: nothing can be grouped yet, or more has come than can be at once."""
        if self._later is None or self._put_down >= _MOST_PUT_DOWN:
            return False
        starts = self._later.starting and not self._grace_left()
        crowded = self._queue.requests >= _CROWD and self._queue.size * self._grouped_s > _CROWD_WAITS_S
        return self._put_down > 0 or starts or crowded or self._queue.size > _STORM

    def nudge(self) -> None:
        """Look again, from whatever thread: the engine has started."""
        if self._home is not None:
            self._home.call_soon_threadsafe(self._wake.set)

    def start(self) -> None:
        """Start the writer; call it inside the event loop that serves."""
        self._home = asyncio.get_running_loop()
        self._grace_ends = time.monotonic() + _GRACE_S
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._loop = asyncio.create_task(self._write())

    async def stop(self) -> None:
        """Write what is waiting, then end; what is on disk and not grouped is grouped after the next start."""
        self._stopping = True
        self._wake.set()
        if self._loop is not None:
            await self._loop
        if self._thread is not None:
            self._thread.shutdown()

    async def take(self, alerts: Sequence[Alert], *, delivery: str = "", sender: str = "") -> list[Receipt]:
        """Store and group `alerts`; their receipts, in order, after COMMIT.

        `delivery` is the same when a sender sends the same again, "" where it gives no such id; `sender` is whose share
        of the queue they take.

        Raises
        ------
        Overloaded
            If there is no room for them; nothing was stored.
        Unavailable
            If storage could not take them in time; sending them again does no harm.
        """
        if not alerts:
            return []
        answer: asyncio.Future[list[Receipt]] = asyncio.get_running_loop().create_future()
        self.put(alerts, partial(_settle, answer), delivery=delivery, sender=sender)
        return await answer

    def put(self, alerts: Sequence[Alert], told: Told, *, delivery: str = "", sender: str = "") -> None:
        """`take`, for those who do not wait: `told` is called with what it returns or raises, but for Overloaded."""
        if self._stopping:
            raise Overloaded("the service stops: send it again")
        loop = asyncio.get_running_loop()
        waiting = Waiting(told, sender, rank_of(alerts), len(alerts), loop.time() + self._patience_s)
        for start in range(0, len(alerts), self._group):
            name = f"{delivery}/{start}" if delivery else ""
            waiting.pieces.append(Piece(waiting, start, Delivery(alerts=alerts[start : start + self._group], id=name)))
        self._queue.put(waiting)
        self._wake.set()
        self._patient.append(waiting)
        if len(self._patient) == 1:
            loop.call_later(self._patience_s / _LOOKS, self._look_who_waits)

    def _look_who_waits(self) -> None:
        """Give up on those who have waited too long; one timer for all of them, since timers are dear."""
        loop = asyncio.get_running_loop()
        while self._patient and (self._patient[0].answered or self._patient[0].until <= loop.time()):
            waiting = self._patient.popleft()
            if not waiting.answered:
                self._queue.give_up(waiting)
                waiting.fail(Unavailable("storage does not answer in time: send it again"))
        if self._patient:
            loop.call_later(self._patience_s / _LOOKS, self._look_who_waits)

    async def _write(self) -> None:
        while self._queue.size or not self._stopping:
            self._wake.clear()
            if await self._waited_for_engine():
                continue
            deferred = self.defers
            pieces = self._queue.next(_PUT_DOWN if deferred else self._part())
            if pieces:
                await self._settle(pieces, deferred)
                self._queue.done(pieces)
            ready = self._later is not None and not self._later.starting and not self._stopping
            if self._later is not None and ready:
                await self._take_up(self._later)
            if not pieces and not (ready and self._put_down):
                await self._wake.wait()

    def _grace_left(self) -> float:
        """Seconds for which alerts still wait for an engine that starts."""
        return max(0.0, self._grace_ends - time.monotonic())

    async def _waited_for_engine(self) -> bool:
        """Wait for an engine that starts, if it is not too late for that; False if there is nothing to wait for."""
        left = self._grace_left()
        if not left or self._later is None or not self._later.starting or self.defers or self._stopping:
            return False
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), left)
        return True

    async def _settle(self, pieces: Sequence[Piece], deferred: bool) -> None:
        """One transaction. Whatever it raises, those who wait are told, and the writer lives on."""
        began, count = time.perf_counter(), sum(len(piece.delivery.alerts) for piece in pieces)
        sent, hurried = [piece.delivery for piece in pieces], self._queue.size > count
        if deferred and self._later is not None:
            self._put_down += count
            store: Callable[[], list[list[Receipt]]] = partial(self._later.put_down, sent)
        else:
            store = partial(self._take, sent, hurried=hurried)
        receipts = await self._stored(store)
        took = time.perf_counter() - began
        self._commits.observe(count, took)
        if isinstance(receipts, Unavailable):
            for piece in pieces:
                self._queue.give_up(piece.waiting)
                piece.waiting.fail(receipts)
            return
        if not deferred:
            self._note(count, took)
        for piece, told in zip(pieces, receipts, strict=True):
            piece.waiting.fill(piece.start, told)

    async def _stored(self, store: Callable[[], _T]) -> _T | Unavailable:
        """What a transaction returns, or what to tell those who wait for it."""
        asked = asyncio.get_running_loop().run_in_executor(self._thread, store)
        await asyncio.wait({asked})  # unlike `await asked`, never raises
        error = asked.exception()
        self.failing = error is not None
        if error is None:
            return asked.result()
        if isinstance(error, Unavailable):
            return error
        _LOG.error("a transaction failed: %s", type(error).__name__, exc_info=error)
        return Unavailable("the alerts could not be stored: send them again")

    async def _take_up(self, later: Later) -> None:
        """Group some of what was put down, before whoever waits."""
        if not self._looked:  # what the process before has left
            found = await self._stored(later.put_down_count)
            self._looked = not isinstance(found, Unavailable)
            self._put_down = self._put_down if isinstance(found, Unavailable) else found
        if not self._put_down:
            return
        began = time.perf_counter()
        part_s = _UNDER_WAY_S if self._queue.size else _PART_S
        taken = await self._stored(partial(later.take_up, self._part(part_s)))
        if isinstance(taken, Unavailable):
            await asyncio.sleep(_RETRY_S)
            return
        self._put_down = max(0, self._put_down - taken) if taken else 0
        self._note(taken, time.perf_counter() - began)

    def _part(self, part_s: float = _PART_S) -> int:
        """Alerts of one transaction: new ones take a hundred times as long as what is told again."""
        return min(self._group, max(_FEWEST, round(part_s / self._grouped_s)))

    def _note(self, count: int, took_s: float) -> None:
        """So long it took to group so many; few say little of many."""
        if count >= _FEWEST:
            self._grouped_s = max(1e-5, (self._grouped_s + took_s / count) / 2)


def _settle(answer: asyncio.Future[list[Receipt]], outcome: list[Receipt] | Unavailable) -> None:
    """Nobody may wait any more."""
    if answer.done():
        return
    if isinstance(outcome, Unavailable):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)

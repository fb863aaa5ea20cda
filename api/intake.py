"""Durable intake: one writer takes what is waiting, has it grouped and committed at once, and only then answers.

What waits is bounded and shared fairly: the worst alerts are written first, each sender has its turn, and where there
is too much the least bad are sent away first. A critical alert is refused only when nothing less bad is waiting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from api.errors import Overloaded
from api.queue import Piece, Queue, Waiting, rank_of
from engine.domain import Alert, Receipt
from engine.errors import Unavailable
from engine.receiving import Delivery

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 20.0  # how long a request waits for its COMMIT


class Takes(Protocol):
    """The engine's `take`."""

    def __call__(self, sent: Sequence[Delivery], *, hurried: bool = False) -> list[list[Receipt]]:
        """Group and store, all on disk when it returns."""


@dataclass(kw_only=True)
class Commits:
    """Called after each transaction with the number of alerts and the seconds it took."""

    observe: Callable[[int, float], None] = field(default=lambda _alerts, _seconds: None)


class Intake:
    """The one writer of this process. An answer from `take` means: on disk and grouped."""

    def __init__(
        self,
        take: Takes,
        *,
        group: int = 500,
        most_waiting: int = 20_000,
        patience_s: float = _PATIENCE_S,
        commits: Commits | None = None,
    ) -> None:
        """Of the engine's `take`; at most `group` alerts a transaction and `most_waiting` in the queue."""
        self._take = take
        self._group = group
        self._queue = Queue(most_waiting)
        self._patience_s = patience_s
        self._commits = commits or Commits()
        self._wake = asyncio.Event()
        self._stopping = False
        self._thread: ThreadPoolExecutor | None = None
        self._loop: asyncio.Task[None] | None = None
        self.failing = False  # the latest transaction could not be stored

    @property
    def waiting(self) -> int:
        """Alerts that wait to be written, or are being written."""
        return self._queue.size

    def start(self) -> None:
        """Start the writer; call it inside the event loop that serves."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._loop = asyncio.create_task(self._write())

    async def stop(self) -> None:
        """Write what is waiting, then end."""
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
        if self._stopping:
            raise Overloaded("the service stops: send it again")
        answer: asyncio.Future[list[Receipt]] = asyncio.get_running_loop().create_future()
        waiting = Waiting(answer, sender, rank_of(alerts), [None] * len(alerts), len(alerts))
        for start in range(0, len(alerts), self._group):
            name = f"{delivery}/{start}" if delivery else ""
            waiting.pieces.append(Piece(waiting, start, Delivery(alerts=alerts[start : start + self._group], id=name)))
        self._queue.put(waiting)
        self._wake.set()
        return await self._answered(waiting)

    async def _answered(self, waiting: Waiting) -> list[Receipt]:
        done, _ = await asyncio.wait({waiting.answer}, timeout=self._patience_s)
        if not done:
            self._queue.give_up(waiting)
            waiting.fail(Unavailable("storage does not answer in time: send it again"))
        return waiting.answer.result()

    async def _write(self) -> None:
        while self._queue.size or not self._stopping:
            self._wake.clear()
            pieces = self._queue.next(self._group)
            if not pieces:
                await self._wake.wait()
                continue
            await self._settle(pieces)
            self._queue.done(pieces)

    async def _settle(self, pieces: Sequence[Piece]) -> None:
        """One transaction. Whatever it raises, those who wait are told, and the writer lives on."""
        began, count = time.perf_counter(), sum(len(piece.delivery.alerts) for piece in pieces)
        sent, hurried = [piece.delivery for piece in pieces], self._queue.size > count
        asked = asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._take(sent, hurried=hurried))
        await asyncio.wait({asked})  # unlike `await asked`, never raises
        self._commits.observe(count, time.perf_counter() - began)
        error = asked.exception()
        self.failing = error is not None
        if error is None:
            for piece, receipts in zip(pieces, asked.result(), strict=True):
                piece.waiting.fill(piece.start, receipts)
            return
        if not isinstance(error, Unavailable):
            _LOG.error("a transaction failed: %s", type(error).__name__, exc_info=error)
            error = Unavailable("the alerts could not be stored: send them again")
        for piece in pieces:
            self._queue.give_up(piece.waiting)
            piece.waiting.fail(error)

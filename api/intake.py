"""Durable intake: one writer takes what is waiting, has it grouped and committed at once, and only then answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from api.errors import Overloaded
from engine.domain import Alert, Receipt
from engine.errors import Unavailable

REFUSED = "refused"  # outcome of an alert that storage cannot take by itself
_LOG = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Delivery:
    """The alerts of one request, and the request waiting for them."""

    answer: asyncio.Future[list[Receipt]]
    receipts: list[Receipt | None]
    left: int

    def fill(self, start: int, receipts: Sequence[Receipt]) -> None:
        self.receipts[start : start + len(receipts)] = receipts
        self.left -= len(receipts)
        if self.left == 0 and not self.answer.done():
            self.answer.set_result([receipt for receipt in self.receipts if receipt is not None])

    def fail(self, error: Unavailable) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Slice:
    """A stretch of a delivery, no longer than one transaction."""

    delivery: _Delivery
    start: int
    alerts: Sequence[Alert]


@dataclass(kw_only=True)
class Commits:
    """Called after each transaction with the number of alerts and the seconds it took."""

    observe: Callable[[int, float], None] = field(default=lambda _alerts, _seconds: None)


class Intake:
    """The one writer of this process. An answer from `take` means: on disk and grouped."""

    def __init__(
        self,
        handle: Callable[[Sequence[Alert]], list[Receipt]],
        *,
        group: int = 500,
        most_waiting: int = 20_000,
        commits: Commits | None = None,
    ) -> None:
        """Of the engine's `handle`; at most `group` alerts a transaction and `most_waiting` in the queue."""
        self._handle = handle
        self._group = group
        self._most_waiting = most_waiting
        self._commits = commits or Commits()
        self._slices: deque[_Slice] = deque()
        self._waiting = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._thread: ThreadPoolExecutor | None = None
        self._loop: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Alerts that wait to be written."""
        return self._waiting

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

    async def take(self, alerts: Sequence[Alert]) -> list[Receipt]:
        """Store and group `alerts`; their receipts, in order, after COMMIT.

        Raises
        ------
        Overloaded
            If the queue is full; nothing was stored.
        Unavailable
            If storage could not take them; sending them again does no harm.
        """
        if not alerts:
            return []
        if self._stopping or self._waiting + len(alerts) > max(self._most_waiting, len(alerts)):
            raise Overloaded("the queue is full: send it again")
        delivery = _Delivery(asyncio.get_running_loop().create_future(), [None] * len(alerts), len(alerts))
        for start in range(0, len(alerts), self._group):
            self._slices.append(_Slice(delivery, start, alerts[start : start + self._group]))
        self._waiting += len(alerts)
        self._wake.set()
        return await delivery.answer

    async def _write(self) -> None:
        while self._slices or not self._stopping:
            self._wake.clear()
            if not self._slices:
                await self._wake.wait()
                continue
            slices = self._next()
            alerts = [alert for piece in slices for alert in piece.alerts]
            try:
                receipts = await self._settle(alerts)
            except Unavailable as error:
                for piece in slices:
                    piece.delivery.fail(error)
            else:
                _hand_out(slices, receipts)
            self._waiting -= len(alerts)

    def _next(self) -> list[_Slice]:
        """The slices of one transaction, in the order they came."""
        taken: list[_Slice] = []
        size = 0
        while self._slices and (not taken or size + len(self._slices[0].alerts) <= self._group):
            taken.append(self._slices.popleft())
            size += len(taken[-1].alerts)
        return taken

    async def _settle(self, alerts: Sequence[Alert]) -> list[Receipt]:
        """Receipts of one transaction; where it fails for its content, of its halves, so that one alert sinks alone."""
        began = time.perf_counter()
        asked = asyncio.get_running_loop().run_in_executor(self._thread, self._handle, alerts)
        await asyncio.wait({asked})  # unlike `await asked`, never raises: a failed transaction must not end the writer
        self._commits.observe(len(alerts), time.perf_counter() - began)
        error = asked.exception()
        if error is None:
            return asked.result()
        if isinstance(error, Unavailable):
            raise error
        if len(alerts) == 1:
            _LOG.error("an alert could not be stored: %s", type(error).__name__, exc_info=error)
            return [Receipt(alert_id=alerts[0].id, incident_id="", outcome=REFUSED)]
        half = len(alerts) // 2
        return [*await self._settle(alerts[:half]), *await self._settle(alerts[half:])]


def _hand_out(slices: Sequence[_Slice], receipts: Sequence[Receipt]) -> None:
    done = 0
    for piece in slices:
        piece.delivery.fill(piece.start, receipts[done : done + len(piece.alerts)])
        done += len(piece.alerts)

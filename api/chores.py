"""What the service does beside answering: load the encoder, apply later evidence, follow the active model version."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from engine.clock import utc_now
from engine.correlate.compiled import compiling_is_due
from engine.errors import Unavailable
from engine.handling.live import STUMBLES
from engine.pathfinder import Pathfinder

_SELDOM = 50  # later evidence is weighed for at most one part in so many of the time
_PATIENCE_S, _GLANCE_S = 60.0, 0.2  # how long a storm may put it off, and how often to look whether it is over
_SETTLE_PATIENCE_S = 5.0
_AGAIN_S = 1.0  # between two tries to read what is open
_COMPILING_S = 600.0  # at most, on a machine that has other things to do
_BREATH_S = 0.02  # between parts of one chore: who waits for the lock gets it
_LOG = logging.getLogger(__name__)


def begin(pathfinder: Pathfinder, begun: Callable[[], None]) -> None:
    """Replay what is open, where that is still to be done, and say so; then load the encoder and teach the router.

    Nobody waits for it: alerts are put down meanwhile. A daemon, so that it never holds up the end of the process. What
    fails of the models is tried again by `tend`.
    """

    def best() -> None:
        try:
            if pathfinder.starting:
                if compiling_is_due():
                    _compile_elsewhere()
                pathfinder.rehearse(utc_now())
            while pathfinder.starting and not _began(pathfinder):
                time.sleep(_AGAIN_S)
            begun()
            pathfinder.warm()
        except Unavailable as error:
            _LOG.warning("storage could not be read for the models: %s", error)

    threading.Thread(target=best, name="warm", daemon=True).start()


def _compile_elsewhere() -> None:
    """Make machine code in a process that ends: the compiler needs 200 MB that it does not give back before."""
    with suppress(OSError, subprocess.SubprocessError):  # then it is made here
        quiet = subprocess.DEVNULL
        command = [sys.executable, "-c", "import api.loaded"]
        subprocess.run(command, check=False, timeout=_COMPILING_S, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603


def _began(pathfinder: Pathfinder) -> bool:
    try:
        pathfinder.begin()
    except (Unavailable, *STUMBLES) as error:
        _LOG.warning("what is open cannot be read, alerts are put down: %s", error)
        return False
    return True


async def tend(pathfinder: Pathfinder, every_s: float) -> None:
    """Each `every_s` seconds: serve the active model version, encode what came in large numbers."""
    while True:
        await asyncio.sleep(every_s)
        if not pathfinder.starting:
            await _attempt("refresh", pathfinder.refresh)


async def weigh(pathfinder: Pathfinder, every_s: float, waiting: Callable[[], int]) -> None:
    """Each `every_s` seconds or less often: move alerts that later evidence puts elsewhere.

    Alerts come first: evidence is weighed while none are `waiting` to be written, and so seldom that it takes at most
    one part in `_SELDOM` of the time.
    """
    pause_s = every_s
    while True:
        await asyncio.sleep(pause_s)
        await _lull(waiting, _PATIENCE_S)
        began = time.perf_counter()
        await _attempt("revise", lambda: pathfinder.revise(utc_now()))
        pause_s = max(every_s, _SELDOM * (time.perf_counter() - began))


async def let_go(pathfinder: Pathfinder, every_s: float) -> None:
    """Each `every_s` seconds, whatever else there is to do: what was kept quiet until now is loud from now on."""
    while True:
        await asyncio.sleep(every_s)
        while await _attempt("quieten", lambda: pathfinder.quieten(utc_now())):
            await asyncio.sleep(_BREATH_S)


async def look_again(pathfinder: Pathfinder, every_s: float, waiting: Callable[[], int]) -> None:
    """Each `every_s` seconds, while no alerts wait: whether somebody else should take incidents that changed."""
    while True:
        await asyncio.sleep(every_s)
        await _lull(waiting, _PATIENCE_S)
        await _attempt("rescore", lambda: pathfinder.rescore(utc_now()))


async def settle(pathfinder: Pathfinder, every_s: float, waiting: Callable[[], int]) -> None:
    """Each `every_s` seconds: judge the probable roots that were left open while others waited."""
    while True:
        await asyncio.sleep(every_s)
        if pathfinder.unjudged:
            await _lull(waiting, _SETTLE_PATIENCE_S)
            while await _attempt("roots", pathfinder.judge_roots):
                await asyncio.sleep(_BREATH_S)


async def forget(pathfinder: Pathfinder, every_s: float) -> None:
    """Each `every_s` seconds: drop the names of deliveries that nobody sends again."""
    while True:
        await asyncio.sleep(every_s)
        await _attempt("forget", lambda: pathfinder.forget_deliveries(utc_now()))


async def follow(pathfinder: Pathfinder, every_s: float, waiting: Callable[[], int]) -> None:
    """Each `every_s` seconds, while no alerts wait: patterns of events live on, each chance a hit or a miss."""
    while True:
        await asyncio.sleep(every_s)
        await _lull(waiting, _PATIENCE_S)
        await _attempt("follow", lambda: pathfinder.follow_events(utc_now()))


async def _lull(waiting: Callable[[], int], patience_s: float) -> None:
    """Until nothing is waiting, or for as long as a storm may put it off."""
    deadline = time.monotonic() + patience_s
    while waiting() and time.monotonic() < deadline:
        await asyncio.sleep(_GLANCE_S)


async def _attempt(name: str, chore: Callable[[], object]) -> object:
    """One chore in a thread, and what it returns; if it fails, it is tried again at the next round."""
    asked = asyncio.ensure_future(asyncio.to_thread(chore))
    await asyncio.wait({asked})
    if (error := asked.exception()) is not None:
        _LOG.warning("%s failed and will be tried again: %s", name, type(error).__name__, exc_info=error)
        return None
    return asked.result()

"""What the service does beside answering: load the encoder, apply later evidence, follow the active model version."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from engine.clock import utc_now
from engine.pathfinder import Pathfinder

_LOG = logging.getLogger(__name__)


def warm(pathfinder: Pathfinder) -> None:
    """Load the encoder without anybody waiting for it; a daemon, so that it never holds up the end of the process."""
    threading.Thread(target=pathfinder.warm, name="warm", daemon=True).start()


async def tend(pathfinder: Pathfinder, every_s: float) -> None:
    """Each `every_s` seconds: move alerts that later evidence puts elsewhere, serve the active model version."""
    while True:
        await asyncio.sleep(every_s)
        await _attempt("revise", lambda: pathfinder.revise(utc_now()))
        await _attempt("refresh", pathfinder.refresh)


async def _attempt(name: str, chore: Callable[[], object]) -> None:
    """One chore in a thread; if it fails, it is tried again at the next round."""
    asked = asyncio.ensure_future(asyncio.to_thread(chore))
    await asyncio.wait({asked})
    if (error := asked.exception()) is not None:
        _LOG.warning("%s failed and will be tried again: %s", name, type(error).__name__, exc_info=error)

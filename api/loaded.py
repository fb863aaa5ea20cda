"""To be imported: what grouping loads at its first alert, loaded now, with its machine code on disk afterwards.

By a process that others are begun from: a writer that takes the place of a killed one would load it anew, for seconds,
while the storm waits. And by one that ends: what compiling needs of memory goes with it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from engine.handling.live import Live
from engine.serving import first_usable
from engine.settings import Settings

Live(first_usable([], Settings(encoder_enabled=False))[0].correlator).rehearse(datetime(2026, 1, 1, tzinfo=UTC))

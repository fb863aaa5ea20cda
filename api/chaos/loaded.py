"""For a process that others are begun from, to be imported: what grouping loads at its first alert, loaded once.

A writer that takes the place of a killed one would load it anew, for seconds, while the storm waits.
"""

from __future__ import annotations

from datetime import UTC, datetime

from engine.handling.live import Live
from engine.serving import first_usable
from engine.settings import Settings

Live(first_usable([], Settings(encoder_enabled=False))[0].correlator).rehearse(datetime(2026, 1, 1, tzinfo=UTC))

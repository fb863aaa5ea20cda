"""What Python holds of an incident, as bytes in a twentieth of the room: for those that have been silent for long.

The arrays of `State` keep all that decisions rest on, so nothing is unpacked until somebody changes or explains one.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

PACKED = ("among", "inside", "things", "thing_times", "words", "kinds", "episodes")  # beside `members`, of a profile
_LEVEL = 1  # of compression: the first takes nearly all of the room that the last does


def pack(rows: list[list[Any]], parts: list[Any]) -> bytes:
    """Rows of members and parts of a profile: texts, numbers, lists and tables of texts, all in their order."""
    return zlib.compress(json.dumps([rows, parts], separators=(",", ":")).encode(), _LEVEL)


def unpack(packed: bytes) -> tuple[list[list[Any]], list[Any]]:
    """What `pack` was given: floats to the last digit, tables in the same order."""
    rows, parts = json.loads(zlib.decompress(packed))
    return rows, parts

"""Compiled modules are kept where Python is told not to: reading them again halves the time of a start."""

from __future__ import annotations

import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent.parent / "data" / "cache" / "bytecode"


def keep() -> None:
    """From now on, if this process would keep none: in a folder of our own, beside no source.

    Images of containers are often told to write no byte code, and installers to compile none: then each start compiles
    a thousand modules, which takes longer than all else. Where the folder cannot be written, nothing changes.
    """
    if sys.dont_write_bytecode and sys.pycache_prefix is None:
        sys.dont_write_bytecode, sys.pycache_prefix = False, str(_FOLDER)

"""Functions over arrays of numbers, compiled where numba is at hand, and as they stand where it is not.

numba is loaded at the first call of any of them, not when they are imported: what never groups an alert need not wait
for it. The machine code is kept on disk beside a digest of all sources that may be compiled into it: a function that is
called from another file is part of the code of both, which numba's own check of a single file would miss.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache, update_wrapper
from importlib import import_module
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
log = logging.getLogger(__name__)
_HERE = Path(__file__).parent
COMPILED = (
    "chains", "counts", "pace", "tally", "seek", "company", "lines", "scores", "settling", "pairs",
)  # fmt: skip
# What those take numbers from, which are part of the code.
CONSTANTS = (
    "background", "between", "case", "columns", "forest", "layout", "pace_signals", "profile", "question", "reading",
    "table", "time_signals", "together", "topology",
)  # fmt: skip
# Nothing compiled allocates arrays, so none are counted: counting two dozen at each call takes longer than most calls.
_WAY = {"nogil": True, "error_model": "numpy", "_nrt": False}
_lock = RLock()


class _Later:
    """Stands for a function until any one is called: then all of them, which call each other, are made at once."""

    made: Callable[..., Any] | None = None

    def __init__(self, function: Callable[..., Any], plain: Callable[..., Any], *, alone: bool) -> None:
        self.function, self.plain, self.alone = function, plain, alone  # alone: called from plain Python
        self._entry: Callable[..., Any] = self._first
        update_wrapper(self, function)

    def __call__(self, *args: Any) -> Any:
        return self._entry(*args)

    def _first(self, *args: Any) -> Any:
        if self.made is None:
            _make_all()
        made: Any = self.made
        found = made(*args)
        # To find out the types of two dozen arrays takes longer than most calls do, and they are always the same ones.
        overloads = list(getattr(made, "overloads", {}).values())
        self._entry = overloads[0].entry_point if overloads else made
        return found


def inner(function: F) -> F:
    """`function` as part of the machine code of those that call it; it is not called but from `compiled` ones."""
    return cast(F, _Later(function, function, alone=False))


def inner_or(plain: F) -> Callable[[F], F]:
    """The same; `plain` takes its place where nothing is compiled, for loops are slow there and arrays are not."""
    return lambda function: cast(F, _Later(function, plain, alone=False))


def compiled(function: F) -> F:
    """`function` as machine code, made at its first call or read from disk; as it stands where that cannot be."""
    return cast(F, _Later(function, function, alone=True))


def _make_all() -> None:
    """Put what numba makes of each function in its place, wherever a compiled function looks for it."""
    with _lock:
        make = _maker()
        modules = [vars(module) for name in COMPILED if (module := sys.modules.get(f"{__package__}.{name}"))]
        waiting = {id(found): found for names in modules for found in names.values() if isinstance(found, _Later)}
        for found in waiting.values():
            found.made = found.made or make(found)
        for names in modules:
            names.update({name: found.made for name, found in names.items() if isinstance(found, _Later)})


def _maker() -> Callable[[_Later], Callable[..., Any]]:
    try:
        numba: Any = import_module("numba")  # half a second, and a hundred megabytes
    except ImportError:  # no build of it for this machine
        log.warning("numba cannot be loaded: alerts are weighed by plain Python, far slower")
        return lambda later: later.plain
    folder = _folder()

    def make(later: _Later) -> Callable[..., Any]:
        if not later.alone:
            part = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
            return cast(Callable[..., Any], numba.njit(later.function, **part, **_WAY))
        before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
        try:
            return cast(Callable[..., Any], numba.njit(later.function, cache=folder is not None, **_WAY))
        finally:
            numba.config.CACHE_DIR = before

    return make


@lru_cache(maxsize=1)
def _folder() -> Path | None:
    """Where machine code is kept: beside the sources, else in the user's cache; None where neither can be written."""
    sources = b"".join((_HERE / f"{name}.py").read_bytes() for name in ("compiled", *COMPILED, *CONSTANTS))
    name = f"compiled-{hashlib.sha256(sources).hexdigest()[:16]}"
    for home in (_HERE / "__pycache__", Path("~/.cache/pathfinder")):
        try:
            home = home.expanduser()
            (home / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=home / name):
                return home / name
        except (OSError, RuntimeError):  # not to be written, or there is no home
            continue
    return None

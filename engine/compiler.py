"""Functions over arrays of numbers, compiled where numba is at hand, and as they stand where it is not.

numba is loaded at the first call of any of them, not when they are imported: what needs none of them need not wait for
it. The machine code is kept on disk beside a digest of all sources that may be compiled into it: a function that is
called from another file is part of the code of both, which numba's own check of a single file would miss.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property, update_wrapper
from importlib import import_module
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
log = logging.getLogger(__name__)


class Compiler:
    """Makes machine code of the functions of one package.

    Parameters
    ----------
    package
        Its full name.
    modules
        Its modules that hold such functions.
    constants
        Further modules of it whose numbers are part of the code.
    same_types
        Whether each function is always called with arguments of the same types, as at its first call. To find out the
        types of two dozen arrays takes longer than most calls do.
    ways
        Options of `numba.njit`.
    """

    def __init__(
        self,
        package: str,
        modules: Sequence[str],
        constants: Sequence[str] = (),
        *,
        same_types: bool = False,
        **ways: Any,
    ) -> None:
        self.package, self.modules, self.constants = package, modules, constants
        self.same_types, self.ways = same_types, ways
        self._home = Path(__file__).parent.parent.joinpath(*package.split("."))
        self._lock = RLock()

    def whole(self, function: F) -> F:
        """`function` as machine code, made at its first call or read from disk; as it stands where that cannot be."""
        return cast(F, Later(self, function, function, alone=True))

    def inner(self, function: F) -> F:
        """`function` as part of the machine code of those that call it; it is called from compiled ones alone."""
        return cast(F, Later(self, function, function, alone=False))

    def inner_or(self, plain: F) -> Callable[[F], F]:
        """The same; `plain` takes its place where nothing is compiled, for loops are slow there and arrays are not."""
        return lambda function: cast(F, Later(self, function, plain, alone=False))

    @property
    def is_due(self) -> bool:
        """Whether machine code can be kept on disk, and there is none yet of the sources as they are."""
        return self._kept_in is not None and next(self._kept_in.rglob("*.nbc"), None) is None

    def made(self, asked: Later) -> Callable[..., Any]:
        """What numba makes of `asked`, put in its place wherever a compiled function looks for it, as all others are:
        they call each other."""
        with self._lock:
            modules = [vars(module) for name in self.modules if (module := sys.modules.get(f"{self.package}.{name}"))]
            waiting = {id(one): one for names in modules for one in names.values() if isinstance(one, Later)}
            for one in (asked, *waiting.values()):
                one.made = one.made or self._make(one)
            for names in modules:
                names.update({name: one.made for name, one in names.items() if isinstance(one, Later)})
            return cast(Callable[..., Any], asked.made)

    def _make(self, later: Later) -> Callable[..., Any]:
        numba = self._numba
        if numba is None:
            return later.plain
        if not later.alone:
            part = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
            return cast(Callable[..., Any], numba.njit(later.function, **part, **self.ways))
        before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(self._kept_in)
        try:
            return cast(Callable[..., Any], numba.njit(later.function, cache=self._kept_in is not None, **self.ways))
        finally:
            numba.config.CACHE_DIR = before

    @cached_property
    def _numba(self) -> Any:
        try:
            return import_module("numba")  # half a second, and a hundred megabytes
        except ImportError:  # no build of it for this machine
            log.warning("numba cannot be loaded: %s is plain Python, far slower", self.package)
            return None

    @cached_property
    def _kept_in(self) -> Path | None:
        """Where code is kept: beside the sources, else in the user's cache; None where neither can be written."""
        files = (Path(__file__), *(self._home / f"{name}.py" for name in (*self.modules, *self.constants)))
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in files) + repr(self.ways).encode())
        name = f"compiled-{digest.hexdigest()[:16]}"
        for home in (self._home / "__pycache__", Path("~/.cache/pathfinder")):
            try:
                home = home.expanduser()
                (home / name).mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=home / name):
                    return home / name
            except (OSError, RuntimeError):  # not to be written, or there is no home
                continue
        return None


class Later:
    """Stands for a function until it is called."""

    made: Callable[..., Any] | None = None

    def __init__(self, by: Compiler, function: Callable[..., Any], plain: Callable[..., Any], *, alone: bool) -> None:
        self.by, self.function, self.plain, self.alone = by, function, plain, alone  # alone: called from plain Python
        self._entry: Callable[..., Any] = self._first
        update_wrapper(self, function)

    def __call__(self, *args: Any) -> Any:
        return self._entry(*args)

    def _first(self, *args: Any) -> Any:
        made: Any = self.by.made(self)
        found = made(*args)
        overloads = list(getattr(made, "overloads", {}).values()) if self.by.same_types else []
        self._entry = overloads[0].entry_point if overloads else made
        return found

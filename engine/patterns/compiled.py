"""Loops over arrays, compiled where numba is at hand, and as they stand where it is not.

numba is loaded at the first call of any of them, not when they are imported. The machine code is kept on disk beside
the sources, or in the user's cache; each function stands for itself, so that a change of its file is a change of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache, update_wrapper
from importlib import import_module
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
log = logging.getLogger(__name__)


class _Later:
    """Stands for a function until it is called: then machine code of it is made, or read from disk."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.made: Callable[..., Any] | None = None
        update_wrapper(self, function)

    def __call__(self, *args: Any) -> Any:
        if self.made is None:
            self.made = maker()(self.function)
        return self.made(*args)


def compiled(function: F) -> F:
    """`function`, which calls none of ours, as machine code from its first call on."""
    return cast(F, _Later(function))


@lru_cache(maxsize=1)
def maker() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What makes machine code of a function, or hands it back as it is."""
    try:
        numba: Any = import_module("numba")  # half a second, and a hundred megabytes
    except ImportError:  # no build of it for this machine
        log.warning("numba cannot be loaded: patterns are looked for by plain Python, far slower")
        return lambda function: function

    def make(function: Callable[..., Any]) -> Callable[..., Any]:
        way = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "nnan", "nsz"}}
        try:
            return cast(Callable[..., Any], numba.njit(function, cache=True, **way))
        except RuntimeError:  # nowhere to keep it
            return cast(Callable[..., Any], numba.njit(function, **way))

    return make

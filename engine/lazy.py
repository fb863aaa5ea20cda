"""Modules imported at their first use, so that the command lines answer and the service serves at once."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module until something in it is asked for. Safe between threads: imports have locks of their own.

    The standard library's `LazyLoader` is not before Python 3.12: two threads at the first use can see half a module.
    """

    def __getattr__(self, name: str) -> Any:
        """An attribute of the module itself, remembered here so that it is looked up once."""
        if name.startswith("__"):  # what inspection asks every object for must not import anything
            raise AttributeError(name)
        found = getattr(import_module(self.__name__), name)
        setattr(self, name, found)
        return found


def lazy(name: str) -> ModuleType:
    """The module `name`, imported at its first use; itself, where it is imported already.

    Raises
    ------
    ModuleNotFoundError
        At the first use, if there is no such module.

    Examples
    --------
    >>> fractions = lazy("fractions")
    >>> fractions.Fraction(6, 4)
    Fraction(3, 2)
    """
    return sys.modules.get(name) or _Later(name)

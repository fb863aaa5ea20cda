"""Copies of frozen records, where so many are made that `dataclasses.replace` is too slow."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

Record = TypeVar("Record")


def copier(kind: type[Record], field: str) -> Callable[[Record, Any], Record]:
    """What copies a record of `kind`, a frozen dataclass with slots and three fields or more, with another `field`.

    `__post_init__` is not called: the value has to be one that it would leave as it is. Half the cost of calling the
    class: that looks up `object.__setattr__` for each field.

    Examples
    --------
    >>> from dataclasses import make_dataclass
    >>> point = make_dataclass("Point", ["x", "y", "z"], frozen=True, slots=True)
    >>> moved = copier(point, "y")(point(1, 2, 3), 5)
    >>> moved.x, moved.y, moved.z
    (1, 5, 3)
    """
    kept = [name for name in kind.__slots__ if name != field]  # type: ignore[attr-defined]
    get, bare = attrgetter(*kept), object.__new__
    setters = [kind.__dict__[name].__set__ for name in kept]
    set_field = kind.__dict__[field].__set__

    def copy(one: Record, value: Any) -> Record:
        new = bare(kind)
        for put, kept_value in zip(setters, get(one), strict=True):
            put(new, kept_value)
        set_field(new, value)
        return new

    return copy

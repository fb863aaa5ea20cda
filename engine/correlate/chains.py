"""Doubly linked lists inside arrays: every order that something stands in.

An item's neighbours stand in two columns of `links`, `column` and the one after it; the ends of the list at `row` of
`heads` in its columns `first` and the one after. -1 stands for none.
"""

from __future__ import annotations

from engine.correlate.compiled import inner
from engine.correlate.layout import Shorts


@inner
def put_between(links: Shorts, column: int, heads: Shorts, row: int, first: int, item: int) -> None:
    """Put an item between the neighbours that it has by itself: where it was when it was taken out, for nothing has
    changed there since (Knuth 2000), or where it is to be."""
    before, after = links[item, column], links[item, column + 1]
    if before >= 0:
        links[before, column + 1] = item
    else:
        heads[row, first] = item
    if after >= 0:
        links[after, column] = item
    else:
        heads[row, first + 1] = item


@inner
def put_last(links: Shorts, column: int, heads: Shorts, row: int, first: int, item: int) -> None:
    """Put an item at the end of a list."""
    links[item, column], links[item, column + 1] = heads[row, first + 1], -1
    put_between(links, column, heads, row, first, item)


@inner
def take_out(links: Shorts, column: int, heads: Shorts, row: int, first: int, item: int) -> None:
    """Take an item out of a list; it remembers where it was."""
    before, after = links[item, column], links[item, column + 1]
    if before >= 0:
        links[before, column + 1] = after
    else:
        heads[row, first] = after
    if after >= 0:
        links[after, column] = before
    else:
        heads[row, first + 1] = before

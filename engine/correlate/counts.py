"""Counts by incident and token in one open-addressing hash table, and the orders that its entries stand in."""

from __future__ import annotations

from engine.correlate.compiled import compiled, inner
from engine.correlate.layout import (
    COUNT,
    FREE_NODE,
    FREE_NODES,
    HELD,
    HOLDER,
    KEY,
    LINK,
    NEWEST,
    NEXT,
    OLDEST,
    PREVIOUS,
    TOKEN,
    USED,
    Arrays,
    Ints,
)

_EMPTY = -1


@inner
def key_of(slot: int, role: int, token: int) -> int:
    """The key of a count: what it is of, in which incident."""
    return (slot << 34) | (role << 31) | token


@inner
def place_of(key: int, mask: int) -> int:
    """Where the search for `key` begins: a product that stays within 63 bits, its upper bits mixed into its lower."""
    mixed = (key >> 34) * 668265263 + ((key >> 31) & 7) * 374761393 + (key & 0x7FFFFFFF)
    mixed = (mixed & 0x7FFFFFFF) * 1103515245
    return (mixed ^ (mixed >> 29)) & mask


@inner
def find(table: Ints, key: int) -> int:
    """The row of `key`; -1 where there is none."""
    mask = len(table) - 1
    row = place_of(key, mask)
    while table[row, KEY] != _EMPTY:
        if table[row, KEY] == key:
            return row
        row = (row + 1) & mask
    return -1


@inner
def count_of(table: Ints, slot: int, role: int, token: int) -> int:
    """How many members of the incident have the token."""
    row = find(table, key_of(slot, role, token))
    return table[row, COUNT] if row >= 0 else 0


@inner
def entry(arrays: Arrays, slot: int, role: int, token: int) -> int:
    """The row of a count, made where there is none."""
    table, key = arrays.table, key_of(slot, role, token)
    mask = len(table) - 1
    row = place_of(key, mask)
    while table[row, KEY] != _EMPTY:
        if table[row, KEY] == key:
            return row
        row = (row + 1) & mask
    table[row, KEY], table[row, COUNT], table[row, LINK] = key, 0, -1
    arrays.counters[USED] += 1
    return row


@inner
def discard(arrays: Arrays, row: int) -> None:
    """Take the entry at `row` out; those behind it move up (deletion by shifting back)."""
    table = arrays.table
    mask = len(table) - 1
    hole, row = row, (row + 1) & mask
    while table[row, KEY] != _EMPTY:
        wanted = place_of(table[row, KEY], mask)
        if ((row - wanted) & mask) >= ((row - hole) & mask):
            table[hole, KEY], table[hole, COUNT], table[hole, LINK] = (
                table[row, KEY],
                table[row, COUNT],
                table[row, LINK],
            )
            hole = row
        row = (row + 1) & mask
    table[hole, KEY] = _EMPTY
    arrays.counters[USED] -= 1


@compiled
def rehash(table: Ints, larger: Ints) -> None:
    """Fill `larger`, which is empty, with the entries of `table`."""
    mask = len(larger) - 1
    for old in range(len(table)):
        if table[old, KEY] != _EMPTY:
            row = place_of(table[old, KEY], mask)
            while larger[row, KEY] != _EMPTY:
                row = (row + 1) & mask
            larger[row, KEY], larger[row, COUNT], larger[row, LINK] = (
                table[old, KEY],
                table[old, COUNT],
                table[old, LINK],
            )


@inner
def new_node(arrays: Arrays, slot: int, token: int) -> int:
    """A free node, for `token` in the incident."""
    counters, nodes = arrays.counters, arrays.nodes
    node = int(counters[FREE_NODE])
    counters[FREE_NODE] = nodes[node, NEXT]
    counters[FREE_NODES] -= 1
    nodes[node, :] = -1
    nodes[node, HOLDER], nodes[node, TOKEN] = slot, token
    return node


@inner
def free_node(arrays: Arrays, node: int) -> None:
    """Give a node back."""
    counters, nodes = arrays.counters, arrays.nodes
    nodes[node, NEXT] = counters[FREE_NODE]
    nodes[node, HOLDER] = -1
    counters[FREE_NODE] = node
    counters[FREE_NODES] += 1


@inner
def put_newest(arrays: Arrays, node: int, token: int) -> None:
    """Append a node to those who hold the token."""
    nodes, tokens = arrays.nodes, arrays.tokens
    newest = tokens[token, NEWEST]
    nodes[node, PREVIOUS], nodes[node, NEXT] = newest, -1
    if newest >= 0:
        nodes[newest, NEXT] = node
    else:
        tokens[token, OLDEST] = node
    tokens[token, NEWEST] = node
    tokens[token, HELD] += 1


@inner
def take_out(arrays: Arrays, node: int, token: int) -> None:
    """Take a node from those who hold the token."""
    nodes, tokens = arrays.nodes, arrays.tokens
    before, after = nodes[node, PREVIOUS], nodes[node, NEXT]
    if before >= 0:
        nodes[before, NEXT] = after
    else:
        tokens[token, OLDEST] = after
    if after >= 0:
        nodes[after, PREVIOUS] = before
    else:
        tokens[token, NEWEST] = before
    tokens[token, HELD] -= 1

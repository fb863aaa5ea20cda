"""Counts by incident and token in one open-addressing hash table, and the nodes that stand for some of them."""

from __future__ import annotations

from engine.correlate.chains import put_last, take_out
from engine.correlate.compiled import compiled, inner
from engine.correlate.layout import (
    COUNT,
    FREE_NODE,
    FREE_NODES,
    HELD,
    HOLDER,
    LINK,
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
    return (int(slot) << 34) | (int(role) << 31) | int(token)


@inner
def place_of(key: int, mask: int) -> int:
    """Where the search for `key` begins: a product that stays within 63 bits, its upper bits mixed into its lower."""
    mixed = (key >> 34) * 668265263 + ((key >> 31) & 7) * 374761393 + (key & 0x7FFFFFFF)
    mixed = (mixed & 0x7FFFFFFF) * 1103515245
    return (mixed ^ (mixed >> 29)) & mask


@inner
def row_of(keys: Ints, key: int) -> int:
    """The row of `key`, or the free one where it would be."""
    mask = len(keys) - 1
    row = place_of(key, mask)
    while keys[row, 0] != key and keys[row, 0] != _EMPTY:
        row = (row + 1) & mask
    return row


@inner
def find(keys: Ints, key: int) -> int:
    """The row of `key`; -1 where there is none."""
    row = row_of(keys, key)
    return row if keys[row, 0] == key else -1


@inner
def count_of(arrays: Arrays, slot: int, role: int, token: int) -> int:
    """How many members of the incident have the token."""
    row = find(arrays.keys, key_of(slot, role, token))
    return arrays.table[row, COUNT] if row >= 0 else 0


@inner
def entry(arrays: Arrays, slot: int, role: int, token: int) -> int:
    """The row of a count, made where there is none."""
    key = key_of(slot, role, token)
    row = row_of(arrays.keys, key)
    if arrays.keys[row, 0] == _EMPTY:
        arrays.keys[row, 0], arrays.table[row, COUNT], arrays.table[row, LINK] = key, 0, -1
        arrays.counters[USED] += 1
    return row


@inner
def discard(arrays: Arrays, row: int) -> None:
    """Take the entry at `row` out; those behind it move up (deletion by shifting back)."""
    keys, mask = arrays.keys, len(arrays.keys) - 1
    hole, row = row, (row + 1) & mask
    while keys[row, 0] != _EMPTY:
        wanted = place_of(keys[row, 0], mask)
        if ((row - wanted) & mask) >= ((row - hole) & mask):
            keys[hole, 0], keys[hole, 1] = keys[row, 0], keys[row, 1]  # count and link in one
            hole = row
        row = (row + 1) & mask
    keys[hole, 0] = _EMPTY
    arrays.counters[USED] -= 1


@compiled
def rehash(keys: Ints, larger: Ints) -> None:
    """Fill `larger`, which is empty, with the entries of `keys`."""
    for old in range(len(keys)):
        if keys[old, 0] != _EMPTY:
            row = row_of(larger, keys[old, 0])
            larger[row, 0], larger[row, 1] = keys[old, 0], keys[old, 1]


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
def hold(arrays: Arrays, row: int, slot: int, token: int) -> None:
    """The incident holds the token that is counted at `row`, and is the last to have been put."""
    node = arrays.table[row, LINK]
    if node < 0:
        node = arrays.table[row, LINK] = new_node(arrays, slot, token)
    _let_go(arrays, node, token)
    put_last(arrays.nodes, PREVIOUS, arrays.tokens, token, OLDEST, node)
    arrays.tokens[token, HELD] += 1


@inner
def forget(arrays: Arrays, row: int, token: int) -> None:
    """Take the entry at `row` out, and its node, which may stand for a holder of the token."""
    node = arrays.table[row, LINK]
    if node >= 0:
        _let_go(arrays, node, token)
        free_node(arrays, node)
    discard(arrays, row)


@inner
def _let_go(arrays: Arrays, node: int, token: int) -> None:
    """The node is not among the token's holders any more, if it was."""
    if arrays.nodes[node, PREVIOUS] >= 0 or arrays.tokens[token, OLDEST] == node:
        take_out(arrays.nodes, PREVIOUS, arrays.tokens, token, OLDEST, node)
        arrays.tokens[token, HELD] -= 1

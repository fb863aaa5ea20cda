"""Regular expressions that take time in proportion to the text, whatever the pattern: no operator can stall intake.

Glushkov's position automaton (V. M. Glushkov, The abstract theory of automata, 1961), run as a set of positions, with
the transitions that were needed once remembered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from engine.errors import InvalidInput
from engine.lifecycle.pattern_syntax import Chars, Choice, Node, Repeat, Sequence, parse

_MOST_POSITIONS = 400
_MOST_REMEMBERED = 4_096
_START = 1  # the set that holds only the place before the first character


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the pattern: may it be empty, and the sets of positions it can begin and end with."""

    empty: bool
    first: int
    last: int


class Automaton:
    """Matches whole texts.

    Examples
    --------
    >>> Automaton("(db|cache)-\\\\d+").matches("db-17"), Automaton("(a*)*b").matches("a" * 2_000)
    (True, False)
    """

    def __init__(self, pattern: str) -> None:
        """Of a pattern as `parse` reads it. Raises InvalidInput."""
        self._chars: list[Chars] = [Chars()]  # by position; 0 is the start and takes nothing
        self._follow: list[int] = [0]  # by position: which may come next, as bits
        whole = self._build(parse(pattern))
        self._follow[0] = whole.first
        self._accepting = whole.last | (_START if whole.empty else 0)
        self._known: dict[tuple[int, str], int] = {}

    def matches(self, text: str) -> bool:
        """Whether the whole of `text` matches."""
        states = _START
        for char in text:
            found = self._known.get((states, char))
            states = self._step(states, char) if found is None else found
            if not states:
                return False
        return bool(states & self._accepting)

    def _step(self, states: int, char: str) -> int:
        reachable = 0
        for position in _bits(states):
            reachable |= self._follow[position]
        taken = sum(1 << position for position in _bits(reachable) if self._chars[position].takes(char))
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[states, char] = taken
        return taken

    def _build(self, node: Node) -> _Piece:
        if isinstance(node, Chars):
            return self._position(node)
        if isinstance(node, Sequence):
            return self._in_turn([self._build(part) for part in node.parts])
        if isinstance(node, Choice):
            pieces = [self._build(part) for part in node.parts]
            return _Piece(any(p.empty for p in pieces), _union(p.first for p in pieces), _union(p.last for p in pieces))
        return self._repeat(node)

    def _position(self, chars: Chars) -> _Piece:
        if len(self._chars) > _MOST_POSITIONS:
            raise InvalidInput(f"the pattern unfolds to more than {_MOST_POSITIONS} characters")
        self._chars.append(chars)
        self._follow.append(0)
        bit = 1 << (len(self._chars) - 1)
        return _Piece(False, bit, bit)

    def _in_turn(self, pieces: list[_Piece]) -> _Piece:
        whole = _Piece(True, 0, 0)
        for piece in pieces:
            self._link(whole.last, piece.first)
            first = whole.first | (piece.first if whole.empty else 0)
            last = piece.last | (whole.last if piece.empty else 0)
            whole = _Piece(whole.empty and piece.empty, first, last)
        return whole

    def _repeat(self, node: Repeat) -> _Piece:
        pieces = [self._build(node.part) for _ in range(node.least)]
        if node.most is None:
            again = pieces.pop() if pieces else self._build(node.part)
            self._link(again.last, again.first)
            pieces.append(_Piece(again.empty or node.least == 0, again.first, again.last))
        else:
            optional = [self._build(node.part) for _ in range(node.most - node.least)]
            pieces += [_Piece(True, one.first, one.last) for one in optional]
        return self._in_turn(pieces)

    def _link(self, ends: int, begins: int) -> None:
        for position in _bits(ends):
            self._follow[position] |= begins


@lru_cache(maxsize=2_048)
def compiled(pattern: str) -> Automaton:
    """The automaton of `pattern`, remembered. Raises InvalidInput."""
    return Automaton(pattern)


def _bits(states: int) -> Iterator[int]:
    while states:
        low = states & -states
        yield low.bit_length() - 1
        states ^= low


def _union(sets: Iterator[int]) -> int:
    whole = 0
    for one in sets:
        whole |= one
    return whole

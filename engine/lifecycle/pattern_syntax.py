"""Reads a regular expression into a tree: the part of the syntax that can be matched in linear time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import InvalidInput

LONGEST = 500  # characters of a pattern
_DEEPEST = 40  # groups in groups
_MOST_REPEATS = 200  # in {m,n}
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_KINDS: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "s": str.isspace,
    "w": lambda char: char.isalnum() or char == "_",
}


@dataclass(frozen=True, slots=True)
class Chars:
    """One character: any of `single`, `ranges` or `kinds`, or, with `negated`, none of them."""

    single: frozenset[str] = frozenset()
    ranges: tuple[tuple[str, str], ...] = ()
    kinds: tuple[tuple[str, bool], ...] = ()  # a key of \\d \\s \\w, and whether it is the opposite that is meant
    negated: bool = False
    folded: bool = False  # upper and lower case are one

    def takes(self, char: str) -> bool:
        """Whether `char` is one of them."""
        tried = {char, char.lower(), char.upper()} if self.folded else {char}
        return any(self._has(one) for one in tried) is not self.negated

    def _has(self, char: str) -> bool:
        if char in self.single or any(low <= char <= high for low, high in self.ranges):
            return True
        return any(_KINDS[kind](char) is not opposite for kind, opposite in self.kinds)


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any one of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`part`, at least `least` and at most `most` times (None: without end)."""

    part: Node
    least: int
    most: int | None


Node = Chars | Sequence | Choice | Repeat


def parse(pattern: str) -> Node:
    r"""The tree of `pattern`: literals, `.`, `[...]`, `\d \s \w`, groups, `|`, `* + ?` and `{m,n}`, `(?i)` in front.

    `^` in front and `$` at the end are allowed and say nothing: patterns are matched as a whole.

    Raises
    ------
    InvalidInput
        If it is none, too long, or looks around or back (which no linear-time engine can).
    """
    if len(pattern) > LONGEST:
        raise InvalidInput(f"the pattern is longer than {LONGEST} characters")
    return _Reader(pattern).read()


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.folded = pattern.startswith("(?i)")
        text = pattern.removeprefix("(?i)").removeprefix("^")
        escapes = len(text) - len(text.removesuffix("$").rstrip("\\")) - 1
        self.text = text[:-1] if text.endswith("$") and escapes % 2 == 0 else text
        self.at = 0
        self.depth = 0

    def read(self) -> Node:
        node = self._choice()
        if self.at < len(self.text):
            raise InvalidInput("the pattern has a ) without a (")
        return node

    def _peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def _next(self) -> str:
        char = self._peek()
        self.at += 1
        return char

    def _choice(self) -> Node:
        parts = [self._sequence()]
        while self._peek() == "|":
            self._next()
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self, part: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return part
        if self._peek() == "?":  # lazy: which text is taken makes no difference to a match of the whole
            self._next()
        if self._peek() in ("*", "+", "?"):
            raise InvalidInput("the pattern repeats a repetition: put a group around it")
        return Repeat(part, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        plain: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self._peek() in plain:
            return plain[self._next()]
        end = self.text.find("}", self.at)
        if self._peek() != "{" or end < 0:
            return None
        low, comma, high = self.text[self.at + 1 : end].partition(",")
        if not low.isdecimal() or not (high.isdecimal() or not high):
            return None  # a brace that stands for itself
        self.at = end + 1
        least, most = int(low), (int(high) if high else None) if comma else int(low)
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            raise InvalidInput(f"the pattern repeats more than {_MOST_REPEATS} times, or fewer times than at least")
        return least, most

    def _atom(self) -> Node:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return self._set()
        if char == ".":
            return Chars(negated=True)
        if char == "\\":
            return self._escape()
        if char in "*+?^$":
            raise InvalidInput(f"the pattern has a {char} in a place where it means nothing")
        return Chars(single=frozenset(char), folded=self.folded)

    def _group(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise InvalidInput(f"the pattern has more than {_DEEPEST} groups in each other")
        if self._peek() == "?":
            self._next()
            if self._next() != ":":
                raise InvalidInput("the pattern looks around, names a group or sets a flag: only (?:...) and (?i) work")
        node = self._choice()
        if self._next() != ")":
            raise InvalidInput("the pattern has a ( without a )")
        self.depth -= 1
        return node

    def _escape(self) -> Chars:
        char = self._next()
        if char.lower() in _KINDS:
            return Chars(kinds=((char.lower(), char.isupper()),), folded=False)
        return Chars(single=frozenset(self._literal(char)), folded=self.folded)

    def _literal(self, escaped: str) -> str:
        if escaped in _ESCAPED:
            return _ESCAPED[escaped]
        if escaped == "" or escaped.isalnum():
            raise InvalidInput("the pattern has a \\ before a letter or digit that means nothing here")
        return escaped

    def _set(self) -> Chars:
        negated = self._peek() == "^"
        self.at += negated
        single: set[str] = set()
        ranges: list[tuple[str, str]] = []
        kinds: list[tuple[str, bool]] = []
        first = True
        while first or self._peek() != "]":
            first = False
            low = self._member(kinds)
            if low is None:
                continue
            if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self._next()
                ranges.append((low, self._end_of_range(low)))
            else:
                single.add(low)
        self._next()
        return Chars(frozenset(single), tuple(ranges), tuple(kinds), negated, self.folded)

    def _member(self, kinds: list[tuple[str, bool]]) -> str | None:
        char = self._next()
        if char == "":
            raise InvalidInput("the pattern has a [ without a ]")
        if char != "\\":
            return char
        char = self._next()
        if char and char.lower() in _KINDS:
            kinds.append((char.lower(), char.isupper()))
            return None
        return self._literal(char)

    def _end_of_range(self, low: str) -> str:
        high = self._member([])
        if high is None or high < low:
            raise InvalidInput("the pattern has a range in [] that runs backwards")
        return high

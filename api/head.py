"""The head of a request that was parsed before: the next one with the same head need not be."""

from __future__ import annotations

from typing import NamedTuple

_LENGTH = b"\r\ncontent-length:"
_END = b"\r\n\r\n"
_MOST_DIGITS = 7  # of a body's length


class Head(NamedTuple):
    """The bytes of a head before and after the digits of its Content-Length, to the empty line that ends it."""

    before: bytes
    after: bytes

    @classmethod
    def of(cls, request: bytes, body: bytes) -> Head | None:
        """The head of a whole `request` that a parser has found to hold `body`; None where it has another form."""
        end = request.find(_END) + len(_END)
        name = request[:end].lower()
        digits = b"%d" % len(body)
        if end < len(_END) or request[end:] != body or name.count(_LENGTH) != 1:
            return None
        start = name.index(_LENGTH) + len(_LENGTH)
        start += request[start:end].startswith(b" ")
        if not request.startswith(digits + b"\r", start):
            return None
        return cls(request[:start], request[start + len(digits) : end])

    def body_of(self, data: bytes) -> bytes | None:
        """The body, if `data` is a whole request with this head, but for the length; else None.

        Examples
        --------
        >>> one = b"POST / HTTP/1.1\\r\\nContent-Length: 2\\r\\nHost: x\\r\\n\\r\\nab"
        >>> head = Head.of(one, b"ab")
        >>> head.body_of(one.replace(b"2", b"3") + b"c"), head.body_of(one + b"c"), head.body_of(one.lower())
        (b'abc', None, None)
        """
        if not data.startswith(self.before):
            return None
        start = len(self.before)
        end = data.find(b"\r", start, start + _MOST_DIGITS + 1)
        digits = data[start:end] if end > 0 else b""
        if not digits.isdigit() or digits[:1] == b"0" or not data.startswith(self.after, end):
            return None
        body_at = end + len(self.after)
        return data[body_at:] if len(data) - body_at == int(digits) else None

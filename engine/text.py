"""Words out of the text that tools and people write: one tokenizer for retrieval, routing and templates."""

from __future__ import annotations

import re

_MASKS = (
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), " <time> "),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), " <uuid> "),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), " <ip> "),
    (re.compile(r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b"), " <hex> "),
    (re.compile(r"(?<![A-Za-z])[-+]?\d+(?:[.,]\d+)*%?"), " <num> "),
)
_WORD = re.compile(r"<[a-z]+>|[^\W\d_]\w*|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_")
_LIMIT = 20_000  # characters read of one text: beyond it is dumps and traces that only cost time


def mask(text: str) -> str:
    """`text` with what differs between two tellings of one problem (ids, addresses, times, numbers) made equal.

    Examples
    --------
    >>> mask("disk at 97% on 10.0.0.7").split()
    ['disk', 'at', '<num>', 'on', '<ip>']
    """
    text = text[:_LIMIT]
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return text


def words(text: str) -> list[str]:
    """Lower-case words of `text`, camelCase and snake_case given whole and in parts, variable parts masked.

    Examples
    --------
    >>> words("NullPointerException in getBlock")
    ['nullpointerexception', 'null', 'pointer', 'exception', 'in', 'getblock', 'get', 'block']
    """
    found: list[str] = []
    for word in _WORD.findall(mask(text)):
        found.append(word.lower())
        parts = [part for part in _CAMEL.split(word) if part]
        if len(parts) > 1:
            found += [part.lower() for part in parts]
    return found


def template(title: str) -> str:
    """The fixed part of a title: equal for two alerts of one rule about different things.

    Examples
    --------
    >>> template("db-01 uses 99% of 40 connections") == template("db-02 uses 98% of 20 connections")
    True
    """
    return " ".join(_WORD.findall(mask(title).lower()))

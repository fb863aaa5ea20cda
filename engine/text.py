"""Words out of the text that tools and people write: one tokenizer for retrieval, routing and templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_MASKS = (
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), " <time> "),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), " <uuid> "),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), " <ip> "),
    (re.compile(r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b"), " <hex> "),
    (re.compile(r"(?<![A-Za-z])[-+]?\d+(?:[.,]\d+)*%?"), " <num> "),
)
_WORD = re.compile(r"<[a-z]+>|[^\W\d_]\w*|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_")
# Scripts that put no space between words: Han, kana, Thai, Lao, Myanmar and Khmer; and Hangul, whose particles stick to
# words. Their letters are read in overlapping pairs, as search engines do (Lucene's CJKBigramFilter).
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)
_HANGUL = "\u1100-\u11ff\uac00-\ud7a3"
_SCRIPTS = re.compile(f"([{_UNSPACED}]+)|([{_HANGUL}]+)|[^{_UNSPACED}{_HANGUL}]+")
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

    Of scripts without spaces between words, pairs of letters; Korean words whole and in pairs.

    Examples
    --------
    >>> words("NullPointerException in getBlock")
    ['nullpointerexception', 'null', 'pointer', 'exception', 'in', 'getblock', 'get', 'block']
    >>> words("DB接続エラー")
    ['db', '接続', '続エ', 'エラ', 'ラー']
    """
    found: list[str] = []
    for word in _spaced(_WORD.findall(mask(text))):
        found.append(word.lower())
        parts = [part for part in _CAMEL.split(word) if part]
        if len(parts) > 1:
            found += [part.lower() for part in parts]
    return found


def _spaced(found: Iterable[str]) -> Iterator[str]:
    """Each word, or what stands for it where letters of its script are read in pairs."""
    for word in found:
        if word.isascii():
            yield word
            continue
        for part in _SCRIPTS.finditer(word):
            letters, hangul = part.groups()
            run = letters or hangul or ""
            if not run or (hangul and len(run) > 2):
                yield part[0]
            yield from (run[place : place + 2] for place in range(max(len(run) - 1, min(len(run), 1))))


def template(title: str) -> str:
    """The fixed part of a title: equal for two alerts of one rule about different things.

    Examples
    --------
    >>> template("db-01 uses 99% of 40 connections") == template("db-02 uses 98% of 20 connections")
    True
    """
    return " ".join(_WORD.findall(mask(title).lower()))

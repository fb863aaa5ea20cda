"""Dates as export files write them, in the site's own habit: all of them together tell it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from engine.clock import read_time, require_aware
from engine.errors import InvalidInput

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SHAPE = re.compile(
    r"(?P<a>\d{1,4}|[A-Za-z]{3,9})[\s./-]+(?P<b>\d{1,2}|[A-Za-z]{3,9})[\s./,-]+(?P<c>\d{1,4})"
    r"(?:[\sT,]+(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?(?:[.,]\d+)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
)
_OFFSET = re.compile(r"(?<=\d)\s*(?:(?:UTC|GMT|Z)\s*)?([+-]\d\d:?\d\d)$|(?<=\d)\s*(?:UTC|GMT|Z)$")
_WORST = "is not a date: write it like 2026-01-31 12:00"


@dataclass(frozen=True, slots=True)
class Order:
    """Whether dates like 06/07/2025 put the month first, and whether that is certain."""

    months_first: bool
    sure: bool


def order_of(texts: Iterable[str]) -> Order:
    """The order that all dates of a file tell together: a 13th month cannot be.

    Where all of them could be either, the month comes first with a.m. and p.m., and the day without.

    Examples
    --------
    >>> order_of(["6/7/2025 16:14", "6/21/2025 09:00"]), order_of(["03.04.2025"])
    (Order(months_first=True, sure=True), Order(months_first=False, sure=False))
    """
    votes, doubtful, halves = 0, 0, 0
    for text in texts:
        found = _SHAPE.fullmatch(text.strip())
        if found and found["a"].isdigit() and found["b"].isdigit() and len(found["a"]) <= 2:
            votes += (int(found["b"]) > 12) - (int(found["a"]) > 12)
            doubtful += 1
            halves += bool(found["half"])
    if votes:
        return Order(votes > 0, True)
    return Order(halves > 0, not doubtful)


def read_date(text: str, column: str, zone: tzinfo = UTC, *, months_first: bool = False) -> datetime:
    """A moment as people's tools write it, in UTC. Without an offset it is the wall clock of `zone`.

    Raises
    ------
    InvalidInput
        If `text` is no date. The message names `column`, not the value.

    Examples
    --------
    >>> read_date("11/May/24 03:26 PM", "Created").isoformat()
    '2024-05-11T15:26:00+00:00'
    >>> read_date("6/7/2025 16:14", "Created", months_first=True).isoformat()
    '2025-06-07T16:14:00+00:00'
    """
    text = text.strip()
    moment = _iso(text, zone)
    if moment is not None:
        return require_aware(moment, column)
    if found := _SHAPE.fullmatch(text):
        return require_aware(_local(found, zone, column, months_first), column)
    try:
        return read_time(text, column)
    except InvalidInput:
        raise InvalidInput(f"{column} {_WORST}") from None


def _iso(text: str, zone: tzinfo) -> datetime | None:
    if len(text) < 8 or (text.isdigit() and len(text) != 8):
        return None  # an epoch, or too short to be one
    try:
        moment = datetime.fromisoformat(_OFFSET.sub(lambda found: found[1] or "+00:00", text) if ":" in text else text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _local(found: re.Match[str], zone: tzinfo, column: str, months_first: bool) -> datetime:
    a, b, c = found["a"], found["b"], found["c"]
    if a.isalpha() or (months_first and b.isdigit() and len(a) <= 2):
        a, b = b, a  # May 11, 2024, or 5/11/2024
    year, day = (a, c) if len(a) > 2 else (c, a)
    if len(year) not in (2, 4):
        raise InvalidInput(f"{column} {_WORST}")
    hour = int(found["hour"] or 0)
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"][0] in "pP")
    try:
        return datetime(
            int(year) + (2000 if len(year) == 2 else 0),
            _month(b),
            int(day),
            hour,
            int(found["minute"] or 0),
            int(found["second"] or 0),
            tzinfo=zone,
        )
    except ValueError:
        raise InvalidInput(f"{column} {_WORST}") from None


def _month(text: str) -> int:
    """A month's number.

    Raises
    ------
    ValueError
        If no month is called so.
    """
    return int(text) if text.isdigit() else _MONTHS.index(text[:3].lower()) + 1

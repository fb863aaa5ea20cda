"""Values as tools send them, made safe: bounded clean text, flat labels, times that can be true."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import islice
from typing import cast

from engine.clock import read_time, require_aware
from engine.domain import fingerprint_of
from engine.errors import InvalidInput
from engine.sources.source import BadField

TITLE_LENGTH = 500  # characters, as are all lengths here
DESCRIPTION_LENGTH = 20_000
NAME_LENGTH = 200  # of a service, host, source, label name or fingerprint
LABEL_COUNT = 100
LABEL_LENGTH = 1_000
_LONGEST_LIST = 20_000  # of labels in one text
FUTURE = timedelta(days=1)  # a clock may be wrong, but a moment further ahead than this is not a time
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # tools write year 1, 1970 or 1980 for "not set"
_MOST_LOOKED_AT = 1_000  # names of one object: beyond it nobody meant them to be read
_WORST_NUMBER_BITS = 256
_LONGEST_TIME = 40  # of those that are remembered
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
_DOTTED = re.compile(r"(\d{4})\.(\d\d)\.(\d\d)[ T](\d\d:\d\d(?::\d\d)?)")
_RFC2822 = re.compile(r"(?:[A-Za-z]{3}, )?\d{1,2} [A-Za-z]{3} \d{4} .*")


def _clean(value: object, length: int) -> bool:
    """Whether it is text that needs nothing done to it: most of what is sent. Storms come through here."""
    return type(value) is str and len(value) <= length and value.isprintable() and value[:1] != " " != value[-1:]


def text_of(value: object, length: int) -> str:
    """A scalar, or a list of scalars, as text of at most `length` characters; "" for anything else.

    Control characters and lone surrogates, which no store takes, are dropped.

    Examples
    --------
    >>> text_of("disk\\x00 full", 500), text_of([1, "a"], 500), text_of({"a": 1}, 500)
    ('disk full', '1, a', '')
    """
    if _clean(value, length):
        return cast("str", value)
    if isinstance(value, list):
        return ", ".join(part for item in value[:LABEL_COUNT] if (part := _scalar(item, length)))[:length]
    return _scalar(value, length)


def _scalar(value: object, length: int) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > _WORST_NUMBER_BITS:
        return ""
    if isinstance(value, str):
        return _CONTROL.sub("", value[: 2 * length]).strip()[:length]
    return str(value) if isinstance(value, int | float) else ""


def line_of(value: object, length: int) -> str:
    """Like `text_of`, in one line."""
    if _clean(value, length) and "  " not in cast("str", value):
        return cast("str", value)
    return _SPACE.sub(" ", text_of(value, length))


def labels_of(value: object, field: str, length: int = LABEL_LENGTH) -> dict[str, str]:
    """Labels as flat names and values: an object, or a list of `name:value`, `name=value` or bare names, also in one
    text with commas between them.

    At most `LABEL_COUNT` are kept, in the order sent, values to `length` characters; empty and nested ones fall out.

    Raises
    ------
    BadField
        If `value` is neither, nor absent.

    Examples
    --------
    >>> labels_of(["env:prod", "urgent"], "tags")
    {'env': 'prod', 'urgent': 'true'}
    >>> labels_of("env:prod, urgent", "tags")
    {'env': 'prod', 'urgent': 'true'}
    """
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        value = [item for item in value[:_LONGEST_LIST].split(",") if item.strip()]
    if isinstance(value, list):
        value = dict(_pair(line_of(item, LABEL_LENGTH)) for item in value[:LABEL_COUNT])
    if not isinstance(value, Mapping):
        raise BadField(field, "must be an object of names and values")
    found: dict[str, str] = {}
    for name, item in islice(value.items(), _MOST_LOOKED_AT):
        key, text = _label_name(name[: 2 * NAME_LENGTH]), item if _clean(item, length) else text_of(item, length)
        if key and text:
            found[key] = text
            if len(found) >= LABEL_COUNT:
                break
    return found


@lru_cache(maxsize=4096)  # the same few names come with each alert
def _label_name(name: object) -> str:
    return line_of(name, NAME_LENGTH)


def _pair(item: str) -> tuple[str, str]:
    name, mark, value = item.partition(":" if ":" in item else "=")
    return (name.strip(), value.strip()) if mark else (item, "true")


def moment_of(value: object, field: str, received_at: datetime) -> datetime | None:
    """A time as tools write it, in UTC; None where it is not set; `received_at` where it cannot be true.

    Read are ISO 8601 (to nanoseconds), epochs in s, ms, us or ns, dotted dates and RFC 2822; no zone means UTC.

    Raises
    ------
    BadField
        If it is none of these.

    Examples
    --------
    >>> now = datetime(2026, 11, 23, 8, tzinfo=UTC)
    >>> moment_of("2026.11.23 07:15:02", "time", now).isoformat()
    '2026-11-23T07:15:02+00:00'
    >>> moment_of("0001-01-01T00:00:00Z", "endsAt", now) is None, moment_of("2099-01-01", "time", now) == now
    (True, True)
    """
    if value is None or value == "":
        return None
    try:
        moment = _iso(value) if type(value) is str and len(value) <= _LONGEST_TIME else None
        moment = moment or _read(value, field)
    except (InvalidInput, OverflowError):
        raise BadField(field, "is not a time: write it like 2026-01-31T12:00:00Z") from None
    if moment < OLDEST:
        return None
    return received_at if moment > received_at + FUTURE else moment


@lru_cache(maxsize=1024)  # what is told in one delivery often begins, or is given up on, at one moment
def _iso(value: str) -> datetime | None:
    """A time as most tools write it, in UTC; None where it has to be looked at more closely."""
    if value[-1:] == "Z" and value[4:5] == "-" and value[10:11] == "T":
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return None
    return None


def _read(value: object, field: str) -> datetime:
    if isinstance(value, str):
        value = value.strip()
        if dotted := _DOTTED.fullmatch(value):
            year, month, day, clock = dotted.groups()
            value = f"{year}-{month}-{day}T{clock}"
        elif _RFC2822.fullmatch(value):
            return _mail_date(value, field)
    return read_time(value, field)


def _mail_date(value: str, field: str) -> datetime:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError, OverflowError):
        raise BadField(field, "is not a time") from None
    return require_aware(moment if moment.tzinfo else moment.replace(tzinfo=UTC), field)


def ends_of(value: object, field: str, starts_at: datetime, received_at: datetime) -> datetime:
    """When a symptom that is over ended: as sent, else `received_at`; never before it began."""
    return max(moment_of(value, field, received_at) or received_at, starts_at)


def fingerprint_sent(value: object) -> str:
    """The fingerprint that a tool sent, "" if it sent none; one that is too long to keep is folded.

    Examples
    --------
    >>> fingerprint_sent("260a557570ab7e71"), len(fingerprint_sent("x" * 300))
    ('260a557570ab7e71', 16)
    """
    text = line_of(value, 50 * NAME_LENGTH)
    return text if len(text) <= NAME_LENGTH else fingerprint_of("", text, "", "", {})

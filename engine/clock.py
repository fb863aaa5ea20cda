"""Time, handled once: aware UTC everywhere, the wall clock asked for in one place."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from engine.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[-+]?\d{1,25}(?:\.\d{1,12})?")


def utc_now() -> datetime:
    """The present moment, aware, in UTC. Only `api` and `training` call this; the engine is told the time."""
    return datetime.now(UTC)


def require_aware(moment: datetime, field: str) -> datetime:
    """`moment` in UTC.

    Raises
    ------
    InvalidInput
        If `moment` carries no time zone, or lies so close to the calendar's edge that UTC cannot hold it.

    Examples
    --------
    >>> from datetime import timedelta, timezone
    >>> require_aware(datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))), "opened_at").isoformat()
    '2026-01-01T10:00:00+00:00'
    """
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise InvalidInput(f"{field} has no time zone: write it with an offset, such as 2026-01-31T12:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"{field} lies outside the years 1 to 9999 in UTC") from None


def parse_time(text: str, field: str) -> datetime:
    """An ISO 8601 moment as aware UTC; a text without offset is read as UTC.

    Raises
    ------
    InvalidInput
        If `text` is no ISO 8601 moment.

    Examples
    --------
    >>> parse_time("2026-01-31 12:00:00", "opened_at").isoformat()
    '2026-01-31T12:00:00+00:00'
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(f"{field} is not an ISO 8601 moment: write it like 2026-01-31T12:00:00Z") from None
    return require_aware(moment if moment.tzinfo else moment.replace(tzinfo=UTC), field)


def read_time(value: object, field: str) -> datetime:
    """A moment as tools write it, as aware UTC: ISO 8601, or an epoch in s, ms, us or ns (number or digits).

    The unit of an epoch is told by its size: seconds up to the year 5138, then thousands of the one before.

    Raises
    ------
    InvalidInput
        If `value` is none of these.

    Examples
    --------
    >>> read_time(1767225600, "ts") == read_time("1767225600000", "ts") == read_time("2026-01-01T00:00:00Z", "ts")
    True
    """
    if isinstance(value, datetime):
        return require_aware(value, field)
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return parse_time(value, field)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidInput(f"{field} is no moment: write it like 2026-01-31T12:00:00Z")
    try:
        seconds = float(value)
        for _ in range(3):
            seconds = seconds / 1000 if abs(seconds) >= 1e11 else seconds
        return _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise InvalidInput(f"{field} is no moment: write it like 2026-01-31T12:00:00Z") from None


def to_text(moment: datetime) -> str:
    """`moment` as ISO 8601 in UTC with a trailing Z.

    Examples
    --------
    >>> to_text(datetime(2026, 1, 31, 12, tzinfo=UTC))
    '2026-01-31T12:00:00Z'
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

"""Stretches of time that come back every week by the wall clock of a place, right across changes of its clocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.clock import require_aware
from engine.errors import InvalidInput

_LONGEST = timedelta(days=7)
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch `[starts_at, ends_at)`, UTC."""

    starts_at: datetime
    ends_at: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.ends_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Weekly:
    """Every week on `weekdays`, at the same wall-clock times of `timezone`, none beginning after `until`."""

    weekdays: tuple[int, ...]  # Monday is 0
    timezone: str  # IANA name
    until: datetime | None = None  # UTC

    def __post_init__(self) -> None:
        if not self.weekdays or not all(0 <= day <= 6 for day in self.weekdays):
            raise InvalidInput("weekdays must name days from 0 (Monday) to 6 (Sunday)")
        zone_of(self.timezone)
        if self.until is not None:
            object.__setattr__(self, "until", require_aware(self.until, "until"))

    def require_fit(self, first: Span) -> None:
        """Refuse a first stretch that would run into its own next week. Raises InvalidInput."""
        if first.ends_at - first.starts_at > _LONGEST:
            raise InvalidInput("ends_at lies more than a week after starts_at, which a weekly window cannot")

    def around(self, first: Span, moment: datetime) -> Iterator[Span]:
        """The stretches that can contain `moment` or come next, oldest first; `first` gives the wall-clock times."""
        days = (first.ends_at - first.starts_at) // _DAY + 2
        yield from self._between(first, moment - days * _DAY, 8 + days)

    def _between(self, first: Span, since: datetime, days: int) -> Iterator[Span]:
        zone = zone_of(self.timezone)
        began, ended = (moment.astimezone(zone).replace(tzinfo=None) for moment in (first.starts_at, first.ends_at))
        length = ended - began
        day = max(since.astimezone(zone).date(), began.date())
        for date in (day + number * _DAY for number in range(days + 1)):
            if date.weekday() not in self.weekdays:
                continue
            begins = datetime.combine(date, began.time())
            span = _span(begins, begins + length, zone)
            if span.starts_at >= first.starts_at and (self.until is None or span.starts_at <= self.until):
                yield span


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises InvalidInput."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("timezone is no IANA time zone: write it like Europe/Amsterdam") from None


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment, UTC, at which a clock in `zone` shows the naive `wall` or later.

    An hour that the clocks skip begins when they jump; of an hour that they repeat the first pass counts.

    Examples
    --------
    >>> first_instant(datetime(2026, 3, 29, 2, 30), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-29T01:00:00+00:00'
    >>> first_instant(datetime(2026, 10, 25, 2, 30), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-10-25T00:30:00+00:00'
    """
    early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early <= late:  # shown once, or twice: the first time
        return early
    shown, skipped = late, early  # before the jump the clock is behind `wall`, after it ahead
    while skipped - shown > timedelta(seconds=1):
        middle = shown + (skipped - shown) / 2
        ahead = middle.astimezone(zone).replace(tzinfo=None) >= wall
        shown, skipped = (shown, middle) if ahead else (middle, skipped)
    return skipped.replace(microsecond=0)  # clocks jump at whole seconds


def _span(begins: datetime, ends: datetime, zone: ZoneInfo) -> Span:
    """From wall clock to wall clock; one that falls into a skipped hour keeps its length."""
    start, end = first_instant(begins, zone), first_instant(ends, zone)
    return Span(starts_at=start, ends_at=end if end > start else start + (ends - begins))

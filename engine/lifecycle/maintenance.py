"""Planned work: which alerts are expected of it, and until when they are nobody's worry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engine.clock import require_aware, to_text
from engine.domain import Alert
from engine.errors import InvalidInput
from engine.lifecycle.matchers import Matcher, all_hold, require_selective
from engine.lifecycle.recurrence import Span, Weekly

_LONGEST_COMMENT = 1_000
_LONGEST_COVER = timedelta(days=31)  # by windows that follow each other without a gap: then somebody must look


class WindowState(StrEnum):
    """Where a window stands at some moment."""

    ACTIVE = "active"
    PENDING = "pending"  # its next stretch is still to come
    OVER = "over"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Planned work on what `matchers` say: alerts of it that begin inside are muted until it ends, and kept.

    An alert that was there before the work began is none of it: it stays loud. One that outlives the work becomes loud.
    """

    id: str  # "MW-n", "" before it is stored
    matchers: tuple[Matcher, ...]  # all must hold
    starts_at: datetime  # UTC, of the first stretch
    ends_at: datetime  # UTC, of the first stretch
    weekly: Weekly | None = None
    comment: str = ""
    created_by: str = ""
    ended_at: datetime | None = None  # UTC: a person ended it; nothing of it counts from then on

    def __post_init__(self) -> None:
        for name in ("starts_at", "ends_at", "ended_at"):
            moment = getattr(self, name)
            if moment is not None:
                object.__setattr__(self, name, require_aware(moment, name))
        if self.starts_at >= self.ends_at:
            raise InvalidInput("ends_at is not after starts_at")
        if len(self.comment) > _LONGEST_COMMENT:
            raise InvalidInput(f"comment is longer than {_LONGEST_COMMENT} characters")
        require_selective(self.matchers, "matchers")
        if self.weekly is not None:
            self.weekly.require_fit(self.first)

    @property
    def first(self) -> Span:
        """Its first stretch, as planned."""
        return Span(starts_at=self.starts_at, ends_at=self.ends_at)

    def spans_around(self, moment: datetime) -> Iterable[Span]:
        """Its stretches that can contain `moment` or come next, oldest first, cut off where it was ended."""
        planned = [self.first] if self.weekly is None else self.weekly.around(self.first, moment)
        end = self.ended_at
        for span in planned:
            if end is None or span.ends_at <= end:
                yield span
            elif span.starts_at < end:
                yield Span(starts_at=span.starts_at, ends_at=end)

    def at(self, moment: datetime) -> Span | None:
        """The stretch that contains `moment`; of several, the one that ends last."""
        inside = [span for span in self.spans_around(moment) if moment in span]
        return max(inside, key=lambda span: span.ends_at, default=None)

    def upcoming(self, moment: datetime) -> Span | None:
        """The next stretch that begins after `moment`."""
        coming = [span for span in self.spans_around(max(moment, self.starts_at)) if span.starts_at > moment]
        return min(coming, key=lambda span: span.starts_at, default=None)

    def state(self, moment: datetime) -> WindowState:
        """Whether it runs, will run, or is over at `moment`."""
        if self.at(moment) is not None:
            return WindowState.ACTIVE
        return WindowState.PENDING if self.upcoming(moment) is not None else WindowState.OVER

    def text(self) -> str:
        """What is meant, in one line."""
        return ", ".join(map(str, self.matchers))


@dataclass(frozen=True, kw_only=True, slots=True)
class Cover:
    """An alert began inside a window: the window, that stretch of it, and when the cover ends."""

    window: Window
    span: Span
    until: datetime  # UTC; later than the span's end where windows follow each other without a gap

    def because(self) -> str:
        """In words, for people."""
        comment = f": {self.window.comment}" if self.window.comment else ""
        return f"in maintenance {self.window.id} until {to_text(self.until)}{comment}"


def cover(alert: Alert, windows: Sequence[Window]) -> Cover | None:
    """The planned work that `alert` began in, None if it is to be heard. Heartbeats are always heard.

    Where windows overlap or follow each other without a gap, the cover lasts until the last of them ends.
    """
    started = alert.starts_at
    inside = [
        (span, window)
        for window in windows
        if window.starts_at <= started and (span := window.at(started)) and all_hold(window.matchers, alert)
    ]
    if not inside or alert.is_heartbeat:
        return None
    span, window = min(inside, key=lambda pair: (pair[0].starts_at, pair[1].id))
    meant = [one for one in windows if all_hold(one.matchers, alert)]
    until, later = started, max(one.ends_at for one, _ in inside)
    while until < later and until < started + _LONGEST_COVER:
        until = later
        later = max((after.ends_at for one in meant if (after := one.at(until))), default=until)
    return Cover(window=window, span=span, until=until)

"""What the commands of `python -m api maintenance` do, straight to the database; services apply it in seconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from api.commands.terminal import opened_store, say
from engine.clock import parse_time, to_text, utc_now
from engine.errors import InvalidInput
from engine.lifecycle.maintenance import Window, WindowState
from engine.lifecycle.matchers import parse_matcher
from engine.lifecycle.recurrence import Weekly
from engine.settings import Settings
from engine.store import maintenance

_LENGTH = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def add(matchers: Sequence[str], times: tuple[str, str], weekly: tuple[str, str], comment: str, by: str) -> None:
    """Plan work from and to `times`, on the days and by the clocks of `weekly`, and print its id.

    Raises
    ------
    InvalidInput
        If something of it cannot be read.
    """
    starts_at = parse_time(times[0], "starts") if times[0] else utc_now().replace(microsecond=0)
    window = Window(
        id="",
        matchers=tuple(parse_matcher(text) for text in matchers),
        starts_at=starts_at,
        ends_at=_end(times[1], starts_at),
        weekly=_weekly(*weekly),
        comment=comment,
        created_by=by,
    )
    with opened_store() as store, store.write() as tx:
        window = maintenance.add(tx, window)
    say(window.id)


def list_windows(over: bool) -> None:
    """Print windows, one a line: id, state, the stretch that runs or comes next, matchers, comment."""
    now = utc_now()
    with opened_store() as store, store.read() as link:
        for window in maintenance.windows(link):
            state = window.state(now)
            if state is WindowState.OVER and not over:
                continue
            span = window.at(now) or window.upcoming(now) or window.first
            when = f"{to_text(span.starts_at)} to {to_text(window.ended_at or span.ends_at)}"
            again = f" every {_days(window.weekly)}" if window.weekly else ""
            say("\t".join((window.id, state.value, when + again, window.text(), window.comment, window.created_by)))


def end(window_id: str) -> None:
    """End a window now. Raises NotFound."""
    with opened_store() as store, store.write() as tx:
        maintenance.end(tx, window_id, utc_now())
    say(f"ended {window_id}")


def _end(text: str, starts_at: datetime) -> datetime:
    length = _LENGTH.fullmatch(text.strip())
    return starts_at + int(length[1]) * _UNITS[length[2]] if length else parse_time(text, "ends")


def _weekly(days: str, timezone: str) -> Weekly | None:
    if not days:
        return None
    names = [day.strip().lower()[:3] for day in days.split(",")]
    if unknown := [name for name in names if name not in _DAYS]:
        raise InvalidInput(f"{len(unknown)} of the weekly days is none: known are {', '.join(_DAYS)}")
    weekdays = tuple(sorted({_DAYS.index(name) for name in names}))
    return Weekly(weekdays=weekdays, timezone=timezone or Settings().timezone)


def _days(weekly: Weekly) -> str:
    return f"{', '.join(_DAYS[day] for day in weekly.weekdays)} ({weekly.timezone})"

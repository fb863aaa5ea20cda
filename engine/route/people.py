"""People out of a CSV file: one responder a row, further columns ignored."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.clock import parse_time
from engine.domain import Responder, TimeOff
from engine.errors import InvalidInput

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TRUE = {"1", "true", "yes", "y", "x"}
_ALIASES = {"email": "id", "user": "id", "username": "id", "login": "id", "group": "team", "zone": "timezone",
            "time_zone": "timezone", "tz": "timezone", "full_name": "name", "display_name": "name"}  # fmt: skip


def read_people(text: str) -> tuple[list[Responder], list[str]]:
    """The responders of a CSV with a header, and what is wrong with rows that were left out.

    Columns: `id` (or email, user, login), name, team, skills (a;b), timezone, workdays (mon-fri, or 0;1;2),
    work_starts, work_ends (HH:MM), time_off (START/END;START/END in ISO 8601), on_call, max_open, left.

    Raises
    ------
    InvalidInput
        If there is no column of ids.
    """
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    names = {name: _ALIASES.get(_plain(name), _plain(name)) for name in rows.fieldnames or ()}
    if "id" not in names.values():
        raise InvalidInput("the file has no column id (or email, user, login)")
    found: dict[str, Responder] = {}
    problems = []
    for row in rows:
        told = {names[name]: value.strip() for name, value in row.items() if name in names and isinstance(value, str)}
        try:
            person = _person(told)
            found[person.id] = person
        except (InvalidInput, ValueError) as error:
            problems.append(f"line {rows.line_num}: {error}")
    return list(found.values()), problems


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _person(told: Mapping[str, str]) -> Responder:
    if not told.get("id"):
        raise InvalidInput("there is no id")
    return Responder(
        id=told["id"],
        name=told.get("name", ""),
        team=told.get("team", ""),
        skills=tuple(skill.strip() for skill in told.get("skills", "").split(";") if skill.strip()),
        timezone=_zone(told.get("timezone") or "UTC"),
        workdays=read_days(told.get("workdays") or "mon-fri"),
        work_starts=time.fromisoformat(told.get("work_starts") or "09:00"),
        work_ends=time.fromisoformat(told.get("work_ends") or "17:00"),
        time_off=tuple(_off(part) for part in told.get("time_off", "").split(";") if part.strip()),
        on_call=told.get("on_call", "").lower() in _TRUE,
        max_open=max(1, int(told.get("max_open") or 5)),
        left=told.get("left", "").lower() in _TRUE,
    )


def read_days(text: str) -> tuple[int, ...]:
    """Days of the week out of names, numbers (Monday is 0) or ranges of either.

    Examples
    --------
    >>> read_days("mon-thu"), read_days("0;2;4"), read_days("sat-mon")
    ((0, 1, 2, 3), (0, 2, 4), (0, 5, 6))
    """
    found: set[int] = set()
    for part in text.lower().replace(",", ";").replace(" ", ";").split(";"):
        if not part:
            continue
        first, _, last = part.partition("-")
        begin = _day(first)
        found.update((begin + step) % 7 for step in range((_day(last or first) - begin) % 7 + 1))
    return tuple(sorted(found))


def _day(word: str) -> int:
    day = _DAYS.index(word[:3]) if word[:3] in _DAYS else int(word) if word.isdigit() else -1
    if not 0 <= day <= 6:
        raise InvalidInput("workdays are not days of the week: write mon-fri or 0;1;2")
    return day


def _off(text: str) -> TimeOff:
    start, _, end = text.strip().partition("/")
    off = TimeOff(starts_at=parse_time(start, "time_off"), ends_at=parse_time(end, "time_off"))
    if off.starts_at >= off.ends_at:
        raise InvalidInput("time_off does not end after its start")
    return off


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("timezone is no IANA time zone: write it like Europe/Amsterdam") from None
    return name

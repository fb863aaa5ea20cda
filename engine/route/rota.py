"""Who is on call by turns: a rota goes round its members by the wall clock of a zone, across changes of clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.clock import parse_time, require_aware, to_text
from engine.domain import Responder
from engine.errors import InvalidInput


@dataclass(frozen=True, kw_only=True, slots=True)
class Rota:
    """Members take turns of `turn_days`, the first from `starts_at`, changing at its wall-clock time in `timezone`."""

    id: str
    members: tuple[str, ...]  # responders' ids, in the order of their turns
    starts_at: datetime  # UTC
    turn_days: int = 7
    timezone: str = "UTC"  # IANA name
    team: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts_at", require_aware(self.starts_at, "starts_at"))
        if not self.id or not self.members or not 1 <= self.turn_days <= 366:
            raise InvalidInput("a rota needs an id, members, and turns of 1 to 366 days")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidInput("timezone is no IANA time zone: write it like Europe/Amsterdam") from None

    def turns(self, at: datetime) -> tuple[str, ...]:
        """The members in the order in which they are on call from `at` (UTC) on; nobody before the first turn."""
        zone = ZoneInfo(self.timezone)
        began, now = (moment.astimezone(zone).replace(tzinfo=None) for moment in (self.starts_at, at))
        if now < began:
            return ()
        first = (now - began) // timedelta(days=self.turn_days) % len(self.members)
        return self.members[first:] + self.members[:first]

    def to_data(self) -> dict[str, Any]:
        """JSON-able."""
        own = {"id": self.id, "team": self.team, "timezone": self.timezone, "turn_days": self.turn_days}
        return {**own, "members": list(self.members), "starts_at": to_text(self.starts_at)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The rota that `to_data` described."""
        known = {name: data[name] for name in ("id", "team", "timezone", "turn_days") if name in data}
        return cls(members=tuple(data["members"]), starts_at=parse_time(data["starts_at"], "starts_at"), **known)


def on_duty(staff: Sequence[Responder], rotas: Sequence[Rota], at: datetime) -> list[Responder]:
    """`staff` with those on call whose turn it is; where one is away or has left, the next in line stands in."""
    person_of = {person.id: person for person in staff}
    called = {who for rota in rotas if (who := _called(rota, person_of, at))}
    return [replace(person, on_call=True) if person.id in called else person for person in staff]


def _called(rota: Rota, person_of: Mapping[str, Responder], at: datetime) -> str:
    for who in rota.turns(at):
        person = person_of.get(who)
        if person and not person.left and not any(off.starts_at <= at < off.ends_at for off in person.time_off):
            return who
    return ""

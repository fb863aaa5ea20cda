"""Who mends it: people with skills, teams, zones, working hours and time off; one leaves, one joins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from engine.domain import Responder, TimeOff

TEAM_OF = {
    "postgres": "database", "redis": "database", "rabbitmq": "platform", "linux": "platform", "storage": "platform",
    "scheduling": "platform", "backup": "platform", "network": "network", "security": "network", "facility": "network",
    "java": "applications", "releases": "applications", "integrations": "applications",
}  # fmt: skip
_FIRST = (
    "anna",
    "bram",
    "chloe",
    "daan",
    "elif",
    "femke",
    "goran",
    "hanna",
    "ivan",
    "joris",
    "kim",
    "lena",
    "milan",
    "noor",
    "omar",
    "petra",
)
_LAST = (
    "berg",
    "smit",
    "kaya",
    "novak",
    "visser",
    "olsen",
    "haas",
    "moreau",
    "bakker",
    "rossi",
    "dale",
    "ferri",
    "kovac",
    "prins",
    "weber",
    "lund",
)
_ABROAD = ("Europe/London", "America/New_York", "Asia/Kolkata", "Europe/Athens", "America/Sao_Paulo")


@dataclass(frozen=True, slots=True)
class Person:
    """A responder and the stretch in which the firm employs him or her."""

    responder: Responder
    joins_at: datetime
    leaves_at: datetime

    def employed(self, at: datetime) -> bool:
        """Whether the person works here at `at`."""
        return self.joins_at <= at < self.leaves_at

    def present(self, at: datetime) -> bool:
        """Whether `at` lies in working hours, in the person's zone, outside time off."""
        who = self.responder
        local = at.astimezone(ZoneInfo(who.timezone))
        away = any(off.starts_at <= at < off.ends_at for off in who.time_off)
        return not away and local.weekday() in who.workdays and who.work_starts <= local.time() < who.work_ends


def _time_off(first: datetime, days: int, rng: Random) -> tuple[TimeOff, ...]:
    starts = sorted(rng.sample(range(days), min(days, max(1, days // 45))))
    return tuple(
        TimeOff(starts_at=first + timedelta(days=start), ends_at=first + timedelta(days=start + rng.randint(2, 12)))
        for start in starts
    )


def _person(name: str, skills: tuple[str, ...], home: str, first: datetime, days: int, rng: Random) -> Person:
    begins = rng.choice((time(7), time(8), time(9), time(9)))
    responder = Responder(
        id=name,
        name=name.replace(".", " ").title(),
        team=TEAM_OF[skills[0]],
        skills=skills,
        timezone=home if rng.random() < 0.8 else rng.choice(_ABROAD),
        workdays=(0, 1, 2, 3, 4) if rng.random() < 0.75 else (0, 1, 2, 3),
        work_starts=begins,
        work_ends=time(begins.hour + 8, 30),
        time_off=_time_off(first, days, rng),
    )
    return Person(responder, first, first + timedelta(days=10 * 365))


def staff(count: int, home: str, first: datetime, days: int, rng: Random) -> list[Person]:
    """About `count` people (at least 4) who together have all skills; the last of them joins when another leaves."""
    count = max(4, count)
    names = [f"{a}.{b}" for a, b in zip(rng.sample(_FIRST, 16), rng.sample(_LAST, 16), strict=True)]
    names = (names + [f"{a}.{b}" for a in _FIRST for b in _LAST if f"{a}.{b}" not in names])[: count + 1]
    found = [
        _person(name, skills, home, first, days, rng) for name, skills in zip(names, _dealt(count, rng), strict=False)
    ]
    on_call = rng.randrange(count)
    found[on_call] = replace(found[on_call], responder=replace(found[on_call].responder, on_call=True))
    return _with_change(found, names[count], home, first, days, rng)


def _dealt(count: int, rng: Random) -> list[tuple[str, ...]]:
    """The skills of `count` people, own speciality first: every team has somebody, every skill is somebody's."""
    teams = sorted(set(TEAM_OF.values()))
    heads = [teams[at % len(teams)] for at in range(count)]
    found = []
    for at, team in enumerate(heads):
        skills = [skill for skill, owner in TEAM_OF.items() if owner == team]
        turn, size = heads[:at].count(team), heads.count(team)
        own = skills[turn::size] or [rng.choice(skills)]
        rest = [skill for skill in skills if skill not in own]
        found.append((*own, *rng.sample(rest, min(len(rest), 1))))
    return found


def _with_change(
    people: list[Person], newcomer: str, home: str, first: datetime, days: int, rng: Random
) -> list[Person]:
    """One person leaves at about half of the time, and a newcomer with the same skills joins a little later."""
    leaver = rng.choice([at for at, person in enumerate(people) if not person.responder.on_call])
    leaves = first + timedelta(days=days * rng.uniform(0.45, 0.6))
    joins = leaves + timedelta(days=days * 0.05)
    new = _person(newcomer, people[leaver].responder.skills, home, joins, days, rng)
    people[leaver] = replace(people[leaver], leaves_at=leaves)
    return [*people, replace(new, joins_at=joins)]


def choose(people: list[Person], skill: str, product: str, at: datetime, rng: Random) -> Responder:
    """Who ends a fault: mostly who has the skill first in line, knows the product and is there."""
    weights = [_weight(person, skill, product, at) for person in people]
    return rng.choices(people, weights)[0].responder


def _weight(person: Person, skill: str, product: str, at: datetime) -> float:
    """How likely the person is to take it, relative to the others (0: not employed)."""
    who = person.responder
    if not person.employed(at):
        return 0.0
    weight = 0.02 + 0.3 * (who.team == TEAM_OF[skill])
    if skill in who.skills:
        weight += 6.0 if who.skills[0] == skill else 3.0
    if product and sum(map(ord, who.id + product)) % 5 == 0:  # each knows about a fifth of the products well
        weight *= 2.5
    return weight * (1.0 if person.present(at) else 0.15 + 0.4 * who.on_call)

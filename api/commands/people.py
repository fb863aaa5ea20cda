"""What the commands of `python -m api responder` do, straight to the database; the next question knows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.commands.terminal import opened_store, say
from engine.answering.people import People
from engine.clock import parse_time, utc_now
from engine.errors import InvalidInput
from engine.route.ownership import read_owners
from engine.route.rota import Rota


def list_responders() -> None:
    """Everybody, on call as the rotas have it now."""
    with _people() as people:
        for one in people.roster(utc_now()).staff:
            state = "left" if one.left else "on call" if one.on_call else ""
            hours = f"{one.work_starts:%H:%M}-{one.work_ends:%H:%M} {one.timezone}"
            say(f"{one.id:<24} {one.team:<20} {hours:<34} {len(one.time_off):>3} off  {state}")


def import_csv(path: Path) -> None:
    """Create or replace the people of a CSV. Raises InvalidInput."""
    with _people() as people:
        stored, problems = people.import_responders(_text(path))
    for problem in problems:
        say(problem, error=True)
    say(f"{stored} responders stored, {len(problems)} rows left out")


def take_calendar(responder_id: str, path: Path) -> None:
    """Put a calendar's busy stretches in place of somebody's time off. Raises NotFound, InvalidInput."""
    with _people() as people:
        person = people.take_calendar(responder_id, _text(path))
    say(f"{person.id}: {len(person.time_off)} stretches of time off")


def put_rota(rota_id: str, members: list[str], starts: str, turn_days: int, timezone: str) -> None:
    """Members take turns on call. Raises NotFound, InvalidInput."""
    starts_at = parse_time(starts, "starts") if starts else utc_now().replace(microsecond=0)
    rota = Rota(id=rota_id, members=tuple(members), starts_at=starts_at, turn_days=turn_days, timezone=timezone)
    with _people() as people:
        people.put_rota(rota)
    say(f"{rota_id}: {members[0]} is on call first")


def take_owners(path: Path) -> None:
    """Read an ownership file. Raises InvalidInput."""
    owned = read_owners(_text(path))
    with _people() as people:
        people.put_ownership(owned, utc_now())
    say(f"{len(owned)} entries of ownership stored")


def rename(old: str, new: str) -> None:
    """A team or person has a new name: the past is told under it."""
    with _people() as people:
        people.put_renames({**people.renames(), old: new})
    say(f"{old} is {new} from now on")


def watch() -> None:
    """How good routing has been, week by week."""
    with _people() as people:
        found = people.routing_watch()
    for week in found.weeks:
        shares = f"{week.first / week.asked:.2f} @1  {week.near / week.asked:.2f} @3  ECE {week.calibration_error:.3f}"
        say(f"{week.begins}  {week.asked:>5} judged  {shares}  busiest tenth {week.busiest_tenth:.2f}")
    say("routing has become worse of late" if found.has_fallen else f"{len(found.weeks)} weeks, no fall")


@contextmanager
def _people() -> Iterator[People]:
    with opened_store() as store:
        yield People(store)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name} cannot be read ({type(error).__name__})") from error

"""`python -m api`: the door of the service. Only names and options live here, so that help is instant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api import bytecode
from engine.errors import PathfinderError
from engine.lazy import lazy

if TYPE_CHECKING:
    from api.chaos import command as chaos_command
    from api.commands import incidents as incident_commands
    from api.commands import maintenance as maintenance_commands
    from api.commands import people as people_commands
    from api.commands import service as commands

if not TYPE_CHECKING:
    chaos_command = lazy("api.chaos.command")
    commands = lazy("api.commands.service")
    incident_commands = lazy("api.commands.incidents")
    maintenance_commands = lazy("api.commands.maintenance")
    people_commands = lazy("api.commands.people")

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: loading rich would double the time to the first word
    help="The scoring API and console of PathFinder. Without a command it serves.",
)
key = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="API keys.")
app.add_typer(key, name="key")
incident = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Set grouping right: merge, split, move and pin. No model undoes it.",
)
app.add_typer(incident, name="incident")
maintenance = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Planned work: its alerts are muted and kept."
)
app.add_typer(maintenance, name="maintenance")
responder = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="People, calendars, turns on call.")
app.add_typer(responder, name="responder")

Host = Annotated[str, typer.Option(help="address to listen on; default: PATHFINDER_HOST or 127.0.0.1")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="port; default: PATHFINDER_PORT or 8000")]


Alerts = Annotated[list[str], typer.Argument(help="ids of alerts, as `incident show` lists them", metavar="ALERT...")]
By = Annotated[str, typer.Option(help="who says so: shown in timelines")]
Reason = Annotated[str, typer.Option(help="why: shown in timelines and beside the alerts")]


@app.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve(host: Host = "", port: Port = 0) -> None:
    """Serve the API and the console."""
    bytecode.keep()
    commands.serve(host, port)


@app.command()
def chaos(
    storm: Annotated[
        list[str] | None,
        typer.Argument(
            help="kill, stop, duplicates, slow, full, writers; power, which needs root; default: all but power"
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="kills, rounds of duplicates, seeds of writers")] = 5,
    seconds: Annotated[float, typer.Option(min=0.0, max=60.0, help="longest load before a kill")] = 2.0,
    seed: Annotated[int, typer.Option(help="same seed, same moments")] = 0,
) -> None:
    """Pull the plug on a service of its own on this machine, and count: fails if an acknowledged alert is lost."""
    chaos_command.run(storm or [], rounds, seconds, seed)


@key.command()
def create(
    name: Annotated[str, typer.Argument(help="whose key it is: shown in timelines")],
    scope: Annotated[list[str] | None, typer.Option(help="ingest, read, operate or admin; may be repeated")] = None,
) -> None:
    """Make a key and print its token, once."""
    commands.create_key(name, scope or ["read"])


@key.command(name="list")
def list_() -> None:
    """All keys, without secrets."""
    commands.list_keys()


@key.command()
def revoke(key_id: Annotated[str, typer.Argument(help="the id that `key list` shows")]) -> None:
    """End a key; running services refuse it within seconds."""
    commands.revoke_key(key_id)


@incident.command()
def show(incident_id: Annotated[str, typer.Argument(help="such as INC-7", metavar="INCIDENT")]) -> None:
    """An incident and its alerts, and why each is there."""
    incident_commands.show(incident_id)


@incident.command()
def merge(
    sources: Annotated[list[str], typer.Argument(help="incidents that become part of another", metavar="INCIDENT...")],
    into: Annotated[str, typer.Option(help="the incident that takes all their alerts")],
    by: By = "command line",
    reason: Reason = "",
) -> None:
    """Incidents are one problem."""
    incident_commands.merge(sources, into, by, reason)


@incident.command()
def split(
    incident_id: Annotated[str, typer.Argument(help="such as INC-7", metavar="INCIDENT")],
    alerts: Alerts,
    by: By = "command line",
    reason: Reason = "",
) -> None:
    """These alerts are another problem: they become an incident of their own."""
    incident_commands.split(incident_id, alerts, by, reason)


@incident.command()
def move(
    alert: Annotated[str, typer.Argument(help="id of the alert", metavar="ALERT")],
    to: Annotated[str, typer.Option(help="the incident it belongs to; without it, an incident of its own")] = "",
    by: By = "command line",
    reason: Reason = "",
) -> None:
    """An alert belongs elsewhere."""
    incident_commands.move(alert, to, by, reason)


@incident.command()
def pin(alerts: Alerts, by: By = "command line", reason: Reason = "") -> None:
    """Alerts are where they belong: later evidence leaves them there."""
    incident_commands.pin(alerts, by, reason)


@incident.command()
def unpin(alerts: Alerts, by: By = "command line", reason: Reason = "") -> None:
    """Later evidence may move these alerts again."""
    incident_commands.unpin(alerts, by, reason)


@maintenance.command()
def add(
    match: Annotated[
        list[str], typer.Argument(help="such as service=orders-db or 'host=~db-.*'", metavar="MATCHER...")
    ],
    ends: Annotated[str, typer.Option(help="ISO 8601, UTC where no offset is given; or a length such as 90m, 4h, 2d")],
    starts: Annotated[str, typer.Option(help="ISO 8601; default: now")] = "",
    weekly: Annotated[str, typer.Option(help="days it comes back on, such as sat,sun")] = "",
    timezone: Annotated[str, typer.Option(help="whose clocks a weekly one follows; default: PATHFINDER_TIMEZONE")] = "",
    comment: Annotated[str, typer.Option(help="what is done: shown wherever it mutes")] = "",
    by: By = "command line",
) -> None:
    """Plan work; running services mute what begins inside within seconds."""
    maintenance_commands.add(match, (starts, ends), (weekly, timezone), comment, by)


@maintenance.command(name="list")
def list_windows(
    over: Annotated[bool, typer.Option("--over", help="those that are over, too")] = False,
) -> None:
    """What runs and what is to come."""
    maintenance_commands.list_windows(over)


@maintenance.command()
def end(window_id: Annotated[str, typer.Argument(help="such as MW-7", metavar="WINDOW")]) -> None:
    """The work is done, or off: what of it still fires is loud within seconds."""
    maintenance_commands.end(window_id)


File = Annotated[Path, typer.Argument(help="the file to read", exists=True, dir_okay=False)]


@responder.command(name="list")
def list_responders() -> None:
    """Everybody, with hours and who is on call now."""
    people_commands.list_responders()


@responder.command(name="import")
def import_responders(file: File) -> None:
    """Create or replace the people of a CSV: id, name, team, skills, timezone, workdays, hours, time off, on call."""
    people_commands.import_csv(file)


@responder.command()
def calendar(responder_id: Annotated[str, typer.Argument(help="whose", metavar="RESPONDER")], file: File) -> None:
    """Put what makes busy in an iCalendar file in place of somebody's time off."""
    people_commands.take_calendar(responder_id, file)


@responder.command()
def rota(
    rota_id: Annotated[str, typer.Argument(help="such as database", metavar="ROTA")],
    members: Annotated[list[str], typer.Argument(help="in the order of their turns", metavar="RESPONDER...")],
    starts: Annotated[str, typer.Option(help="ISO 8601, when the first turn begins; default: now")] = "",
    turn_days: Annotated[int, typer.Option(min=1, max=366, help="length of a turn")] = 7,
    timezone: Annotated[str, typer.Option(help="by whose clocks hands change")] = "UTC",
) -> None:
    """Members take turns on call."""
    people_commands.put_rota(rota_id, members, starts, turn_days, timezone)


@responder.command()
def owners(file: File) -> None:
    """Read an ownership file in the form of CODEOWNERS: it stands in for a history where there is none."""
    people_commands.take_owners(file)


@responder.command()
def rename(
    old: Annotated[str, typer.Argument(help="a team or person", metavar="OLD")],
    new: Annotated[str, typer.Argument(help="the name since the reorganisation", metavar="NEW")],
) -> None:
    """A team or person has a new name: the past is learned again under it."""
    people_commands.rename(old, new)


@responder.command()
def watch() -> None:
    """How often routing was right, week by week."""
    people_commands.watch()


def main() -> None:
    """Run the command line; deliberate errors become one line on standard error and exit code 2."""
    try:
        app()
    except PathfinderError as error:
        place = f" ({error.field})" if error.field else ""
        typer.echo(f"error: {error}{place}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()

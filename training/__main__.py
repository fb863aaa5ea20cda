"""`python -m training VERB`: the door of batch jobs. Only names and options live here, so that help is instant."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import PathfinderError
from engine.lazy import lazy

if TYPE_CHECKING:
    from training.verbs import bench, database, world
    from training.verbs import correlate as correlate_verb
    from training.verbs import patterns as patterns_verb
    from training.verbs import replay as replay_verb
    from training.verbs import route as route_verb
    from training.verbs import snapshot as snapshot_verb
    from training.verbs import suggest as suggest_verb


if not TYPE_CHECKING:
    bench, database, world, correlate_verb, patterns_verb, replay_verb, route_verb, snapshot_verb, suggest_verb = (
        lazy(f"training.verbs.{name}")
        for name in ("bench", "database", "world", "correlate", "patterns", "replay", "route", "snapshot", "suggest")
    )

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: loading rich would double the time to the first word
    help="Batch jobs of PathFinder: import, retrain, evaluate, simulate, score files, benchmark.",
)


class Part(StrEnum):
    """The four questions, as benchmarks name them."""

    CORRELATE = "correlate"
    SUGGEST = "suggest"
    ROUTE = "route"
    PATTERNS = "patterns"
    INTAKE = "intake"


class Target(StrEnum):
    """Whom `route` ranks."""

    RESOLVER = "resolver"
    TEAM = "team"


History = Annotated[Path, typer.Option(help="past incidents: CSV or JSON lines", show_default=False)]
Queries = Annotated[Path, typer.Option(help="incidents asked about: CSV or JSON lines", show_default=False)]
Out = Annotated[Path, typer.Option(help="the file to write", show_default=False)]
Top = Annotated[int, typer.Option(min=1, max=1000, help="ranks written per query")]


@app.command()
def correlate(
    alerts: Annotated[Path, typer.Argument(help="ALERTS.jsonl, one alert a line in the order received")],
    out: Out,
    history: Annotated[Path | None, typer.Option(help="earlier alerts with incident_id")] = None,
    topology: Annotated[Path | None, typer.Option(help="EDGES.csv: source,target,relation")] = None,
) -> None:
    """Group alerts into incidents: alert_id,incident_id,probability,root_rank."""
    correlate_verb.run(alerts, out, history, topology)


@app.command()
def suggest(history: History, queries: Queries, out: Out, top: Top = 10) -> None:
    """Rank past incidents for each query: query_id,rank,incident_id,score."""
    suggest_verb.run(history, queries, out, top)


@app.command()
def route(
    history: History,
    queries: Queries,
    out: Out,
    target: Annotated[Target, typer.Option(help="people or teams")] = Target.RESOLVER,
    top: Top = 10,
) -> None:
    """Rank responders for each query: query_id,rank,responder,probability,automatic."""
    route_verb.run(history, queries, out, target.value, top)


@app.command()
def patterns(  # noqa: PLR0913 - one parameter per option
    out: Out,
    metrics: Annotated[Path | None, typer.Argument(help="METRICS.csv: ts,service,host,metric,value")] = None,
    events: Annotated[Path | None, typer.Option(help="ALERTS.jsonl instead of metrics")] = None,
    timezone: Annotated[str, typer.Option(help="IANA zone of the wall clock")] = "UTC",
    server: Annotated[str, typer.Option(help="Prometheus to read from, such as http://localhost:9090")] = "",
    query: Annotated[str, typer.Option(help="PromQL asked of it, such as node_load5")] = "",
    days: Annotated[int, typer.Option(min=4, max=800, help="how far back it is asked")] = 56,
    calendar: Annotated[Path | None, typer.Option(help="also write an iCalendar file")] = None,
    silences: Annotated[Path | None, typer.Option(help="also write silences for Alertmanager")] = None,
    sentences: Annotated[Path | None, typer.Option(help="also write a sentence for each")] = None,
    pictures: Annotated[Path | None, typer.Option(help="also draw each into this folder")] = None,
) -> None:
    """Find load that recurs by the clock or the calendar, and when it comes next."""
    source = patterns_verb.Source(metrics=metrics, events=events, server=server, query=query, days=days)
    beside = patterns_verb.Beside(calendar=calendar, silences=silences, sentences=sentences, pictures=pictures)
    patterns_verb.run(source, timezone, out, beside)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="export of past incidents: CSV or JSON lines")],
    topology: Annotated[Path | None, typer.Option(help="EDGES.csv to import beside it")] = None,
    timezone: Annotated[str, typer.Option(help="IANA zone of dates without an offset")] = "UTC",
) -> None:
    """Take past incidents (own form, ServiceNow, Jira, PagerDuty, Zendesk ...) into the database."""
    database.import_(file, topology, timezone)


@app.command()
def encode() -> None:
    """Encode the past incidents in the database ahead of the service, newest first; goes on where it stopped."""
    database.encode()


@app.command()
def retrain(
    until: Annotated[str, typer.Option(help="use data up to this moment (ISO 8601); default: now")] = "",
    force: Annotated[bool, typer.Option(help="promote even if no better than what serves")] = False,
) -> None:
    """Fit each part, judge it on held-out time, write a version, move the active pointer."""
    database.retrain(until, force)


@app.command()
def rollback() -> None:
    """Put the model version that served before back in service."""
    database.rollback()


@app.command()
def evaluate(
    until: Annotated[str, typer.Option(help="use data up to this moment (ISO 8601); default: now")] = "",
) -> None:
    """Judge each part on held-out time against plain baselines; changes nothing."""
    database.evaluate(until)


@app.command()
def replay(
    alerts: Annotated[Path | None, typer.Argument(help="ALERTS.jsonl; default: the database")] = None,
    model: Annotated[str, typer.Option(help="version, its folder, or 'shipped'; default: what serves")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="keep_h=8, repair.move_margin=2 ...")] = None,
    before: Annotated[str, typer.Option(help="model to compare with; default: what is stored")] = "",
    topology: Annotated[Path | None, typer.Option(help="EDGES.csv; default: the database's")] = None,
    since: Annotated[str, typer.Option(help="database: from this moment on (ISO 8601)")] = "",
    until: Annotated[str, typer.Option(help="database: up to this moment (ISO 8601)")] = "",
    out: Annotated[Path, typer.Option(help="JSON to write; a picture goes beside it")] = Path("data/replay.json"),
) -> None:
    """Group stored history anew with another model or other settings; tell what would have changed."""
    asked = replay_verb.Question(
        alerts=alerts, topology=topology, model=model, before=before, settings=set_ or [], since=since, until=until
    )
    replay_verb.run(asked, out)


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="folder to write the files to")],
    seed: Annotated[int, typer.Option(help="same seed, same firm")] = 0,
    days: Annotated[int, typer.Option(min=28, max=730)] = 90,
) -> None:
    """Write a seeded small firm with ground truth, in the forms the other verbs read."""
    world.simulate(out, seed, days)


@app.command()
def seed(
    seed: Annotated[int, typer.Option(help="which firm")] = 0,
) -> None:
    """Fill an empty database with the seeded firm, replay a storm, print a key. Does nothing to a filled one."""
    database.seed(seed)


@app.command()
def snapshot(
    out: Annotated[Path, typer.Argument(help="file to write; must not be there yet")],
) -> None:
    """Copy the database while it is in use: whole, at one moment, checked."""
    snapshot_verb.take(out)


@app.command()
def restore(
    snapshot: Annotated[Path, typer.Argument(help="what `snapshot` wrote")],
) -> None:
    """Put a snapshot where the database is to be; nothing may be there, and no service running."""
    snapshot_verb.restore(snapshot)


@app.command()
def benchmark(
    part: Annotated[Part, typer.Argument(help="which question")],
    quick: Annotated[bool, typer.Option(help="a subset, under a minute")] = False,
    full: Annotated[bool, typer.Option(help="correlate: every attack alert too, for hours")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="correlate: firms, P1 .. P8; suggest: firms, desks, issues, issues:all, growth, growth:SIZE; "
            "route: firms, team, person, lived, firefox, hadoop, scale; intake: rates, storm, soak, start; patterns: "
            "injected, weekly, clock, month, none, hard, heldout, syslog, seed:N; may be given again"
        ),
    ] = None,
    shared: Annotated[Path, typer.Option(help="folder with datasets/")] = Path("../shared"),
    out: Annotated[Path | None, typer.Option(help="JSON to write; default data/benchmark-PART.json")] = None,
) -> None:
    """Measure a part beside the plain methods of the field, in one run."""
    bench.benchmark(part.value, quick, full, only or [], shared, out)


def main() -> None:
    """Run the command line; deliberate errors become one line on standard error and exit code 2."""
    try:
        app()
    except PathfinderError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()

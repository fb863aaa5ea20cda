"""What each verb of `python -m training` does: read files, call the part, write files, say what happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Literal, cast

from rich.console import Console
from rich.table import Table

from engine.clock import parse_time, utc_now
from engine.domain import Edge
from engine.errors import InvalidInput
from engine.pathfinder import Pathfinder
from engine.register import Register
from engine.settings import Settings
from engine.store import pointer
from engine.store.store import Store
from training import archive, files, progress
from training import correlate as correlate_job
from training import patterns as patterns_job
from training import retrain as retrain_job
from training import route as route_job
from training import seed as demo
from training import simulate as firms
from training import suggest as suggest_job
from training.benchmarks import report
from training.evaluate import Verdict
from training.firm import export
from training.history import read_history

_OUT = Console(stderr=True)
_SHOWN_PROBLEMS = 5


def correlate(alerts: Path, out: Path, history: Path | None, topology: Path | None) -> None:
    """Group the alerts of one file; see `training.correlate.group`."""
    read = files.read_alerts(alerts)
    _tell(alerts, read.problems)
    past = None
    if history is not None:
        known = files.read_alerts(history)
        _tell(history, known.problems)
        past = (known.alerts, known.incident_ids)
    edges: list[Edge] = files.read_edges(topology) if topology is not None else []
    rows = correlate_job.group(read.alerts, history=past, topology=edges, progress=progress.track)
    files.write_rows(out, correlate_job.GroupRow, rows)
    _OUT.print(f"{len(rows)} alerts in {len({row.incident_id for row in rows})} incidents -> {out}")


def suggest(history: Path, queries: Path, out: Path, top: int) -> None:
    """Rank past incidents for each query; see `training.suggest.rank`."""
    past, asked = _history_and_queries(history, queries)
    rows = suggest_job.rank(past.incidents, asked.incidents, top=top, progress=progress.track)
    files.write_rows(out, suggest_job.RankRow, rows)
    _OUT.print(f"{len(asked.incidents)} queries against {len(past.incidents)} past incidents -> {out}")


def route(history: Path, queries: Path, out: Path, target: str, top: int) -> None:
    """Rank responders for each query; see `training.route.rank`."""
    past, asked = _history_and_queries(history, queries)
    whom = cast(Literal["resolver", "team"], target)
    rows = route_job.rank(past.incidents, asked.incidents, target=whom, top=top, progress=progress.track)
    files.write_rows(out, route_job.RouteRow, rows)
    sure = sum(row.automatic for row in rows)
    _OUT.print(f"{len(asked.incidents)} queries, {sure} sure enough to assign without asking -> {out}")


def patterns(metrics: Path | None, events: Path | None, timezone: str, out: Path) -> None:
    """Find patterns in one file of samples or of alerts; see `training.patterns`."""
    if (metrics is None) == (events is None):
        raise InvalidInput("name either METRICS.csv or --events ALERTS.jsonl")
    if metrics is not None:
        found = patterns_job.from_metrics(files.read_metrics(metrics), timezone, progress.track)
    else:
        read = files.read_alerts(cast(Path, events))
        _tell(cast(Path, events), read.problems)
        found = patterns_job.from_events(read.alerts, timezone, progress.track)
    files.write_json(out, found)
    _OUT.print(f"{len(found)} patterns -> {out}")


def import_(file: Path, topology: Path | None, timezone: str) -> None:
    """Take the tickets of one export into the database; see `training.history`."""
    register = Register(_store(Settings()))
    history = read_history(file, timezone=timezone, progress=progress.track)
    taken = archive.save_incidents(register, history.incidents, progress.track)
    if topology is not None:
        register.replace_topology(files.read_edges(topology))
    report = history.report
    _tell(file, [files.Problem(line=one.line, reason=f"{one.column}: {one.reason}") for one in report.problems])
    for note in report.notes:
        _OUT.print(note)
    _OUT.print(f"{taken} of {report.rows} rows imported, read as {report.form}; next: python -m training retrain")


def retrain(until: str, force: bool) -> None:
    """Fit, judge, gate and promote; see `training.retrain`."""
    settings = Settings()
    outcome = retrain_job.retrain(_store(settings), settings, _moment(until), progress.track, force=force)
    _show(outcome.verdicts)
    _OUT.print(
        f"version {outcome.version}: {', '.join(outcome.promoted) or 'no part'} new, {outcome.patterns} patterns"
    )


def rollback() -> None:
    """Move the pointer back; API processes follow within seconds."""
    with _store(Settings()).write() as tx:
        now = pointer.roll_back(tx)
    _OUT.print(f"version {now.version or 'as shipped'} serves again")


def evaluate(until: str) -> None:
    """Judge and change nothing; see `training.retrain`."""
    settings = Settings()
    _show(retrain_job.evaluate(_store(settings), settings, _moment(until), progress.track))


def simulate(out: Path, seed: int, days: int) -> None:
    """Write a firm in the forms that the other verbs read; see `training.firm.export`."""
    export.write(firms.simulate(seed=seed, days=days), out)
    _OUT.print(f"a firm of {days} days -> {out}")


def seed(seed: int) -> None:
    """Fill an empty database with a firm, learn it, replay a storm; see `training.seed`."""
    settings, now = Settings(), utc_now()
    store = _store(settings)
    pathfinder = None
    if not Register(store).incidents(limit=1):
        with _OUT.status("simulating a small firm"):
            firm = firms.simulate(seed=seed)
        storm = demo.fill(Register(store), firm, now, progress.track)
        retrain_job.retrain(store, settings, now, progress.track, force=True)
        pathfinder = Pathfinder.open(settings)
        opened = demo.replay(pathfinder, storm, progress.track)
        _OUT.print(
            f"a storm of {len(storm.alerts)} alerts, {storm.about} of them about one fault, made {opened} incidents"
        )
    pathfinder = pathfinder or Pathfinder.open(settings)
    path = settings.cache_dir.parent / "demo-key"
    _OUT.print(f"demo key (all scopes, kept in {path}): {demo.demo_key(pathfinder, path, now)}")
    pathfinder.close()


def benchmark(part: str, quick: bool, shared: Path, out: Path | None) -> None:
    """Measure one part beside the plain methods of the field; see `training.benchmarks`."""
    job = import_module(f"training.benchmarks.{part}")
    found = shared if shared.is_dir() else None
    if found is None:
        _OUT.print(f"[yellow]{shared} is missing: only the seeded firm is measured[/]")
    rows = job.run(found, quick=quick)
    report.show(part, rows, Console())
    target = out or Path("data") / f"benchmark-{part}.json"
    report.write(part, rows, target)
    _OUT.print(f"-> {target}")


def _moment(text: str) -> datetime:
    return parse_time(text, "until") if text else utc_now()


def _show(verdicts: Sequence[Verdict]) -> None:
    table = Table("part", "measured on held-out time", "questions", "candidate", "serving", "baseline", "passes")
    for one in verdicts:
        baseline = f"{one.baseline:.3f} {one.baseline_name}"
        figures = [f"{one.candidate:.3f}", f"{one.serving:.3f}", baseline, "yes" if one.passes else "no"]
        table.add_row(one.part, one.measure, str(one.questions), *figures)
    Console().print(table)


def _store(settings: Settings) -> Store:
    store = Store(settings.database_url)
    store.migrate()
    return store


def _history_and_queries(history: Path, queries: Path) -> tuple[files.IncidentFile, files.IncidentFile]:
    past = files.read_incidents(history)
    asked = files.read_incidents(queries, undated_from=past.latest() + files.UNDATED_STEP)
    _tell(history, past.problems)
    _tell(queries, asked.problems)
    return past, asked


def _tell(path: Path, problems: list[files.Problem]) -> None:
    for problem in problems[:_SHOWN_PROBLEMS]:
        _OUT.print(f"[yellow]{path.name} line {problem.line}: {problem.reason}; left out[/]")
    if len(problems) > _SHOWN_PROBLEMS:
        _OUT.print(f"[yellow]... and {len(problems) - _SHOWN_PROBLEMS} further rows of {path.name}[/]")

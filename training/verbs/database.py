"""The verbs that work on the database: import, retrain, evaluate, rollback, seed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engine.answering.register import Register
from engine.clock import parse_time, utc_now
from engine.pathfinder import Pathfinder
from engine.settings import Settings
from engine.store import pointer
from engine.store.store import Store
from engine.suggest import Encoder
from training import archive, files
from training import encode as encode_job
from training import retrain as retrain_job
from training import seed as demo
from training import simulate as firms
from training.evaluate import Verdict
from training.history import read_history
from training.progress import track
from training.verbs.screen import OUT, tell


def import_(file: Path, topology: Path | None, timezone: str) -> None:
    """Take the tickets of one export into the database; see `training.history`."""
    register = Register(_store(Settings()))
    history = read_history(file, timezone=timezone, progress=track)
    taken = archive.save_incidents(register, history.incidents, track)
    if topology is not None:
        register.replace_topology(files.read_edges(topology))
    report = history.report
    tell(file, [files.Problem(line=one.line, reason=f"{one.column}: {one.reason}") for one in report.problems])
    for note in report.notes:
        OUT.print(note)
    OUT.print(f"{taken} of {report.rows} rows imported, read as {report.form}; next: python -m training retrain")


def encode() -> None:
    """Encode the history for the service; see `training.encode`."""
    settings = Settings()
    store = _store(settings)
    encoder = Encoder(settings.encoder, cache=store.embeddings)
    count = encode_job.backfill(store, encoder, track)
    OUT.print(f"{count} past incidents have their vectors of {encoder.name}")


def retrain(until: str, force: bool) -> None:
    """Fit, judge, gate and promote; see `training.retrain`."""
    settings = Settings()
    outcome = retrain_job.retrain(_store(settings), settings, _moment(until), track, force=force)
    _show(outcome.verdicts)
    OUT.print(f"version {outcome.version}: {', '.join(outcome.promoted) or 'no part'} new, {outcome.patterns} patterns")


def rollback() -> None:
    """Move the pointer back; API processes follow within seconds."""
    with _store(Settings()).write() as tx:
        now = pointer.roll_back(tx)
    OUT.print(f"version {now.version or 'as shipped'} serves again")


def evaluate(until: str) -> None:
    """Judge and change nothing; see `training.retrain`."""
    settings = Settings()
    _show(retrain_job.evaluate(_store(settings), settings, _moment(until), track))


def seed(seed: int) -> None:
    """Fill an empty database with a firm, learn it, replay a storm; see `training.seed`."""
    settings, now = Settings(), utc_now()
    store = _store(settings)
    data = settings.cache_dir.parent
    begun = data / "demo-begun"  # left behind by a seeding that did not come to its end: it is done again
    if begun.exists() or not Register(store).incidents(limit=1):
        data.mkdir(parents=True, exist_ok=True)
        begun.touch()
        _fill(store, settings, seed, now)
        begun.unlink()
    pathfinder = Pathfinder.open(settings)
    key = demo.demo_key(pathfinder, data / "demo-key", now)
    OUT.print(f"demo key (all scopes, kept in {data / 'demo-key'}): {key}", soft_wrap=True)
    pathfinder.close()


def _fill(store: Store, settings: Settings, seed: int, now: datetime) -> None:
    with OUT.status("simulating a small firm"):
        firm = firms.simulate(seed=seed)
    storm = demo.fill(Register(store), firm, now, track)
    retrain_job.retrain(store, settings, now, track, force=True)
    pathfinder = Pathfinder.open(settings)
    opened = demo.replay(pathfinder, storm, track)
    pathfinder.close()
    OUT.print(f"a storm of {len(storm.alerts)} alerts, {storm.about} of them about one fault, made {opened} incidents")


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

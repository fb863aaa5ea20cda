"""`replay`: what another model or other settings would have made of stored history, or of a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from engine import bundle, serving
from engine.clock import parse_time, utc_now
from engine.domain import ModelPart
from engine.errors import InvalidInput, ModelUnusable
from engine.settings import Settings
from engine.store import pointer
from engine.store.store import Store
from training import files, replay_picture
from training import replay as job
from training.progress import track
from training.replay import Difference, Recorded
from training.verbs.screen import OUT, tell

SHIPPED = "shipped"  # the word for the engine as it comes
STORED = "as stored"
_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: which alerts, under which model and settings, beside what."""

    alerts: Path | None = None  # None: the database
    topology: Path | None = None
    model: str = ""  # a version, its folder, `shipped`; "": what serves (a file: as shipped)
    before: str = ""  # the same; "": what is stored (a file: as shipped)
    settings: Sequence[str] = ()
    since: str = ""  # ISO 8601
    until: str = ""


def run(asked: Question, out: Path) -> None:
    """Regroup, compare, and write what changes as JSON and as a picture beside it; see `training.replay`."""
    settings = job.read_settings(asked.settings)
    config = Settings()
    recorded, serves = _from_file(asked) if asked.alerts else _from_database(asked, config)
    model = asked.model or serves
    before = asked.before or (STORED if asked.alerts is None else SHIPPED)
    if before == model and not settings:
        raise InvalidInput("both sides are the same: name another model (--model) or a setting (--set keep_h=8)")
    part, learned_until = _part(model, config)
    if before == STORED:
        old = recorded.placed
    else:
        old = job.regroup(recorded, job.correlator(_part(before, config)[0], recorded.edges, {}), track, f"by {before}")
    name = " ".join([model, *asked.settings])
    new = job.regroup(recorded, job.correlator(part, recorded.edges, settings), track, f"by {name}")
    found = job.compare(recorded, old, new, judged=before != STORED)
    _show(found, (before, name))
    _warn(found, recorded, learned_until)
    _write(found, {"before": before, "after": name}, out)


def _from_file(asked: Question) -> tuple[Recorded, str]:
    if asked.alerts is None or asked.since or asked.until:
        raise InvalidInput("--since and --until are for the database: cut the file instead")
    read = files.read_alerts(asked.alerts)
    tell(asked.alerts, read.problems)
    if not read.alerts:
        raise InvalidInput(f"{asked.alerts.name} holds no alert: give a file of alerts, one JSON object a line")
    edges = files.read_edges(asked.topology) if asked.topology else []
    return Recorded(
        alerts=read.alerts, placed=[""] * len(read.alerts), confirmed=read.incident_ids, edges=edges
    ), SHIPPED


def _from_database(asked: Question, config: Settings) -> tuple[Recorded, str]:
    store = Store(config.database_url)
    store.migrate()
    since = parse_time(asked.since, "since") if asked.since else _ALWAYS
    until = parse_time(asked.until, "until") if asked.until else utc_now()
    recorded = job.from_store(store, since, until)
    with store.read() as link:
        serves = pointer.active(link).version
    store.close()
    if not recorded.alerts:
        raise InvalidInput("no alert is stored from that time: widen --since and --until, or name a file of alerts")
    if asked.topology:
        recorded.edges = files.read_edges(asked.topology)
    return recorded, serves or SHIPPED


def _part(model: str, config: Settings) -> tuple[ModelPart | None, str]:
    """The part that groups of a version or of a folder with one, and until when it has learned."""
    if model == SHIPPED:
        return None, ""
    folder = Path(model) if Path(model).is_dir() else config.models_dir / model
    if not folder.is_dir():
        there = sorted(path.name for path in config.models_dir.glob("[0-9]*")) if config.models_dir.is_dir() else []
        raise InvalidInput(f"no model {model}: there are {', '.join([SHIPPED, *there])}, or name a version's folder")
    found = bundle.load(folder.name, folder.parent)
    if serving.CORRELATE not in found.parts:
        raise ModelUnusable(f"model {model} holds no part that groups alerts: retrain, or use --model {SHIPPED}")
    return found.parts[serving.CORRELATE], str(found.facts.get("until", ""))


def _show(found: Difference, names: tuple[str, str]) -> None:
    table = Table("", *names)
    table.add_row("incidents (pages)", f"{found.before.incidents:,}", f"{found.after.incidents:,}")
    table.add_row("largest incident", f"{found.before.largest:,}", f"{found.after.largest:,}")
    for size, count in found.before.sizes.items():
        table.add_row(f"incidents of {size} alerts", f"{count:,}", f"{found.after.sizes[size]:,}")
    for measure in found.after.quality or {}:
        values = (one.quality[measure] if one.quality else None for one in (found.before, found.after))
        table.add_row(measure, *("-" if value is None else f"{value:.3f}" for value in values))
    Console().print(table)
    pages = f"{found.pages_saved:,} pages saved" if found.pages_saved >= 0 else f"{-found.pages_saved:,} pages more"
    OUT.print(f"{found.alerts:,} alerts, {pages}, {found.same_company:.3f} of the company kept (1 is no change)")
    for title, pieces in (("would fall apart", found.split), ("would be one", found.merged)):
        for one in pieces[:_SHOWN]:
            parts = ", ".join(f"{count} in {name}" for name, count in one.parts[:_SHOWN])
            OUT.print(f"{title}: {one.incident_id} {one.title!r}, {one.alerts} alerts: {parts}", markup=False)


def _warn(found: Difference, recorded: Recorded, learned_until: str) -> None:
    if not found.confirmed:
        OUT.print("nothing here is confirmed: quality needs incidents that were resolved or put right by a person")
    first = min(alert.received_at for alert in recorded.alerts)
    if learned_until and parse_time(learned_until, "until") > first:
        OUT.print(f"[yellow]the model has learned until {learned_until}: what was before that flatters it (--since)[/]")


def _write(found: Difference, sides: Mapping[str, str], out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {"sides": dict(sides), **asdict(found)}
    out.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    picture = out.with_suffix(".png")
    replay_picture.draw(found, (sides["before"], sides["after"]), picture)
    OUT.print(f"-> {out}, {picture}")

"""What routing is measured on: histories, later incidents, and who resolved them."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.clock import parse_time
from engine.domain import Incident, Resolution
from engine.route import Target
from training.simulate import Plan, simulate

_SETS = Path("datasets/suggest_route")
_OPEN_TIME = ("caller_id", "opened_by", "contact_type", "location", "subcategory", "u_symptom", "cmdb_ci", "impact",
              "urgency")  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SLICES = 11  # of the published protocol: train on the first i, test on the next
_LEAST_WORDS = 15


@dataclass(frozen=True, kw_only=True)
class Case:
    """A history and later queries, outcomes included as the truth."""

    name: str
    target: Target
    history: Sequence[Incident]
    queries: Sequence[Incident]
    human: str = ""  # the column that holds a human's first choice

    def thinned(self, history: int, queries: int) -> Case:
        """The latest `history` incidents and at most `queries` queries, spread evenly over time."""
        step = max(1, -(-len(self.queries) // queries))
        return replace(self, history=self.history[-history:], queries=self.queries[::step])

    @property
    def is_lived(self) -> bool:
        """Whether this is another case again, with outcomes that keep arriving."""
        return self.name.endswith("as lived")

    def truth(self, query: Incident) -> str:
        """Who resolved it."""
        if query.resolution is None:
            return ""
        return query.resolution.team if self.target == "team" else query.resolution.resolver


def cases(shared: Path, folds: Sequence[int], only: Collection[str]) -> Iterator[Case]:
    """The cases of the sets in `only` whose files are there; `folds` (1 to 10) of the published protocol on Firefox."""
    folder = shared / _SETS
    if (folder / "servicenow_uci").is_dir():
        targets: dict[str, Target] = {"team": "team", "person": "resolver"}
        for name, target in targets.items():
            for first in (True, False) if name in only else ():
                yield _split(_service_now(folder, target, first))
        if "lived" in only:
            yield _lived(_service_now(folder, "team", first=True))
    if "firefox" in only and (folder / "firefox_triage").is_dir():
        yield from (_firefox(folder, fold) for fold in folds)
    if "hadoop" in only and (folder / "apache_jira").is_dir():
        for reporter in (False, True):
            yield _hadoop(folder, reporter)


def load_case(shared: Path) -> Case | None:
    """Persons of the ServiceNow log, every question in turn; None where it is not there."""
    folder = shared / _SETS
    return _split(_service_now(folder, "resolver", first=True)) if (folder / "servicenow_uci").is_dir() else None


def firm_case(seed: int) -> Case:
    """A seeded firm: a year of tickets, the last third asked."""
    firm = simulate(plan=Plan(seed=seed, days=365, live_days=120, services=8 + seed % 9, metric_step_minutes=1440))
    return Case(name=f"seeded firm {seed}", target="resolver", history=firm.incidents, queries=firm.queries)


def _service_now(folder: Path, target: Target, first: bool) -> Case:
    columns = (*_OPEN_TIME, "first_group") if first else _OPEN_TIME
    with gzip.open(folder / "servicenow_uci" / "incidents.csv.gz", "rt", encoding="utf-8", newline="") as file:
        incidents = [_ticket(row, columns, target) for row in csv.DictReader(file)]
    incidents.sort(key=lambda incident: incident.opened_at)
    name = f"ServiceNow {'team' if target == 'team' else 'person'}, {'with' if first else 'without'} the first choice"
    return Case(name=name, target=target, history=incidents, queries=[], human="first_group" if first else "")


def _lived(case: Case) -> Case:
    """The same questions with the outcomes of earlier ones known as they are closed: how a service meets them."""
    split = _split(case)
    return replace(split, name=f"{case.name}, as lived", history=case.history)


def _ticket(row: dict[str, str], columns: Sequence[str], target: Target) -> Incident:
    closed = row["closed_at"] or row["resolved_at"]
    return Incident(
        id=row["number"],
        opened_at=parse_time(row["opened_at"], "opened_at"),
        closed_at=parse_time(closed, "closed_at") if closed else None,
        category=row["category"],
        priority=row["priority"],
        resolution=Resolution(resolver=row["resolved_by"], team=row["last_group"], involved=_path(row, target)),
        fields={column: row[column] for column in columns if row[column]},
    )


def _path(row: dict[str, str], target: Target) -> tuple[str, ...]:
    """Through whose hands it went."""
    return tuple(row["group_path" if target == "team" else "assignee_path"].split(">"))


def _firefox(folder: Path, fold: int) -> Case:
    csv.field_size_limit(50_000_000)
    with gzip.open(folder / "firefox_triage" / "firefox_th20.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    bugs = [
        Incident(
            id=row["seq"],
            opened_at=_EPOCH + timedelta(hours=place),
            title=row["text"],
            resolution=Resolution(resolver=row["owner"]),
        )
        for place, row in enumerate(rows)
    ]
    size = len(bugs) // _SLICES
    history = bugs[: fold * size]
    seen = {bug.resolution.resolver for bug in history if bug.resolution}
    queries = [
        bug
        for bug in bugs[fold * size : (fold + 1) * size]
        if len(bug.title.split()) >= _LEAST_WORDS and bug.resolution and bug.resolution.resolver in seen
    ]
    return Case(name=f"Firefox, fold {fold} of 10", target="resolver", history=history, queries=queries)


def _hadoop(folder: Path, reporter: bool) -> Case:
    """`reporter`: whether it may be read who reported it; seven in ten fix what they report."""
    with gzip.open(folder / "apache_jira" / "issues_hadoop.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    fixed = [row for row in rows if row["resolution"] == "Fixed" and row["assignee"]]
    incidents = [
        Incident(
            id=row["id"],
            opened_at=parse_time(row["created"], "created"),
            closed_at=parse_time(row["resolved"], "resolved") if row["resolved"] else None,
            title=row["summary"],
            description=row["description"] or "",
            service=row["project"],
            category=", ".join(row["components"]),
            priority=row["priority"] or "",
            resolution=Resolution(resolver=row["assignee"], involved=_commenters(row)),
            fields={"reporter": row["reporter"]} if reporter and row["reporter"] else {},
        )
        for row in fixed
    ]
    incidents.sort(key=lambda incident: incident.opened_at)
    name = f"Hadoop assignee, {'with' if reporter else 'no'} reporter"
    case = _split(Case(name=name, target="resolver", history=incidents, queries=[]))
    return replace(case, history=incidents)  # those asked become history for the next ones once they are resolved


def _commenters(row: dict[str, Any]) -> tuple[str, ...]:
    """Who had commented by the time it was resolved, in order."""
    until = row["resolved"] or "9"
    return tuple(who for who, first, _ in sorted(row["commenters"], key=lambda one: one[1]) if first[:19] <= until[:19])


def _split(case: Case) -> Case:
    """The last fifth asked, where the outcome is known."""
    edge = int(len(case.history) * 0.8)
    queries = [incident for incident in case.history[edge:] if case.truth(incident)]
    return replace(case, history=case.history[:edge], queries=queries)

"""What suggest is measured on: histories, queries, and which past incidents are the same problem."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.clock import parse_time
from engine.domain import Edge, Incident, Resolution
from training.simulate import NO_FAULT, Plan, simulate

_ISSUES = Path("datasets/suggest_route/apache_jira")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A history, queries in time order, and by query id the past incidents of the same problem."""

    name: str
    history: Sequence[Incident]
    queries: Sequence[Incident]
    relevant: Mapping[str, set[str]]
    edges: Sequence[Edge] = ()  # what depends on what, where it is known
    new: Sequence[Incident] = ()  # incidents of the same time that have no earlier one of the same problem

    def thinned(self, count: int) -> Case:
        """The same case with at most `count` queries, spread evenly over time."""
        step = max(1, -(-len(self.queries) // count))
        return replace(self, queries=self.queries[::step], new=self.new[:: max(1, -(-len(self.new) // count))])


def issue_case(shared: Path, split: str = "test", *, labels: bool = True) -> Case | None:
    """Hadoop's bug reports with their known duplicates; every earlier report is searched. None where they are missing.

    `split` is `train` (earlier 80 % of the time) or `test`. Reports become known when they are opened, as duplicates
    mostly arrive before the first one is closed. `labels` False leaves out project, component and priority.
    """
    folder = shared / _ISSUES
    if not folder.is_dir():
        return None
    history = [_issue(row, labels) for row in _lines(folder / "issues_hadoop.jsonl.gz")]
    pairs = [row for row in _lines(folder / "dup_queries.jsonl.gz") if row["family"] == "hadoop"]
    relevant = {row["query"]: set(row["relevant"]) for row in pairs if row["split"] == split}
    queries = [incident for incident in history if incident.id in relevant]
    case = Case(name=f"Hadoop duplicates ({split})", history=history, queries=queries, relevant=relevant)
    return replace(case, new=_unlinked(case, pairs, folder / "links.csv.gz"))


def firm_case(seed: int, days: int = 365, *, hide: int = 0) -> Case:
    """A seeded firm: tickets of its last third, and the earlier tickets of the same kind of fault, on whatever host.

    Of `hide` kinds of fault one is taken out of the history, so that its tickets are a new kind of incident.
    """
    plan = Plan(seed=seed, days=days, live_days=days // 3, services=8 + seed % 9, metric_step_minutes=1440)
    firm = simulate(plan=plan)
    hidden = set(sorted(set(firm.fault_of.values()) - {NO_FAULT})[::hide]) if hide else set()
    past = [incident for incident in firm.incidents if firm.fault_of[incident.id] not in hidden]
    of_kind: dict[str, set[str]] = {}
    for incident in past:
        of_kind.setdefault(firm.fault_of[incident.id], set()).add(incident.id)
    asked = [query for query in firm.queries if firm.fault_of[query.id] != NO_FAULT]
    relevant = {query.id: of_kind.get(firm.fault_of[query.id], set()) for query in asked}
    repeats = [query for query in asked if relevant[query.id]]
    return Case(
        name=f"seeded firm {seed}",
        history=past,
        queries=repeats,
        relevant=relevant,
        edges=firm.edges,
        new=[query for query in asked if firm.fault_of[query.id] in hidden],
    )


def strangers(case: Case, count: int) -> list[Incident]:
    """Up to `count` incidents of the history that nobody linked to another one: for the base rate."""
    linked = set(case.relevant).union(*case.relevant.values())
    alone = [incident for incident in case.history if incident.id not in linked]
    return alone[len(alone) // 4 :: max(1, len(alone) // max(1, count))][:count]


def _unlinked(case: Case, pairs: Sequence[Mapping[str, Any]], links: Path) -> list[Incident]:
    """As many as there are queries of the issues opened since the first query and linked to no other one."""
    linked = {name for row in pairs for name in (row["query"], *row["relevant"])}
    with gzip.open(links, "rt", encoding="utf-8") as file:
        linked.update(name for row in csv.reader(file) for name in row)
    alone = [each for each in case.history if each.opened_at >= case.queries[0].opened_at and each.id not in linked]
    return alone[:: max(1, len(alone) // len(case.queries))][: len(case.queries)]


def _issue(row: Mapping[str, Any], labels: bool) -> Incident:
    opened = parse_time(row["created"], "created")
    notes = "\n".join(row["resolution_notes"])
    return Incident(
        id=row["id"],
        opened_at=opened,
        title=row["summary"] or "",
        description=row["description"] or "",
        service=row["project"] if labels else "",
        category=next(iter(row["components"]), "") if labels else "",
        priority=(row["priority"] or "") if labels else "",
        resolution=Resolution(text=notes, resolver=row["assignee"] or ""),
        fields=_further(row) if labels else {},
    )


def _further(row: Mapping[str, Any]) -> dict[str, str]:
    told = {
        "reporter": row["reporter"] or "",
        "versions": ",".join(row["affects"]),
        "labels": ",".join(row["labels"]),
    }
    return {name: value for name, value in told.items() if value}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)

"""What a benchmark prints and writes: one row per data set and method."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured line: `metrics` are named figures, higher is better unless the name says otherwise."""

    dataset: str
    method: str
    metrics: Mapping[str, float]


def show(part: str, rows: Sequence[Row], console: Console) -> None:
    """Print `rows`, one table per data set."""
    for dataset in dict.fromkeys(row.dataset for row in rows):
        group = [row for row in rows if row.dataset == dataset]
        names = list(dict.fromkeys(name for row in group for name in row.metrics))
        table = Table("method", *names, title=f"{part}: {dataset}")
        for row in group:
            table.add_row(row.method, *(_cell(row.metrics.get(name)) for name in names))
        console.print(table)


def write(part: str, rows: Sequence[Row], path: Path) -> None:
    """Write `rows` as JSON, with the machine they were measured on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"part": part, "python": platform.python_version(), "machine": platform.machine()}
    path.write_text(json.dumps({**facts, "rows": [asdict(row) for row in rows]}, indent=1), encoding="utf-8")


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"

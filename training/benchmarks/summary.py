"""Several runs of one method on streams of one kind become one row: mean and spread."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from training.benchmarks.beside import ORACLE_SYSTEM
from training.benchmarks.report import Row

_SPREAD = ("bcubed_f1", "later_f1", "loss")  # figures whose standard deviation over runs is told


def averaged(rows: Sequence[Row]) -> list[Row]:
    """Rows of one data set and method as one: means, `runs`, and `±` (standard deviation) of the headline figure."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        found[row.dataset, row.method].append(row)
    datasets = list(dict.fromkeys(row.dataset for row in rows))  # a table's rows come together
    return [_one(group) for dataset in datasets for key, group in found.items() if key[0] == dataset]


def beside_oracle(rows: Sequence[Row]) -> list[Row]:
    """Each row of superposed faults with its share of what the oracle reaches that knows the open incidents."""
    bounds = {row.dataset: row.metrics["bcubed_f1"] for row in rows if row.method == ORACLE_SYSTEM}
    return [
        replace(row, metrics={**row.metrics, "of_oracle": row.metrics["bcubed_f1"] / bounds[row.dataset]})
        if row.dataset in bounds and row.metrics
        else row
        for row in rows
    ]


def _one(rows: Sequence[Row]) -> Row:
    if len(rows) == 1:
        return rows[0]
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    values = {name: [row.metrics[name] for row in rows if name in row.metrics] for name in names}
    means = {name: statistics.fmean(found) for name, found in values.items()}
    spread = {f"{name} ±": statistics.stdev(values[name]) for name in _SPREAD if len(values.get(name, ())) > 1}
    return Row(dataset=rows[0].dataset, method=rows[0].method, metrics={**means, **spread, "runs": float(len(rows))})

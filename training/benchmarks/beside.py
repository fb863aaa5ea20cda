"""Every method on one set: rules, clusterers, other products, ours, and the bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from training.benchmarks import alertmanager, clusterers
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.correlate_sets import system_of
from training.benchmarks.keep_rules import best_keep
from training.benchmarks.meta_alerts import best_meta_alerts
from training.benchmarks.oracle import oracle
from training.benchmarks.ours import memory_mb, told_the_truth, watched, ways
from training.benchmarks.outcomes import Outcome, figures
from training.benchmarks.plain_grouping import RULES, best_label, best_rule
from training.benchmarks.report import Row

GET_RIVER = "pip install 'pathfinder-incidents[benchmark]'"
ORACLE_OPEN = "oracle: knows which are open"
ORACLE_SYSTEM = "oracle: knows which are open, and the system"
ORACLE_MEMBERS = "oracle: ours, told the truth of all before"


def rules(case: AlertSet) -> Iterator[Row]:
    """The plain rules, Keep's and AECID's."""
    for name in RULES:
        outcome, window_s = best_rule(name, case)
        yield _row(case, name, outcome, {"window_s": window_s})
    labelled = best_label(case)
    if labelled:
        yield _row(case, "best label + gap", labelled[0], {"window_s": labelled[1]})
    outcome, _ = best_keep(case)
    yield _row(case, "Keep, best rule", outcome)
    outcome, gap_s = best_meta_alerts(case)
    yield _row(case, "AECID's rule, meta-alerts", outcome, {"window_s": gap_s})


def batch(case: AlertSet) -> Iterator[Row]:
    """DBSCAN and HDBSCAN, who see everything at once."""
    for name in clusterers.BATCH:
        cut = _cut(case, clusterers.BATCH_ALERTS)
        yield _row(case, f"{name}, batch{_said(case, cut)}", clusterers.best_batch(name, cut))


def streaming(case: AlertSet) -> Iterator[Row]:
    """River's clusterers of streams."""
    if not clusterers.HAVE_RIVER:
        yield Row(dataset=case.name, method=f"river: skipped, {GET_RIVER}", metrics={})
    cut = _cut(case, clusterers.RIVER_ALERTS)
    for name in clusterers.RIVER:
        yield _row(case, f"river {name}{_said(case, cut)}", clusterers.best_river(name, cut))


def product(case: AlertSet) -> Iterator[Row]:
    """Alertmanager itself."""
    if not alertmanager.installed():
        yield Row(dataset=case.name, method=f"Alertmanager: skipped, {alertmanager.HOW_TO_GET}", metrics={})
        return
    try:
        outcome, _, memory = alertmanager.best_grouping(case)
    except OSError as error:  # no reason to lose the other methods' figures
        yield Row(dataset=case.name, method=f"Alertmanager: failed, {error}", metrics={})
        return
    yield _row(case, "Alertmanager, best group_by", outcome, {"memory_mb": memory})


def ours(case: AlertSet, *, memory: bool = False, only: str = "") -> Iterator[Row]:
    """Our correlator, knowing ever more; `only` one of these ways."""
    for name, known in ways(case):
        if only in ("", name):
            more = {"memory_mb": memory_mb(known)} if memory else {}
            yield _row(case, name, watched(known), more)


def oracles(case: AlertSet, *, members: bool) -> Iterator[Row]:
    """Bounds for superposed faults."""
    yield _row(case, ORACLE_OPEN, oracle(case))
    yield _row(case, ORACLE_SYSTEM, oracle(case, system_of))
    if members:
        yield _row(case, ORACLE_MEMBERS, told_the_truth(case))


def _row(case: AlertSet, method: str, outcome: Outcome, more: dict[str, float] | None = None) -> Row:
    return Row(dataset=case.name, method=method, metrics={**figures(case, outcome), **(more or {})})


def _cut(case: AlertSet, count: int) -> AlertSet:
    return replace(case, alerts=case.alerts[:count], truth=case.truth[:count])


def _said(case: AlertSet, cut: AlertSet) -> str:
    return f", first {len(cut.alerts):,}" if len(cut.alerts) < len(case.alerts) else ""

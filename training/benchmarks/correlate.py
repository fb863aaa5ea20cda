"""Correlation beside the plain rules of the field, on the public alert sets and on seeded firms.

Protocols: P1 the natural stream of the second half of the faults; P2 the same episodes superposed, c at a time; P3
attack campaigns, macro-averaged over phases; P5 the root within each true incident; the firm: the seeded simulation
after its split. Windows of the rules and the radius of DBSCAN are chosen in hindsight; ours has one configuration.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from engine.correlate import Correlator
from engine.domain import Alert
from training.benchmarks import alert_sets as sets
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.grouping import macro_bcubed, metrics
from training.benchmarks.plain_grouping import RULES, best_rule, dbscan
from training.benchmarks.report import Row
from training.correlate import group
from training.progress import track
from training.simulate import simulate

_QUICK_ALERTS = 1500
_DBSCAN_ALERTS = 6000  # beyond it, its memory is beyond a laptop
_ATTACK_ALERTS = 60_000  # from the first attack on


def run(shared: Path | None, *, quick: bool = False) -> list[Row]:
    """Measure all methods on all sets; without `shared`, on seeded firms alone. `quick` takes under a minute."""
    rows: list[Row] = []
    for case in track(list(_sets(shared, quick)), "correlate"):
        rows += _attack_rows(case) if case.ignored else _rows(case)
        if case.roots:
            rows.append(_root_row(case))
    return rows


def _sets(shared: Path | None, quick: bool) -> Iterator[AlertSet]:
    for seed in (0,) if quick else (0, 1, 2):
        yield _firm(seed)
    folder = shared / "datasets" / "correlation" if shared is not None else None
    if folder is None or not folder.is_dir():
        return
    for tag in (True, False):
        for case in _fault_sets(folder, tag, quick):
            yield _cut(case, _QUICK_ALERTS) if quick else case
    if not quick:
        yield _attacks(folder)


def _fault_sets(folder: Path, tag: bool, quick: bool) -> Iterator[AlertSet]:
    shown = "tag shown" if tag else "tag hidden"
    past, test = sets.halves(sets.fault_episodes(folder, tag=tag))
    alerts, truth = sets.natural(test)
    case = AlertSet(
        name=f"P1 natural, {shown}",
        alerts=alerts,
        truth=truth,
        history=sets.natural(past),
        topology=sets.fault_topology(folder),
        roots=sets.fault_roots(folder),
    )
    yield case
    for concurrency in (2,) if quick else (1, 2, 4, 8):
        alerts, truth = sets.superposed(test, concurrency, seed=0)
        yield replace(case, name=f"P2 {concurrency} at a time, {shown}", alerts=alerts, truth=truth, roots={})


def _firm(seed: int) -> AlertSet:
    firm = simulate(seed=seed, days=60)
    past = [alert for alert in firm.alerts if alert.received_at < firm.split_at]
    live = [alert for alert in firm.alerts if alert.received_at >= firm.split_at]
    return AlertSet(
        name=f"firm {seed}",
        alerts=live,
        truth=[firm.truth[alert.id] for alert in live],
        history=(past, [firm.truth[alert.id] for alert in past]),
        topology=firm.edges,
    )


def _attacks(folder: Path) -> AlertSet:
    case = sets.attack_alerts(folder)
    first = next(place for place, name in enumerate(case.truth) if name not in case.ignored)
    return _cut(replace(case, alerts=case.alerts[first:], truth=case.truth[first:]), _ATTACK_ALERTS)


def _cut(case: AlertSet, count: int) -> AlertSet:
    return replace(case, alerts=case.alerts[:count], truth=case.truth[:count])


def _rows(case: AlertSet) -> Iterator[Row]:
    for name in RULES:
        groups, window_s = best_rule(name, case.alerts, case.truth)
        yield Row(dataset=case.name, method=f"{name}, {window_s:g} s", metrics=metrics(case.truth, groups))
    if len(case.alerts) <= _DBSCAN_ALERTS:
        groups, radius = dbscan(case.alerts, case.truth)
        yield Row(dataset=case.name, method=f"DBSCAN, batch, {radius:g}", metrics=metrics(case.truth, groups))
    for method, known in _ways(case):
        groups, rate = _ours(known)
        yield Row(dataset=case.name, method=method, metrics=metrics(case.truth, groups) | {"alerts_per_cpu_s": rate})


def _ways(case: AlertSet) -> list[tuple[str, AlertSet]]:
    bare = replace(case, history=((), ()), topology=())
    ways = [("PathFinder, cold", bare)]
    if case.topology:
        ways.append(("PathFinder, topology", replace(bare, topology=case.topology)))
    return [*ways, ("PathFinder, topology and history", case)] if case.history[0] else ways


def _ours(case: AlertSet) -> tuple[list[str], float]:
    history = case.history if case.history[0] else None
    began = time.process_time()
    rows = group(case.alerts, history=history, topology=case.topology)
    return [row.incident_id for row in rows], len(case.alerts) / max(1e-9, time.process_time() - began)


def _attack_rows(case: AlertSet) -> Iterator[Row]:
    for name in RULES:
        groups, window_s = best_rule(name, case.alerts, case.truth)
        yield Row(dataset=case.name, method=f"{name}, {window_s:g} s", metrics=_macro(case, groups))
    groups, rate = _ours(case)
    yield Row(dataset=case.name, method="PathFinder, cold", metrics=_macro(case, groups) | {"alerts_per_cpu_s": rate})


def _macro(case: AlertSet, groups: Sequence[str]) -> dict[str, float]:
    precision, recall, f1 = macro_bcubed(case.truth, groups, case.ignored)
    return {"macro_p": precision, "macro_r": recall, "macro_f1": f1}


def _root_row(case: AlertSet) -> Row:
    """How often the first, or one of the first three, things ranked in a true incident is the one that broke."""
    incidents: dict[str, list[Alert]] = {}
    for alert, name in zip(case.alerts, case.truth, strict=True):
        incidents.setdefault(name, []).append(alert)
    places = [_root_place(alerts, case.roots.get(name, ""), case) for name, alerts in incidents.items()]
    found = {f"ac_{top}": sum(place < top for place in places) / max(1, len(places)) for top in (1, 3)}
    return Row(dataset=f"P5 root, {case.name}", method="PathFinder", metrics=found)


def _root_place(alerts: Sequence[Alert], root: str, case: AlertSet) -> int:
    """Where `root` stands among the things of one true incident, 0 = first."""
    correlator = Correlator(topology=case.topology)
    thing_of = {alert.id: alert.service for alert in alerts}
    for alert in alerts:
        correlator.learn_one(alert, "one")
    things = list(dict.fromkeys(thing_of[alert_id] for alert_id, _ in correlator.roots("one")))
    return things.index(root) if root in things else len(things)

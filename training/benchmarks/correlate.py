"""Correlation beside the rules, clusterers and products of the field, on public alert sets and on seeded firms.

firms: seeded firms after their split, and made-up worlds. P1: the natural stream of the later half of the faults. P2:
the same faults superposed, c at a time, five seeds each. P3: attack campaigns, macro-averaged over phases. P4: causal
edges. P5: roots. P6: disorder. P7: what corrections teach. P8: growth. Settings of all others are chosen in hindsight;
ours has one configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

from engine.errors import InvalidInput
from training.benchmarks import beside, correlate_sets, disorder, edges, feedback, growth, roots
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.correlate_sets import Superposition
from training.benchmarks.families import overview
from training.benchmarks.ours import WITH_ALL
from training.benchmarks.picture import draw
from training.benchmarks.report import Row
from training.benchmarks.summary import averaged, beside_oracle
from training.benchmarks.work import Task, done

__all__ = ["draw", "run"]

PROTOCOLS = ("firms", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8")
_SEEDS = range(5)
_QUICK_ALERTS, _QUICK_FAULTS = 600, 6


def run(shared: Path | None, *, quick: bool = False, full: bool = False, only: Sequence[str] = ()) -> list[Row]:
    """Measure all methods on all sets, or on those of the protocols in `only`; without `shared`, on made-up ones alone.

    `quick` takes under a minute; `full` takes all attack alerts, hours of them.

    Raises
    ------
    InvalidInput
        If `only` names what is no protocol.
    """
    chosen = _chosen(only)
    folder = shared / "datasets" / "correlation" if shared is not None else None
    folder = folder if folder is not None and folder.is_dir() else None
    tasks = [task for task in _tasks(folder, quick, full) if task.protocol in chosen]
    rows = done(tasks, "correlate")
    found = growth.relative(beside_oracle(averaged(rows)))
    return [*found, *overview(found)]


def _chosen(only: Sequence[str]) -> set[str]:
    known = {name.lower(): name for name in PROTOCOLS}
    wrong = [name for name in only if name.lower() not in known]
    if wrong:
        raise InvalidInput(f"no protocol {wrong[0]}: choose among {', '.join(PROTOCOLS)}")
    return {known[name.lower()] for name in only} or set(PROTOCOLS)


def _tasks(folder: Path | None, quick: bool, full: bool) -> Iterator[Task]:
    yield from _firm_tasks(quick)
    if folder is not None:
        yield from _natural_tasks(folder, quick)
        yield from _superposed_tasks(folder, quick)
        if not quick or full:
            yield from _attack_tasks(folder, full)
    home = folder.parent.parent if folder is not None else None
    yield Task("P4", partial(edges.rows, home, quick))
    yield Task("P5", partial(roots.rows, home, quick))
    yield from _disturbed_tasks(folder, quick)
    yield from _growth_tasks(quick)


def _firm_tasks(quick: bool) -> Iterator[Task]:
    for seed in (0,) if quick else (0, 1, 2):
        yield Task("firms", partial(_firm_rows, seed, 21 if quick else 60))
    for seed in range(1 if quick else 5):
        yield Task("firms", partial(_world_rows, seed))


def _firm_rows(seed: int, days: int) -> list[Row]:
    case = correlate_sets.firm(seed, days)
    return [*beside.rules(case), *beside.batch(case), *beside.product(case), *beside.ours(case)]


def _world_rows(seed: int) -> list[Row]:
    case = correlate_sets.world(seed)
    return [*beside.rules(case), *beside.batch(case), *beside.ours(case)]


def _natural_tasks(folder: Path, quick: bool) -> Iterator[Task]:
    limit = _QUICK_ALERTS if quick else None
    for tag in (False,) if quick else (True, False):
        for kind in ("peers", "products", "ours"):
            yield Task("P1", partial(_natural_rows, folder, tag, limit, kind))


def _natural_rows(folder: Path, tag: bool, limit: int | None, kind: str) -> list[Row]:
    case = correlate_sets.natural(folder, tag, limit)
    if kind == "peers":
        return [*beside.rules(case), *beside.batch(case)]
    if kind == "products":
        return [*(() if limit else beside.streaming(case)), *beside.product(case)]
    return list(beside.ours(case, memory=limit is None))


def _superposed_tasks(folder: Path, quick: bool) -> Iterator[Task]:
    if quick:
        which = Superposition(at_a_time=2, seed=0, faults=_QUICK_FAULTS)
        yield Task("P2", partial(_superposed_rows, folder, which))
        return
    streams = [(at_a_time, 60) for at_a_time in (1, 2, 4, 8)] + [(at_a_time, 1) for at_a_time in (2, 8)]
    for (at_a_time, grid_s), tag, seed in product(streams, (True, False), _SEEDS):
        which = Superposition(at_a_time=at_a_time, seed=seed, tag=tag, grid_s=grid_s)
        yield Task("P2", partial(_superposed_rows, folder, which))


def _superposed_rows(folder: Path, which: Superposition) -> list[Row]:
    case = correlate_sets.superposed(folder, which)
    if which.grid_s != 60:  # shown beside the others, to see what the shift does; not everything again
        return [*beside.rules(case), *beside.ours(case, only=WITH_ALL), *beside.oracles(case, members=False)]
    found = [*beside.rules(case), *beside.batch(case), *beside.ours(case)]
    if which.at_a_time in (2, 8) and which.faults == correlate_sets.FAULTS and not which.tag:
        found += [*beside.streaming(case), *beside.product(case)]
    return [*found, *beside.oracles(case, members=not which.tag)]


def _attack_tasks(folder: Path, full: bool) -> Iterator[Task]:
    for tag in (True, False):
        yield Task("P3", partial(_attack_rows, folder, tag, full))


def _attack_rows(folder: Path, tag: bool, full: bool) -> list[Row]:
    case = correlate_sets.attacks(folder, tag, full)
    return [*beside.rules(case), *beside.ours(case, memory=True)]


def _disturbed_tasks(folder: Path | None, quick: bool) -> Iterator[Task]:
    for seed in () if quick else range(3):
        yield Task("P6", partial(_disordered_firm, seed))
        yield Task("P7", partial(_taught_firm, seed))
        yield Task("P7", partial(_taught_world, seed))
    if folder is None:
        return
    for tag in () if quick else (True, False):
        yield Task("P6", partial(_disordered_natural, folder, tag))
    for scenario in () if quick else correlate_sets.CAMPAIGNS:
        yield Task("P7", partial(_taught_campaign, folder, scenario))
    for seed in range(1 if quick else 3):
        which = Superposition(at_a_time=2, seed=seed, faults=_QUICK_FAULTS if quick else correlate_sets.FAULTS)
        yield Task("P6", partial(_disordered_superposed, folder, which))
        yield Task("P7", partial(_taught_superposed, folder, which, cold=True))
        yield Task("P7", partial(_taught_superposed, folder, which, cold=False))


def _disordered_firm(seed: int) -> list[Row]:
    return disorder.rows(_called(correlate_sets.firm(seed), "seeded firms"), seed)


def _disordered_natural(folder: Path, tag: bool) -> list[Row]:
    return disorder.rows(correlate_sets.natural(folder, tag), 0)


def _disordered_superposed(folder: Path, which: Superposition) -> list[Row]:
    return disorder.rows(correlate_sets.superposed(folder, which), which.seed)


def _taught_firm(seed: int) -> list[Row]:
    return feedback.rows(_cold(correlate_sets.firm(seed), "seeded firms"))


def _taught_world(seed: int) -> list[Row]:
    return feedback.rows(_cold(correlate_sets.world(seed), "made-up worlds"))


def _taught_campaign(folder: Path, scenario: str) -> list[Row]:
    return feedback.rows(correlate_sets.campaign(folder, scenario))


def _taught_superposed(folder: Path, which: Superposition, cold: bool) -> list[Row]:
    case = correlate_sets.superposed(folder, which)
    return feedback.rows(_cold(case, case.name) if cold else _called(case, f"{case.name}, topology and history"))


def _cold(case: AlertSet, name: str) -> AlertSet:
    return replace(case, name=f"{name}, cold", history=((), ()), topology=())


def _called(case: AlertSet, name: str) -> AlertSet:
    return replace(case, name=name)


def _growth_tasks(quick: bool) -> Iterator[Task]:
    for count in growth.ALERTS[: 1 if quick else None]:
        yield Task("P8", partial(growth.by_alerts, count), alone=not quick)
    for count in growth.INCIDENTS[: 1 if quick else None]:
        yield Task("P8", partial(growth.by_incidents, count), alone=not quick)
    yield Task("P8", partial(growth.storm, 5_000 if quick else 200_000), alone=not quick)

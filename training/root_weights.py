"""How the weights of probable roots are fitted: `python -m training.root_weights OUT.json [SHARED [whole]]`.

Each past fault is one choice among the suspects of its incident (conditional logit: McFadden 1974). Faults are those of
seeded firms, of made-up worlds and clusters and, where the folder SHARED is given, of the earlier halves of real
systems, or of all of them with `whole`; each told with its topology and without, as the first incident there is and
after all that were over before it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from engine.correlate.reading import Reading, read
from engine.correlate.root_signals import Measured
from engine.correlate.roots import RootRanker
from engine.correlate.topology import Topology
from engine.domain import Alert, AlertStatus, Edge
from training import clusters, worlds
from training.benchmarks import alert_sets
from training.progress import Track, quiet, track
from training.simulate import Plan, simulate

_FIRMS, _WORLDS, _CLUSTERS = range(21, 33), range(100, 124), range(200, 212)  # seeds apart from those measured
_SIZES = (5, 8, 12, 18, 26)  # services of the firms
_OF_FIRM, _OF_WORLD, _OF_CLUSTER = 0.9, 0.3, 0.3  # what one made-up fault weighs: there are many of them ...
_REAL = {"micross": 2.0, "ob1": 4.0, "ob2": 4.0}  # ... and few real ones
_OVER_S = 1800.0  # of silence, after which an incident is learned from
_PENALTY = 60.0  # ridge, in the unit of the summed log-likelihood: weights have to carry over to systems never seen


STAGES = ("cold", "known")  # nothing was learned yet; enough was


@dataclass(frozen=True, slots=True)
class Seen:
    """One alert of a past incident."""

    alert_id: str
    at: float  # unix seconds
    reading: Reading


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A past incident; `root` is empty for what was no fault."""

    rows: Sequence[Seen]
    root: str


@dataclass(frozen=True, kw_only=True)
class System:
    """Incidents in the order of their times, and how much each weighs."""

    name: str
    faults: Sequence[Fault]
    edges: Sequence[Edge]
    weight: float


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One fault: its suspects' measurements, the place of the true one, and how much it weighs."""

    suspects: Sequence[Measured]
    right: int
    weight: float


Stages = Mapping[str, Sequence[Choice]]  # stage -> choices


def seen(alerts: Iterable[Alert]) -> list[Seen]:
    """The firing alerts as rows, the first one of each fingerprint."""
    firsts: dict[str, Alert] = {}
    for alert in alerts:
        if alert.status is AlertStatus.FIRING:
            firsts.setdefault(alert.fingerprint, alert)
    return [Seen(alert.id, alert.starts_at.timestamp(), read(alert)) for alert in firsts.values()]


def faults_of(alerts: Sequence[Alert], truth: Sequence[str], roots: Mapping[str, str]) -> list[Fault]:
    """The true incidents, in the order of their first alerts."""
    grouped: dict[str, list[Alert]] = {}
    for alert, name in zip(alerts, truth, strict=True):
        grouped.setdefault(name, []).append(alert)
    rows = ((seen(found), roots.get(name, "").lower()) for name, found in grouped.items())
    return sorted((Fault(rows=r, root=root) for r, root in rows if r), key=lambda fault: fault.rows[0].at)


def firm(seed: int) -> System:
    """A seeded firm, its size and what it documents drawn from the seed."""
    plan = Plan(seed=seed, days=60, services=_SIZES[seed % len(_SIZES)], known_topology=(0.6, 0.9, 1.0)[seed % 3])
    made = simulate(plan=plan)
    faults = faults_of(made.alerts, [made.truth[alert.id] for alert in made.alerts], made.roots)
    return System(name=f"firm {seed}", faults=faults, edges=made.edges, weight=_OF_FIRM)


def world(seed: int) -> System:
    """A made-up world."""
    made = worlds.draw(seed)
    return System(
        name=f"world {seed}", faults=faults_of(made.alerts, made.truth, made.roots), edges=made.edges, weight=_OF_WORLD
    )


def cluster(seed: int) -> System:
    """A made-up cluster of pods."""
    made = clusters.draw(seed)
    faults = faults_of(made.alerts, made.truth, made.roots)
    return System(name=f"cluster {seed}", faults=faults, edges=made.edges, weight=_OF_CLUSTER)


def real(shared: Path, part: str = "earlier") -> list[System]:
    """The systems with injected faults: the earlier or the later half of each, or the whole."""
    folder = shared / "datasets" / "correlation"
    roots, edges = alert_sets.fault_roots(folder), alert_sets.fault_topology(folder)
    found = []
    for name, episodes in alert_sets.fault_episodes(folder, tag=True).items():
        half = len(episodes) // 2
        chosen = {"earlier": episodes[:half], "later": episodes[half:], "whole": episodes}[part]
        faults = [Fault(rows=seen(each.alerts), root=roots[each.incident_id].lower()) for each in chosen]
        found.append(System(name=name, faults=faults, edges=edges, weight=_REAL[name]))
    return found


def choices(system: System, *, topology: bool, history: bool) -> Iterator[Choice]:
    """The faults of `system` whose root is among their suspects, with `history` after those that were over before."""
    ranker = RootRanker(Topology(system.edges if topology else ()))
    turns = InTurn(ranker)
    for fault in map(turns.meet, system.faults) if history else system.faults:
        if fault.root and ranker.experienced == history:
            found = ranker.measurements(fault.rows)
            if fault.root in found and len(found) > 1:
                right = list(found).index(fault.root)
                yield Choice(suspects=list(found.values()), right=right, weight=system.weight)


class InTurn:
    """Lets a ranker learn each incident half an hour after its last alert, while later ones are asked about."""

    def __init__(self, ranker: RootRanker) -> None:
        self.ranker = ranker
        self._waiting: list[tuple[float, int, Fault]] = []  # last alert, number, incident
        self._met = 0

    def meet(self, fault: Fault) -> Fault:
        """The next incident by time is about to be asked about: learn those that are over by its last alert."""
        ends = max(row.at for row in fault.rows)
        while self._waiting and self._waiting[0][0] < ends - _OVER_S:
            self.ranker.learn(heappop(self._waiting)[2].rows)
        heappush(self._waiting, (ends, self._met, fault))
        self._met += 1
        return fault


def fit(made: Sequence[Choice], penalty: float = _PENALTY) -> dict[str, float]:
    """The weight of each measurement under which the true roots are likeliest, less `penalty` on large weights.

    Raises
    ------
    ValueError
        If there is no choice to learn from.
    """
    if not made:
        raise ValueError("no fault has its root among its suspects: nothing can be fitted")
    names = sorted({name for choice in made for one in choice.suspects for name in one})
    table, firsts, chosen = _table(made, names)
    sizes = np.diff(np.r_[firsts, len(table)])
    weights = np.array([choice.weight for choice in made])

    def loss(tried: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = table @ tried
        scores -= np.repeat(np.maximum.reduceat(scores, firsts), sizes)
        odds = np.exp(scores)
        total = np.add.reduceat(odds, firsts)
        pull = np.repeat(weights / total, sizes) * odds
        likelihood = float(weights @ (scores[chosen] - np.log(total)))
        slope = table.T @ pull - table[chosen].T @ weights
        return penalty * float(tried @ tried) / 2 - likelihood, slope + penalty * tried

    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B").x
    return {name: round(float(weight), 3) for name, weight in zip(names, found, strict=True)}


def _table(
    made: Sequence[Choice], names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Suspects x names, the row where each choice begins, and the rows that were right."""
    place = {name: at for at, name in enumerate(names)}
    rows = [one for choice in made for one in choice.suspects]
    table = np.zeros((len(rows), len(names)))
    for row, one in zip(table, rows, strict=True):
        for name, value in one.items():
            row[place[name]] = value
    firsts = np.cumsum([0, *(len(choice.suspects) for choice in made[:-1])])
    return table, firsts, firsts + np.array([choice.right for choice in made])


def fitted(systems: Sequence[System], progress: Track = quiet) -> dict[str, dict[str, float]]:
    """Weights before and after a history was learned, each from faults with and without a topology."""
    return weighed(measured(systems, progress).values())


def measured(systems: Sequence[System], progress: Track = quiet) -> dict[str, Stages]:
    """The choices of each system, by its name."""
    return {system.name: _stages(system) for system in progress(systems, "measure roots")}


def _stages(system: System) -> Stages:
    return {
        stage: [each for known in (False, True) for each in choices(system, topology=known, history=stage == "known")]
        for stage in STAGES
    }


def weighed(found: Iterable[Stages]) -> dict[str, dict[str, float]]:
    """Weights from the choices of all these systems."""
    kept = list(found)
    return {stage: fit([each for stages in kept for each in stages[stage]]) for stage in STAGES}


def systems(shared: Path | None, part: str = "earlier") -> Iterator[System]:
    """All that weights are fitted on; of real systems the part that `real` knows."""
    yield from (firm(seed) for seed in _FIRMS)
    yield from (world(seed) for seed in _WORLDS)
    yield from (cluster(seed) for seed in _CLUSTERS)
    if shared is not None:
        yield from real(shared, part)


def main() -> None:
    """Fit, and write the weights to the file named: compare them before they take the place of the stored ones."""
    shared = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    part = "whole" if sys.argv[3:] == ["whole"] else "earlier"
    found = fitted(list(systems(shared, part)), track)
    Path(sys.argv[1]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

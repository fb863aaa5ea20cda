"""How the weights of arriving alerts are fitted: `python -m training.correlate_weights OUT.json`.

Each alert of a labelled stream is one choice among its candidate incidents and "none of them" (conditional logit:
McFadden 1974), with the state as it truly was. Streams are made-up worlds and seeded firms, told with their topology
and without, so that a weight holds in more than one place. What the stored weights know of alerts seen later (`settle`)
and the starting concentrations are kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from engine.correlate import Correlator, Weights, shipped
from engine.correlate.signals import SIGNALS
from engine.domain import Alert, AlertStatus, Edge
from training import worlds
from training.progress import Track, quiet, track
from training.simulate import simulate

_WORLDS = range(100, 116)  # seeds apart from those that are measured
_FIRMS = range(10, 18)
_PENALTY = 0.5  # ridge, in the unit of the summed log-likelihood


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Alerts in the order received, the true incident of each, and what is known of the topology."""

    alerts: Sequence[Alert]
    truth: Sequence[str]
    edges: Sequence[Edge] = ()


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One alert's candidates as named measurements, and the place of the right one; -1 = none of them."""

    candidates: list[dict[str, float]]
    right: int


def streams() -> Iterator[Stream]:
    """The worlds and firms that weights are fitted on, each with its topology and without."""
    for seed in _WORLDS:
        world = worlds.draw(seed)
        for edges in ([], world.edges):
            yield Stream(alerts=world.alerts, truth=world.truth, edges=edges)
    for seed in _FIRMS:
        firm = simulate(seed=seed, days=30)
        for edges in ([], firm.edges):
            yield Stream(alerts=firm.alerts, truth=[firm.truth[alert.id] for alert in firm.alerts], edges=edges)


def choices(stream: Stream, weights: Weights) -> Iterator[Choice]:
    """Every alert of `stream` that is no repeat and has candidates, with the incidents as they truly were."""
    correlator = Correlator(topology=stream.edges, weights=weights)
    for alert, truth in zip(stream.alerts, stream.truth, strict=True):
        match = correlator.predict_one(alert)
        if match.repeat_of is None and alert.status is AlertStatus.FIRING:
            cases = correlator.candidates(alert)
            if cases:
                right = next((place for place, case in enumerate(cases) if case.profile.id == truth), -1)
                yield Choice(candidates=[_measured(case) for case in cases], right=right)
        correlator.learn_one(alert, truth, alert_of=match.repeat_of)


def fit(made: Sequence[Choice], start: Mapping[str, float]) -> dict[str, float]:
    """The weight of each measurement under which the right candidates are likeliest, beginning at `start`.

    Raises
    ------
    ValueError
        If there is no choice to learn from.
    """
    if not made:
        raise ValueError("no alert has a candidate: nothing can be fitted")
    names = sorted({name for choice in made for one in choice.candidates for name in one})
    table, owner, chosen = _table(made, names)
    firsts = np.flatnonzero(np.r_[True, np.diff(owner) > 0])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = table @ weights
        top = np.maximum(0.0, np.maximum.reduceat(scores, firsts))
        odds = np.exp(scores - top[owner])
        total = np.exp(-top) + np.add.reduceat(odds, firsts)
        likelihood = scores[chosen].sum() - (np.log(total) + top).sum()
        away = odds / total[owner]
        away[chosen] -= 1.0
        return -likelihood + _PENALTY * weights @ weights / 2, table.T @ away + _PENALTY * weights

    found = minimize(loss, np.array([start.get(name, 0.0) for name in names]), jac=True, method="L-BFGS-B").x
    return {name: round(float(weight), 4) for name, weight in zip(names, found, strict=True)}


def fitted(taught: Iterable[Stream], weights: Weights, progress: Track = quiet) -> Weights:
    """`weights` with those of arriving alerts fitted to the streams."""
    made = [choice for stream in progress(taught, "weigh") for choice in choices(stream, weights)]
    return replace(weights, join=fit(made, weights.join))


def _measured(case: object) -> dict[str, float]:
    found: dict[str, float] = {}
    for signal in SIGNALS:
        for name, value in signal.parts(case):  # type: ignore[arg-type]
            found[name] = found.get(name, 0.0) + value
    return found


def _table(
    made: Sequence[Choice], names: Sequence[str]
) -> tuple[sparse.csr_matrix, NDArray[np.int64], NDArray[np.int64]]:
    """Candidates x names, the choice each candidate belongs to, and the rows that were right."""
    place = {name: at for at, name in enumerate(names)}
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    owner: list[int] = []
    chosen: list[int] = []
    for number, choice in enumerate(made):
        if choice.right >= 0:
            chosen.append(len(owner) + choice.right)
        for one in choice.candidates:
            rows += [len(owner)] * len(one)
            columns += [place[name] for name in one]
            values += list(one.values())
            owner.append(number)
    table = sparse.csr_matrix((values, (rows, columns)), shape=(len(owner), len(names)))
    return table, np.array(owner, dtype=np.int64), np.array(chosen, dtype=np.int64)


def main() -> None:
    """Fit, and write the weights to the file named: compare them before they take the place of the stored ones."""
    found = fitted(streams(), shipped(), track)
    Path(sys.argv[1]).write_text(json.dumps(found.to_data(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

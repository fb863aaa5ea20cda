"""The streams that grouping is measured on: natural, superposed, attacks, seeded firms and made-up worlds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine.domain import Alert, Edge
from training.benchmarks import alert_sets as sets
from training.benchmarks.alert_sets import AlertSet, Episode
from training.simulate import simulate
from training.worlds import draw

FAULTS = 16  # of the test half in one superposed stream, drawn anew for each seed
STORM_ALERTS = 5_000  # of one attack phase, unless all are asked for
CAMPAIGNS = ("fox", "santos")  # of the attacks, that corrections are measured on
_CAMPAIGN_ALERTS = 300  # of one phase there
_WORLD_ALERTS = 1_500


@dataclass(frozen=True, kw_only=True)
class Superposition:
    """Which stream of P2: so many faults at a time, drawn and shifted by `seed`."""

    at_a_time: int
    seed: int
    tag: bool = False
    grid_s: int = 60  # shifts are multiples of it
    faults: int = FAULTS

    @property
    def name(self) -> str:
        """Under which its figures stand."""
        grid = "" if self.grid_s == 60 else ", shifted by any second"
        return f"P2 {self.at_a_time} at a time, {said(self.tag)}{grid}, {self.faults} faults"


@dataclass(frozen=True, kw_only=True)
class Faults:
    """The microservice faults: the earlier half of each system, the later half, and the published topology."""

    history: tuple[Sequence[Alert], Sequence[str]]
    test: Sequence[Episode]
    topology: Sequence[Edge]


def said(tag: bool) -> str:
    """Whether alerts name their system."""
    return "tag shown" if tag else "tag hidden"


@lru_cache(maxsize=2)
def faults(folder: Path, tag: bool) -> Faults:
    """The public faults, read once."""
    past, test = sets.halves(sets.fault_episodes(folder, tag=tag))
    return Faults(history=sets.natural(past), test=test, topology=sets.fault_topology(folder))


def natural(folder: Path, tag: bool, limit: int | None = None) -> AlertSet:
    """P1: the later half as it was."""
    known = faults(folder, tag)
    alerts, truth = sets.natural(known.test)
    name = f"P1 natural, {said(tag)}" + (f", first {limit:,} alerts" if limit else "")
    return AlertSet(
        name=name, alerts=alerts[:limit], truth=truth[:limit], history=known.history, topology=known.topology
    )


def superposed(folder: Path, which: Superposition) -> AlertSet:
    """P2: faults of the later half, several at a time."""
    known = faults(folder, which.tag)
    drawn = random.Random(which.seed).sample(list(known.test), min(which.faults, len(known.test)))
    alerts, truth = sets.superposed(drawn, which.at_a_time, which.seed, grid_s=which.grid_s)
    return AlertSet(name=which.name, alerts=alerts, truth=truth, history=known.history, topology=known.topology)


def system_of(name: str) -> str:
    """The system of a true incident of the superposed streams."""
    return name.split(":")[1]


def attacks(folder: Path, tag: bool, full: bool) -> AlertSet:
    """P3: campaigns in storms, all of them or thinned."""
    case = sets.attack_alerts(folder, tag=tag, per_phase=None if full else STORM_ALERTS)
    cut = "all alerts" if full else f"phases cut at {STORM_ALERTS:,}, noise around them"
    return AlertSet(name=f"P3 attacks, {said(tag)}, {cut}", alerts=case.alerts, truth=case.truth, ignored=case.ignored)


def campaign(folder: Path, scenario: str) -> AlertSet:
    """The phases of one attack campaign, one after the other, without the noise that belongs to nothing."""
    case = sets.attack_alerts(folder, tag=False, scenarios=[scenario], per_phase=_CAMPAIGN_ALERTS)
    pairs = [pair for pair in zip(case.alerts, case.truth, strict=True) if pair[1] not in case.ignored]
    alerts, truth = [alert for alert, _ in pairs], [name for _, name in pairs]
    return AlertSet(name=f"attack campaigns, phases cut at {_CAMPAIGN_ALERTS}", alerts=alerts, truth=truth)


def firm(seed: int, days: int = 60) -> AlertSet:
    """A seeded firm after its split."""
    made = simulate(seed=seed, days=days)
    past = [alert for alert in made.alerts if alert.received_at < made.split_at]
    live = [alert for alert in made.alerts if alert.received_at >= made.split_at]
    return AlertSet(
        name=f"firm {seed}",
        alerts=live,
        truth=[made.truth[alert.id] for alert in live],
        history=(past, [made.truth[alert.id] for alert in past]),
        topology=made.edges,
    )


def world(seed: int) -> AlertSet:
    """A made-up world after its split; worlds of several seeds are reported as one."""
    made = draw(seed, _WORLD_ALERTS)
    return AlertSet(
        name="made-up worlds",
        alerts=made.alerts[made.split :],
        truth=made.truth[made.split :],
        history=(made.alerts[: made.split], made.truth[: made.split]),
        topology=made.edges,
    )

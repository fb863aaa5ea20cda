"""The rule of AECID's alert aggregation, written anew from its publication (Landauer et al., ACM TOPS 2022).

Alerts that follow each other within a gap are a group. A group is a bag of alert types; it joins the meta-alert that
its bag is most alike, if alike enough, and widens that one's ranges of how often each type occurs; else it begins a
meta-alert of its own. Types here are titles; its wildcards inside alerts have nothing to do where titles are types.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from engine.domain import Alert
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.outcomes import Outcome
from training.benchmarks.plain_grouping import WINDOWS_S, everything, score, session

ALIKE = 0.55  # as its authors set it for these attack campaigns


class _Meta:
    """A meta-alert: how often each type occurs in its groups, at least and at most."""

    def __init__(self, bag: Counter[str]) -> None:
        self.ranges = {kind: (count, count) for kind, count in bag.items()}

    def alike(self, bag: Counter[str]) -> float:
        """0..1: the mean over all types of how far the group's count lies from the range."""
        met = sum(_within(count, *self.ranges[kind]) for kind, count in bag.items() if kind in self.ranges)
        return met / len(self.ranges.keys() | bag.keys())

    def take(self, bag: Counter[str]) -> None:
        """Widen the ranges by one more group."""
        for kind, count in bag.items():
            low, high = self.ranges.get(kind, (count, count))
            self.ranges[kind] = min(low, count), max(high, count)


def _within(count: int, low: int, high: int) -> float:
    return 1.0 if low <= count <= high else count / low if count < low else high / count


def meta_alerts(alerts: Sequence[Alert], gap_s: float) -> list[str]:
    """The meta-alert of each alert."""
    groups = session(alerts, gap_s, everything)
    bags: dict[str, Counter[str]] = defaultdict(Counter)
    for alert, group in zip(alerts, groups, strict=True):
        bags[group][alert.title] += 1
    metas: list[_Meta] = []
    holding: dict[str, set[int]] = defaultdict(set)  # type -> places of meta-alerts that have it
    place_of: dict[str, int] = {}
    for group, bag in bags.items():
        near = {place for kind in bag for place in holding[kind]}
        alike, place = max(((metas[place].alike(bag), -place) for place in near), default=(0.0, 0))
        if alike >= ALIKE:
            metas[-place].take(bag)
        else:
            place = -len(metas)
            metas.append(_Meta(bag))
        place_of[group] = -place
        for kind in bag:
            holding[kind].add(-place)
    return [f"meta {place_of[group]}" for group in groups]


def best_meta_alerts(case: AlertSet) -> tuple[Outcome, float]:
    """The meta-alerts with the gap, in seconds, that the truth likes best."""
    gap_s = max(WINDOWS_S, key=lambda gap_s: score(case, meta_alerts(case.alerts, gap_s)))
    began = time.process_time()
    groups = meta_alerts(case.alerts, gap_s)
    # What an alert is part of is known once its group has ended, and is not changed later.
    return Outcome(groups=groups, cpu_s=time.process_time() - began), gap_s

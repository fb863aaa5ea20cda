"""What a method made of a stream, step by step, and the figures that follow from it."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.grouping import macro_bcubed, metrics

Step = tuple[int, int, str]  # alerts seen so far, place of the alert that is put into a group, the group
_MOSTLY = 0.8


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Final groups of the first `len(groups)` alerts of a set, and how they came about."""

    groups: Sequence[str]
    steps: Sequence[Step] | None = None  # None where a method sees everything before it says anything
    cpu_s: float = 0.0
    spent_s: Sequence[float] = ()  # per alert

    @classmethod
    def online(cls, groups: Sequence[str]) -> Outcome:
        """Of a rule: what is said once stays."""
        return cls(groups=groups, steps=[(place, place, group) for place, group in enumerate(groups)])


def figures(case: AlertSet, outcome: Outcome) -> dict[str, float]:
    """All measures of one outcome, under the names of the result tables."""
    truth = list(case.truth)[: len(outcome.groups)]
    if case.ignored:
        found = dict(zip(("macro_p", "macro_r", "macro_f1"), macro(case, outcome.groups), strict=True))
    else:
        found = metrics(truth, outcome.groups)
    if outcome.steps is not None:
        found["churn"] = churn(outcome.steps)
        found |= first_right(case, outcome.steps)
    if outcome.cpu_s:
        found["alerts_per_cpu_s"] = len(outcome.groups) / outcome.cpu_s
    if outcome.spent_s:
        found["p99_ms"] = 1e3 * sorted(outcome.spent_s)[int(len(outcome.spent_s) * 0.99)]
    return found


def macro(case: AlertSet, groups: Sequence[str]) -> tuple[float, float, float]:
    """B-cubed precision, recall and F1 averaged over true incidents rather than alerts."""
    return macro_bcubed(list(case.truth)[: len(groups)], groups, case.ignored)


def churn(steps: Sequence[Step]) -> float:
    """Memberships changed after they were first published, per alert.

    Examples
    --------
    >>> churn([(0, 0, "a"), (1, 1, "b"), (2, 1, "a"), (2, 2, "a"), (3, 3, "a")])
    0.25
    """
    return len(steps) / max(1, len({place for _, place, _ in steps})) - 1.0


def first_right(case: AlertSet, steps: Sequence[Step]) -> dict[str, float]:
    """How soon an incident of two or more alerts has a group of its own: one with four fifths of its alerts so far,
    to four fifths made of them. Median seconds of event time from its first alert, and the share that never has."""
    watch = _Watch(case)
    for step in steps:
        watch.take(step)
    several = [name for name, count in Counter(case.truth).items() if count > 1 and name not in case.ignored]
    waits = [watch.right_after_s[name] for name in several if name in watch.right_after_s]
    found = {"never_right": 1.0 - len(waits) / max(1, len(several))}
    return found | ({"right_s": statistics.median(waits)} if waits else {})


class _Watch:
    """Counts who is where, and notes when an incident first has a group of its own."""

    def __init__(self, case: AlertSet) -> None:
        self.case = case
        self.group_of: dict[int, str] = {}
        self.held: dict[str, Counter[str]] = defaultdict(Counter)  # group -> true incident -> alerts
        self.sizes: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()  # true incident -> alerts so far
        self.began: dict[str, float] = {}
        self.right_after_s: dict[str, float] = {}

    def take(self, step: Step) -> None:
        """One alert is put into one group."""
        seen, place, group = step
        name, now = self.case.truth[place], self.case.alerts[seen].starts_at.timestamp()
        self.began.setdefault(name, now)
        before = self.group_of.get(place)
        if before is None:
            self.seen[name] += 1
        else:
            self.held[before][name] -= 1
            self.sizes[before] -= 1
        self.group_of[place] = group
        self.held[group][name] += 1
        self.sizes[group] += 1
        self._look(name, group, now)
        if before is not None and self.sizes[before]:
            self._look(max(self.held[before], key=self.held[before].__getitem__), before, now)

    def _look(self, name: str, group: str, now: float) -> None:
        own = self.held[group][name]
        if own > 1 and name not in self.right_after_s and own >= _MOSTLY * max(self.sizes[group], self.seen[name]):
            self.right_after_s[name] = max(0.0, now - self.began[name])

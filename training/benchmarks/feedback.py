"""P7: an operator who knows the truth mends the largest error first, a few times while the stream runs.

Wrong pairs of alerts are counted beside the same stream without corrections: all of them; those of which the operator
touched neither alert, which are mended by what was learned and by the better company that the others are in; and those
among later alerts, where all corrections were made in the first half. Alerts are counted, not their repeats.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.corrections import Correction, largest
from training.benchmarks.grouping import bcubed, pair_errors
from training.benchmarks.ours import correlator_for, final
from training.benchmarks.report import Row
from training.correlate import Replay

CORRECTIONS = (0, 5, 10, 20)
_SEEN = timedelta(hours=4)  # since an incident's latest alert, during which an operator looks at it
_WHOLE, _HALF = 1.0, 0.5


@dataclass(kw_only=True)
class Taught:
    """One run with corrections."""

    groups: Sequence[str]  # of each delivery, in the end
    alerts: set[int]  # deliveries that are no repeats
    untouched: set[int]  # those of them that the operator left alone
    corrections: int
    held: int  # pairs that an operator put together or apart and did not take back
    broken: int  # pairs that were not so any longer


def rows(case: AlertSet) -> list[Row]:
    """Wrong pairs after so many corrections, beside the same stream without."""
    plain = taught(case, 0)
    return [_row(case, plain, allowed) for allowed in CORRECTIONS]


def _row(case: AlertSet, plain: Taught, allowed: int) -> Row:
    run = taught(case, allowed) if allowed else plain
    half = taught(case, allowed, share=_HALF) if allowed else plain
    both = sorted(run.alerts & plain.alerts)
    later = [place for place in half.alerts & plain.alerts if place >= len(case.alerts) * _HALF]
    before, errors = _errors(case, plain, both), _errors(case, run, both)
    return Row(
        dataset=f"P7 feedback, {case.name}",
        method=f"after {allowed} corrections",
        metrics={
            "bcubed_f1": bcubed(_at(case.truth, both), _at(run.groups, both))[2],
            "pair_errors": float(errors),
            "errors_gone": _gone(before, errors),
            "untouched_gone": _gone(*(_errors(case, one, _left_alone(run, plain)) for one in (plain, run))),
            "later_gone": _gone(_errors(case, plain, later), _errors(case, half, later)),
            "corrections": float(run.corrections),
            "constraints": float(run.held),
            "broken": float(run.broken + half.broken),
        },
    )


def _left_alone(run: Taught, plain: Taught) -> list[int]:
    """The deliveries that are alerts in both runs and were left alone by the operator."""
    return sorted(run.untouched & plain.alerts)


def taught(case: AlertSet, allowed: int, *, share: float = _WHOLE) -> Taught:
    """Replay `case` with corrections spread evenly over its first `share`.

    The operator looks whenever a true incident of several alerts is over, and at the end of that share.
    """
    operator, count = Operator(case), Counter(case.truth)
    last = {name: place for place, name in enumerate(case.truth)}
    end = int(len(case.alerts) * share)
    for place, (alert, name) in enumerate(zip(case.alerts, case.truth, strict=True)):
        operator.take(alert.starts_at, place)
        if place < end and ((last[name] == place and count[name] > 1) or place == end - 1):
            operator.mend(allowed * (place + 1) // end)
    operator.replay.revise()
    if share == _WHOLE:
        operator.mend(allowed)
    operator.look()
    replay = operator.replay
    alerts = {place for place, own in enumerate(zip(replay.ids, replay.heads, strict=True)) if own[0] == own[1]}
    return Taught(
        groups=final(replay),
        alerts=alerts,
        untouched={place for place in alerts if replay.ids[place] not in operator.touched},
        corrections=operator.made,
        held=len(operator.pairs),
        broken=operator.broken,
    )


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two alerts that an operator put into one incident, or into two."""

    one: str
    other: str
    together: bool


@dataclass
class Operator:
    """Sees the groups as they are published and uses the operator's verbs, each use one correction."""

    case: AlertSet
    replay: Replay = field(init=False)
    truth_of: dict[str, str] = field(default_factory=dict)  # alert -> true incident
    began: dict[str, datetime] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)  # alerts that stay where they are by the operator's word
    pairs: set[Pair] = field(default_factory=set)
    made: int = 0
    broken: int = 0

    def __post_init__(self) -> None:
        self.replay = Replay(correlator_for(self.case))

    def take(self, at: datetime, place: int) -> None:
        """Let the next alert of the set be placed, and take note of it."""
        self.replay.take(self.case.alerts[place])
        head = self.replay.heads[-1]
        if head not in self.truth_of:
            self.truth_of[head], self.began[head] = self.case.truth[place], at

    def mend(self, allowed: int) -> None:
        """Make corrections, the one that mends most first, until there were so many."""
        while self.made < allowed:
            correction = largest(self._held())
            if correction is None:
                return
            self.look()
            self._do(correction)
            self.made += 1

    def look(self) -> None:
        """Count, and forget, what was put together or apart and is not so any longer."""
        undone = {pair for pair in self.pairs if not self._is_kept(pair)}
        self.broken += len(undone)
        self.pairs -= undone

    def _do(self, correction: Correction) -> None:
        correlator, incident_of = self.replay.correlator, self.replay.incident_of
        target = correction.target or f"told {self.made}"
        there = self._inside([target])
        moved = list(correction.alerts) or self._inside(correction.sources)
        if correction.alerts:
            correlator.correct(moved, target)
        else:
            for source in correction.sources:
                correlator.merge(source, target)
        for member in moved:
            incident_of[member] = target
        self.touched |= set(moved)
        self.held |= set(moved) | set(() if correction.alerts else there)
        # What the operator takes back is no constraint any longer.
        self.pairs = {pair for pair in self.pairs if self._is_kept(pair)}
        self._remember(moved, [member for member in (*there, *moved) if member in self.held], together=True)
        self._remember(moved, self._inside(correction.sources), together=False)

    def _remember(self, members: Iterable[str], others: Sequence[str], *, together: bool) -> None:
        """What was said of each of `members`, as far as it is true: strangers on the other side are another matter."""
        by_truth: dict[str, str] = {}
        for other in others:
            by_truth.setdefault(self.truth_of[other], other)
        for member in members:
            for name, other in by_truth.items():
                if (name == self.truth_of[member]) is together and member != other:
                    self.pairs.add(Pair(one=member, other=other, together=together))

    def _is_kept(self, pair: Pair) -> bool:
        incident_of = self.replay.incident_of
        return (incident_of[pair.one] == incident_of[pair.other]) is pair.together

    def _inside(self, groups: Sequence[str]) -> list[str]:
        return [member for member, group in self.replay.incident_of.items() if group in groups]

    def _held(self) -> dict[str, dict[str, list[str]]]:
        """The alerts of recent groups by true incident."""
        found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        recent, now = set(), self.replay.now
        for member, group in self.replay.incident_of.items():
            found[group][self.truth_of[member]].append(member)
            if now is not None and self.began[member] >= now - _SEEN:
                recent.add(group)
        return {group: inside for group, inside in found.items() if group in recent}


def _errors(case: AlertSet, run: Taught, places: Sequence[int]) -> int:
    return pair_errors(_at(case.truth, places), _at(run.groups, places))


def _gone(before: int, after: int) -> float:
    return 1.0 - after / before if before else 0.0


def _at(values: Sequence[str], places: Sequence[int]) -> list[str]:
    return [values[place] for place in places]

"""P7: an operator who knows the truth puts right what is wrong after each incident; what comes later is judged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.grouping import bcubed, pair_errors
from training.benchmarks.ours import Watched, correlator_for, final
from training.benchmarks.report import Row

CORRECTIONS = (0, 5, 10, 20)


@dataclass(kw_only=True)
class Taught:
    """One run with at most `allowed` corrections."""

    groups: Sequence[str]
    told_at: list[int]  # places in the stream at which corrections were made
    broken: int  # pairs that an operator put together or apart and that are not so in the end
    held: int  # pairs put together or apart


def rows(case: AlertSet) -> list[Row]:
    """Quality after so many corrections, over the alerts that come after the last of them in the longest run."""
    runs = {allowed: taught(case, allowed) for allowed in CORRECTIONS}
    most = runs[max(CORRECTIONS)].told_at
    later = (most[-1] if most else 0) + 1
    truth = case.truth[later:]
    before = pair_errors(truth, runs[0].groups[later:])
    return [
        Row(
            dataset=f"P7 feedback, {case.name}",
            method=f"after {allowed} corrections",
            metrics={
                "later_f1": bcubed(truth, run.groups[later:])[2],
                "later_alerts": float(len(truth)),
                "pair_errors": float(errors := pair_errors(truth, run.groups[later:])),
                "errors_gone": 1.0 - errors / before if before else 0.0,
                "corrections": float(len(run.told_at)),
                "constraints": float(run.held),
                "broken": float(run.broken),
            },
        )
        for allowed, run in runs.items()
    ]


def taught(case: AlertSet, allowed: int) -> Taught:
    """Replay `case`; whenever a true incident of two or more alerts is over, the operator puts it right."""
    operator = Operator(case, Watched(correlator_for(case)), allowed)
    last = {name: place for place, name in enumerate(case.truth)}
    several = {name for name, count in Counter(case.truth).items() if count > 1}
    for place, (alert, name) in enumerate(zip(case.alerts, case.truth, strict=True)):
        operator.replay.take(alert)
        operator.see(name)
        if last[name] == place and name in several:
            operator.put_right(name)
    operator.replay.revise()
    broken = operator.broken + sum(not held for held in operator.kept())
    return Taught(groups=final(operator.replay), told_at=operator.told_at, broken=broken, held=len(operator.pairs))


@dataclass(kw_only=True, frozen=True)
class Pair:
    """Two members that an operator put into one incident, or into two."""

    one: str
    other: str
    together: bool


@dataclass
class Operator:
    """Sees the groups as they are published and uses the operator's verbs, each use one correction."""

    case: AlertSet
    replay: Watched
    allowed: int
    truth_of: dict[str, str] = field(default_factory=dict)  # member -> true incident
    members: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # true incident -> members
    told_at: list[int] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    broken: int = 0

    def see(self, name: str) -> None:
        """Take note of the alert that was just placed, which belongs to the true incident `name`."""
        head = self.replay.heads[-1]
        if head not in self.truth_of:
            self.truth_of[head] = name
            self.members[name].append(head)

    def put_right(self, name: str) -> None:
        """Bring the members of a true incident together, and send strangers away, while corrections are left."""
        held = self._held()
        homes: dict[str, list[str]] = defaultdict(list)  # group -> members of this incident in it
        for member in self.members[name]:
            homes[self._group(member)].append(member)
        own = [group for group in homes if 2 * len(homes[group]) > len(held[group])]
        home = max(own, key=lambda group: (len(homes[group]), group), default=f"told {name}")
        self._send_away(name, home, held[home])
        for group in sorted(homes, key=lambda group: -len(homes[group])):
            if group == home or not self._may():
                continue
            inside = self._held()[group]
            if len(inside) == len(homes[group]):
                self._merge(group, home, inside)
            else:
                self._correct(homes[group], home, inside)

    def kept(self) -> Iterator[bool]:
        """Of each pair, whether it is as the operator put it."""
        for pair in self.pairs:
            yield (self._group(pair.one) == self._group(pair.other)) is pair.together

    def _send_away(self, name: str, home: str, held: Sequence[str]) -> None:
        """Strangers in the incident's group go where most of their own incident is, else into one of their own."""
        strangers: dict[str, list[str]] = defaultdict(list)
        for member in held:
            if self.truth_of[member] != name:
                strangers[self.truth_of[member]].append(member)
        for other, found in strangers.items():
            if self._may():
                elsewhere = Counter(group for m in self.members[other] if (group := self._group(m)) != home)
                target = elsewhere.most_common(1)[0][0] if elsewhere else f"told {other}"
                self._correct(found, target, self._held()[home])

    def _merge(self, source: str, target: str, members: Sequence[str]) -> None:
        self._account()
        self.replay.correlator.merge(source, target)
        others = self._held()[target]
        self._put(members, target)
        self._remember(members[:1], others, together=True)

    def _correct(self, members: Sequence[str], target: str, before: Sequence[str]) -> None:
        self._account()
        self.replay.correlator.correct(members, target)
        others = self._held()[target]
        self._put(members, target)
        self._remember(members, others, together=True)
        self._remember(members, [member for member in before if member not in members], together=False)

    def _account(self) -> None:
        """One more correction; what the model has undone by now counts as broken."""
        self.told_at.append(len(self.replay.ids) - 1)
        self.broken += self._forget()

    def _put(self, members: Sequence[str], target: str) -> None:
        """Take note of what the operator did; what the operator undoes is no constraint any longer."""
        for member in members:
            self.replay.put(member, target)
        self._forget()

    def _forget(self) -> int:
        """Drop the pairs that are not as they were put; returns how many."""
        kept = [pair for pair, held in zip(self.pairs, self.kept(), strict=True) if held]
        dropped, self.pairs = len(self.pairs) - len(kept), kept
        return dropped

    def _remember(self, members: Sequence[str], others: Sequence[str], *, together: bool) -> None:
        """What was said of each of `members`, as far as it is true: strangers on the other side are another matter."""
        for member in members:
            same = [other for other in others if (self.truth_of[other] == self.truth_of[member]) is together]
            self.pairs += [Pair(one=member, other=other, together=together) for other in same[:1]]

    def _may(self) -> bool:
        return len(self.told_at) < self.allowed

    def _group(self, member: str) -> str:
        return self.replay.incident_of[member]

    def _held(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for member, group in self.replay.incident_of.items():
            found[group].append(member)
        return found

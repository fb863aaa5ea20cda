"""Our own correlator over a stream, in its one default configuration, watched at every step."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from engine.correlate import Correlator
from engine.domain import Alert, ModelPart
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.outcomes import Outcome, Step
from training.correlate import Replay

COLD, WITH_TOPOLOGY, WITH_ALL = "PathFinder, cold", "PathFinder, topology", "PathFinder, topology and history"
_TRACED = 4000  # alerts at the beginning over which memory is traced: tracing makes it several times slower


_learned: dict[int, tuple[Sequence[Alert], ModelPart]] = {}  # by history, which is kept so that its id stays its own


class Watched(Replay):
    """A replay that notes when an alert is first put into a group, and when it is put into another one."""

    def __init__(self, correlator: Correlator) -> None:
        super().__init__(correlator)
        self.steps: list[Step] = []
        self.places: dict[str, list[int]] = {}  # member -> its deliveries
        self.shown: dict[str, str] = {}  # member -> the group that was published last
        self.incident_of = _Told(self._changed)

    def take(self, alert: Alert) -> None:
        """Place one alert and note where."""
        super().take(alert)
        place, head = len(self.ids) - 1, self.heads[-1]
        self.places.setdefault(head, []).append(place)
        self.shown[head] = self.incident_of[head]
        self.steps.append((place, place, self.shown[head]))

    def _changed(self, member: str, group: str) -> None:
        if self.shown.get(member, group) != group:
            self.shown[member] = group
            self.steps += [(len(self.ids) - 1, place, group) for place in self.places[member]]


class _Told(dict[str, str]):
    """A mapping that tells of every change."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        super().__init__()
        self._tell = tell

    def __setitem__(self, member: str, group: str) -> None:
        super().__setitem__(member, group)
        self._tell(member, group)


def ways(case: AlertSet) -> list[tuple[str, AlertSet]]:
    """What our correlator may know beforehand: nothing, the topology, the history too; as far as the set has it."""
    bare = replace(case, history=((), ()), topology=())
    found = [(COLD, bare)]
    if case.topology:
        found.append((WITH_TOPOLOGY, replace(bare, topology=case.topology)))
    return [*found, (WITH_ALL, case)] if case.history[0] else found


def correlator_for(case: AlertSet) -> Correlator:
    """A fresh correlator that knows the set's topology and history; a history is learned once in a process."""
    if not case.history[0]:
        return Correlator(topology=case.topology)
    key = id(case.history[0])
    if key not in _learned:
        _learned[key] = case.history[0], Correlator(topology=case.topology).fit(*case.history).to_part()
    return Correlator.from_part(_learned[key][1], case.topology)


def watched(case: AlertSet) -> Outcome:
    """Groups, steps, processor time and seconds per alert (the repair in between included)."""
    replay = Watched(correlator_for(case))
    spent_s, began = [], time.process_time()
    for alert in case.alerts:
        start = time.perf_counter()
        replay.take(alert)
        spent_s.append(time.perf_counter() - start)
    replay.revise()
    cpu_s = time.process_time() - began
    return Outcome(groups=final(replay), steps=replay.steps, cpu_s=cpu_s, spent_s=spent_s)


def final(replay: Replay) -> list[str]:
    """The group of each delivery as it stands."""
    return [row.incident_id for row in replay.rows()]


def memory_mb(case: AlertSet) -> float:
    """What the correlator holds after the first `_TRACED` alerts."""
    replay = Replay(correlator_for(case))
    tracemalloc.start()
    for alert in _first(case.alerts):
        replay.take(alert)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / 1e6


def told_the_truth(case: AlertSet) -> Outcome:
    """What scoring alone can reach: each alert is judged with all before it in their true incidents."""
    correlator, groups = correlator_for(case), []
    last = {name: place for place, name in enumerate(case.truth)}
    begun: set[str] = set()
    for place, (alert, name) in enumerate(zip(case.alerts, case.truth, strict=True)):
        match = correlator.predict_one(alert)
        groups.append(match.incident_id or (f"alone {place}" if name in begun else name))
        begun.add(name)
        correlator.learn_one(alert, name)
        if last[name] == place:
            correlator.close(name, alert.starts_at)
    return Outcome.online(groups)


def _first(alerts: Sequence[Alert]) -> Iterator[Alert]:
    yield from alerts[:_TRACED]

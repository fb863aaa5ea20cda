"""The labelled streams that weights are fitted on, in families that count alike, and what of them one round sees.

Made-up worlds and seeded firms (seeds apart from those measured) and, where the folder of public data is given, the
earlier halves of two systems of microservice faults and two of the four attack campaigns; or all of these, for what is
shipped rather than measured. Each is told with what is known of its topology and without, after a history and without
any, so that a weight holds in more than one place.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.domain import Alert, AlertStatus, Edge
from training import worlds
from training.benchmarks import alert_sets
from training.benchmarks.alert_sets import Episode
from training.simulate import simulate
from training.weighing.endings import retold

FIRMS, WORLDS = range(10, 17), range(100, 112)
CAMPAIGNS, SYSTEMS = ("fox", "santos"), ("micross", "ob1")
MEASURED_CAMPAIGNS = ("russellmitchell", "wardbeck")
AT_A_TIME = (1, 2, 4, 8)  # superposed faults

Past = tuple[Sequence[Alert], Sequence[str]]
_COUNTS_AS = {"firm": 25_000.0, "world": 20_000.0, "fault": 12_000.0, "attack": 14_000.0}  # alerts, whatever it has
_SEEN = {"firm": 1_300, "world": 700, "fault": 1_400, "attack": 6_000}  # alerts of a stream in one round
_NATURAL = 2_200  # the same, of faults as they were: few of them overlap
_WORLD_ALERTS, _FAULT_ALERTS, _PHASE_ALERTS = 1_000, 2_500, 900
_FIRM_DAYS = 30
_BEGINNINGS, _BEGINNING = 6, 60  # short stretches of a stream in one round, and their alerts


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Alerts in the order received, the true incident of each, and what is known before."""

    family: str
    alerts: Sequence[Alert]
    truth: Sequence[str]
    edges: Sequence[Edge] = ()
    history: Past | None = None
    seen: int = 0  # alerts in one round; 0 = all
    weight: float = 1.0  # of one choice


def streams(shared: Path | None = None, *, whole: bool = False) -> Iterator[Stream]:
    """All that weights are fitted on; of the public data only where the folder `shared` is given, and only with `whole`
    what the benchmark asks about."""
    for seed in FIRMS:
        yield from _firm(seed)
    for seed in WORLDS:
        yield from _world(seed)
    if shared is not None:
        for tag in (True, False):
            yield from _faults(shared / "datasets" / "correlation", tag, whole)
            yield from _attacks(shared / "datasets" / "correlation", tag, whole)


def sight(known: Sequence[Stream], number: int) -> list[Stream]:
    """What round `number` sees: every other stream of worlds, a stretch of long ones, some with other ends; families
    weighted alike."""
    chance, drawn, turn = random.Random(number), [], number
    for stream in known:
        turn += stream.family == "world"
        if stream.family != "world" or turn % 2:
            drawn.append(_retold(_stretch(stream, chance), chance))
    return balanced(drawn)


def beginnings(known: Sequence[Stream], number: int) -> list[Stream]:
    """First days: short stretches of streams without history, where next to nothing is known of a place's pace."""
    chance = random.Random(f"beginnings {number}")
    long = [replace(stream, seen=_BEGINNING) for stream in known if stream.history is None]
    shown = [_stretch(stream, chance) for stream in long for _ in range(_BEGINNINGS) if len(stream.alerts) > _BEGINNING]
    return [_retold(stream, chance) for stream in shown]


def balanced(drawn: Sequence[Stream]) -> list[Stream]:
    """The streams, weighted so that a family counts the same however many alerts of it fire."""
    sizes: Counter[str] = Counter()
    for stream in drawn:
        sizes[stream.family] += sum(alert.status is AlertStatus.FIRING for alert in stream.alerts)
    return [replace(stream, weight=_COUNTS_AS[stream.family] / sizes[stream.family]) for stream in drawn]


def _stretch(stream: Stream, chance: random.Random) -> Stream:
    spare = len(stream.alerts) - stream.seen
    if not stream.seen or spare <= 0:
        return stream
    begin = chance.randrange(spare)
    end = begin + stream.seen
    return replace(stream, alerts=stream.alerts[begin:end], truth=stream.truth[begin:end])


def _retold(stream: Stream, chance: random.Random) -> Stream:
    told = retold(stream.alerts, stream.truth, chance)
    return replace(stream, alerts=[alert for alert, _ in told], truth=[name for _, name in told])


def _told(family: str, told: Past, edges: Sequence[Edge]) -> Iterator[Stream]:
    yield from _charted(Stream(family=family, alerts=told[0], truth=told[1], seen=_SEEN[family]), edges)


def _later(family: str, told: Past, edges: Sequence[Edge], split: int) -> Stream:
    """A stream from `split` on, with what was before as its history."""
    alerts, truth = told
    past = alerts[:split], truth[:split]
    return Stream(
        family=family, alerts=alerts[split:], truth=truth[split:], edges=edges, history=past, seen=_SEEN[family]
    )


def _firm(seed: int) -> Iterator[Stream]:
    made = simulate(seed=seed, days=_FIRM_DAYS)
    told = made.alerts, [made.truth[alert.id] for alert in made.alerts]
    yield from _told("firm", told, made.edges)
    yield _later("firm", told, made.edges, len(made.alerts) // 2)


def _world(seed: int) -> Iterator[Stream]:
    made = worlds.draw(seed, _WORLD_ALERTS)
    told = made.alerts, made.truth
    yield from _told("world", told, made.edges)
    if seed % 3 == 0:
        yield _later("world", told, made.edges, made.split)


def _faults(folder: Path, tag: bool, whole: bool) -> Iterator[Stream]:
    """What may be learned from, cold and with the topology; its later half with its earlier half as history too."""
    found = alert_sets.fault_episodes(folder, tag=tag, systems=SYSTEMS)
    first, second = alert_sets.halves(found if whole else _earlier(found))
    edges, history = alert_sets.fault_topology(folder), alert_sets.natural(first)
    alerts, truth = alert_sets.natural([*first, *second])
    yield from _charted(_fault((alerts[-_FAULT_ALERTS:], truth[-_FAULT_ALERTS:]), _NATURAL), edges)
    yield replace(_fault(alert_sets.natural(second), _NATURAL), edges=edges, history=history)
    for count in AT_A_TIME:
        for draw in range(1 + whole):
            seed = count + 10 * tag + 1000 * draw
            yield from _charted(_fault(alert_sets.superposed([*first, *second], count, seed)), edges)
            yield replace(_fault(alert_sets.superposed(second, count, seed + 100)), edges=edges, history=history)


def _charted(stream: Stream, edges: Sequence[Edge]) -> Iterator[Stream]:
    """A stream without its topology and with it."""
    yield stream
    yield replace(stream, edges=edges)


def _earlier(episodes: Mapping[str, Sequence[Episode]]) -> dict[str, Sequence[Episode]]:
    return {name: found[: len(found) // 2] for name, found in episodes.items()}


def _fault(told: Past, seen: int = _SEEN["fault"]) -> Stream:
    return Stream(family="fault", alerts=told[0][:_FAULT_ALERTS], truth=told[1][:_FAULT_ALERTS], seen=seen)


def _attacks(folder: Path, tag: bool, whole: bool) -> Iterator[Stream]:
    """Each campaign and what was around it; an alert of no attack is an incident of its own."""
    for campaign in (*CAMPAIGNS, *(MEASURED_CAMPAIGNS if whole else ())):
        found = alert_sets.attack_alerts(folder, tag=tag, scenarios=[campaign], per_phase=_PHASE_ALERTS)
        truth = [f"{name}#{place}" if name in found.ignored else name for place, name in enumerate(found.truth)]
        yield Stream(family="attack", alerts=found.alerts, truth=truth, seen=_SEEN["attack"])

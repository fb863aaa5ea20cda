"""Which one correction by a person mends most: incidents made one, some alerts made one of their own, one moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LEAST = 4  # pairs that a correction must mend, or nobody takes the trouble

Held = Mapping[str, Mapping[str, Sequence[str]]]  # group -> true incident -> alerts


@dataclass(frozen=True, kw_only=True)
class Correction:
    """One use of one of the operator's verbs."""

    mends: int  # pairs of alerts that are wrong before and right after, less those the other way round
    alerts: Sequence[str]  # that are taken out of where they are; () where whole incidents are merged
    sources: Sequence[str]  # the incidents they are taken out of, or that become part of `target`
    target: str  # "" is a new incident


def largest(held: Held) -> Correction | None:
    """The correction that mends most, at least `LEAST` pairs.

    Examples
    --------
    >>> largest({"1": {"fire": ["a", "b", "c"], "flood": ["d", "e"]}}).alerts
    ['a', 'b', 'c']
    >>> largest({"1": {"fire": ["a", "b", "c"]}, "2": {"fire": ["d", "e"]}}).sources
    ['2']
    >>> largest({"1": {"fire": ["a"]}, "2": {"flood": ["d"]}}) is None
    True
    """
    sizes = {group: {name: len(found) for name, found in inside.items()} for group, inside in held.items()}
    where: dict[str, list[str]] = defaultdict(list)
    for group, inside in held.items():
        for name in inside:
            where[name].append(group)
    found = [one for name, groups in where.items() for one in _of(name, groups, held, sizes)]
    best = max(found, key=lambda one: one.mends, default=None)
    return best if best is not None and best.mends >= LEAST else None


def _of(name: str, groups: Sequence[str], held: Held, sizes: Mapping[str, Mapping[str, int]]) -> Iterator[Correction]:
    for group in groups:
        own, rest = sizes[group][name], sum(sizes[group].values()) - sizes[group][name]
        if rest:
            yield Correction(mends=own * rest, alerts=held[group][name], sources=[group], target="")
        for other in groups if own == 1 and rest else ():
            if other != group:
                mends = rest - sum(sizes[other].values()) + 2 * sizes[other][name]
                yield Correction(mends=mends, alerts=held[group][name], sources=[group], target=other)
    yield _merged(name, groups, sizes)


def _merged(name: str, groups: Sequence[str], sizes: Mapping[str, Mapping[str, int]]) -> Correction:
    """All groups that hold some of a true incident and gain by becoming one, into the one that holds most of it."""
    target, *others = sorted(groups, key=lambda group: (-sizes[group][name], group))
    inside, mends, sources = Counter(sizes[target]), 0, []
    for other in others:
        right = sum(count * inside[true] for true, count in sizes[other].items())
        more = 2 * right - inside.total() * sum(sizes[other].values())
        if more > 0:
            mends += more
            sources.append(other)
            inside.update(sizes[other])
    return Correction(mends=mends, alerts=(), sources=sources, target=target)

"""The slow, obvious way to what stands out in an incident and to what things have shown lately."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from engine.correlate.reading import kind_of

Shown = Sequence[tuple[str, str, float]]  # thing, symptom, when
Past = Sequence[tuple[str, str]]  # thing, symptom


def level(thing: str, hosts: Collection[str]) -> str:
    """Host, part or whole."""
    if thing in hosts:
        return "host"
    return "part" if kind_of(thing) != thing else "whole"


def nats(shown: Shown, region: Collection[str], things: int, half_s: float) -> float:
    """What speaks for `region`, of so many `things`, each symptom a family of its own; several of it must show one."""
    firsts: dict[tuple[str, str], float] = {}
    for thing, symptom, at in shown:
        firsts[thing, symptom] = min(at, firsts.get((thing, symptom), at))
    began = min(firsts.values())
    weight = {pair: 0.5 ** ((at - began) / half_s) for pair, at in firsts.items()}
    alerting = {thing for thing, _ in firsts}
    total = 0.0
    for symptom in {symptom for _, symptom in firsts}:
        inside = [thing for thing in region if (thing, symptom) in firsts]
        if not inside or (len(region) > 1 and len(inside) < 2):
            continue
        showing = {thing for thing, what in firsts if what == symptom}
        size = max(sum(level(other, ()) == level(thing, ()) for other in alerting) for thing in showing)
        rest = sum(weight[thing, symptom] for thing in showing - set(region))
        k = sum(weight[thing, symptom] for thing in inside)
        outside = (rest + 0.2) / (max(0, size - things) + 4.0)
        total += ratio(k, things, outside)
    return total


def ratio(k: float, n: int, p: float) -> float:
    """Log-likelihood of k of n at a rate of their own, less that at the rate p."""
    p = min(0.95, max(1e-4, p))
    q = (k + 0.7) / (n + 1.0)
    if q <= p:
        return 0.0
    return max(0.0, math.log(q**k * (1 - q) ** (n - k)) - math.log(p**k * (1 - p) ** (n - k)))


def share(incidents: Sequence[Past], thing: str, symptom: str, life: float) -> float:
    """0..1: in what share of past incidents, old ones fading, a thing showed a symptom."""
    fade = [0.5 ** (age / life) for age in range(len(incidents))][::-1]
    things = {one for shown in incidents for one, _ in shown}
    like = {one for one in things if kind_of(one) == kind_of(thing)}

    def told(names: Collection[str]) -> float:
        showing = [{one for one, what in shown if what == symptom and one in names} for shown in incidents]
        return sum(f * len(found) for f, found in zip(fade, showing, strict=True))

    anything = told(things) / sum(fade) / max(1, len(things))
    of_kind = (told(like) + 0.5 * anything) / (sum(fade) * max(1, len(like)) + 0.5)
    return (told({thing}) + of_kind) / (sum(fade) + 1.0)

"""The slow, obvious way to what root ranking counts over past incidents."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.correlate.reading import kind_of

Shown = Sequence[tuple[str, str]]  # thing, symptom


def surprise(incidents: Sequence[Shown], thing: str, symptom: str, shrink: float) -> float:
    """0..1: how unusual a symptom is at a thing, from a scan of all incidents."""
    count = len(incidents)
    things = {one for shown in incidents for one, _ in shown}
    like = {one for one in things if kind_of(one) == kind_of(thing)}
    showing = sum(len({one for one, what in shown if what == symptom}) for shown in incidents)
    anywhere = (showing + 0.5) / ((count + 1) * max(1, len(things)))
    alike = sum(len({one for one, what in shown if what == symptom and one in like}) for shown in incidents)
    of_kind = (alike + shrink * anywhere) / (count * max(1, len(like)) + shrink)
    here = sum((thing, symptom) in shown for shown in incidents)
    chance = min(1.0, (here + shrink * of_kind) / (count + shrink))
    return min(1.0, -math.log(chance) / math.log(count + 3))


def needing(edges: Sequence[tuple[str, str]], start: str, reach: int) -> set[str]:
    """What needs `start`, directly or through others, at most `reach` steps away."""
    found = {start}
    for _ in range(reach):
        found |= {source for source, target in edges if target in found}
    return found - {start}

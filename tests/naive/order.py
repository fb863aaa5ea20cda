"""The slow, obvious way to what must not depend on the order of arrival."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.domain import Alert


def in_order(deliveries: Sequence[Alert]) -> list[Alert]:
    """Each episode once, in the order in which things happened: what a patient reader would make of the deliveries."""
    first: dict[str, Alert] = {}
    for alert in deliveries:
        first.setdefault(alert.id, alert)
    return sorted(first.values(), key=lambda alert: (alert.starts_at, alert.id))


def agreement(one: Mapping[str, str], other: Mapping[str, str]) -> float:
    """Mean over alerts of how much of its company in both groupings is the same (Jaccard), 1 for equal groupings."""
    shares = []
    for alert in one:
        here = {each for each in one if one[each] == one[alert]}
        there = {each for each in other if other[each] == other[alert]}
        shares.append(len(here & there) / len(here | there))
    return sum(shares) / max(1, len(shares))

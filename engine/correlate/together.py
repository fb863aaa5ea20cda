"""What was seen together: how often two kinds of alert shared an incident, shrunk where that rests on little."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

_PARTNERS = 64  # kept per kind
_KINDS_PER_INCIDENT = 64
_KINDS = 20_000
_STRANGERS_READ = 16  # kinds never seen with another that are asked how sure that is
_SHRINK = 3.0  # pseudo-incidents that pull a rare kind's partners towards their base rate


class Together:
    """Counts, over incidents, of kinds and pairs of kinds (a kind is any string)."""

    def __init__(self) -> None:
        self.incidents = 0.0
        self.counts: dict[str, float] = {}
        self.pairs: dict[str, dict[str, float]] = {}

    def learn(self, kinds: Iterable[str], times: float = 1.0) -> None:
        """So many more incidents showed `kinds`."""
        found = list(dict.fromkeys(kinds))[:_KINDS_PER_INCIDENT]
        self.incidents += times
        for kind in found:
            self.counts[kind] = self.counts.get(kind, 0.0) + times
            if len(found) > 1:
                _add(self.pairs.setdefault(kind, {}), kind, found, times)
        if len(self.counts) > _KINDS:
            self._forget()

    def lift(self, kind: str, present: Mapping[str, object]) -> tuple[float, str]:
        """Nats by which the likeliest of `present` raises the chance of `kind`, and which one; (0, "") if unknown."""
        total = self.counts.get(kind, 0.0)
        if not total:
            return 0.0, ""
        base = (total + 0.5) / (self.incidents + 1.0)
        partners = self.pairs.get(kind, {})
        best, which = -math.inf, ""
        for other in (partners.keys() & present.keys()) or islice(present, _STRANGERS_READ):
            seen = self.counts.get(other, 0.0)
            if seen and other != kind:
                share = (partners.get(other, 0.0) + _SHRINK * base) / (seen + _SHRINK)
                if (share, other) > (best, which):
                    best, which = share, other
        return (math.log(best / base), which) if which else (0.0, "")

    def support(self, kind: str, other: str) -> tuple[int, int]:
        """In how many incidents of `other` was `kind` there too: (both, all of `other`)."""
        return round(self.pairs.get(kind, {}).get(other, 0.0)), round(self.counts.get(other, 0.0))

    def to_data(self) -> dict[str, Any]:
        """JSON-able form."""
        pairs = {kind: dict(partners) for kind, partners in self.pairs.items()}
        return {"incidents": self.incidents, "counts": dict(self.counts), "pairs": pairs}

    def take(self, data: Mapping[str, Any]) -> None:
        """Take over what `to_data` wrote."""
        self.incidents, self.counts = data["incidents"], dict(data["counts"])
        self.pairs = {kind: dict(partners) for kind, partners in data["pairs"].items()}

    def _forget(self) -> None:
        self.counts = {kind: number / 2 for kind, number in self.counts.items() if number > 1.0}
        self.pairs = {kind: _halved(self.pairs[kind]) for kind in self.counts if kind in self.pairs}
        self.incidents /= 2


def _add(partners: dict[str, float], kind: str, found: Sequence[str], times: float) -> None:
    for other in found:
        if other != kind:
            partners[other] = partners.get(other, 0.0) + times
    if len(partners) > 2 * _PARTNERS:
        for other in sorted(partners, key=lambda name: (partners[name], name))[:-_PARTNERS]:
            del partners[other]


def _halved(partners: Mapping[str, float]) -> dict[str, float]:
    return {other: number / 2 for other, number in partners.items()}

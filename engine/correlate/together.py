"""What was seen together: how often two kinds of alert shared an incident, shrunk where that rests on little."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

_PARTNERS = 64  # kept per kind
_KINDS_PER_INCIDENT = 64
_KINDS = 20_000
STRANGERS_READ = 16  # kinds never seen with another that are asked how sure that is
_RANKED = 8192  # kinds whose partners are kept in order
SHRINK = 3.0  # pseudo-incidents that pull a rare kind's partners towards their base rate


class Together:
    """Counts, over incidents, of kinds and pairs of kinds (a kind is any string)."""

    def __init__(self) -> None:
        self.incidents = 0.0
        self.counts: dict[str, float] = {}
        self.pairs: dict[str, dict[str, float]] = {}
        self.told: dict[str, dict[str, tuple[float, float]]] = {}  # by operators: kind -> other -> (together, apart)
        self._ranked = lru_cache(_RANKED)(self._rank)  # until more is learned

    def learn(self, kinds: Iterable[str], times: float = 1.0) -> None:
        """So many more incidents showed `kinds`."""
        self._ranked.cache_clear()
        found = list(dict.fromkeys(kinds))[:_KINDS_PER_INCIDENT]
        self.incidents += times
        for kind in found:
            self.counts[kind] = self.counts.get(kind, 0.0) + times
            if len(found) > 1:
                _add(self.pairs.setdefault(kind, {}), kind, found, times)
        if len(self.counts) > _KINDS:
            self._forget()

    def tell(self, kind: str, other: str, together: float, apart: float) -> None:
        """An operator's word on this pair alone, worth so many past incidents that showed both, and one of them.

        It counts where the kind that is asked about was seen in past incidents too: of one that was not, it is not
        known how often it is alone.
        """
        self._ranked.cache_clear()
        for one, two in ((kind, other), (other, kind)):
            partners = self.told.setdefault(one, {})
            had = partners.get(two, (0.0, 0.0))
            partners[two] = had[0] + together, had[1] + apart

    def lift(self, kind: str, present: Mapping[str, object]) -> tuple[float, str]:
        """Nats by which the likeliest of `present` raises the chance of `kind`, and which one; (0, "") if unknown."""
        nats = self.nats(kind, present)
        if nats is None:
            return 0.0, ""
        _, partners = self._ranked(kind)
        which = next(filter(present.__contains__, partners), None)
        return nats, which if which is not None else min(self._strangers(kind, present))[1]

    def nats(self, kind: str, present: Mapping[str, object]) -> float | None:
        """The same without its name; None if unknown."""
        if kind not in self.counts:
            return None
        base, partners = self._ranked(kind)
        if not partners.keys().isdisjoint(present.keys()):
            return math.log(partners[next(filter(present.__contains__, partners))] / base)
        seen = min(self._strangers(kind, present), default=None)
        return -math.log(seen[0] / SHRINK + 1.0) if seen is not None else None

    def partners(self, kind: str) -> dict[str, tuple[float, float]]:
        """In how many incidents each partner of `kind` was seen with it, and in how many more it is said to have been
        seen at all: operators' word counts in both."""
        pairs = self.pairs.get(kind, {})
        found = {other: (both, 0.0) for other, both in pairs.items() if self.counts.get(other) and other != kind}
        for other, (together, apart) in self.told.get(kind, {}).items():
            found[other] = pairs.get(other, 0.0) + together, together + apart
        return found

    def _strangers(self, kind: str, present: Mapping[str, object]) -> list[tuple[float, str]]:
        """Some of `present`, as (how often each was seen, it): for a kind that none of them was ever seen with."""
        counts = self.counts
        return [
            (counts[other], other) for other in islice(present, STRANGERS_READ) if other in counts and other != kind
        ]

    def _rank(self, kind: str) -> tuple[float, dict[str, float]]:
        """The share of incidents that show `kind`; and its share of those of each partner, the largest first."""
        base = (self.counts[kind] + 0.5) / (self.incidents + 1.0)
        shares = {
            other: (both + SHRINK * base) / (self.counts.get(other, 0.0) + more + SHRINK)
            for other, (both, more) in self.partners(kind).items()
        }
        return base, {other: shares[other] for other in sorted(shares, key=lambda name: (shares[name], name))[::-1]}

    def support(self, kind: str, other: str) -> tuple[int, int]:
        """In how many incidents of `other` was `kind` there too: (both, all of `other`), operators' word counted in."""
        together, apart = self.told.get(kind, {}).get(other, (0.0, 0.0))
        both = self.pairs.get(kind, {}).get(other, 0.0) + together
        return round(both), round(self.counts.get(other, 0.0) + together + apart)

    def to_data(self) -> dict[str, Any]:
        """JSON-able form."""
        pairs = {kind: dict(partners) for kind, partners in self.pairs.items()}
        return {"incidents": self.incidents, "counts": dict(self.counts), "pairs": pairs}

    def take(self, data: Mapping[str, Any]) -> None:
        """Take over what `to_data` wrote."""
        self._ranked.cache_clear()
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

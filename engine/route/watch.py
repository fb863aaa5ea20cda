"""How good routing has been of late: week by week, judged on what was said before each resolution was known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

_BINS = 10
_KEPT = 104  # weeks
_LEAST = 20  # judgements on either side from which on a fall can be told from chance
_Z = 2.6  # standard errors by which the share of right ones must have fallen: about 1 in 200 by chance
_RECENT = 4  # weeks that are compared with those before


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """One week of judgements, from Monday (UTC)."""

    begins: str  # ISO date
    asked: int = 0
    first: int = 0  # the first named resolved it
    near: int = 0  # one of the first three did
    bins: tuple[tuple[int, float, int], ...] = tuple((0, 0.0, 0) for _ in range(_BINS))  # asked, stated, right
    named: Mapping[str, int] = field(default_factory=dict)  # how often each was named first

    @property
    def calibration_error(self) -> float:
        """Mean distance, 0..1, of stated and found accuracy."""
        return sum(abs(stated - right) for _, stated, right in self.bins) / max(1, self.asked)

    @property
    def busiest_tenth(self) -> float:
        """Share of the incidents whose first named is among the busiest tenth of those named."""
        counts = sorted(self.named.values(), reverse=True)
        return sum(counts[: max(1, len(counts) // 10)]) / max(1, self.asked)


@dataclass(frozen=True, slots=True)
class Watch:
    """The latest weeks, oldest first. A value: judging gives a new one."""

    weeks: tuple[Week, ...] = ()

    def judged(self, named: Sequence[tuple[str, float]], right: str, at: datetime) -> Watch:
        """With one more judgement: `named` are people and their probabilities, best first."""
        begins = (at - timedelta(days=at.weekday())).date().isoformat()
        weeks = list(self.weeks)
        if not weeks or weeks[-1].begins < begins:
            weeks.append(Week(begins=begins))
        place = next((n for n, week in enumerate(weeks) if week.begins == begins), None)
        if place is not None:
            weeks[place] = _with(weeks[place], named, right)
        return Watch(tuple(weeks[-_KEPT:]))

    @property
    def has_fallen(self) -> bool:
        """Whether the right one is among the first three less often in the latest weeks than in those before."""
        late, before = self.weeks[-_RECENT:], self.weeks[:-_RECENT]
        n, m = sum(week.asked for week in late), sum(week.asked for week in before)
        if min(n, m) < _LEAST:
            return False
        now, then = sum(week.near for week in late) / n, sum(week.near for week in before) / m
        both = (now * n + then * m) / (n + m)
        error: float = (both * (1 - both) * (1 / n + 1 / m)) ** 0.5
        return then - now > _Z * max(error, 1e-9)

    def to_data(self) -> dict[str, Any]:
        """JSON-able."""
        return {"weeks": [[w.begins, w.asked, w.first, w.near, list(w.bins), dict(w.named)] for w in self.weeks]}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The watch that `to_data` described."""
        return cls(
            tuple(
                Week(begins=b, asked=a, first=f, near=n, bins=tuple(tuple(one) for one in bins), named=named)
                for b, a, f, n, bins, named in data.get("weeks", ())
            )
        )


def _with(week: Week, named: Sequence[tuple[str, float]], right: str) -> Week:
    who, chance = named[0] if named else ("", 0.0)
    place = min(int(chance * _BINS), _BINS - 1)
    bins = list(week.bins)
    asked, stated, hits = bins[place]
    bins[place] = (asked + 1, stated + chance, hits + (who == right))
    return replace(
        week,
        asked=week.asked + 1,
        first=week.first + (who == right),
        near=week.near + any(one == right for one, _ in named[:3]),
        bins=tuple(bins),
        named=dict(Counter(dict(week.named)) + Counter([who] if who else [])),
    )

"""Sieve: which views of a course are worth a look, so that a round of peeling works out only what may show something.

What a pattern leaves behind changes little of what is seen far from it. So the scores of the round before, without the
cells that were taken out, say which views may show something now; only those are worked out anew and proven.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import log

import numpy as np

from engine.patterns.calendar import RuleTable
from engine.patterns.contrasts import Contrasts, Ways
from engine.patterns.scan import LOG_LIKELY, Candidate, View, best_of, sketched

Key = tuple[int, int, bool]  # width, sign, whether pooled
_MOST = 12  # views that are worked out anew
_SLACK = 4.0  # nats that a view may be worth more than it was in the round before
_LOG_SIGNS = log(2)
_LOG_VIEWS = log(1.5)  # plain and pooled views of one window resemble each other


@dataclass
class Sieve:
    """What one way to score a course showed in the rounds before."""

    views: dict[Key, View] = field(default_factory=dict)
    ways: Ways = field(default_factory=Ways)

    def take_out(self, gone: np.ndarray) -> None:
        """Forget the windows that reach into cells that are `gone` (bool, flat)."""
        sums = np.concatenate([[0], np.cumsum(gone)])
        for key, view in self.views.items():
            ends = np.minimum(np.arange(len(gone)) + view.width, len(gone))
            self.views[key] = view.without(sums[ends] > sums[:-1])

    def passed(self, keys: Iterable[Key], table: RuleTable, bin_minutes: int, below: float) -> list[Key]:
        """Those of `keys` that showed most, with a log p near or `below` that; all where none was looked at before."""
        if not self.views:
            return list(keys)
        names = {id(view): key for key, view in self.views.items()}
        shown = sorted(sketched(list(self.views.values()), table, bin_minutes, below + _SLACK), key=lambda s: s.log_p)
        kept = set(list(dict.fromkeys(names[id(one.view)] for one in shown))[:_MOST])
        return [key for key in keys if key in kept]


def candidates(
    contrasts: Contrasts, widths: Sequence[int], table: RuleTable, sieve: Sieve | None = None
) -> list[Candidate]:
    """The least chance-like windows of `widths`, by direction and repeat within the day, best first.

    Contrasts that show another course than that by rank add its rises, with room for early and late starts, alone.
    Views that do not pass the `sieve` are left out; those looked at are remembered in it.
    """
    by_rank = contrasts.shown is contrasts
    signs, pools = ((1, -1), (False, True)) if by_rank else ((1,), (True,))
    keys = [
        (width, sign, pooled)
        for width in widths
        for sign in signs
        for pooled in (pools if contrasts.has_pool(width) else pools[:1])
    ]
    paid = log(1 + len(widths) / 3) + _LOG_SIGNS + _LOG_VIEWS
    if sieve is not None:
        keys = sieve.passed(keys, table, contrasts.bin_minutes, LOG_LIKELY - paid)
    views: dict[Key, View] = {}
    for width, sign, pooled in keys:
        unit = contrasts.unit(width, sign, pooled=pooled)
        if unit is not None:
            valid = None if contrasts.complete else contrasts.valid(width)
            views[width, sign, pooled] = View(unit, width, sign, pooled, valid, table.weekend)
    if sieve is not None:
        sieve.views |= views
    return best_of(list(views.values()), table, contrasts.bin_minutes, paid=paid)

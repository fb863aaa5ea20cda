"""Many incidents at once: given out together at the least total cost, not first come first served.

Solved as a rectangular assignment (Crouse 2016, in scipy): each person stands for as many places as they can still
take, each place a little dearer than the one before; leaving an incident to its queue is always possible, and dear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.lazy import lazy
from engine.route.columns import Floats

optimize = lazy("scipy.optimize")

QUEUE_COST = 12.0  # of giving an incident to nobody: a probability of six in a million
_NEVER = 1e6
_PLACE_COST = 0.35  # log-odds that each further incident of the same batch costs a person


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """What giving one incident to each person would cost (negative log-odds); absent people cannot take it."""

    incident_id: str
    costs: Mapping[str, float]


def assign(offers: Sequence[Offer], free: Mapping[str, int]) -> dict[str, str]:
    """Responder per incident id ("" for its queue), at the least total cost; nobody gets more than they are free for.

    Examples
    --------
    >>> offers = [Offer(incident_id="a", costs={"ann": 0.1, "bob": 0.2}), Offer(incident_id="b", costs={"ann": 0.1})]
    >>> assign(offers, {"ann": 1, "bob": 1})
    {'a': 'bob', 'b': 'ann'}
    """
    places = [(who, turn) for who in sorted(free) for turn in range(min(free[who], len(offers)))]
    costs = _costs(offers, places)
    rows, columns = optimize.linear_sum_assignment(costs)
    chosen = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    return {
        offer.incident_id: places[chosen[row]][0] if chosen[row] < len(places) else ""
        for row, offer in enumerate(offers)
    }


def _costs(offers: Sequence[Offer], places: Sequence[tuple[str, int]]) -> Floats:
    """(incidents, places and one queue each)."""
    costs = np.full((len(offers), len(places) + len(offers)), _NEVER)
    for row, offer in enumerate(offers):
        for column, (who, turn) in enumerate(places):
            if who in offer.costs:
                costs[row, column] = offer.costs[who] + _PLACE_COST * turn
        costs[row, len(places) + row] = QUEUE_COST
    return costs

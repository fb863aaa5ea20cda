"""Whether a history tells of this place: are the values that are met here known to it?

A history of other machines makes every value here look rare, and what looks rare glues what shares it. So each field of
a history is on probation, by a sequential test (Wald 1945) of "here as there" against "hardly any value is known here".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

_NEW_ELSEWHERE = 0.8  # share of values that are new where the history is of another place
_NEW_AT_LEAST, _NEW_AT_MOST = 0.05, 0.9  # the same where it is of this one, whatever it says itself
_SURE = 7.0  # nats, either way
_VALUES = 8  # at least, before a history is given up: a new cluster of a known place brings some


class Past:
    """The values of one field in a history, and how many of those met since are among them."""

    def __init__(self, counts: Mapping[str, float]) -> None:
        self._known = frozenset(counts)
        once, total = sum(number <= 1.0 for number in counts.values()), sum(counts.values())
        usual = once / total if total else 1.0  # share of new values to expect (Good 1953)
        self._new_here = min(_NEW_AT_MOST, max(_NEW_AT_LEAST, usual))
        self._elsewhere = 0.0  # nats by which the values so far speak for another place
        self.since: dict[str, float] = {}  # values met here -> incidents that showed them

    def count(self, value: str) -> None:
        """An incident here shows `value`."""
        if value not in self.since:
            if value in self._known:
                self._elsewhere += math.log((1.0 - _NEW_ELSEWHERE) / (1.0 - self._new_here))
            else:
                self._elsewhere += math.log(_NEW_ELSEWHERE / self._new_here)
        self.since[value] = self.since.get(value, 0.0) + 1.0

    @property
    def holds(self) -> bool:
        """Whether it is sure that this place is meant."""
        return self._elsewhere <= -_SURE

    @property
    def foreign(self) -> bool:
        """Whether it is sure that another place is meant."""
        return self._elsewhere >= _SURE and len(self.since) >= _VALUES

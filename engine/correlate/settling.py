"""Alerts asked where they belong, alone or many in a row: candidates, lines, scores in one call."""

from __future__ import annotations

from engine.correlate.compiled import compiled
from engine.correlate.layout import AT, HOME, LAST, READING, SYMPTOM_OF, Arrays, Floats, Ints
from engine.correlate.lines import read_lines
from engine.correlate.scores import Weighing, score
from engine.correlate.seek import NEWEST_READ, candidates
from engine.correlate.tally import give_back, lend


@compiled
def ask(
    arrays: Arrays, weighing: Weighing, reading: int, at: float, symptom: int, found: Ints, rows: Floats, scores: Floats
) -> int:
    """Candidates of an alert, what is measured beside each, and its score; how many there are."""
    count = candidates(arrays, reading, at, len(found) - NEWEST_READ, found)
    if count:
        read_lines(arrays, reading, at, symptom, found[:count], rows[:count], found[:0])
        score(weighing, rows[:count], scores[:count])
    return count


@compiled
def settle(
    arrays: Arrays, weighing: Weighing, due: Ints, rows: Floats, found: Ints, scores: Floats, counts: Ints
) -> None:
    """Ask for each member in `due` where it belongs, its own incident as it would be without it.

    Fills row by row `found` (member x incidents), `scores` beside them, and `counts` of them.
    """
    members = arrays.members
    for place in range(len(due)):
        member = due[place]
        slot = members[member, HOME]
        last = arrays.spans[slot, LAST]
        lend(arrays, slot, member)
        counts[place] = ask(
            arrays, weighing, members[member, READING], arrays.member_times[member, AT], members[member, SYMPTOM_OF],
            found[place], rows, scores[place],
        )  # fmt: skip
        give_back(arrays, slot, member, last)

"""The few incidents that an alert could belong to, out of all that are open."""

from __future__ import annotations

from engine.correlate.compiled import inner
from engine.correlate.layout import (
    CLOSED,
    FIELD_OF,
    HEAD,
    HELD,
    HOLDER,
    KEEP_S,
    LAST,
    MARK,
    N_PAIRS,
    N_THINGS,
    NEWEST,
    OFFSET,
    OLDER,
    OPEN_NEWEST,
    PREVIOUS,
    SIZE,
    STAMP,
    Arrays,
    Ints,
    Shorts,
)
from engine.correlate.tally import SEVERITY, SOURCE

POSTINGS_READ = 10  # newest incidents looked at per shared value
NEWEST_READ = 8  # incidents that are candidates for having moved last, whatever they share
KEYS_READ = 128  # shared values of one alert


@inner
def new_stamp(arrays: Arrays) -> int:
    """A mark that nothing bears yet; it comes again after two thousand million others."""
    stamp = (arrays.counters[STAMP] + 1) & 0x7FFFFFFF
    arrays.counters[STAMP] = stamp
    return int(stamp)


@inner
def alive(arrays: Arrays, slot: int, at: float) -> bool:
    """Whether the incident could take an alert at `at`."""
    if arrays.slots[slot, SIZE] == 0:
        return False
    keep_s, last = arrays.world[KEEP_S], arrays.spans[slot, LAST]
    until = min(arrays.spans[slot, CLOSED], last + keep_s)
    return bool(arrays.times[arrays.slots[slot, OFFSET]] - keep_s <= at <= until)


@inner
def candidates(arrays: Arrays, reading: int, at: float, limit: int, found: Ints) -> int:
    """Write the incidents worth scoring for an alert at `at` into `found`; how many.

    Those that share the rarest values, the newest first, and those that moved last; `found` has room for `limit` and
    `NEWEST_READ`.
    """
    readings, tokens, nodes, slots = arrays.readings, arrays.tokens, arrays.nodes, arrays.slots
    stamp, room, count, places = new_stamp(arrays), len(found), 0, 0
    keys, begin = arrays.sought, reading + HEAD
    things = begin + readings[reading + N_PAIRS]
    known = 0
    for place in range(things, things + readings[reading + N_THINGS]):
        token = readings[place]
        if tokens[token, HELD] > 0 and known < KEYS_READ:
            known = _in_order(keys, known, token, tokens[token, HELD])
    for place in range(begin, things):
        token = readings[place]
        field = tokens[token, FIELD_OF]
        if field != SOURCE and field != SEVERITY and tokens[token, HELD] > 0 and known < KEYS_READ:
            known = _in_order(keys, known, token, tokens[token, HELD])
    for place in range(known):
        node, read = tokens[keys[place, 0], NEWEST], 0
        while node >= 0 and read < POSTINGS_READ:
            slot = nodes[node, HOLDER]
            if slots[slot, MARK] != stamp:
                slots[slot, MARK] = stamp
                if alive(arrays, slot, at):
                    places += 1
                    if count < room:
                        found[count] = slot
                        count += 1
            node, read = nodes[node, PREVIOUS], read + 1
        if places >= limit:
            break
    slot, read = arrays.ends[0, OPEN_NEWEST], 0
    while slot >= 0 and read < NEWEST_READ:
        if slots[slot, MARK] != stamp:
            slots[slot, MARK] = stamp
            if alive(arrays, slot, at) and count < room:
                found[count] = slot
                count += 1
        slot, read = slots[slot, OLDER], read + 1
    return count


@inner
def _in_order(keys: Shorts, known: int, token: int, holders: int) -> int:
    """Insert a value by how many hold it, behind those that as many hold."""
    place = known
    while place > 0 and keys[place - 1, 1] > holders:
        keys[place, 0], keys[place, 1] = keys[place - 1, 0], keys[place - 1, 1]
        place -= 1
    keys[place, 0], keys[place, 1] = token, holders
    return known + 1

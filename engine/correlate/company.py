"""How an alert's kinds go with those of an incident: what was seen together before, compiled."""

from __future__ import annotations

import math

from engine.correlate.case import CAP
from engine.correlate.columns import TOGETHER
from engine.correlate.compiled import compiled, inner
from engine.correlate.counts import count_of
from engine.correlate.layout import (
    AS_KIND,
    FIRST_KIND,
    FIRST_OF_KINDS,
    INCIDENTS,
    KIND,
    KINDS,
    MET,
    MET_AT,
    NEXT,
    RANKED,
    RANKS,
    READING,
    TOKEN,
    UNKNOWN,
    UNREAD,
    WAITING,
    Arrays,
    Floats,
    Ints,
)
from engine.correlate.seek import new_stamp
from engine.correlate.together import SHRINK, STRANGERS_READ


@inner
def meet_partners(arrays: Arrays, reading: int) -> int:
    """Write how much likelier each partner of a reading's kinds makes them; the mark that partners bear now."""
    stamp, tokens, end = new_stamp(arrays), arrays.tokens, 0
    for level in range(3):
        token = arrays.readings[reading + FIRST_OF_KINDS + level]
        known = tokens[token, RANKED] if token >= 0 else UNKNOWN
        if known <= 0:
            continue
        share = (arrays.shares[token, AS_KIND] + 0.5) / (arrays.world[INCIDENTS + level] + 1.0)
        begin = tokens[token, RANKS]
        for place in range(begin, begin + known):
            other = arrays.ranks[place]
            both, alone = arrays.rank_counts[place, 0], arrays.shares[other, AS_KIND] + arrays.rank_counts[place, 1]
            arrays.odds[end] = (both / share + SHRINK) / (alone + SHRINK)
            tokens[other, MET_AT], tokens[other, MET] = stamp, end
            end += 1
    return stamp


@inner
def read_company(arrays: Arrays, reading: int, stamp: int, slot: int, row: Floats) -> None:
    """Nats of what was seen together with the alert's kinds before, level by level; 0 where that is not known."""
    begin = 0
    for level in range(3):
        token = arrays.readings[reading + FIRST_OF_KINDS + level]
        known = arrays.tokens[token, RANKED] if token >= 0 else UNKNOWN
        row[TOGETHER + level] = 0.0
        if known >= 0:
            row[TOGETHER + level] = _nats(arrays, token, level, slot, stamp, begin)
            begin += known


@inner
def _nats(arrays: Arrays, token: int, level: int, slot: int, stamp: int, begin: int) -> float:
    tokens, nodes = arrays.tokens, arrays.nodes
    best, known = 0.0, tokens[token, RANKED]
    node = arrays.slots[slot, FIRST_KIND + 2 * level]
    if known >= arrays.slots[slot, KINDS + level]:
        while node >= 0:
            other = nodes[node, TOKEN]
            if tokens[other, MET_AT] == stamp and begin <= tokens[other, MET] < begin + known:
                best = max(best, arrays.odds[tokens[other, MET]])
            node = nodes[node, NEXT]
    else:
        for place in range(known):
            odds = arrays.odds[begin + place]
            other = arrays.ranks[tokens[token, RANKS] + place]
            if odds > best and count_of(arrays, slot, KIND, other) > 0:
                best = odds
    if best > 0.0:
        return float(max(-CAP, min(CAP, math.log(best))))
    return _stranger(arrays, token, level, slot)


@inner
def _stranger(arrays: Arrays, token: int, level: int, slot: int) -> float:
    """Nats of a kind that was never seen with any of the incident's: how sure that is, by the least known of them."""
    fewest, node = math.inf, arrays.slots[slot, FIRST_KIND + 2 * level]
    for _ in range(STRANGERS_READ):
        if node < 0:
            break
        other = arrays.nodes[node, TOKEN]
        if other != token and arrays.shares[other, AS_KIND] > 0.0:
            fewest = min(fewest, arrays.shares[other, AS_KIND])
        node = arrays.nodes[node, NEXT]
    return max(-CAP, -math.log(fewest / SHRINK + 1.0)) if fewest < math.inf else 0.0


@inner
def unread(arrays: Arrays, reading: int, found: Ints, count: int) -> int:
    """Append the kinds of a reading whose partners are not at hand to the first `count` of `found`; how many now."""
    for level in range(3):
        token = arrays.readings[reading + FIRST_OF_KINDS + level]
        if token >= 0 and arrays.tokens[token, RANKED] == UNREAD:
            arrays.tokens[token, RANKED] = WAITING
            found[count] = token
            count += 1
    return count


@compiled
def unread_of(arrays: Arrays, rows: Ints, found: Ints) -> int:
    """Write the kinds of members whose partners are not at hand to `found`; how many."""
    count = 0
    for member in rows:
        count = unread(arrays, arrays.members[member, READING], found, count)
    return count

"""Members into incidents and out of them: all counts kept level."""

from __future__ import annotations

import math

from engine.correlate.compiled import compiled, inner
from engine.correlate.counts import count_of, discard, entry, find, free_node, key_of, new_node, put_newest, take_out
from engine.correlate.layout import (
    AFTER,
    AMONG,
    AT,
    BEAT,
    BEATS,
    BEFORE,
    CELLS,
    COUNT,
    EPISODES,
    FIELD,
    FIELD_OF,
    FIRING,
    FIRST_CELL,
    FIRST_KIND,
    FIRST_MEMBER,
    FIRST_OF,
    FIRST_OF_KINDS,
    HEAD,
    HOME,
    KIND,
    KINDS,
    LAST,
    LAST_AT,
    LAST_CELL,
    LAST_KIND,
    LAST_MEMBER,
    LAST_OF,
    LINK,
    LONGEST,
    N_PAIRS,
    N_THINGS,
    N_WORDS,
    NEWER,
    NEXT,
    NODE_OF,
    OFFSET,
    OLDER,
    OLDEST,
    OPEN_NEWEST,
    OPEN_OLDEST,
    PAIR,
    PREVIOUS,
    READING,
    REPEATS,
    RESOLVED,
    SAME_AFTER,
    SAME_BEFORE,
    SERVICES,
    SHOWN_AS_THING,
    SHOWN_AS_VALUE,
    SHOWN_AS_WORD,
    SIZE,
    STORMED,
    SYMPTOM,
    SYMPTOM_OF,
    SYMPTOMS,
    THING,
    THINGS,
    WORD,
    WORDS,
    Arrays,
    Floats,
)
from engine.correlate.profile import BEATS_KEPT, STORM_BEAT_S, STORM_BEATS, STORM_PAUSE_S, STORM_S

FIELDS, SEVERITY, SOURCE = 5, 4, 3  # those that weigh by themselves, in the order of `SIDES`
KEPT, LISTED, APART = range(3)  # entries stay as they are (lent); are listed for candidates; are listed for nobody


@inner
def stormy(arrays: Arrays, slot: int) -> bool:
    """Whether signs of life came several a second for several seconds."""
    spans, slots = arrays.spans, arrays.slots
    lasted = spans[slot, LAST] - arrays.times[slots[slot, OFFSET]]
    often = lasted <= STORM_BEAT_S * slots[slot, BEATS]
    return bool(lasted >= STORM_S and often and spans[slot, LONGEST] <= STORM_PAUSE_S)


@inner
def hear(arrays: Arrays, slot: int, at: float) -> None:
    """Take in a sign of life at `at`."""
    spans, slots = arrays.spans, arrays.slots
    if at >= spans[slot, LAST]:
        if spans[slot, LAST] > -math.inf:
            gap = at - spans[slot, LAST]
            beats = slots[slot, BEATS] + 1
            slots[slot, BEATS] = beats
            if gap > spans[slot, LONGEST]:
                spans[slot, LONGEST] = gap
            spans[slot, BEAT] += (gap - spans[slot, BEAT]) / (beats if beats < BEATS_KEPT else BEATS_KEPT)
        spans[slot, LAST] = at
        if slots[slot, BEATS] >= STORM_BEATS and stormy(arrays, slot):
            slots[slot, STORMED] = 1


@inner
def first_from(times: Floats, low: int, high: int, at: float) -> int:
    """The first place in `times[low:high]`, which is sorted, that is not before `at` (bisect_left)."""
    while low < high:
        middle = (low + high) // 2
        if times[middle] < at:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def first_after(times: Floats, low: int, high: int, at: float) -> int:
    """The first place in `times[low:high]`, which is sorted, that is after `at` (bisect_right)."""
    while low < high:
        middle = (low + high) // 2
        if at < times[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@inner
def _keep_time(arrays: Arrays, slot: int, at: float) -> None:
    times, begin, size = arrays.times, arrays.slots[slot, OFFSET], arrays.slots[slot, SIZE]
    place = first_after(times, begin, begin + size, at)
    for later in range(begin + size, place, -1):
        times[later] = times[later - 1]
    times[place] = at
    arrays.slots[slot, SIZE] = size + 1


@inner
def _drop_time(arrays: Arrays, slot: int, at: float) -> None:
    times, begin, size = arrays.times, arrays.slots[slot, OFFSET], arrays.slots[slot, SIZE]
    for place in range(first_from(times, begin, begin + size, at), begin + size - 1):
        times[place] = times[place + 1]
    arrays.slots[slot, SIZE] = size - 1


@inner
def _enlist(arrays: Arrays, slot: int, member: int) -> None:
    """Append to the incident's members, and to the episodes of the symptom."""
    slots, members, symptoms = arrays.slots, arrays.members, arrays.symptoms
    last = slots[slot, LAST_MEMBER]
    members[member, BEFORE], members[member, AFTER] = last, -1
    if last >= 0:
        members[last, AFTER] = member
    else:
        slots[slot, FIRST_MEMBER] = member
    slots[slot, LAST_MEMBER] = member
    symptom = members[member, SYMPTOM_OF]
    last = symptoms[symptom, LAST_OF]
    members[member, SAME_BEFORE], members[member, SAME_AFTER] = last, -1
    if last >= 0:
        members[last, SAME_AFTER] = member
    else:
        symptoms[symptom, FIRST_OF] = member
    symptoms[symptom, LAST_OF] = member
    symptoms[symptom, EPISODES] += 1


@inner
def _delist(arrays: Arrays, slot: int, member: int) -> None:
    slots, members, symptoms = arrays.slots, arrays.members, arrays.symptoms
    before, after = members[member, BEFORE], members[member, AFTER]
    if before >= 0:
        members[before, AFTER] = after
    else:
        slots[slot, FIRST_MEMBER] = after
    if after >= 0:
        members[after, BEFORE] = before
    else:
        slots[slot, LAST_MEMBER] = before
    symptom = members[member, SYMPTOM_OF]
    before, after = members[member, SAME_BEFORE], members[member, SAME_AFTER]
    if before >= 0:
        members[before, SAME_AFTER] = after
    else:
        symptoms[symptom, FIRST_OF] = after
    if after >= 0:
        members[after, SAME_BEFORE] = before
    else:
        symptoms[symptom, LAST_OF] = before
    symptoms[symptom, EPISODES] -= 1


@inner
def _list_kind(arrays: Arrays, slot: int, level: int, row: int, token: int) -> None:
    """Append a kind to those of the incident, in the order they came."""
    slots, nodes = arrays.slots, arrays.nodes
    node = new_node(arrays, slot, token)
    arrays.table[row, LINK] = node
    last = slots[slot, LAST_KIND + level]
    nodes[node, PREVIOUS] = last
    if last >= 0:
        nodes[last, NEXT] = node
    else:
        slots[slot, FIRST_KIND + level] = node
    slots[slot, LAST_KIND + level] = node
    slots[slot, KINDS + level] += 1


@inner
def _unlist_kind(arrays: Arrays, slot: int, level: int, row: int) -> None:
    slots, nodes = arrays.slots, arrays.nodes
    node = arrays.table[row, LINK]
    before, after = nodes[node, PREVIOUS], nodes[node, NEXT]
    if before >= 0:
        nodes[before, NEXT] = after
    else:
        slots[slot, FIRST_KIND + level] = after
    if after >= 0:
        nodes[after, PREVIOUS] = before
    else:
        slots[slot, LAST_KIND + level] = before
    slots[slot, KINDS + level] -= 1
    arrays.table[row, LINK] = -1
    free_node(arrays, node)


@inner
def _list_key(arrays: Arrays, row: int, token: int) -> None:
    """The incident holds the token, and is the last to have been put."""
    node = arrays.table[row, LINK]
    if arrays.nodes[node, PREVIOUS] >= 0 or arrays.tokens[token, OLDEST] == node:
        take_out(arrays, node, token)
    put_newest(arrays, node, token)


@inner
def _keep_cell(arrays: Arrays, node: int, cell: int, at: float) -> None:
    """Put a member's time among those of a thing of its incident."""
    nodes, cells, cell_times = arrays.nodes, arrays.cells, arrays.cell_times
    cell_times[cell] = at
    before, after = nodes[node, LAST_CELL], -1
    while before >= 0 and cell_times[before] > at:
        before, after = cells[before, 0], before
    cells[cell, 0], cells[cell, 1] = before, after
    if before >= 0:
        cells[before, 1] = cell
    else:
        nodes[node, FIRST_CELL] = cell
    if after >= 0:
        cells[after, 0] = cell
    else:
        nodes[node, LAST_CELL] = cell


@inner
def _drop_cell(arrays: Arrays, node: int, cell: int) -> None:
    nodes, cells = arrays.nodes, arrays.cells
    before, after = cells[cell, 0], cells[cell, 1]
    if before >= 0:
        cells[before, 1] = after
    else:
        nodes[node, FIRST_CELL] = after
    if after >= 0:
        cells[after, 0] = before
    else:
        nodes[node, LAST_CELL] = before


@inner
def _name(arrays: Arrays, slot: int, token: int, other: int, named: bool) -> None:
    """Note in the incident's bits that it names a node of the topology now, or no more (unless in the `other` role)."""
    node = arrays.tokens[token, NODE_OF]
    if node >= 0:
        word, bit = node >> 5, 1 << (node & 31)
        if named:
            arrays.near[slot, word] |= bit
        elif count_of(arrays.table, slot, other, token) == 0:
            arrays.near[slot, word] &= ~bit


@inner
def add(arrays: Arrays, slot: int, member: int, how: int, cells: int) -> None:
    """Take a member in, whose things' times go into the `cells` from there on."""
    slots, members, table, tokens = arrays.slots, arrays.members, arrays.table, arrays.tokens
    at, last_at = arrays.member_times[member, AT], arrays.member_times[member, LAST_AT]
    if how != APART:
        members[member, HOME] = slot
        _enlist(arrays, slot, member)
    slots[slot, FIRING] += 1 - members[member, RESOLVED]
    _keep_time(arrays, slot, at)
    if last_at - at >= STORM_S and last_at - at <= STORM_BEAT_S * members[member, REPEATS]:
        slots[slot, STORMED] = 1
    hear(arrays, slot, last_at)
    reading = members[member, READING]
    readings = arrays.readings
    pairs = reading + HEAD
    things = pairs + readings[reading + N_PAIRS]
    words = things + readings[reading + N_THINGS]
    end = words + readings[reading + N_WORDS]
    for place in range(things, words):  # things are listed first, as candidates are looked for
        token = readings[place]
        row = entry(arrays, slot, THING, token)
        table[row, COUNT] += 1
        if table[row, COUNT] == 1:
            slots[slot, THINGS] += 1
            tokens[token, SHOWN_AS_THING] += 1
            _name(arrays, slot, token, WORD, True)
            if table[row, LINK] < 0:
                table[row, LINK] = new_node(arrays, slot, token)
        if how == LISTED:
            _list_key(arrays, row, token)
        _keep_cell(arrays, table[row, LINK], cells + place - things, at)
    for place in range(pairs, things):
        token = readings[place]
        field = tokens[token, FIELD_OF]
        if field < FIELDS:
            slots[slot, AMONG + field] += 1
        else:
            table[entry(arrays, slot, FIELD, field), COUNT] += 1
        row = entry(arrays, slot, PAIR, token)
        table[row, COUNT] += 1
        if table[row, COUNT] == 1:
            tokens[token, SHOWN_AS_VALUE] += 1
            if field < SOURCE:
                slots[slot, SERVICES + field] += 1
        if how == LISTED and field != SOURCE and field != SEVERITY:
            if table[row, LINK] < 0:
                table[row, LINK] = new_node(arrays, slot, token)
            _list_key(arrays, row, token)
    for place in range(words, end):
        token = readings[place]
        row = entry(arrays, slot, WORD, token)
        table[row, COUNT] += 1
        if table[row, COUNT] == 1:
            slots[slot, WORDS] += 1
            tokens[token, SHOWN_AS_WORD] += 1
            _name(arrays, slot, token, THING, True)
    for level in range(3):
        token = readings[reading + FIRST_OF_KINDS + level]
        if token >= 0:
            row = entry(arrays, slot, KIND, token)
            table[row, COUNT] += 1
            if table[row, COUNT] == 1:
                _list_kind(arrays, slot, level, row, token)
    row = entry(arrays, slot, SYMPTOM, members[member, SYMPTOM_OF])
    table[row, COUNT] += 1
    if table[row, COUNT] == 1:
        slots[slot, SYMPTOMS] += 1


@inner
def remove(arrays: Arrays, slot: int, member: int, how: int, cells: int) -> None:
    """Give a member up; where it is only lent (`KEPT`), what the incident holds stays listed."""
    slots, members, table, tokens = arrays.slots, arrays.members, arrays.table, arrays.tokens
    at, last_at = arrays.member_times[member, AT], arrays.member_times[member, LAST_AT]
    if how != APART:
        _delist(arrays, slot, member)
    slots[slot, FIRING] -= 1 - members[member, RESOLVED]
    _drop_time(arrays, slot, at)
    reading = members[member, READING]
    readings = arrays.readings
    pairs = reading + HEAD
    things = pairs + readings[reading + N_PAIRS]
    words = things + readings[reading + N_THINGS]
    end = words + readings[reading + N_WORDS]
    for place in range(things, words):
        token = readings[place]
        row = find(table, key_of(slot, THING, token))
        table[row, COUNT] -= 1
        _drop_cell(arrays, table[row, LINK], cells + place - things)
        if table[row, COUNT] == 0:
            slots[slot, THINGS] -= 1
            tokens[token, SHOWN_AS_THING] -= 1
            _name(arrays, slot, token, WORD, False)
            if how != KEPT:
                _forget_key(arrays, row, token)
    for place in range(pairs, things):
        token = readings[place]
        field = tokens[token, FIELD_OF]
        if field < FIELDS:
            slots[slot, AMONG + field] -= 1
        else:
            row = find(table, key_of(slot, FIELD, field))
            table[row, COUNT] -= 1
            if table[row, COUNT] == 0 and how != KEPT:
                discard(arrays, row)
        row = find(table, key_of(slot, PAIR, token))
        table[row, COUNT] -= 1
        if table[row, COUNT] == 0:
            tokens[token, SHOWN_AS_VALUE] -= 1
            if field < SOURCE:
                slots[slot, SERVICES + field] -= 1
            if how != KEPT:
                _forget_key(arrays, row, token)
    for place in range(words, end):
        token = readings[place]
        row = find(table, key_of(slot, WORD, token))
        table[row, COUNT] -= 1
        if table[row, COUNT] == 0:
            slots[slot, WORDS] -= 1
            tokens[token, SHOWN_AS_WORD] -= 1
            _name(arrays, slot, token, THING, False)
            if how != KEPT:
                discard(arrays, row)
    for level in range(3):
        token = readings[reading + FIRST_OF_KINDS + level]
        if token >= 0:
            row = find(table, key_of(slot, KIND, token))
            table[row, COUNT] -= 1
            if table[row, COUNT] == 0:
                _unlist_kind(arrays, slot, level, row)
                if how != KEPT:
                    discard(arrays, row)
    row = find(table, key_of(slot, SYMPTOM, members[member, SYMPTOM_OF]))
    table[row, COUNT] -= 1
    if table[row, COUNT] == 0:
        slots[slot, SYMPTOMS] -= 1
        if how != KEPT:
            discard(arrays, row)
    if how != APART and last_at >= arrays.spans[slot, LAST]:
        last, other = -math.inf, slots[slot, FIRST_MEMBER]
        while other >= 0:
            last = max(last, arrays.member_times[other, LAST_AT])
            other = members[other, AFTER]
        arrays.spans[slot, LAST] = last


@inner
def _forget_key(arrays: Arrays, row: int, token: int) -> None:
    """The incident does not hold the token any more."""
    node = arrays.table[row, LINK]
    if node >= 0:
        if arrays.nodes[node, PREVIOUS] >= 0 or arrays.tokens[token, OLDEST] == node:
            take_out(arrays, node, token)
        free_node(arrays, node)
    discard(arrays, row)


@compiled
def lend(arrays: Arrays, slot: int, member: int) -> None:
    """Take a member out in thought."""
    remove(arrays, slot, member, KEPT, arrays.members[member, CELLS])


@compiled
def give_back(arrays: Arrays, slot: int, member: int, beat: float, beats: int, longest: float) -> None:
    """Put a lent member back, with the pace that the incident had."""
    add(arrays, slot, member, KEPT, arrays.members[member, CELLS])
    arrays.spans[slot, BEAT], arrays.slots[slot, BEATS], arrays.spans[slot, LONGEST] = beat, beats, longest


@inner
def to_newest(arrays: Arrays, slot: int, known: bool) -> None:
    """The incident was touched last; where it is not `known` yet, it is one more."""
    slots, counters = arrays.slots, arrays.counters
    if known:
        _to_nowhere(arrays, slot)
    newest = counters[OPEN_NEWEST]
    slots[slot, OLDER], slots[slot, NEWER] = newest, -1
    if newest >= 0:
        slots[newest, NEWER] = slot
    else:
        counters[OPEN_OLDEST] = slot
    counters[OPEN_NEWEST] = slot


@inner
def _to_nowhere(arrays: Arrays, slot: int) -> None:
    """The incident is not open any more."""
    slots, counters = arrays.slots, arrays.counters
    older, newer = slots[slot, OLDER], slots[slot, NEWER]
    if older >= 0:
        slots[older, NEWER] = newer
    else:
        counters[OPEN_OLDEST] = newer
    if newer >= 0:
        slots[newer, OLDER] = older
    else:
        counters[OPEN_NEWEST] = older


@compiled
def drop(arrays: Arrays, slot: int) -> None:
    """The incident is not open any more, and has no members."""
    arrays.spans[slot, LAST] = math.inf  # no search for the latest of those that are left
    while arrays.slots[slot, FIRST_MEMBER] >= 0:
        member = arrays.slots[slot, FIRST_MEMBER]
        remove(arrays, slot, member, LISTED, arrays.members[member, CELLS])
    _to_nowhere(arrays, slot)


@compiled
def take_in(arrays: Arrays, slot: int, member: int, known: bool) -> None:
    """A member joins an incident, which is opened where it is not `known`."""
    to_newest(arrays, slot, known)
    add(arrays, slot, member, LISTED, arrays.members[member, CELLS])


@compiled
def give_up(arrays: Arrays, slot: int, member: int) -> None:
    """A member leaves its incident, which is over where it was the last one."""
    remove(arrays, slot, member, LISTED, arrays.members[member, CELLS])
    if arrays.slots[slot, SIZE] == 0:
        _to_nowhere(arrays, slot)

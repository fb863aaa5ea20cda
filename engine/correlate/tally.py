"""Members into incidents and out of them: all counts kept level."""

from __future__ import annotations

import math

from engine.correlate.chains import put_between, put_last, take_out
from engine.correlate.compiled import compiled, inner
from engine.correlate.counts import count_of, discard, entry, find, forget, free_node, hold, key_of, new_node
from engine.correlate.layout import (
    AFTER,
    AMONG,
    AT,
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
    LINK,
    N_PAIRS,
    N_THINGS,
    N_WORDS,
    NODE_OF,
    OF,
    OLDER,
    OPEN_OLDEST,
    PAIR,
    PREVIOUS,
    READING,
    REPEATS,
    RESOLVED,
    ROLE,
    ROW,
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
    TOUCHED,
    WORD,
    WORDS,
    Arrays,
)
from engine.correlate.pace import drop_time, hear, keep_time
from engine.correlate.profile import STORM_BEAT_S, STORM_S

FIELDS, SEVERITY, SOURCE = 5, 4, 3  # those that weigh by themselves, in the order of `SIDES`
LISTED, APART = range(2)  # what an incident holds is listed for candidates, or for nobody


@inner
def _keep_cell(arrays: Arrays, node: int, cell: int, at: float) -> None:
    """Put a member's time among those of a thing of its incident."""
    cells, cell_times = arrays.cells, arrays.cell_times
    cell_times[cell] = at
    before, after = arrays.nodes[node, LAST_CELL], -1
    while before >= 0 and cell_times[before] > at:
        before, after = cells[before, 0], before
    cells[cell, 0], cells[cell, 1] = before, after
    put_between(arrays.cells, 0, arrays.nodes, node, FIRST_CELL, cell)


@inner
def _name(arrays: Arrays, slot: int, token: int, other: int, by: int) -> None:
    """Note in the incident's bits that it names a node of the topology now, or no more (unless in the `other` role)."""
    node = int(arrays.tokens[token, NODE_OF])
    if node >= 0:
        word, bit = node >> 5, 1 << (node & 31)
        if by > 0:
            arrays.near[slot, word] |= bit
        elif count_of(arrays, slot, other, token) == 0:
            arrays.near[slot, word] &= ~bit


@inner
def _appear(arrays: Arrays, slot: int, role: int, token: int, by: int) -> None:
    """The incident shows something as of now (`by` 1), or no more (-1)."""
    slots, tokens = arrays.slots, arrays.tokens
    if role == THING:
        slots[slot, THINGS] += by
        tokens[token, SHOWN_AS_THING] += by
        _name(arrays, slot, token, WORD, by)
    elif role == PAIR:
        field = tokens[token, FIELD_OF]
        tokens[token, SHOWN_AS_VALUE] += by
        if field < SOURCE:
            slots[slot, SERVICES + field] += by
    elif role == WORD:
        slots[slot, WORDS] += by
        tokens[token, SHOWN_AS_WORD] += by
        _name(arrays, slot, token, THING, by)
    elif role == SYMPTOM:
        slots[slot, SYMPTOMS] += by


@inner
def _touch(arrays: Arrays, place: int, slot: int, role: int, token: int) -> int:
    touched = arrays.touched
    touched[place, ROLE], touched[place, OF], touched[place, ROW] = role, token, entry(arrays, slot, role, token)
    return place + 1


@inner
def _find_counts(arrays: Arrays, slot: int, member: int) -> None:
    """List the counts that a member is part of in the incident, its things first and its kinds last.

    What weighs by itself is counted by field beside the table.
    """
    members, readings, tokens = arrays.members, arrays.readings, arrays.tokens
    reading = members[member, READING]
    pairs = reading + HEAD
    things = pairs + readings[reading + N_PAIRS]
    words = things + readings[reading + N_THINGS]
    end, count = words + readings[reading + N_WORDS], 0
    for place in range(things, words):
        count = _touch(arrays, count, slot, THING, readings[place])
    for place in range(pairs, things):
        count = _touch(arrays, count, slot, PAIR, readings[place])
        if tokens[readings[place], FIELD_OF] >= FIELDS:
            count = _touch(arrays, count, slot, FIELD, tokens[readings[place], FIELD_OF])
    for place in range(words, end):
        count = _touch(arrays, count, slot, WORD, readings[place])
    count = _touch(arrays, count, slot, SYMPTOM, members[member, SYMPTOM_OF])
    for level in range(3):
        if readings[reading + FIRST_OF_KINDS + level] >= 0:
            count = _touch(arrays, count, slot, KIND, readings[reading + FIRST_OF_KINDS + level])
    arrays.counters[TOUCHED] = count


@inner
def _count_fields(arrays: Arrays, slot: int, member: int, by: int) -> None:
    readings, tokens = arrays.readings, arrays.tokens
    reading = arrays.members[member, READING]
    for place in range(reading + HEAD, reading + HEAD + readings[reading + N_PAIRS]):
        field = tokens[readings[place], FIELD_OF]
        if field < FIELDS:
            arrays.slots[slot, AMONG + field] += by


@inner
def _level_of(arrays: Arrays, reading: int, token: int) -> int:
    """The level of back-off on which a reading is of the kind."""
    for level in range(2):
        if arrays.readings[reading + FIRST_OF_KINDS + level] == token:
            return level
    return 2


@inner
def _count_in(arrays: Arrays, slot: int, member: int) -> None:
    """Raise the counts that are listed."""
    table, touched = arrays.table, arrays.touched
    _count_fields(arrays, slot, member, 1)
    for place in range(arrays.counters[TOUCHED]):
        role, token, row = touched[place, ROLE], touched[place, OF], touched[place, ROW]
        table[row, COUNT] += 1
        if table[row, COUNT] > 1:
            continue
        if role != KIND:
            _appear(arrays, slot, role, token, 1)
            continue
        level = _level_of(arrays, arrays.members[member, READING], token)
        arrays.slots[slot, KINDS + level] += 1
        if table[row, LINK] < 0:
            table[row, LINK] = new_node(arrays, slot, token)
            put_last(arrays.nodes, PREVIOUS, arrays.slots, slot, FIRST_KIND + 2 * level, table[row, LINK])
        else:  # it was lent
            put_between(arrays.nodes, PREVIOUS, arrays.slots, slot, FIRST_KIND + 2 * level, table[row, LINK])


@inner
def _count_out(arrays: Arrays, slot: int, member: int) -> None:
    """Lower the counts that are listed."""
    table, touched = arrays.table, arrays.touched
    _count_fields(arrays, slot, member, -1)
    for place in range(arrays.counters[TOUCHED]):
        role, token, row = touched[place, ROLE], touched[place, OF], touched[place, ROW]
        table[row, COUNT] -= 1
        if table[row, COUNT] > 0:
            continue
        if role != KIND:
            _appear(arrays, slot, role, token, -1)
            continue
        level = _level_of(arrays, arrays.members[member, READING], token)
        arrays.slots[slot, KINDS + level] -= 1
        take_out(arrays.nodes, PREVIOUS, arrays.slots, slot, FIRST_KIND + 2 * level, table[row, LINK])


@inner
def add(arrays: Arrays, slot: int, member: int, how: int, cells: int) -> None:
    """Take a member in, whose things' times go into the `cells` from there on."""
    slots, members, table, touched = arrays.slots, arrays.members, arrays.table, arrays.touched
    at, last_at = arrays.member_times[member, AT], arrays.member_times[member, LAST_AT]
    if how == LISTED:
        members[member, HOME] = slot
        put_last(arrays.members, BEFORE, arrays.slots, slot, FIRST_MEMBER, member)
        put_last(arrays.members, SAME_BEFORE, arrays.symptoms, members[member, SYMPTOM_OF], FIRST_OF, member)
        arrays.symptoms[members[member, SYMPTOM_OF], EPISODES] += 1
    slots[slot, FIRING] += 1 - members[member, RESOLVED]
    keep_time(arrays, slot, at)
    if last_at - at >= STORM_S and last_at - at <= STORM_BEAT_S * members[member, REPEATS]:
        slots[slot, STORMED] = 1
    hear(arrays, slot, last_at)
    _find_counts(arrays, slot, member)
    _count_in(arrays, slot, member)
    for place in range(arrays.counters[TOUCHED]):
        role, token, row = touched[place, ROLE], touched[place, OF], touched[place, ROW]
        if how == LISTED and (role == THING or (role == PAIR and _is_sought(arrays, token))):
            hold(arrays, row, slot, token)
        if role == THING:
            if table[row, LINK] < 0:
                table[row, LINK] = new_node(arrays, slot, token)
            _keep_cell(arrays, table[row, LINK], cells + place, at)


@inner
def _is_sought(arrays: Arrays, token: int) -> bool:
    """Whether candidates are found by a field's value."""
    field = arrays.tokens[token, FIELD_OF]
    return bool(field != SOURCE and field != SEVERITY)


@inner
def _take(arrays: Arrays, slot: int, member: int, cells: int) -> None:
    """Take a member from all that the incident counts; what it held stays listed."""
    table, touched = arrays.table, arrays.touched
    arrays.slots[slot, FIRING] -= 1 - arrays.members[member, RESOLVED]
    drop_time(arrays, slot, arrays.member_times[member, AT])
    _find_counts(arrays, slot, member)
    place = 0
    while touched[place, ROLE] == THING:
        take_out(arrays.cells, 0, arrays.nodes, table[touched[place, ROW], LINK], FIRST_CELL, cells + place)
        place += 1
    _count_out(arrays, slot, member)


@inner
def _leave(arrays: Arrays, slot: int, member: int) -> None:
    """Take a member from the lists that it stands in, and from the incident's signs of life."""
    take_out(arrays.members, BEFORE, arrays.slots, slot, FIRST_MEMBER, member)
    take_out(arrays.members, SAME_BEFORE, arrays.symptoms, arrays.members[member, SYMPTOM_OF], FIRST_OF, member)
    arrays.symptoms[arrays.members[member, SYMPTOM_OF], EPISODES] -= 1
    if arrays.member_times[member, LAST_AT] >= arrays.spans[slot, LAST]:
        last, other = -math.inf, arrays.slots[slot, FIRST_MEMBER]
        while other >= 0:
            last = max(last, arrays.member_times[other, LAST_AT])
            other = arrays.members[other, AFTER]
        arrays.spans[slot, LAST] = last


@inner
def remove(arrays: Arrays, slot: int, member: int, how: int, cells: int) -> None:
    """Give a member up, and all that only it showed."""
    _take(arrays, slot, member, cells)
    if how == LISTED:
        _leave(arrays, slot, member)
    touched = arrays.touched
    for place in range(arrays.counters[TOUCHED]):
        role, token = touched[place, ROLE], touched[place, OF]
        row = find(arrays.keys, key_of(slot, role, token))  # others may have moved up since
        if arrays.table[row, COUNT] > 0:
            continue
        if role in (THING, PAIR):
            forget(arrays, row, token)
            continue
        if role == KIND:
            free_node(arrays, arrays.table[row, LINK])
        discard(arrays, row)


@compiled
def lend(arrays: Arrays, slot: int, member: int) -> None:
    """Take a member out in thought, until it is given back; nothing else may change meanwhile."""
    _take(arrays, slot, member, arrays.members[member, CELLS])
    _leave(arrays, slot, member)


@compiled
def give_back(arrays: Arrays, slot: int, member: int, last: float) -> None:
    """Put the member that was lent last back where it was; `last` is the incident's latest sign of life."""
    symptom, touched = arrays.members[member, SYMPTOM_OF], arrays.touched
    put_between(arrays.members, BEFORE, arrays.slots, slot, FIRST_MEMBER, member)
    put_between(arrays.members, SAME_BEFORE, arrays.symptoms, symptom, FIRST_OF, member)
    arrays.symptoms[symptom, EPISODES] += 1
    arrays.slots[slot, FIRING] += 1 - arrays.members[member, RESOLVED]
    keep_time(arrays, slot, arrays.member_times[member, AT])
    arrays.spans[slot, LAST] = last
    _count_in(arrays, slot, member)
    place = 0
    while touched[place, ROLE] == THING:
        node = arrays.table[touched[place, ROW], LINK]
        put_between(arrays.cells, 0, arrays.nodes, node, FIRST_CELL, arrays.members[member, CELLS] + place)
        place += 1


@compiled
def drop(arrays: Arrays, slot: int) -> None:
    """The incident is not open any more, and has no members."""
    arrays.spans[slot, LAST] = math.inf  # no search for the latest of those that are left
    while arrays.slots[slot, FIRST_MEMBER] >= 0:
        member = arrays.slots[slot, FIRST_MEMBER]
        remove(arrays, slot, member, LISTED, arrays.members[member, CELLS])
    take_out(arrays.slots, OLDER, arrays.ends, 0, OPEN_OLDEST, slot)


@compiled
def take_in(arrays: Arrays, slot: int, member: int, known: bool) -> None:
    """A member joins an incident, which is opened where it is not `known`, and touched last."""
    if known:
        take_out(arrays.slots, OLDER, arrays.ends, 0, OPEN_OLDEST, slot)
    put_last(arrays.slots, OLDER, arrays.ends, 0, OPEN_OLDEST, slot)
    add(arrays, slot, member, LISTED, arrays.members[member, CELLS])


@compiled
def give_up(arrays: Arrays, slot: int, member: int) -> None:
    """A member leaves its incident, which is over where it was the last one."""
    remove(arrays, slot, member, LISTED, arrays.members[member, CELLS])
    if arrays.slots[slot, SIZE] == 0:
        take_out(arrays.slots, OLDER, arrays.ends, 0, OPEN_OLDEST, slot)

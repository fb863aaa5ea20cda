"""An alert beside an incident as a row of numbers: what the signals measure of a `Case`, without names and words.

A row has the columns of `table.COLUMNS`.
"""

from __future__ import annotations

import math

from engine.correlate.background import PRIOR_VALUES, RATE_LIFE_S, TEMPO_EDGES_S
from engine.correlate.case import CAP, MOMENTUM_S, STRANGE_BELOW
from engine.correlate.columns import (
    AGAIN_NATS,
    AGAIN_S,
    AGE,
    AGREES,
    ALERTS,
    BEAT_S,
    BEATS_HEARD,
    CHANCE,
    DIFFERS,
    ENDED,
    GAP,
    HOPS,
    JOINED_ALERTS,
    LATELY,
    LATEST,
    LONGEST_S,
    LULL,
    MENTION,
    MINUTE,
    MOMENTUM,
    N_HOSTS,
    N_NAMES,
    N_SERVICES,
    NEAREST,
    NONE,
    PACE,
    PAUSE,
    RATE,
    RIVALS,
    SHARE,
    SHARED,
    SIDE,
    STORMY,
    STRANGERS,
    SURPRISE,
    TEMPO_NATS,
    TEN_MINUTES,
    TOLD_NATS,
    WAY,
    WORDS_SHARED,
)
from engine.correlate.company import meet_partners, read_company
from engine.correlate.compiled import inner
from engine.correlate.counts import count_of, find, key_of
from engine.correlate.layout import (
    ABOUT,
    AGAIN,
    AMONG,
    AROUND_AT,
    AS_THING,
    AS_VALUE,
    AS_WORD,
    BEAT,
    BEATS,
    BEGAN_AT,
    CONCENTRATION,
    COUNT,
    EPISODES,
    FIELD,
    FIELD_OF,
    FIRING,
    HEAD,
    HOME,
    HOSTS,
    JOINED,
    LAST,
    LAST_AT,
    LAST_CELL,
    LAST_OF,
    LINK,
    LONGEST,
    LOOKED_UP,
    MARK,
    N_AROUND,
    N_PAIRS,
    N_THINGS,
    N_WORDS,
    NAMES,
    NODE,
    OFFSET,
    OPENED,
    OPENED_AT,
    PAIR,
    PLACE,
    RESOLVED,
    SAME_BEFORE,
    SERVICES,
    SHOWN_AS_THING,
    SHOWN_AS_VALUE,
    SHOWN_AS_WORD,
    SIZE,
    SPOT,
    SYMPTOM,
    SYMPTOM_OF,
    TEMPO,
    THING,
    THING_FIELD,
    THINGS,
    TOLD,
    TOLD_OF,
    TOTAL,
    WORD,
    WORD_FIELD,
    Arrays,
    Floats,
    Ints,
)
from engine.correlate.pace import first_from, stormy, within
from engine.correlate.pace_signals import LASTED
from engine.correlate.profile import STORM_BEATS
from engine.correlate.seek import new_stamp
from engine.correlate.table import FAR, LONG_S, NEVER, NEW
from engine.correlate.time_signals import EPISODES_READ

_EDGES = TEMPO_EDGES_S
_SIDES = 5


@inner
def opening_rate(arrays: Arrays, at: float) -> float:
    """New incidents per hour around `at`."""
    world = arrays.world
    if world[OPENED_AT] == -math.inf:
        return 1.0
    faded = world[OPENED] * math.exp(-max(0.0, at - world[OPENED_AT]) / RATE_LIFE_S)
    span_h = min(RATE_LIFE_S, max(600.0, max(at, world[OPENED_AT]) - world[BEGAN_AT])) / 3600.0
    return float(min(60.0, max(0.05, (faded + 0.5) / (span_h + 0.5))))


@inner
def plan_of(arrays: Arrays, reading: int) -> tuple[int, int]:
    """Write what is looked up beside every incident to `plan`; up to where pairs go, and names after them.

    What no open incident shows is left out: it is shared with none.
    """
    readings, tokens, fields, shares = arrays.readings, arrays.tokens, arrays.fields, arrays.shares
    plan, plan_shares = arrays.plan, arrays.plan_shares
    things = reading + HEAD + readings[reading + N_PAIRS]
    words = things + readings[reading + N_THINGS]
    end = words + readings[reading + N_WORDS]
    known = 0
    for place in range(reading + HEAD, things):
        token = int(readings[place])
        field = tokens[token, FIELD_OF]
        share, spread = (
            (shares[token, AS_VALUE] + 0.5) / (fields[field, TOTAL] + PRIOR_VALUES),
            fields[field, CONCENTRATION],
        )
        plan[known, ABOUT] = field
        plan[known, LOOKED_UP] = (PAIR << 31) | token if tokens[token, SHOWN_AS_VALUE] > 0 else -1
        plan_shares[known, 0], plan_shares[known, 1] = share, spread
        known += 1
    pairs = known
    for role, shown, column in ((THING, SHOWN_AS_THING, AS_THING), (WORD, SHOWN_AS_WORD, AS_WORD)):
        of = arrays.counters[THING_FIELD if role == THING else WORD_FIELD]
        total, spread = fields[of, TOTAL] + PRIOR_VALUES, fields[of, CONCENTRATION]
        for place in range(things, end):
            token = int(readings[place])
            if tokens[token, shown] > 0:
                said = 0 if place < words else 1
                plan[known, ABOUT], plan[known, LOOKED_UP] = (said if role == THING else 2 + said), (role << 31) | token
                plan_shares[known, 0], plan_shares[known, 1] = (shares[token, column] + 0.5) / total, spread
                known += 1
    return pairs, known


@inner
def read_lines(arrays: Arrays, reading: int, at: float, symptom: int, found: Ints, rows: Floats, side: Ints) -> None:
    """The alert beside each of the incidents `found`, one row each.

    `side` are the members of the only incident where that is no open one but a side of one seen apart.
    """
    rate, plan = opening_rate(arrays, at), plan_of(arrays, reading)
    _read_again(arrays, at, symptom, found, rows, side)
    partners = meet_partners(arrays, reading)
    for place in range(len(found)):
        slot, row = found[place], rows[place]
        _read_time(arrays, reading, at, rate, slot, row)
        best = _read_fields(arrays, plan[0], slot, row)
        best = max(best, _read_names(arrays, plan[0], plan[1], arrays.readings[reading + N_THINGS] > 0, slot, row))
        best = max(best, _read_topology(arrays, reading, slot, row))
        row[STRANGERS] = 1.0 if best < STRANGE_BELOW else 0.0
        read_company(arrays, reading, partners, slot, row)
        _read_shape(arrays, slot, row)
    _compare(arrays, rows, rate)


@inner
def _read_shape(arrays: Arrays, slot: int, row: Floats) -> None:
    slots, spans = arrays.slots, arrays.spans
    row[BEAT_S], row[BEATS_HEARD], row[LONGEST_S] = spans[slot, BEAT], slots[slot, BEATS], spans[slot, LONGEST]
    row[N_SERVICES], row[N_HOSTS], row[N_NAMES] = slots[slot, SERVICES], slots[slot, HOSTS], slots[slot, NAMES]


@inner
def _read_time(arrays: Arrays, reading: int, at: float, rate: float, slot: int, row: Floats) -> None:
    spans, slots, times = arrays.spans, arrays.slots, arrays.times
    begin, size, beats = slots[slot, OFFSET], slots[slot, SIZE], slots[slot, BEATS]
    end = begin + size
    first, lasted = times[begin], times[end - 1] - times[begin]
    near = within(times, begin, end, at, MOMENTUM_S)
    place = first_from(times, near[0], near[1], at)
    gap = times[place] - at if place < end else math.inf
    if place > begin:
        gap = min(gap, at - times[place - 1])
    if at >= spans[slot, LAST]:
        gap = min(gap, at - spans[slot, LAST])
    row[GAP] = gap
    row[LATELY] = _read_lately(arrays, reading, at, slot)
    row[AGE], row[ALERTS] = at - first, size
    row[CHANCE] = math.log(rate * (gap + 1.0) / 3600.0)
    row[PACE], row[PAUSE], row[LULL] = NEW, NEW, NEW
    if beats >= LASTED - 1:
        row[PACE] = max(NEW, math.log((gap + 0.5) / (spans[slot, BEAT] + 0.5)))
        row[PAUSE] = max(NEW, math.log((gap + 1.0) / (spans[slot, LONGEST] + 1.0)))
    if size >= LASTED:
        row[LULL] = max(NEW, math.log((gap + 1.0) / (lasted + 10.0)))
    row[STORMY] = 1.0 if beats >= STORM_BEATS and stormy(arrays, slot) else 0.0
    row[MINUTE] = near[1] - near[0]
    wide = within(times, begin, near[0], at, LONG_S)[0], within(times, near[1], end, at, LONG_S)[1]
    row[TEN_MINUTES] = wide[1] - wide[0]
    row[SHARE] = slots[slot, FIRING] / size


@inner
def _read_lately(arrays: Arrays, reading: int, at: float, slot: int) -> float:
    """Seconds to the nearest member that names what the alert is about."""
    readings, lately = arrays.readings, math.inf
    things = reading + HEAD + readings[reading + N_PAIRS]
    for place in range(things, things + min(2, readings[reading + N_THINGS])):
        if arrays.tokens[readings[place], SHOWN_AS_THING] > 0:
            found = find(arrays.keys, key_of(slot, THING, readings[place]))
            if found >= 0:
                lately = min(lately, _nearest_cell(arrays, arrays.nodes[arrays.table[found, LINK], LAST_CELL], at))
    return min(lately, NEVER)


@inner
def _nearest_cell(arrays: Arrays, cell: int, at: float) -> float:
    """Seconds to the nearest of the times that end with `cell`."""
    best = math.inf
    while cell >= 0:
        away = abs(at - arrays.cell_times[cell])
        if away > best:
            return best
        best, cell = away, arrays.cells[cell, 0]
    return best


@inner
def _read_again(arrays: Arrays, at: float, symptom: int, found: Ints, rows: Floats, side: Ints) -> None:
    """Seconds since the same symptom was in each incident, and whether that has ended."""
    for row in rows:
        row[AGAIN_S], row[ENDED] = -1.0, 0.0
    members, slots, place = arrays.members, arrays.slots, len(side) - 1
    if symptom < 0 or (place < 0 and arrays.symptoms[symptom, EPISODES] == 0):
        return
    stamp, left = new_stamp(arrays), 0
    for number in range(len(found)):
        slot = found[number]
        slots[slot, MARK], slots[slot, PLACE], slots[slot, TOLD_OF] = stamp, number, 0
        left += min(EPISODES_READ, count_of(arrays, slot, SYMPTOM, symptom))
    member = side[place] if place >= 0 else arrays.symptoms[symptom, LAST_OF]
    while member >= 0 and left > 0:
        slot = members[member, HOME] if len(side) == 0 else found[0]
        same = members[member, SYMPTOM_OF] == symptom
        if same and slots[slot, MARK] == stamp and slots[slot, TOLD_OF] < EPISODES_READ:
            slots[slot, TOLD_OF] += 1
            left -= 1
            row, away = rows[slots[slot, PLACE]], abs(at - arrays.member_times[member, LAST_AT])
            if row[AGAIN_S] < 0.0 or away <= row[AGAIN_S]:  # of equal ones the first counts
                row[AGAIN_S], row[ENDED] = away, members[member, RESOLVED]
        place -= 1
        before = side[place] if place >= 0 else -1
        member = members[member, SAME_BEFORE] if len(side) == 0 else before


@inner
def _read_fields(arrays: Arrays, pairs: int, slot: int, row: Floats) -> float:
    """Nats of fields and labels; the largest that makes an alert no stranger."""
    best, worst, base = 0.0, 0.0, slot << 34
    table, keys, slots, plan, plan_shares = arrays.table, arrays.keys, arrays.slots, arrays.plan, arrays.plan_shares
    for side in range(_SIDES):
        row[SIDE + side] = 0.0
    for place in range(pairs):
        field = plan[place, ABOUT]
        if field < _SIDES:
            among = slots[slot, AMONG + field]
        else:
            found = find(keys, base | (FIELD << 31) | field)
            among = table[found, COUNT] if found >= 0 else 0
        if among == 0:
            continue
        share, spread, inside = plan_shares[place, 0], plan_shares[place, 1], 0
        if plan[place, LOOKED_UP] >= 0:
            found = find(keys, base | plan[place, LOOKED_UP])
            inside = table[found, COUNT] if found >= 0 else 0
        if inside > 0:
            nats = math.log((inside + spread * share) / ((among + spread) * share))
        else:
            nats = math.log(spread / (among + spread))
        nats = min(CAP, max(-CAP, nats))
        if field < _SIDES:
            row[SIDE + field] = nats
        elif nats > best:
            best = nats
        elif nats < worst:
            worst = nats
    row[AGREES], row[DIFFERS] = best, worst
    return float(max(best, row[SIDE], row[SIDE + 1]))


@inner
def _read_names(arrays: Arrays, begin: int, end: int, named: bool, slot: int, row: Floats) -> float:
    """Nats of the rarest thing in common, mention either way, and word in common; the larger of the first two."""
    table, keys, plan, plan_shares = arrays.table, arrays.keys, arrays.plan, arrays.plan_shares
    among, base = arrays.slots[slot, SIZE], slot << 34
    thing, mention, word = 1.0, 1.0, 1.0  # how much likelier the incident shows it than a new one does
    for place in range(begin, end):
        found = find(keys, base | plan[place, LOOKED_UP])
        if found < 0 or table[found, COUNT] == 0:
            continue
        share, spread = plan_shares[place, 0], plan_shares[place, 1]
        odds = (table[found, COUNT] + spread * share) / ((among + spread) * share)
        if plan[place, ABOUT] == 0:
            thing = max(thing, odds)
        elif plan[place, ABOUT] == 3:
            word = max(word, odds)
        else:
            mention = max(mention, odds)
    row[SHARED] = min(CAP, math.log(thing))
    row[MENTION] = min(CAP, math.log(mention))
    row[WORDS_SHARED] = min(CAP, math.log(word))
    row[NONE] = 1.0 if row[SHARED] == 0.0 and named and arrays.slots[slot, THINGS] > 0 else 0.0
    return float(max(row[SHARED], row[MENTION]))


@inner
def _read_topology(arrays: Arrays, reading: int, slot: int, row: Floats) -> float:
    """The most surprising closeness in the topology."""
    row[HOPS], row[WAY], row[SURPRISE] = 0.0, 0.0, 0.0
    begin, near = arrays.readings[reading + AROUND_AT], arrays.near
    if begin < 0:
        return 0.0
    for place in range(begin, begin + arrays.readings[reading + N_AROUND]):
        node = arrays.around[place, NODE]
        if near[slot, node >> 5] >> (node & 31) & 1:
            spot = arrays.around[place, SPOT]
            row[HOPS], row[WAY], row[SURPRISE] = spot // 4, spot % 4, arrays.surprises[place]
            return float(row[SURPRISE])
    for word in range(near.shape[1]):
        if near[slot, word] != 0:
            row[HOPS] = FAR // 4
            return 0.0
    return 0.0


@inner
def _compare(arrays: Arrays, rows: Floats, rate: float) -> None:
    """How the incidents beside one alert stand beside each other, and what is usual here."""
    world, count = arrays.world, len(rows)
    nearest, latest, holders, moved = math.inf, math.inf, 0, 0.0
    for row in rows:
        nearest = min(nearest, row[GAP])
        if row[LATELY] < NEVER:
            holders += 1
            latest = min(latest, row[LATELY])
        moved += row[MINUTE] + 0.5
    moved /= count
    for row in rows:
        row[RIVALS], row[NEAREST] = count - 1, 1.0 if row[GAP] == nearest else 0.0
        row[LATEST] = 1.0 if holders > 1 and row[LATELY] == latest else 0.0
        row[MOMENTUM] = math.log((row[MINUTE] + 0.5) / moved) if count > 1 else 0.0
        place = 0
        while place < len(_EDGES) and row[GAP] >= _EDGES[place]:
            place += 1
        row[TEMPO_NATS] = world[TEMPO + place]
        row[RATE], row[TOLD_NATS], row[AGAIN_NATS], row[JOINED_ALERTS] = rate, world[TOLD], world[AGAIN], world[JOINED]

"""Two incidents, or two sides of one, beside each other: what weighs whether they are one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from engine.correlate.between import Between
from engine.correlate.company import unread
from engine.correlate.compiled import compiled, inner
from engine.correlate.counts import count_of
from engine.correlate.layout import (
    AFTER,
    AT,
    BEATS,
    FIRST_MEMBER,
    LAST,
    LONGEST,
    N_THINGS,
    OFFSET,
    READING,
    SEEN,
    SIZE,
    STAMP,
    STORMED,
    SYMPTOM,
    SYMPTOM_OF,
    SYMPTOMS,
    Arrays,
    Floats,
    Ints,
)
from engine.correlate.lines import read_lines
from engine.correlate.pace import stormy
from engine.correlate.scores import KNOTS, Weighing, curve_at, draw, weigh, weighing
from engine.correlate.seek import NEWEST_READ, candidates, new_stamp
from engine.correlate.tally import APART, add, remove

_SPOKEN = 3  # members whose candidates an incident is compared with
_SMALL, _LARGE, _ONSET, _SILENCE, _HUSH, _PAUSE = range(6)
_SHARED, _OVERLAP, _BOTH = range(3)


class Pairing(NamedTuple):
    """What weighs two incidents, as arrays."""

    lines: Weighing
    curves: Floats  # as those of `Weighing`
    plain: Floats


def pairing(weights: Mapping[str, float]) -> Pairing:
    """`weights` (measurement -> log-odds) as arrays."""
    drawn = (
        (Between.sizes, Between.small_names), (Between.sizes, Between.large_names),
        (Between.onsets, Between.onset_names),
        (Between.silences, Between.silence_names), (Between.silences, Between.hush_names),
        (Between.pauses, Between.pause_names),
    )  # fmt: skip
    curves = np.zeros((len(drawn), 3, KNOTS + 1))
    curves[:, 0, :] = math.inf
    for place, (knots, names) in enumerate(drawn):
        draw(curves[place], knots, [weights.get(name, 0.0) for name in names])
    plain = np.array([weights.get(f"merge.{name}", 0.0) for name in ("shared", "overlap", "both")])
    return Pairing(weighing(weights, None), curves, plain)


@inner
def _between(arrays: Arrays, pairing: Pairing, one: int, other: int, common: int) -> float:
    """What sizes and times of two incidents weigh, and the symptoms they have in `common`."""
    slots, spans, times, curves = arrays.slots, arrays.spans, arrays.times, pairing.curves
    sizes = slots[one, SIZE], slots[other, SIZE]
    total = curve_at(curves[_SMALL], float(min(sizes))) + curve_at(curves[_LARGE], float(max(sizes)))
    begins = times[slots[one, OFFSET]], times[slots[other, OFFSET]]
    ends = times[slots[one, OFFSET] + sizes[0] - 1], times[slots[other, OFFSET] + sizes[1] - 1]
    total += curve_at(curves[_ONSET], abs(begins[0] - begins[1]))
    earlier, later = (one, begins[1]) if begins[0] <= begins[1] else (other, begins[0])
    silence = max(0.0, later - spans[earlier, LAST])
    total += curve_at(curves[_SILENCE], silence)
    if slots[earlier, BEATS] > 0:
        total += curve_at(curves[_PAUSE], math.log((silence + 1.0) / (spans[earlier, LONGEST] + 1.0)))
    if stormy(arrays, earlier):
        total += curve_at(curves[_HUSH], silence)
    fewer = min(slots[one, SYMPTOMS], slots[other, SYMPTOMS])
    shared = common / max(1, fewer)
    overlap = max(0.0, min(ends) - max(begins) + 1.0) / (min(ends[0] - begins[0], ends[1] - begins[1]) + 1.0)
    overlap, plain = min(1.0, overlap), pairing.plain
    return float(total + plain[_SHARED] * shared + plain[_OVERLAP] * overlap + plain[_BOTH] * shared * overlap)


@inner
def _in_common(arrays: Arrays, one: int, other: int) -> int:
    """How many symptoms two incidents have in common."""
    if arrays.slots[one, SIZE] > arrays.slots[other, SIZE]:
        one, other = other, one
    new_stamp(arrays)
    common, member = 0, arrays.slots[one, FIRST_MEMBER]
    while member >= 0:
        common += _is_new_in(arrays, member, other)
        member = arrays.members[member, AFTER]
    return common


@inner
def _is_new_in(arrays: Arrays, member: int, other: int) -> bool:
    """Whether the incident `other` has the symptom of a member, asked for the first time since the last stamp."""
    symptom, stamp = arrays.members[member, SYMPTOM_OF], arrays.counters[STAMP]
    if arrays.symptoms[symptom, SEEN] == stamp:
        return False
    arrays.symptoms[symptom, SEEN] = stamp
    return count_of(arrays, other, SYMPTOM, symptom) > 0


@inner
def _spread(arrays: Arrays, slot: int, found: Ints) -> int:
    """Fill `found` with members of an incident, evenly in the order they came; how many there are."""
    size = int(arrays.slots[slot, SIZE])
    count, step = min(len(found), size), max(1, size // len(found))
    member, place = arrays.slots[slot, FIRST_MEMBER], 0
    for number in range(count):
        while place < number * step:
            member, place = arrays.members[member, AFTER], place + 1
        found[number] = member
    return count


@compiled
def met(arrays: Arrays, slot: int, found: Ints, heard: Ints, room: Ints) -> int:
    """Write the incidents that some members of one would be weighed against to `found`, and how many of them would.

    `room` is for those of one of them.
    """
    count, asked, reach = 0, arrays.asked[:_SPOKEN], len(room) - NEWEST_READ
    for speaker in range(_spread(arrays, slot, asked)):
        member = asked[speaker]
        near = candidates(arrays, arrays.members[member, READING], arrays.member_times[member, AT], reach, room)
        for other in room[:near]:
            place = 0
            while place < count and found[place] != other:
                place += 1
            if place == count and other != slot:
                found[place], heard[place] = other, 0
                count += 1
            if other != slot:
                heard[place] += 1
    return count


@compiled
def unread_of_some(arrays: Arrays, slot: int, sample: int, found: Ints) -> int:
    """Write the kinds of the members that speak for an incident whose partners are not at hand; how many."""
    count, asked = 0, arrays.asked[:sample]
    for speaker in range(_spread(arrays, slot, asked)):
        count = unread(arrays, arrays.members[asked[speaker], READING], found, count)
    return count


@inner
def _read_member(arrays: Arrays, member: int, others: Ints, rows: Floats, side: Ints) -> None:
    members, at = arrays.members, arrays.member_times[member, AT]
    read_lines(arrays, members[member, READING], at, members[member, SYMPTOM_OF], others, rows, side)


@compiled
def whether_one(
    arrays: Arrays, pairing: Pairing, slot: int, others: Ints, sample: int, rows: Floats, scores: Floats
) -> None:
    """Write the log-odds of an incident being one with each of `others` to `scores`; `rows` is room for their lines."""
    scores[:] = 0.0
    asked = arrays.asked[:sample]
    count = _spread(arrays, slot, asked)
    for speaker in range(count):
        _read_member(arrays, asked[speaker], others, rows, others[:0])
        for place in range(len(others)):
            scores[place] += weigh(pairing.lines, rows[place])
    for place in range(len(others)):
        common = _in_common(arrays, slot, others[place])
        scores[place] = scores[place] / count + _between(arrays, pairing, slot, others[place], common)


@compiled
def whether_two(
    arrays: Arrays, merging: Pairing, cutting: Pairing, sides: Ints, members: Ints, cut: int, cells: int, sample: int
) -> tuple[float, float, bool]:
    """Of two sides of an incident, the first `cut` of `members` and all others: the log-odds of being one as pairs of
    incidents go, and as sides do; and whether either was a storm.

    The rows `sides` and the cells from `cells` on are free before and after.
    """
    small, large = sides[0], sides[1]
    begin = cells
    for place in range(len(members)):
        add(arrays, small if place < cut else large, members[place], APART, cells)
        cells += arrays.readings[arrays.members[members[place], READING] + N_THINGS]
    rows, pair, two = arrays.line, 0.0, 0.0
    step, asked = max(1, cut // sample), 0
    for place in range(0, min(cut, step * sample), step):
        member = members[place]
        _read_member(arrays, member, sides[1:], rows, members[cut:])
        pair += weigh(merging.lines, rows[0])
        two += weigh(cutting.lines, rows[0])
        asked += 1
    new_stamp(arrays)
    common = 0
    for member in members[:cut]:
        common += _is_new_in(arrays, member, large)
    pair = pair / asked + _between(arrays, merging, small, large, common)
    two = two / asked + _between(arrays, cutting, small, large, common)
    stormed = arrays.slots[small, STORMED] > 0 or arrays.slots[large, STORMED] > 0
    for place in range(len(members)):
        remove(arrays, small if place < cut else large, members[place], APART, begin)
        begin += arrays.readings[arrays.members[members[place], READING] + N_THINGS]
    return pair, two, stormed

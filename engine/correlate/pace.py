"""When an incident's members began and gave signs of life, in arrays."""

from __future__ import annotations

import math

from engine.correlate.compiled import inner
from engine.correlate.layout import BEAT, BEATS, LAST, LONGEST, OFFSET, SIZE, STORMED, Arrays, Floats
from engine.correlate.profile import BEATS_KEPT, STORM_BEAT_S, STORM_BEATS, STORM_PAUSE_S, STORM_S


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
        middle = (low + high) >> 1
        if times[middle] < at:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def first_after(times: Floats, low: int, high: int, at: float) -> int:
    """The first place in `times[low:high]`, which is sorted, that is after `at` (bisect_right)."""
    while low < high:
        middle = (low + high) >> 1
        if at < times[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@inner
def within(times: Floats, low: int, high: int, at: float, span: float) -> tuple[int, int]:
    """Where in `times[low:high]` those begin and end that are at most `span` from `at`."""
    begin, end = low, high
    if low < high and times[low] < at - span:
        begin = first_from(times, low + 1, high, at - span)
    if low < high and times[high - 1] > at + span:
        end = first_after(times, begin, high - 1, at + span)
    return begin, end


@inner
def keep_time(arrays: Arrays, slot: int, at: float) -> None:
    """A member of the incident began at `at`."""
    times, begin, size = arrays.times, arrays.slots[slot, OFFSET], arrays.slots[slot, SIZE]
    later = begin + size
    while later > begin and times[later - 1] > at:
        times[later] = times[later - 1]
        later -= 1
    times[later] = at
    arrays.slots[slot, SIZE] = size + 1


@inner
def drop_time(arrays: Arrays, slot: int, at: float) -> None:
    """No member of the incident began at `at`, or one less."""
    times, begin, size = arrays.times, arrays.slots[slot, OFFSET], arrays.slots[slot, SIZE]
    for place in range(first_from(times, begin, begin + size, at), begin + size - 1):
        times[place] = times[place + 1]
    arrays.slots[slot, SIZE] = size - 1

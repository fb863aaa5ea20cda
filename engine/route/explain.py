"""Why a responder stands where they stand: what each signal adds, in words an operator can check."""

from __future__ import annotations

import numpy as np

from engine.domain import Evidence, Incident
from engine.route.expertise import SIGNALS, Expertise
from engine.route.memory import Floats, Memory

_GROUPS = {
    "linear": "wording and fields",
    "linear, recent": "wording and fields",
    "similar text": "similar incidents",
    "similar text, recent": "similar incidents",
    "similar fields": "similar fields",
    "similar fields, recent": "similar fields",
    "fields": "fields",
    "fields, recent": "fields",
    "share": "activity",
    "share, recent": "activity",
    "last seen": "activity",
}
_SHOWN_NEIGHBOURS = 10
_SHOWN_REASONS = 4


def reasons(
    expertise: Expertise, incident: Incident, responder: str, opinions: Floats, chances: Floats
) -> tuple[Evidence, ...]:
    """What speaks for and against `responder`, strongest first, in log-odds against the mean candidate.

    `opinions` and `chances` are those of the question, (people, signals) and (people,).
    """
    number = expertise.memory_.number_of(responder)
    if number is None:
        return (Evidence(signal="new", weight=0.0, detail="has not resolved anything here yet"),)
    mean = opinions.mean(axis=0)
    added = (opinions[number] - mean) * expertise.stacker_.weights_
    grouped: dict[str, float] = {}
    for signal, weight in zip(SIGNALS, added, strict=True):
        grouped[_GROUPS[signal]] = grouped.get(_GROUPS[signal], 0.0) + float(weight)
    kept = sorted((item for item in grouped.items() if abs(item[1]) > 0.01), key=lambda item: -abs(item[1]))
    return tuple(
        Evidence(signal=signal, weight=weight, detail=_detail(signal, expertise, incident, number))
        for signal, weight in kept[:_SHOWN_REASONS]
    )


def _detail(signal: str, expertise: Expertise, incident: Incident, number: int) -> str:
    memory, day = expertise.memory_, incident.opened_at.timestamp() / 86400
    mine = (memory.who.seen() == number) & (memory.alive.seen() > 0) & (memory.day.seen() < day)
    if signal == "activity":
        resolved = memory.day.seen()[mine]
        return f"resolved {len(resolved)}, last {day - resolved.max():.0f} days ago" if len(resolved) else ""
    reading = expertise.reader_.read(incident)
    if signal == "similar incidents":
        return _nearest(memory, memory.likeness(reading.words) * (memory.day.seen() < day), number)
    if signal == "similar fields":
        importance = expertise.setting_.importance or {}
        return _nearest(memory, memory.agreement(reading.marks, importance) * (memory.day.seen() < day), number)
    if signal == "fields":
        return _best_mark(memory, reading.marks, mine)
    return ""


def _nearest(memory: Memory, likeness: Floats, number: int) -> str:
    likeness = likeness * memory.alive.seen()
    near = np.argsort(-likeness, kind="stable")[:_SHOWN_NEIGHBOURS]
    near = near[likeness[near] > 0]
    mine = [memory.ids[row] for row in near if memory.who.seen()[row] == number]
    return f"{len(mine)} of the {len(near)} most similar" + (f": {', '.join(mine[:3])}" if mine else "")


def _best_mark(memory: Memory, marks: tuple[str, ...], mine: np.typing.NDArray[np.bool_]) -> str:
    best, words = 0.0, ""
    for mark in marks:
        if mark in memory.marks and "=" in mark and not mark.startswith("@"):
            rows = memory.marks[mark].seen()
            hits, total = int(mine[rows].sum()), len(rows)
            if hits / (total + 2) > best:
                best, words = hits / (total + 2), f"{hits} of {total} with {mark.replace('=', ' ', 1)}"
    return words

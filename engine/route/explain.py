"""Why a responder stands where they stand: what each signal adds, in words an operator can check."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.domain import Evidence, Incident
from engine.route.expertise import SIGNALS, Expertise
from engine.route.memory import Floats, Ints, Memory

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
_LEAST_SHOWN = 0.01  # log-odds


class Explainer:
    """Gives the reasons behind one answer. `opinions` are those of the question, (people, signals)."""

    def __init__(self, expertise: Expertise, incident: Incident, opinions: Floats) -> None:
        memory, reading = expertise.memory_, expertise.reader_.read(incident)
        self.expertise, self.opinions = expertise, opinions
        self.day = incident.opened_at.timestamp() / 86400
        self.usable = memory.alive.seen() * (memory.day.seen() < self.day)
        self.by_mark = [
            (mark, *_counts(memory, mark, self.usable)) for mark in reading.marks if _readable(mark, memory)
        ]
        self.near = {
            "similar incidents": _nearest(memory.likeness(reading.words) * self.usable),
            "similar fields": _nearest(
                memory.agreement(reading.marks, expertise.setting_.importance or {}) * self.usable
            ),
        }

    def reasons(self, responder: str) -> tuple[Evidence, ...]:
        """What speaks for and against `responder`, strongest first, in log-odds against the mean of all people."""
        number = self.expertise.memory_.number_of(responder)
        if number is None:
            return (Evidence(signal="new", weight=0.0, detail="has not resolved anything here yet"),)
        added = (self.opinions[number] - self.opinions.mean(axis=0)) * self.expertise.stacker_.weights_
        grouped: dict[str, float] = {}
        for signal, weight in zip(SIGNALS, added, strict=True):
            grouped[_GROUPS[signal]] = grouped.get(_GROUPS[signal], 0.0) + float(weight)
        ranked = sorted(grouped.items(), key=lambda item: -abs(item[1]))[:_SHOWN_REASONS]
        return tuple(
            Evidence(signal=signal, weight=weight, detail=self._detail(signal, number))
            for signal, weight in ranked
            if abs(weight) > _LEAST_SHOWN
        )

    def _detail(self, signal: str, number: int) -> str:
        memory = self.expertise.memory_
        if signal == "activity":
            mine = (memory.who.seen() == number) & (self.usable > 0)
            resolved = memory.day.seen()[mine]
            return f"resolved {len(resolved)}, last {self.day - resolved.max():.0f} days ago" if len(resolved) else ""
        if signal in self.near:
            near = self.near[signal]
            ids = [memory.ids[row] for row in near if memory.who.seen()[row] == number]
            return f"{len(ids)} of the {len(near)} most similar" + (f": {', '.join(ids[:3])}" if ids else "")
        return _best_mark(self.by_mark, number) if signal == "fields" else ""


def _nearest(likeness: Floats) -> Ints:
    count = min(_SHOWN_NEIGHBOURS, len(likeness))
    near = np.argpartition(-likeness, count - 1)[:count] if count else np.zeros(0, np.int64)
    near = near[np.lexsort((-near, -likeness[near]))]
    return near[likeness[near] > 0]


def _readable(mark: str, memory: Memory) -> bool:
    return "=" in mark and not mark.startswith("@") and mark in memory.marks


def _counts(memory: Memory, mark: str, usable: Floats) -> tuple[Floats, float]:
    """Resolved incidents with `mark`, per person and in all."""
    rows = memory.marks[mark].seen()
    counts: Floats = np.bincount(memory.who.seen()[rows], usable[rows], len(memory.people)).astype(np.float64)
    return counts, float(counts.sum())


def _best_mark(by_mark: Sequence[tuple[str, Floats, float]], number: int) -> str:
    """The field of which the person took the largest share."""
    best = max(by_mark, key=lambda found: found[1][number] / (found[2] + 2.0), default=None)
    if best is None or not best[1][number]:
        return ""
    return f"{best[1][number]:.0f} of {best[2]:.0f} with {best[0].replace('=', ' ', 1)}"

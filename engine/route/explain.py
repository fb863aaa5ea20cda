"""Why a responder stands where they stand: what each signal adds, in words an operator can check."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.domain import Evidence, Incident
from engine.route.columns import Floats, Ints
from engine.route.expertise import Expertise
from engine.route.memory import Memory, latest_of
from engine.route.signals import Opinions

_GROUPS = {
    "linear": "wording and fields",
    "margin": "wording and fields",
    "team": "team",
    "handed on": "hand-overs",
    "share": "activity",
    "last seen": "activity",
    "similar text": "similar incidents",
    "similar fields": "similar fields",
    "worked on similar": "worked on similar ones",
    "worked lately": "activity",
}
_SHOWN_NEIGHBOURS = 10
_SHOWN_REASONS = 4
_LEAST_SHOWN = 0.01  # log-odds


class Explainer:
    """Gives the reasons behind one answer."""

    def __init__(self, expertise: Expertise, incident: Incident, opinions: Opinions) -> None:
        self.expertise = expertise
        self.day = incident.opened_at.timestamp() / 86400
        table = opinions.table
        self.added = (table - table.sum(axis=0) / max(1, len(table))) * expertise.stacker_.weights_
        self.near = {
            "similar incidents": opinions.by_text[:_SHOWN_NEIGHBOURS],
            "similar fields": opinions.by_fields[:_SHOWN_NEIGHBOURS],
        }
        named = [_GROUPS.get(signal.split(",")[0], "fields") for signal in expertise.setting_.names]
        self.groups = list(dict.fromkeys(named))
        self.group_of = np.array([self.groups.index(group) for group in named])  # of each signal
        marks = expertise.reader_.read(incident).marks
        self.by_mark = [
            (mark, *_counts(expertise.memory_, mark, self.day)) for mark in marks if _readable(mark, expertise.memory_)
        ]

    def reasons(self, responder: str) -> tuple[Evidence, ...]:
        """What speaks for and against `responder`, strongest first, in log-odds against the mean of all people."""
        number = self.expertise.memory_.number_of(responder)
        if number is None:
            return (Evidence(signal="new", weight=0.0, detail="has not resolved anything here yet"),)
        weights = np.bincount(self.group_of, self.added[number]).tolist()
        ranked = sorted(zip(self.groups, weights, strict=True), key=lambda item: -abs(item[1]))[:_SHOWN_REASONS]
        return tuple(
            Evidence(signal=signal, weight=weight, detail=self._detail(signal, number))
            for signal, weight in ranked
            if abs(weight) > _LEAST_SHOWN
        )

    def _detail(self, signal: str, number: int) -> str:
        memory = self.expertise.memory_
        if signal == "activity":
            return self._activity(memory, number)
        if signal in self.near:
            near = self.near[signal]
            ids = [memory.ids[row] for row in near if memory.who.seen()[row] == number]
            return f"{len(ids)} of the {len(near)} most similar" + (f": {', '.join(ids[:3])}" if ids else "")
        return _best_mark(self.by_mark, number) if signal == "fields" else ""

    def _activity(self, memory: Memory, number: int) -> str:
        rows = latest_of(memory.worked, number)
        mine = rows[(memory.who.seen()[rows] == number) & (memory.alive.seen()[rows] > 0)]
        days = memory.day.seen()[mine]
        days = days[days < self.day]
        return f"resolved {len(days)}, last {self.day - days.max():.0f} days ago" if len(days) else ""


def _readable(mark: str, memory: Memory) -> bool:
    return "=" in mark and "*" not in mark and not mark.startswith("@") and mark in memory.marks


def _counts(memory: Memory, mark: str, day: float) -> tuple[Floats, float]:
    """The latest resolved incidents with `mark`, per person and in all."""
    rows: Ints = latest_of(memory.marks, mark)
    usable = memory.alive.seen()[rows] * (memory.day.seen()[rows] < day)
    counts: Floats = np.bincount(memory.who.seen()[rows], usable, len(memory.people)).astype(np.float64)
    return counts, float(counts.sum())


def _best_mark(by_mark: Sequence[tuple[str, Floats, float]], number: int) -> str:
    """The field of which the person took the largest share."""
    best = max(by_mark, key=lambda found: found[1][number] / (found[2] + 2.0), default=None)
    if best is None or not best[1][number]:
        return ""
    return f"{best[1][number]:.0f} of {best[2]:.0f} with {best[0].replace('=', ' ', 1)}"

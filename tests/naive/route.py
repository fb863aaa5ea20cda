"""The slow, obvious forms of what routing does fast: neighbours by dictionaries, working hours by walking minutes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.domain import Responder
from engine.route.memory import Case


def likeness(cases: Sequence[Case], counts: Counter[str]) -> list[float]:
    """Cosine of tf-idf between a text and each case; document frequencies are those of all cases."""
    df = Counter(word for case in cases for word in case.reading.words)

    def vector(words: Counter[str]) -> dict[str, float]:
        raw = {w: (1 + math.log(n)) * (1 + math.log((1 + len(cases)) / (1 + df[w]))) for w, n in words.items()}
        length = math.sqrt(sum(value**2 for value in raw.values())) or 1.0
        return {word: value / length for word, value in raw.items()}

    asked = vector(counts)
    found = []
    for case in cases:
        known = vector(Counter(dict(case.reading.words)))
        found.append(sum(value * known.get(word, 0.0) for word, value in asked.items()))
    return found


def agreement(cases: Sequence[Case], marks: Sequence[str], importance: dict[str, float]) -> list[float]:
    """Share of the marks that each case has, by importance of `column=`."""
    weights = {mark: importance.get(mark.split("=")[0] + "=", 0.0) for mark in marks}
    total = sum(weights.values())
    return [
        sum(weight for mark, weight in weights.items() if mark in case.reading.marks) / total if total else 0.0
        for case in cases
    ]


def neighbour_shares(likenesses: Sequence[float], decays: Sequence[float], people: Sequence[str]) -> dict[str, float]:
    """Share of each person among all cases, by likeness times decay."""
    total = sum(a * b for a, b in zip(likenesses, decays, strict=True))
    shares: dict[str, float] = {}
    for like, decay, person in zip(likenesses, decays, people, strict=True):
        shares[person] = shares.get(person, 0.0) + like * decay / total
    return shares


def is_working(responder: Responder, at: datetime) -> bool:
    """Walk back minute by minute on the wall clock to the latest start of a shift; it must not have ended since."""
    wall = at.astimezone(ZoneInfo(responder.timezone)).replace(tzinfo=None)
    minute = wall.replace(second=0, microsecond=0)
    for _ in range(24 * 60):
        if minute.time() == responder.work_starts:
            return minute.weekday() in responder.workdays
        if minute.time() == responder.work_ends:
            return False
        minute -= timedelta(minutes=1)
    return False


def weights(days: Sequence[float], now: float, half_life_days: float) -> list[float]:
    """What each incident counts `now`: half of it a half-life ago."""
    return [0.5 ** ((now - day) / half_life_days) for day in days]


def assign(costs: dict[str, dict[str, float]], free: dict[str, int], queue: float, place: float) -> float:
    """The least total cost of giving each incident to somebody or its queue, by trying everything."""

    def best(left: list[str], taken: dict[str, int]) -> float:
        if not left:
            return 0.0
        incident, rest = left[0], left[1:]
        found = queue + best(rest, taken)
        for who, cost in costs[incident].items():
            turn = taken.get(who, 0)
            if turn < free.get(who, 0):
                found = min(found, cost + place * turn + best(rest, {**taken, who: turn + 1}))
        return found

    return best(list(costs), {})

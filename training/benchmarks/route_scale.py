"""How long a large firm waits for an answer: 100,000 past incidents, 1,000 people, text and fields.

The models are fitted to the first 15,000; the others are learned one by one, as they are resolved.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from engine.domain import Incident, Resolution, Responder
from engine.route import Roster, Router
from training.benchmarks.report import Row

_START = datetime(2024, 1, 1, tzinfo=UTC)
_TOPICS = 400
_WORDS = 12


def scale(*, quick: bool = False) -> list[Row]:
    """CPU time to fit, to learn what came since, and to answer (median and 95th percentile)."""
    size, people, fitted_to = (5_000, 200, 3_000) if quick else (100_000, 1_000, 15_000)
    past = list(_history(size, people))
    router = Router()
    began = time.process_time()
    router.fit(past[:fitted_to])
    fitted = time.process_time()
    router.catch_up(past)
    caught_up = time.process_time()
    staff = [Responder(id=f"person-{number}", team=f"team-{number % 40}") for number in range(people)]
    spent = [_asked(router, question, staff) for question in _questions(past, 400)]
    metrics = {
        "fit s": fitted - began,
        "ms to learn one": 1000 * (caught_up - fitted) / (size - fitted_to),
        "ms, median": 1000 * float(np.median(spent)),
        "ms, p95": 1000 * float(np.quantile(spent, 0.95)),
    }
    return [Row(dataset=f"{size:,} incidents, {people:,} people", method="PathFinder", metrics=metrics)]


def _history(size: int, people: int) -> list[Incident]:
    draw = np.random.default_rng(0)
    owners = draw.integers(0, people, (_TOPICS, 4))
    topics, turns = draw.integers(0, _TOPICS, size), draw.integers(0, 4, size)
    words = draw.zipf(1.3, (size, _WORDS)) % 5000
    return [
        Incident(
            id=str(number),
            opened_at=_START + timedelta(minutes=7 * number),
            closed_at=_START + timedelta(minutes=7 * number + 60),
            title=" ".join(f"w{'abcdefghij'[w % 10]}x{chr(97 + w // 10 % 26)}{chr(97 + w // 260)}" for w in row),
            service=f"service-{topic}",
            category=f"kind-{topic % 12}",
            resolution=Resolution(resolver=f"person-{owners[topic, turn]}", team=f"team-{owners[topic, turn] % 40}"),
        )
        for number, (topic, turn, row) in enumerate(zip(topics, turns, words, strict=True))
    ]


def _questions(past: Sequence[Incident], count: int) -> list[Incident]:
    late = past[-1].opened_at + timedelta(days=1)
    return [
        Incident(id=f"q{one.id}", opened_at=late, title=one.title, service=one.service, category=one.category)
        for one in past[:: max(1, len(past) // count)][:count]
    ]


def _asked(router: Router, question: Incident, staff: Sequence[Responder]) -> float:
    began = time.process_time()
    router.predict_one(question, roster=Roster(staff), top=10)
    return time.process_time() - began

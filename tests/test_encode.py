"""A long history is encoded beforehand, newest first, and nothing is encoded twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from engine.answering.register import Register
from engine.domain import Incident, IncidentStatus, Resolution
from engine.errors import ModelUnusable
from engine.store.store import Store
from engine.suggest import Encoder
from training.encode import backfill

AT = datetime(2026, 1, 1, tzinfo=UTC)


class Letters:
    """Stands in for sentence-transformers and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], **_: Any) -> np.ndarray:
        self.asked += texts
        rows = np.array([[text.count(letter) + 0.1 for letter in "0123456789"] for text in texts], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def encoder(store: Store) -> tuple[Encoder, Letters]:
    made, model = Encoder("letters", cache=store.embeddings, batch_size=2), Letters()
    made.model_ = model
    return made, model


def fill(store: Store, count: int) -> None:
    Register(store).import_incidents(
        [
            Incident(
                id=f"T-{number}",
                opened_at=AT + timedelta(days=number),
                closed_at=AT + timedelta(days=number, hours=1),
                status=IncidentStatus.RESOLVED,
                title=f"ticket {number}",
                resolution=Resolution(text="restarted it", resolver="ann"),
            )
            for number in range(count)
        ]
    )


def stopping(items: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
    for place, item in enumerate(items):
        yield item
        if place == 1:
            raise KeyboardInterrupt


def test_a_backfill_goes_on_where_it_stopped(store: Store) -> None:
    fill(store, 9)
    first, model = encoder(store)
    with pytest.raises(KeyboardInterrupt):
        backfill(store, first, stopping)
    done = set(model.asked)
    assert 0 < len(done) < 9
    second, later = encoder(store)
    assert backfill(store, second) == 9
    assert done.isdisjoint(later.asked)
    assert len(done) + len(later.asked) == 9
    third, idle = encoder(store)
    assert backfill(store, third) == 9
    assert idle.asked == []


def test_an_encoder_that_cannot_be_loaded_is_said(store: Store) -> None:
    with pytest.raises(ModelUnusable, match="folder"):
        backfill(store, Encoder("/nowhere"))

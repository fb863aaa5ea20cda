"""The benchmark of patterns: one part at a time, and fresh draws."""

from __future__ import annotations

import pytest

from engine.errors import InvalidInput
from training.benchmarks import patterns


def test_unknown_parts_are_refused() -> None:
    with pytest.raises(InvalidInput, match="seed:N"):
        patterns.run(None, only=["anything"])
    with pytest.raises(InvalidInput, match="seed:N"):
        patterns.run(None, only=["seed:x"])


def test_another_seed_draws_other_series_and_the_same_one_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[float]] = []
    monkeypatch.setattr(patterns, "METHODS", {"none": lambda case: told.append(case.series.values[:3].tolist()) or []})
    for seed in ("seed:1", "seed:2", "seed:1"):
        patterns.run(None, quick=True, only=["clock", seed])
    first, other, again = (told[n : n + 10] for n in (0, 10, 20))
    assert first == again
    assert first != other

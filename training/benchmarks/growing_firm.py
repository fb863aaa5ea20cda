"""A made-up firm of any size, for how suggest grows: faults that recur, told in words of a natural distribution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from engine.domain import Incident, Resolution

_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_YEARS = 5.0
_SYLLABLES = [f"{first}{second}" for first in "bdfgklmnprstvz" for second in "aeiou"]
_WORDS = 400_000  # as many different words as a tracker of a million issues holds
_OFFSET = 30.0  # Mandelbrot's: function words are not written here, retrieval drops them anyhow
_REPEATS = 20  # incidents per fault
_BATCH = 1_000
_SERVICES = 300


@dataclass(frozen=True)
class _Fault:
    """What every telling of one fault has in common."""

    service: str
    title: list[str]
    body: list[str]
    names: list[str]


class GrowingFirm:
    """`size` past incidents and any number of questions, deterministic by `seed`; texts as long as a tracker's."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size = size
        self.seed = seed
        self._words = np.array([_word(rank) for rank in range(_WORDS)], dtype=object)
        self._faults: dict[int, _Fault] = {}

    def history(self) -> Iterator[Incident]:
        """The past incidents, in time order."""
        step = timedelta(days=_YEARS * 365) / self.size
        for first in range(0, self.size, _BATCH):
            count = min(_BATCH, self.size - first)
            for place, incident in enumerate(self._batch(count, f"INC-{first}", [1, first])):
                opened = _BEGIN + (first + place) * step
                yield replace(incident, opened_at=opened, closed_at=opened + timedelta(hours=2))

    def questions(self, count: int) -> list[Incident]:
        """New tellings of faults, after all of the history."""
        return list(self._batch(count, "Q", [2]))

    def _batch(self, count: int, name: str, stream: list[int]) -> Iterator[Incident]:
        random = np.random.default_rng([self.seed, *stream])
        faults = random.integers(0, max(1, self.size // _REPEATS), count).tolist()
        drawn = self._drawn(random, (count, 3 + 55)).tolist()
        told = random.random((count, 5 + 25 + 4))
        numbers = random.integers(1, 5000, (count, 2)).tolist()
        for place, fault in enumerate(faults):
            known, kept = self._fault(fault), told[place].tolist()
            title = _some(known.title, kept, 0.8) + drawn[place][:3]
            body = _some(known.body, kept[5:], 0.6) + _some(known.names, kept[30:], 0.6) + drawn[place][3:]
            body += [f"node-{numbers[place][0]}", f"req-{numbers[place][1]}"]
            yield Incident(
                id=f"{name}-{place}",
                opened_at=_BEGIN + timedelta(days=_YEARS * 365 + 1),
                title=" ".join(title),
                description=_sentences([body[at] for at in random.permutation(len(body)).tolist()]),
                service=known.service,
                category=f"kind-{fault % 12}",
                priority=f"P{1 + fault % 4}",
                resolution=Resolution(text=f"replaced {known.title[0]} and restarted {known.service}", resolver="dana"),
            )

    def _fault(self, number: int) -> _Fault:
        if number not in self._faults:
            random = np.random.default_rng([self.seed, 3, number])
            words = self._drawn(random, (5 + 25 + 8,)).tolist()
            names = [f"{first.title()}{second.title()}" for first, second in zip(words[30:34], words[34:], strict=True)]
            service = f"svc-{int(_SERVICES * random.random() ** 2)}"
            self._faults[number] = _Fault(service=service, title=words[:5], body=words[5:30], names=names)
        return self._faults[number]

    def _drawn(self, random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.object_]:
        """Words by Zipf and Mandelbrot's law: the n-th commonest about 1 / (n + offset) as often."""
        ranks = _OFFSET * ((_WORDS / _OFFSET + 1) ** random.random(shape) - 1)
        return self._words[ranks.astype(np.intp)]


class StandInEncoder:
    """Unit vectors from words alone, in microseconds: for measuring search, where a real encoder would take days."""

    loaded = True
    failure_ = ""
    batch_size = 1_024

    def __init__(self, dim: int = 384) -> None:
        self._directions = np.random.default_rng(0).normal(size=(65_536, dim)).astype(np.float32)

    def load(self) -> StandInEncoder:
        """Ready from the start."""
        return self

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Sums of one fixed direction per word, scaled to length one: shape (texts, dim)."""
        places = [[crc32(word.encode()) & 0xFFFF for word in text.split()[:60] or ["-"]] for text in texts]
        rows = np.stack([self._directions[some].sum(0) for some in places])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _some(words: Sequence[str], chances: Sequence[float], share: float) -> list[str]:
    return [word for word, chance in zip(words, chances, strict=False) if chance < share]


def _word(rank: int) -> str:
    parts = [_SYLLABLES[rank % 70]]
    while rank := rank // 70:
        parts.append(_SYLLABLES[rank % 70])
    return "".join(parts) + "o"


def _sentences(words: Sequence[str]) -> str:
    return ". ".join(" ".join(words[start : start + 12]) for start in range(0, len(words), 12))

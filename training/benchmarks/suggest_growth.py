"""A made-up firm of any size, for how suggest grows: faults that recur, told in words of a natural distribution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from engine.domain import Incident, Resolution

_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_YEARS = 5.0
_SYLLABLES = [f"{first}{second}" for first in "bdfgklmnprstvz" for second in "aeiou"]
_WORDS = 400_000  # as many different words as a tracker of a million issues holds
_OFFSET = 30.0  # Mandelbrot's: function words are not written here, retrieval drops them anyhow
_REPEATS = 20  # incidents per fault
_SERVICES = 300


@dataclass(frozen=True)
class _Fault:
    """What every telling of one fault has in common."""

    service: str
    title: tuple[str, ...]
    body: tuple[str, ...]
    names: tuple[str, ...]


class GrowingFirm:
    """`size` past incidents and any number of questions, deterministic by `seed`; texts as long as a tracker's."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size = size
        self.seed = seed
        self.faults = max(1, size // _REPEATS)

    def history(self) -> Iterator[Incident]:
        """The past incidents, in time order."""
        random = np.random.default_rng([self.seed, 1])
        for place, fault in enumerate(random.integers(0, self.faults, self.size).tolist()):
            opened = _BEGIN + timedelta(days=_YEARS * 365 * place / self.size)
            yield self._told(f"INC-{place}", fault, opened, random)

    def questions(self, count: int) -> list[Incident]:
        """New tellings of faults, after all of the history."""
        random = np.random.default_rng([self.seed, 2])
        later = _BEGIN + timedelta(days=_YEARS * 365 + 1)
        faults = random.integers(0, self.faults, count).tolist()
        return [self._told(f"Q-{place}", fault, later, random) for place, fault in enumerate(faults)]

    def _told(self, name: str, fault: int, opened: datetime, random: np.random.Generator) -> Incident:
        known = self._fault(fault)
        title = [word for word in known.title if random.random() < 0.8] + _drawn(random, 3)
        body = [word for word in known.body if random.random() < 0.6] + _drawn(random, 55)
        names = [word for word in known.names if random.random() < 0.6]
        numbers = [
            f"{part}-{number}" for part, number in zip(("node", "req"), random.integers(1, 5000, 2), strict=True)
        ]
        return Incident(
            id=name,
            opened_at=opened,
            closed_at=opened + timedelta(hours=2) if name.startswith("INC") else None,
            title=" ".join(title),
            description=_sentences([*body, *names, *numbers], random),
            service=known.service,
            category=f"kind-{fault % 12}",
            priority=f"P{1 + fault % 4}",
            resolution=Resolution(text=f"replaced {known.title[0]} and restarted {known.service}", resolver="dana"),
        )

    def _fault(self, number: int) -> _Fault:
        random = np.random.default_rng([self.seed, 3, number])
        return _Fault(
            service=f"svc-{int(_SERVICES * random.random() ** 2)}",
            title=tuple(_drawn(random, 5)),
            body=tuple(_drawn(random, 25)),
            names=tuple(f"{_drawn(random, 1)[0].title()}{_drawn(random, 1)[0].title()}" for _ in range(4)),
        )


class StandInEncoder:
    """Unit vectors from words alone, in microseconds: for measuring search, where a real encoder would take days."""

    def __init__(self, dim: int = 384) -> None:
        self.dim = dim
        self._directions = np.random.default_rng(0).normal(size=(65_536, dim)).astype(np.float32)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Sums of one fixed direction per word, scaled to length one."""
        rows = np.stack(
            [self._directions[[hash_of(word) for word in text.split()[:60] or ["-"]]].sum(0) for text in texts]
        )
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def hash_of(word: str) -> int:
    """A place among 65,536 for `word`, the same in every process."""
    value = 0
    for letter in word:
        value = (value * 31 + ord(letter)) & 0xFFFF
    return value


def _drawn(random: np.random.Generator, count: int) -> list[str]:
    """Words by Zipf and Mandelbrot's law: the n-th commonest about 1 / (n + offset) as often."""
    ranks = _OFFSET * ((_WORDS / _OFFSET + 1) ** random.random(count) - 1)
    return [_word(int(rank)) for rank in ranks]


def _word(rank: int) -> str:
    parts = [_SYLLABLES[rank % 70]]
    while rank := rank // 70:
        parts.append(_SYLLABLES[rank % 70])
    return "".join(parts) + "o"


def _sentences(words: Sequence[str], random: np.random.Generator) -> str:
    mixed = [words[place] for place in random.permutation(len(words))]
    return ". ".join(" ".join(mixed[start : start + 12]) for start in range(0, len(mixed), 12))

"""How suggest bears a growing history: time to answer, to build and to learn, memory, and what the graph loses."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain import Incident
from engine.suggest import Recommender
from engine.suggest.index import FieldIndex
from engine.suggest.memory import Memory
from engine.suggest.nearest import VectorIndex
from engine.suggest.postings import Packed
from training.benchmarks.growing_firm import GrowingFirm, StandInEncoder
from training.benchmarks.report import Row
from training.progress import Track

_READ = 100_000  # incidents that are read as texts; a longer history is so many firms of this size
_ASKED = 200
_ADDED = 20
_COMPARED = 10  # questions whose nearest vectors are looked for one by one, too
_RARE = 1e-3  # share of incidents: rarer words differ from firm to firm, commoner ones are the language's
_BATCH = 1_024
_PART = 65_536


@dataclass(frozen=True)
class _Cost:
    """What it took to bring a history into memory."""

    build_s: float  # seconds of one core, without reading its vectors
    graph_s: float
    memory_mb: float


def rows(size: int, progress: Track) -> list[Row]:
    """Two rows: words alone, and with vectors (of a stand-in for the encoder, as a real one would take days)."""
    firm = GrowingFirm(min(size, _READ))
    gc.collect()
    before, began = _resident_mb(), time.process_time()
    recommender = Recommender().fit(progress(firm.history(), f"{size:,} incidents: read", firm.size))
    if size > firm.size:
        recommender.memory = _tiled(recommender.memory, size // firm.size)
    built = time.process_time() - began
    recommender.memory.waiting.clear()
    gc.collect()
    cost = _Cost(built, 0.0, _resident_mb() - before)
    asked = firm.questions(_ASKED)
    found = [_row(size, "PathFinder, words alone", recommender, asked, cost)]
    encoder = StandInEncoder()
    recommender.encoder = encoder  # type: ignore[assignment]
    _vectors(recommender.memory, firm, encoder, progress)
    began = time.process_time()
    for _ in progress(recommender.memory.vectors.tidying(), f"{size:,} incidents: graph"):
        pass
    gc.collect()
    cost = _Cost(built, time.process_time() - began, _resident_mb() - before)
    row = _row(size, "PathFinder", recommender, asked, cost)
    kept = _kept(recommender.memory.vectors, encoder, asked[:_COMPARED])
    return [*found, replace(row, metrics={**row.metrics, "nearest found": kept})]


def _row(size: int, method: str, recommender: Recommender, asked: Sequence[Incident], cost: _Cost) -> Row:
    for query in asked[:10]:
        recommender.predict_one(query)
    wall_s, cpu_s = _timed(recommender.predict_one, asked)
    learn_s, seen = _learned(recommender, asked)
    metrics = {
        "p50 ms": float(np.median(wall_s)) * 1e3,
        "p95 ms": float(np.quantile(wall_s, 0.95)) * 1e3,
        "CPU p50 ms": float(np.median(cpu_s)) * 1e3,
        "CPU p95 ms": float(np.quantile(cpu_s, 0.95)) * 1e3,
        "memory MB": cost.memory_mb,
        "build CPU s": cost.build_s,
        "graph CPU s": cost.graph_s,
        "learn ms": float(np.median(learn_s)) * 1e3,
        "seen at once": seen,
    }
    return Row(dataset=f"growth: {size:,} incidents", method=method, metrics=metrics)


def _timed(ask: Callable[[Incident], object], asked: Sequence[Incident]) -> tuple[list[float], list[float]]:
    wall_s, cpu_s = [], []
    for query in asked:
        wall, cpu = time.perf_counter(), time.process_time()
        ask(query)
        wall_s.append(time.perf_counter() - wall)
        cpu_s.append(time.process_time() - cpu)
    return wall_s, cpu_s


def _learned(recommender: Recommender, asked: Sequence[Incident]) -> tuple[list[float], float]:
    """Seconds to learn one more incident, and how often the next question, in the same words, has it first."""
    spent, seen = [], 0
    for number, query in enumerate(asked[-_ADDED:]):
        fresh = replace(query, id=f"NEW-{number}", closed_at=query.opened_at + timedelta(minutes=5))
        began = time.process_time()
        recommender.learn_one(fresh)
        spent.append(time.process_time() - began)
        later = replace(query, id=f"AGAIN-{number}", opened_at=query.opened_at + timedelta(hours=1))
        items = recommender.predict_one(later, top=1).items
        seen += bool(items) and items[0].incident.id == fresh.id
    return spent, seen / _ADDED


def _kept(vectors: VectorIndex, encoder: StandInEncoder, asked: Sequence[Incident]) -> float:
    """Share of the truly ten nearest vectors that the search finds."""
    found = []
    usable = np.ones(len(vectors), dtype=np.bool_)
    for query in asked:
        search = vectors.asked(encoder.encode([query.text()])[0])
        best = set(search.best(usable, 10).tolist())
        near = np.concatenate(
            [search.of(np.arange(at, min(at + _PART, len(vectors)))) for at in range(0, len(vectors), _PART)]
        )
        found.append(len(best & set(np.argpartition(-near, 10)[:10].tolist())) / 10)
    return float(np.mean(found))


def _vectors(memory: Memory, firm: GrowingFirm, encoder: StandInEncoder, progress: Track) -> None:
    """Vectors of the firm's texts; those of further firms are the same turned by as many places."""
    history, first = firm.history(), 0
    for _ in progress(range(0, firm.size, _BATCH), f"{len(memory):,} incidents: vectors"):
        rows = encoder.encode([each.text() for each in islice(history, _BATCH)])
        for copy in range(len(memory) // firm.size):
            slots = range(copy * firm.size + first, copy * firm.size + first + len(rows))
            memory.vectors.put(slots, np.roll(rows, copy, axis=1))
        first += len(rows)


def _tiled(memory: Memory, copies: int) -> Memory:
    """The history of as many firms as `copies`: one language, but names and rare words of their own."""
    wide = Memory()
    for copy in range(copies):
        for incident in memory.incidents:
            name = f"{incident.id}-{copy}"  # stands for the text, which names the vector: no two may share it
            wide.remember(replace(incident, id=name), frozenset(), name)
    wide.fields = {name: _repeated(index, copies) for name, index in memory.fields.items()}
    return wide


def _repeated(index: FieldIndex, copies: int) -> FieldIndex:
    bulk = index.bulk_
    rare = np.repeat(np.diff(bulk.starts) < _RARE * len(index), np.diff(bulk.starts))
    told: list[Packed] = []
    for copy in range(copies):
        other = np.uint64((copy * 0x9E3779B1) & 0xFFFFFFFF) << np.uint64(32)
        told.append(_moved(bulk.packed(), rare, other) + (np.uint64(copy * len(index)) << np.uint64(8)))
    everything = np.concatenate(told)
    lengths, digests = np.tile(index.lengths(), copies), np.tile(index.digests_.values, copies)
    return FieldIndex(index.k1, index.b, index.read).take(everything, lengths, digests)


def _moved(postings: Packed, rare: NDArray[np.bool_], other: np.uint64) -> Packed:
    return np.where(rare, postings ^ other, postings)


def _resident_mb() -> float:
    """Memory of this process in use, MB; 0 where the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text(encoding="ascii").split()[1]) * 4096 / 1e6 if status.is_file() else 0.0

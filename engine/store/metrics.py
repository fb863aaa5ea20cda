"""Metric samples: one row per series and UTC day, 288 five-minute means with their counts."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection, func, insert, select, tuple_

from engine.lazy import lazy
from engine.store.database import Write
from engine.store.records import Sample
from engine.store.tables import SeriesDayRow, SeriesRow
from engine.store.writing import upsert

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

BINS = 288  # of five minutes in a day
BIN_S = 300
DAY_S = 86_400
_NAMES = tuple[str, str, str]  # service, host, metric


@dataclass(slots=True)
class Day:
    """Bins of one series and UTC day: `means` float32 (288,), NaN where nothing was sampled; `counts` uint16."""

    means: np.ndarray = field(default_factory=lambda: np.full(BINS, np.nan, dtype=np.float32))
    counts: np.ndarray = field(default_factory=lambda: np.zeros(BINS, dtype=np.uint16))

    def add(self, bin_of_day: np.ndarray, values: np.ndarray) -> None:
        """Take in samples: each bin's mean is over all that ever fell into it (65,535 at most count)."""
        total = np.bincount(bin_of_day, weights=values, minlength=BINS)
        more = np.bincount(bin_of_day, minlength=BINS)
        before = np.where(self.counts > 0, self.means, 0.0).astype(float) * self.counts
        counts = self.counts + more
        with np.errstate(over="ignore"):
            means = (before + total) / np.maximum(counts, 1)
            self.means = np.where(counts > 0, means, np.nan).astype(np.float32)
        self.counts = np.minimum(counts, 65_535).astype(np.uint16)

    def pack(self) -> bytes:
        """Compressed. The bytes of equal weight stand together, which zlib likes better than whole floats."""
        floats = self.means.astype("<f4").view(np.uint8).reshape(BINS, 4).T
        return zlib.compress(floats.tobytes() + self.counts.astype("<u2").view(np.uint8).reshape(BINS, 2).T.tobytes())

    @classmethod
    def unpack(cls, packed: bytes) -> Day:
        """What `pack` compressed."""
        raw = np.frombuffer(zlib.decompress(packed), dtype=np.uint8)
        means = np.ascontiguousarray(raw[: BINS * 4].reshape(4, BINS).T).view("<f4").ravel()
        counts = np.ascontiguousarray(raw[BINS * 4 :].reshape(2, BINS).T).view("<u2").ravel()
        return cls(means.astype(np.float32), counts.astype(np.uint16))


def record(tx: Write, samples: Sequence[Sample]) -> int:
    """Merge finite `samples` into their days; returns how many were taken."""
    by_day: dict[tuple[_NAMES, int], list[tuple[int, float]]] = {}
    for sample in samples:
        if not -3e38 < sample.value < 3e38:
            continue
        day, second = divmod(int(sample.ts.timestamp()), DAY_S)
        key = ((sample.service, sample.host, sample.metric), day)
        by_day.setdefault(key, []).append((second // BIN_S, sample.value))
    ids = _series_ids(tx, {names for names, _ in by_day})
    days = _days(tx.link, {(ids[names], day) for names, day in by_day})
    rows = []
    for (names, day), taken in by_day.items():
        merged = days.get((ids[names], day)) or Day()
        merged.add(np.array([b for b, _ in taken]), np.array([value for _, value in taken]))
        rows.append({"series_id": ids[names], "day": day, "bins": merged.pack()})
    upsert(tx.link, SeriesDayRow, rows)
    return sum(map(len, by_day.values()))


def frame(link: Connection, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
    """Columns ts (UTC, start of the bin), service, host, metric, value; of whole UTC days from `since` to `until`."""
    parts = [
        pd.DataFrame({"ts": seconds, "service": names[0], "host": names[1], "metric": names[2], "value": values})
        for names, seconds, values in series(link, since, until)
    ]
    columns = ["ts", "service", "host", "metric", "value"]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    whole["ts"] = pd.to_datetime(whole["ts"], unit="s", utc=True)
    return whole


def series(
    link: Connection, since: datetime | None = None, until: datetime | None = None
) -> Iterator[tuple[_NAMES, np.ndarray, np.ndarray]]:
    """Per series: names, seconds since 1970 UTC (int64), values (float32); in a fixed order."""
    query = select(SeriesRow.id, SeriesRow.service, SeriesRow.host, SeriesRow.metric)
    for row in link.execute(query.order_by(SeriesRow.service, SeriesRow.host, SeriesRow.metric)).all():
        seconds, values = _values(link, row.id, since, until)
        if len(seconds):
            yield (row.service, row.host, row.metric), seconds, values


def after(link: Connection, names: tuple[str, str, str], since: datetime, days: int) -> tuple[np.ndarray, np.ndarray]:
    """One series from the UTC day of `since` on, its latest `days` days at most: seconds (int64), values (float32)."""
    key = _known_series(link, {names}).get(names)
    if key is None:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    newest = link.execute(select(func.max(SeriesDayRow.day)).where(SeriesDayRow.series_id == key)).scalar_one()
    oldest = datetime.fromtimestamp(((newest or 0) - days) * DAY_S, UTC)
    return _values(link, key, max(since, oldest), None)


def _values(
    link: Connection, series_id: int, since: datetime | None, until: datetime | None
) -> tuple[np.ndarray, np.ndarray]:
    query = select(SeriesDayRow.day, SeriesDayRow.bins).where(SeriesDayRow.series_id == series_id)
    if since is not None:
        query = query.where(SeriesDayRow.day >= int(since.timestamp()) // DAY_S)
    if until is not None:
        query = query.where(SeriesDayRow.day <= int(until.timestamp()) // DAY_S)
    seconds, values = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    for row in link.execute(query.order_by(SeriesDayRow.day)):
        day = Day.unpack(row.bins)
        filled = np.flatnonzero(day.counts)
        seconds.append(row.day * DAY_S + filled.astype(np.int64) * BIN_S)
        values.append(day.means[filled])
    return np.concatenate(seconds), np.concatenate(values)


def _series_ids(tx: Write, wanted: set[_NAMES]) -> dict[_NAMES, int]:
    ids = _known_series(tx.link, wanted)
    missing = sorted(wanted - ids.keys())
    if missing:
        tx.link.execute(insert(SeriesRow), [{"service": s, "host": h, "metric": m} for s, h, m in missing])
        ids |= _known_series(tx.link, set(missing))
    return ids


def _known_series(link: Connection, wanted: set[_NAMES]) -> dict[_NAMES, int]:
    query = select(SeriesRow.id, SeriesRow.service, SeriesRow.host, SeriesRow.metric)
    keys = sorted(wanted)
    found: dict[_NAMES, int] = {}
    for start in range(0, len(keys), 1_000):
        where = tuple_(SeriesRow.service, SeriesRow.host, SeriesRow.metric).in_(keys[start : start + 1_000])
        found.update({(row.service, row.host, row.metric): row.id for row in link.execute(query.where(where))})
    return found


def _days(link: Connection, wanted: set[tuple[int, int]]) -> dict[tuple[int, int], Day]:
    keys = sorted(wanted)
    found: dict[tuple[int, int], Day] = {}
    for start in range(0, len(keys), 1_000):
        where = tuple_(SeriesDayRow.series_id, SeriesDayRow.day).in_(keys[start : start + 1_000])
        rows = link.execute(select(SeriesDayRow.series_id, SeriesDayRow.day, SeriesDayRow.bins).where(where))
        found.update({(row.series_id, row.day): Day.unpack(row.bins) for row in rows})
    return found

"""The firm's recurring loads, in local wall-clock time, and the metrics in which they show."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from training.firm.layout import Layout


@dataclass(frozen=True, slots=True)
class Rhythm:
    """One recurring load: what rises, when by the wall clock, how far."""

    service: str
    host: str
    metric: str
    kind: str  # daily | weekdays | weekends | weekly | monthly
    start_local: str  # HH:MM
    duration_minutes: int
    level: float  # inside the window
    baseline: float  # outside
    weekday: int | None = None  # Monday is 0; kind weekly
    day: int | None = None  # of the month, -1 is the last one; kind monthly
    alerts: bool = False  # a tool complains about it

    def on(self, day: date) -> bool:
        """Whether the load comes on that (local) day."""
        if self.kind == "weekly":
            return day.weekday() == self.weekday
        if self.kind == "monthly":
            return day.day == self.day or (self.day == -1 and (day + timedelta(days=1)).day == 1)
        return {"weekdays": day.weekday() < 5, "weekends": day.weekday() >= 5}.get(self.kind, True)

    def windows(self, first: datetime, days: int, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
        """All its stretches in `[first, first + days)`, UTC."""
        start_day = first.astimezone(zone).date()
        begins = time.fromisoformat(self.start_local)
        every = (start_day + timedelta(days=at) for at in range(days))
        starts = [datetime.combine(day, begins, zone).astimezone(UTC) for day in every if self.on(day)]
        return [(start, start + timedelta(minutes=self.duration_minutes)) for start in starts if start >= first]

    def as_truth(self) -> dict[str, Any]:
        """The rhythm as plain values."""
        return asdict(self)


def _clock(rng: Random, first_hour: int, last_hour: int) -> str:
    return f"{rng.randint(first_hour, last_hour):02}:{rng.choice((0, 0, 15, 30)):02}"


def draw(layout: Layout, rng: Random) -> list[Rhythm]:
    """The firm's rhythms: Fridays at 16:00 on batch-01 in every firm, the rest by chance."""
    batch, databases, webs = layout.of_tier("batch"), layout.of_tier("db"), layout.of_tier("web")
    job, host = batch[0].name, batch[0].hosts[0]
    found = [Rhythm(job, host, "cpu", "weekly", "16:00", 50, 84.0, 31.0, weekday=4, alerts=True)]
    found.append(Rhythm(job, host, "disk_io", "daily", _clock(rng, 1, 4), rng.choice((40, 60, 90)), 70.0, 12.0))
    for part in databases:
        ends = rng.choice(((-1, _clock(rng, 18, 21)), (1, _clock(rng, 5, 8))))
        found.append(
            Rhythm(
                part.name, part.hosts[0], "connections", "monthly", ends[1], 180, 320.0, 110.0, day=ends[0], alerts=True
            )
        )
        backup = _clock(rng, 0, 4)
        found.append(
            Rhythm(
                part.name,
                part.hosts[0],
                "disk_io",
                "daily",
                backup,
                rng.choice((30, 60, 120)),
                80.0,
                15.0,
                alerts=rng.random() < 0.5,
            )
        )
    for part in webs:
        found += [Rhythm(part.name, host, "cpu", "weekdays", "09:00", 510, 55.0, 20.0) for host in part.hosts]
    extra = rng.choice(layout.of_tier("api"))
    found.append(
        Rhythm(extra.name, "", "requests", "weekly", _clock(rng, 6, 20), 60, 900.0, 400.0, weekday=rng.randrange(7))
    )
    found.append(Rhythm(webs[-1].name, "", "requests", "weekends", _clock(rng, 10, 13), 240, 700.0, 350.0))
    return found


def series_of(layout: Layout, rhythms: list[Rhythm]) -> list[tuple[str, str, str, float]]:
    """All series as (service, host, metric, baseline): those with a rhythm, and as many that have none."""
    found = {(each.service, each.host, each.metric): each.baseline for each in rhythms}
    for part in layout.services():
        found.setdefault((part.name, part.hosts[0], "memory"), 60.0)
        if part.tier in ("api", "cache", "queue"):
            found.setdefault((part.name, part.hosts[0], "cpu"), 25.0)
    return [(*key, baseline) for key, baseline in found.items()]


def metrics(
    layout: Layout, rhythms: list[Rhythm], first: datetime, days: int, zone: ZoneInfo, step_minutes: int, seed: int
) -> pd.DataFrame:
    """Samples of all series: baseline, rhythms, correlated noise, random bursts, a few gaps.

    Columns `ts` (UTC), `service`, `host`, `metric`, `value`; one row per sample, every `step_minutes`.
    """
    rng = np.random.default_rng(seed)
    start = np.datetime64(first.astimezone(UTC).replace(tzinfo=None), "s")
    ts = start + np.arange(days * 1440 // step_minutes) * np.timedelta64(step_minutes * 60, "s")
    frames = []
    for service, host, metric, baseline in series_of(layout, rhythms):
        own = [each for each in rhythms if (each.service, each.host, each.metric) == (service, host, metric)]
        values = _noise(len(ts), baseline, rng)
        for each in own:
            _raise(values, ts, each, each.windows(first, days, zone), rng)
        kept = _without_gaps(len(ts), rng)
        frames.append(
            pd.DataFrame(
                {
                    "ts": pd.DatetimeIndex(ts[kept]).tz_localize("UTC"),
                    "service": service,
                    "host": host,
                    "metric": metric,
                    "value": np.round(values[kept], 2),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _noise(count: int, baseline: float, rng: np.random.Generator) -> np.ndarray:
    """A wandering base with bursts at random times: what must not be taken for a rhythm."""
    shocks = rng.normal(0, 0.06 * baseline, count)
    kernel = 0.8 ** np.arange(24)
    values: np.ndarray = baseline + np.convolve(shocks, kernel)[:count]
    for at in rng.integers(0, count, max(1, count // 700)):
        values[at : at + rng.integers(1, 8)] *= rng.uniform(1.3, 2.2)
    values[values < 0] = 0.0
    return values


def _raise(
    values: np.ndarray,
    ts: np.ndarray,
    rhythm: Rhythm,
    windows: list[tuple[datetime, datetime]],
    rng: np.random.Generator,
) -> None:
    """Lift the samples inside the windows, now and then late, weaker, or not at all."""
    for start, end in windows:
        if rng.random() < 0.03:
            continue
        shift = np.timedelta64(int(rng.normal(0, 90)), "s")
        low, high = (np.datetime64(moment.replace(tzinfo=None), "s") + shift for moment in (start, end))
        inside = (ts >= low) & (ts < high)
        values[inside] += (rhythm.level - rhythm.baseline) * rng.uniform(0.85, 1.15)


def _without_gaps(count: int, rng: np.random.Generator) -> np.ndarray:
    kept: np.ndarray = rng.random(count) > 0.004
    outage = int(rng.integers(0, count))
    kept[outage : outage + int(rng.integers(0, 40))] = False
    return kept

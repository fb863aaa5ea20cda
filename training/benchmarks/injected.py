"""Series with known recurring loads: ten kinds of rule on backgrounds without a clock, and their score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from scipy.signal import lfilter

from engine.domain import Pattern
from engine.patterns import Series
from engine.patterns.calendar import DAY_NAMES
from engine.patterns.occurrences import occurrences

KINDS = ("hourly", "every_k_hours", "daily", "weekdays", "weekly", "period")
MONTH_KINDS = ("monthly", "nth_weekday", "last_weekday", "last_business_day")
BACKGROUNDS = ("white", "ar90", "ar99", "walk", "bursts", "real")
_MATCH = 0.5  # intersection over union of the coming 13 weeks
FIRST_DAY = datetime(2025, 1, 6, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One series and the pattern that was put into it (None: no pattern)."""

    series: Series
    timezone: str
    truth: Pattern | None
    background: str
    amplitude: float  # robust standard deviations of the background


@dataclass
class Score:
    """Counts over cases, and the rates they give."""

    hits: int = 0
    reported: int = 0
    true: int = 0
    named: int = 0
    flagged: int = 0
    free: int = 0
    misses: list[str] = field(default_factory=list)

    def metrics(self) -> dict[str, float]:
        """Precision, recall and F1 on kind-blind windows, share of right names, false patterns."""
        precision, recall = self.hits / max(self.reported, 1), self.hits / max(self.true, 1)
        both = 2 * precision * recall / max(precision + recall, 1e-9)
        named = self.named / max(self.hits, 1)
        result = {"precision": precision, "recall": recall, "F1": both, "name right": named} if self.true else {}
        return result | ({"null flagged": self.flagged / self.free} if self.free else {})


def background(name: str, n: int, rng: np.random.Generator, real: Sequence[np.ndarray] = ()) -> np.ndarray:
    """`n` samples without any tie to the clock; `real` is cut from one of `real` in shuffled pieces of 1 to 9 hours."""
    if name == "real":
        return _shuffled(real[int(rng.integers(len(real)))], n, rng)
    noise = rng.standard_normal(n)
    if name == "white":
        return noise
    if name in ("ar90", "ar99"):
        a = 0.9 if name == "ar90" else 0.99
        return np.asarray(lfilter([np.sqrt(1 - a * a)], [1, -a], rng.standard_normal(n + 500))[500:])
    if name == "walk":
        return np.asarray(np.cumsum(rng.standard_normal(n)) * 0.05 + noise)
    return _bursts(n, rng) + noise


def make(
    kind: str | None,
    *,
    seed: int,
    name: str,
    amplitude: float = 2.0,
    weeks: int = 8,
    real: Sequence[np.ndarray] = (),
    start: datetime = FIRST_DAY,
    timezone: str = "Europe/Amsterdam",
) -> Case:
    """A seeded case: `kind` (None: no pattern) on background `name`, `weeks` of 5-minute samples from `start`."""
    rng = np.random.default_rng([seed, weeks])
    n = weeks * 7 * 288
    ts = int(start.timestamp()) + np.arange(n) * 300
    values = background(name, n, rng, real)
    truth = None
    if kind is not None:
        truth = pattern_of(kind, rng, start, timezone)
        scale = 1.4826 * float(np.median(np.abs(values - np.median(values)))) or float(values.std()) or 1.0
        _add(values, ts, truth, amplitude * scale, rng)
    series = Series(service=f"s{seed}", host="h", metric="cpu", ts=ts, values=values)
    return Case(series=series, timezone=timezone, truth=truth, background=name, amplitude=amplitude)


def pattern_of(kind: str, rng: np.random.Generator, start: datetime, timezone: str) -> Pattern:
    """A random pattern of `kind`: window of 20 minutes to 2 hours at a round or odd 5 minutes."""
    minutes = int(rng.choice([20, 30, 40, 45, 60, 75, 90, 120]))
    begin = int(rng.integers(0, 288)) * 5
    day = DAY_NAMES[int(rng.integers(7))]
    rule = "FREQ=DAILY"
    if kind == "hourly":
        rule, minutes, begin = "FREQ=HOURLY", int(rng.choice([10, 15, 20])), begin % 60
    elif kind == "every_k_hours":
        hours = int(rng.choice([2, 3, 4, 6, 8, 12]))
        rule, minutes, begin = f"FREQ=HOURLY;INTERVAL={hours}", min(minutes, hours * 15), begin % (60 * hours)
    elif kind == "weekdays":
        rule = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    elif kind == "weekly":
        rule = f"FREQ=WEEKLY;BYDAY={day}"
    elif kind == "period":
        period = int(rng.choice([70, 100, 135, 210, 1020, 2160, 3000]))
        minutes = min(minutes, period // 4 // 5 * 5)
        anchor = start + timedelta(minutes=int(rng.integers(0, period // 5)) * 5)
        rule = f"DTSTART:{anchor:%Y%m%dT%H%M%SZ}\nRRULE:FREQ=MINUTELY;INTERVAL={period}"
    elif kind in MONTH_KINDS:
        rule = _month_rule(kind, day, rng)
    return Pattern(
        service="", host="", metric="cpu", kind=kind, rule=rule, timezone=timezone,
        start_local=f"{begin // 60:02d}:{begin % 60:02d}",
        duration_minutes=minutes, level=0.0, baseline=0.0, hits=1, chances=1, q_value=0.0, last_seen_at=start,
    )  # fmt: skip


def count(cases: Sequence[Case], found: Sequence[Sequence[Pattern]], score: Score | None = None) -> Score:
    """Score the patterns `found` in each case against its truth, on the 13 weeks after its last sample."""
    score = score or Score()
    for case, patterns in zip(cases, found, strict=True):
        if case.truth is None:
            score.free += 1
            score.flagged += bool(patterns)
            score.misses += [
                f"null {case.background} {case.series.service}: {p.rule} {p.start_local} {p.support}" for p in patterns
            ]
            continue
        end = datetime.fromtimestamp(int(case.series.ts.max()), UTC)
        overlaps = [overlap(case.truth, p, end) for p in patterns]
        score.true += 1
        score.reported += len(patterns)
        best = int(np.argmax(overlaps)) if overlaps else -1
        hit = best >= 0 and overlaps[best] >= _MATCH
        score.hits += hit
        score.named += hit and patterns[best].kind == case.truth.kind
        if not hit or len(patterns) > 1 or patterns[best].kind != case.truth.kind:
            score.misses.append(_explain(case, patterns, overlaps))
    return score


def overlap(truth: Pattern, other: Pattern, end: datetime, weeks: int = 13) -> float:
    """Intersection over union of the minutes that both patterns cover in the `weeks` after `end`, 0..1."""
    a, b = (_mask(p, end, weeks * 7) for p in (truth, other))
    return float((a & b).sum() / max((a | b).sum(), 1))


def _mask(pattern: Pattern, end: datetime, days: int) -> np.ndarray:
    mask = np.zeros(days * 1440 + 1440, dtype=bool)
    for one in occurrences(pattern, end, days):
        low = int((one.start - end).total_seconds() // 60)
        mask[max(low, 0) : max(low + pattern.duration_minutes, 0)] = True
    return mask


def _month_rule(kind: str, day: str, rng: np.random.Generator) -> str:
    if kind == "monthly":
        return f"FREQ=MONTHLY;BYMONTHDAY={int(rng.integers(1, 29))}"
    if kind == "nth_weekday":
        return f"FREQ=MONTHLY;BYDAY={int(rng.integers(1, 5))}{day}"
    if kind == "last_weekday":
        return f"FREQ=MONTHLY;BYDAY=-1{day}"
    return "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"


def _add(values: np.ndarray, ts: np.ndarray, truth: Pattern, height: float, rng: np.random.Generator) -> None:
    """Raise `values` at the occurrences: start jitter up to 15 minutes, length up to 15 % off, a tenth left out."""
    begin = datetime.fromtimestamp(int(ts[0]), UTC)
    days = int((ts[-1] - ts[0]) // 86400) + 1
    share = min(1.0, truth.duration_minutes / 30)
    for one in occurrences(truth, begin, days):
        if rng.random() < 0.1:
            continue
        shift = float(np.clip(rng.normal(0, 25), -15, 15)) * share * (0.3 if truth.kind == "hourly" else 1.0)
        low = one.start.timestamp() + 60 * shift
        high = low + 60 * truth.duration_minutes * rng.uniform(0.85, 1.15)
        values[(ts >= low) & (ts < high)] += height


def _bursts(n: int, rng: np.random.Generator) -> np.ndarray:
    """Heavy-tailed bursts at random moments: about six a day, 5 to 90 minutes, height Pareto."""
    course = np.zeros(n)
    for at in np.flatnonzero(rng.random(n) < 6 / 288):
        course[at : at + int(rng.integers(1, 18))] += 2 * (1 + rng.pareto(1.5))
    return np.minimum(course, 60)


def _shuffled(course: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    pieces: list[np.ndarray] = []
    while sum(map(len, pieces)) < n:
        at, length = int(rng.integers(0, len(course) - 110)), int(rng.integers(12, 109))
        pieces.append(course[at : at + length])
    return np.concatenate(pieces)[:n].astype(float)


def _explain(case: Case, patterns: Sequence[Pattern], overlaps: Sequence[float]) -> str:
    truth = case.truth
    what = (truth.rule, truth.start_local, truth.duration_minutes) if truth else ()
    head = f"{case.background} amp {case.amplitude:g} {what}"
    return (
        head
        + " -> "
        + "; ".join(
            f"{p.rule!r} {p.start_local} {p.duration_minutes} iou {o:.2f} {p.support} q={p.q_value:.0e}"
            for p, o in zip(patterns, overlaps, strict=True)
        )
    )


def vary(
    case: Case, how: Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]], seed: int
) -> Case:
    """`case` with its samples changed: holes, drift, outliers, a daily cycle."""
    ts, values = how(case.series.ts, case.series.values.copy(), np.random.default_rng(seed))
    return replace(case, series=replace(case.series, ts=ts, values=values))

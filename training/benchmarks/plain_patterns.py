"""The plain methods that patterns are measured against: a spectrum with folding, and tests of hour-of-week means."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from scipy import stats

from engine.domain import Pattern
from engine.patterns.calendar import DAY_NAMES, day_grid
from engine.patterns.significance import adjusted
from training.benchmarks.injected import Case

_SNAPS = (60, 1440, 10080)  # minutes


def fft_snapped(case: Case) -> list[Pattern]:
    """The two strongest spectral lines that autocorrelation confirms, snapped to an hour, day or week; folded."""
    values = case.series.values - np.median(case.series.values)
    power = np.abs(np.fft.rfft(values, 2 * len(values))) ** 2
    own = np.fft.irfft(power)[: len(values)] / max(float((values**2).sum()), 1e-9)
    spectrum = np.abs(np.fft.rfft(values)) ** 2
    found: dict[int, Pattern] = {}
    for at in np.argsort(spectrum[2:])[::-1][:2] + 2:
        minutes = 5 * len(values) / at
        snap = min(_SNAPS, key=lambda known: abs(np.log(known / minutes)))
        if abs(np.log(snap / minutes)) < 0.7 and own[snap // 5] > 0.02:
            found[snap] = _folded(case, snap)
    return list(found.values())


def hour_of_week(case: Case) -> list[Pattern]:
    """Hours of the week whose mean exceeds the rest by a t-test at 5 % after Benjamini and Hochberg."""
    grid = day_grid(case.series.ts, case.series.values, case.timezone, 60)
    weekday = (grid.days.astype(int) + 3) % 7
    rest = grid.values[np.isfinite(grid.values)]
    samples = [grid.values[weekday == d, h] for d in range(7) for h in range(24)]
    p = [stats.ttest_1samp(s[np.isfinite(s)], rest.mean(), alternative="greater").pvalue for s in samples]
    slots = np.flatnonzero(adjusted(np.nan_to_num(np.array(p), nan=1.0)) < 0.05)
    return [_pattern(case, f"FREQ=WEEKLY;BYDAY={DAY_NAMES[s // 24]}", "weekly", int(s % 24) * 60, 60) for s in slots]


def _folded(case: Case, minutes: int) -> Pattern:
    """The stretch above half height of the mean course over `minutes`, by wall clock."""
    grid = day_grid(case.series.ts, case.series.values, case.timezone, 5)
    first = int((grid.days[0].astype(int) + 3) % 7) * 288
    flat = grid.values.ravel()
    phase = (np.arange(len(flat)) + first) % (minutes // 5)
    known = np.isfinite(flat)
    count = np.maximum(np.bincount(phase[known], minlength=minutes // 5), 1)
    course = np.bincount(phase[known], weights=flat[known], minlength=minutes // 5) / count
    top = int(course.argmax())
    high = np.roll(course, -top) > (course.max() + np.median(course)) / 2
    right = int(np.argmin(high)) or 1
    left = int(np.argmin(high[::-1])) if not high.all() else 0
    start = (top - left) % len(course)
    rules = {60: ("hourly", "FREQ=HOURLY"), 1440: ("daily", "FREQ=DAILY")}
    kind, rule = rules.get(minutes, ("weekly", f"FREQ=WEEKLY;BYDAY={DAY_NAMES[start // 288 % 7]}"))
    return _pattern(case, rule, kind, start % 288 * 5, 5 * (left + right))


def _pattern(case: Case, rule: str, kind: str, begin: int, minutes: int) -> Pattern:
    return Pattern(
        service="", host="", metric="", kind=kind, rule=rule, timezone=case.timezone,
        start_local=f"{begin // 60:02d}:{begin % 60:02d}", duration_minutes=minutes, level=0.0, baseline=0.0,
        hits=1, chances=1, q_value=0.0, last_seen_at=datetime.fromtimestamp(int(case.series.ts.max()), UTC),
    )  # fmt: skip

"""The slow obvious twins of the scan: loops over every day, bin and rotation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np


def contrast(score: np.ndarray, width: int, flank: int, of: Callable[[Sequence[float]], float] = max) -> np.ndarray:
    """Window mean less the greater (or another one) `of` both flank means, by slicing each window out; beyond the ends
    lies 0."""
    padded = np.concatenate([np.zeros(flank), score, np.zeros(width + flank)])
    value = []
    for at in range(flank, flank + len(score)):
        inside, left, right = (
            np.mean(padded[low:high])
            for low, high in ((at, at + width), (at - flank, at), (at + width, at + width + flank))
        )
        value.append(inside - of([left, right]))
    return np.array(value)


def rotation_tail(scores: np.ndarray, total: float) -> float:
    """Share of all combinations of per-day offsets whose first column sums to `total` or more: for tiny grids."""
    sums = [sum(choice) for choice in itertools.product(*scores.tolist())]
    return float(np.mean([s >= total - 1e-12 for s in sums]))


def folds(course: np.ndarray, lengths: Sequence[float], cycles: int, thin: int) -> list[list[float]]:
    """Sums over `cycles` stretches that begin each of `lengths` apart, every `thin`-th bin of the shortest one."""
    bins = range(0, int(min(lengths)), thin)
    return [[sum(course[round(n * length) + b] for n in range(cycles)) for b in bins] for length in lengths]


def split(course: np.ndarray, low: int, high: int) -> float:
    """What a box explains of a course: its rise over all outside, squared, times both numbers; -inf for no rise."""
    inside, outside = course[low:high], np.concatenate([course[:low], course[high:]])
    rise = inside.mean() - outside.mean()
    return float(rise**2 * len(inside) * len(outside)) if rise > 0 else float("-inf")


def best_total(scores: np.ndarray, member: np.ndarray) -> tuple[float, int]:
    """The largest sum over a rule's days of one bin, and that bin."""
    totals = [sum(scores[d, b] for d in range(scores.shape[0]) if member[d]) for b in range(scores.shape[1])]
    return max(totals), int(np.argmax(totals))


def day_grid(ts: np.ndarray, values: np.ndarray, timezone: str, bin_minutes: int) -> dict[tuple[date, int], float]:
    """Mean value of each local day and bin, sample by sample through the standard library's zones."""
    cells: dict[tuple[date, int], list[float]] = {}
    for moment, value in zip(ts, values, strict=True):
        local = datetime.fromtimestamp(int(moment), UTC).astimezone(ZoneInfo(timezone))
        key = (local.date(), (local.hour * 60 + local.minute) // bin_minutes)
        cells.setdefault(key, []).append(float(value))
    return {key: sum(found) / len(found) for key, found in cells.items()}


def days_of(rule: str, first: date, days: int) -> list[date]:
    """Days named by the rules the finder writes, from the words of RFC 5545."""
    names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    parts = dict(part.split("=") for part in rule.split(";"))
    every = [first + timedelta(days=n) for n in range(days)]

    def in_month(day: date) -> list[date]:
        whole = [date(day.year, day.month, n) for n in range(1, 32) if _exists(day.year, day.month, n)]
        return [
            d for d in whole if any(_named(d, n, whole, names) for n in parts.get("BYDAY", ",".join(names)).split(","))
        ]

    chosen = []
    for day in every:
        if "BYMONTHDAY" in parts:
            number = int(parts["BYMONTHDAY"])
            ok = day.day == number if number > 0 else (day + timedelta(days=-number)).day == 1 and number == -1
        elif "BYSETPOS" in parts:
            position = int(parts["BYSETPOS"])
            ok = day == in_month(day)[position - 1 if position > 0 else position]
        elif parts["FREQ"] == "MONTHLY":
            ok = day in in_month(day)
        else:
            ok = "BYDAY" not in parts or names[day.weekday()] in parts["BYDAY"].split(",")
        if ok and str(day.month) in parts.get("BYMONTH", str(day.month)).split(","):
            chosen.append(day)
    return chosen


def _exists(year: int, month: int, day: int) -> bool:
    return day <= 28 or (date(year, month, 28) + timedelta(days=day - 28)).month == month


def _named(day: date, name: str, whole: list[date], names: list[str]) -> bool:
    if names[day.weekday()] != name[-2:]:
        return False
    if len(name) == 2:
        return True
    same = [d for d in whole if d.weekday() == day.weekday()]
    nth = int(name[:-2])
    return abs(nth) <= len(same) and day == same[nth - 1 if nth > 0 else nth]


def means(
    values: np.ndarray, seen: np.ndarray, weekday: Sequence[int], half_life: float, prior: float
) -> list[list[list[float]]]:
    """Recency-weighted means of each slot over all days, half the week and own weekday, one by one: 3 x 7 x bins."""
    weight = [0.5 ** ((len(values) - 1 - day) / half_life) for day in range(len(values))]

    def mean(days: list[int], at: int, wider: float) -> float:
        total = sum(weight[d] * values[d, at] for d in days)
        return (total + wider) / (sum(weight[d] * seen[d, at] for d in days) + 1.0)

    found: list[list[list[float]]] = [[], [], []]
    for own in range(7):
        rows: list[list[float]] = [[], [], []]
        for at in range(values.shape[1]):
            everyday = mean(list(range(len(values))), at, prior)
            half = mean([d for d, w in enumerate(weekday) if (w >= 5) == (own >= 5)], at, everyday)
            one = mean([d for d, w in enumerate(weekday) if w == own], at, half)
            for row, value in zip(rows, (everyday, half, one), strict=True):
                row.append(value)
        for table, row in zip(found, rows, strict=True):
            table.append(row)
    return found


def met(score: list[list[float]], chosen: list[list[bool]]) -> list[list[float]]:
    """Sum of each day's scores in its chosen slots, the day turned back by each number of bins."""
    return [
        [sum(row[(slot + turn) % len(row)] for slot, own in enumerate(slots) if own) for turn in range(len(row))]
        for row, slots in zip(score, chosen, strict=True)
    ]


def match(course: Sequence[float], whitening: Sequence[float], low: int, high: int) -> tuple[float, float]:
    """Product of a whitened course and a whitened window `[low, high)` of height 1, and the window's with itself."""

    def whitened(values: Sequence[float], at: int) -> float:
        return sum(w * values[at - lag] for lag, w in enumerate(whitening) if 0 <= at - lag < len(values))

    window = [1.0 if low <= at < high else 0.0 for at in range(len(course))]
    both = [(whitened(course, at), whitened(window, at)) for at in range(len(course))]
    return sum(a * b for a, b in both), sum(b * b for _, b in both)


def log_ratio(sample: Sequence[float], value: float, rise: float) -> float:
    """Log of the density of `sample` at `value - rise` over that at `value`, kernels summed one by one."""

    def density(at: float) -> float:
        kernels = [(0.9, 0.15), (0.1, 0.6)]
        total = sum(
            share * np.exp(-0.5 * ((np.arcsinh(at) - np.arcsinh(one)) / wide) ** 2) / (wide * np.sqrt(2 * np.pi))
            for one in sample
            for share, wide in kernels
        )
        return float((total / len(sample) + 1e-5) / np.sqrt(1 + at * at))

    return float(np.clip(np.log(density(value - rise)) - np.log(density(value)), -1.0, 4.0))


def log_tail(share: np.ndarray, total: float) -> float:
    """Bahadur and Rao's tail of a sum over days, every tilt tried: each day's `share` lies on steps from -1 to 1."""
    value = np.linspace(-1.0, 1.0, share.shape[1])
    best, beyond = 0.0, 0.0
    for tilt in [0.0, *np.geomspace(0.05, 60.0, 36)]:
        bound, spread = -tilt * total, 0.0
        for day in share:
            tilted = day * np.exp(tilt * value)
            mean = float((tilted * value).sum() / tilted.sum())
            bound += float(np.log(tilted.sum()))
            spread += float((tilted * value**2).sum() / tilted.sum()) - mean**2
        if bound < best:
            best, beyond = bound, tilt * float(np.sqrt(2 * np.pi * max(spread, 0.0)))
    return best - float(np.log(max(beyond, 1.0)))


def seen_enough(seen: Sequence[bool], width: int, near: int) -> list[bool]:
    """Which windows have at most half unseen, likewise the `near` cells to either side; beyond the ends all is seen."""

    def enough(low: int, size: int) -> bool:
        return sum(not seen[at] for at in range(max(low, 0), min(low + size, len(seen)))) <= size // 2

    return [enough(at, width) and enough(at - near, near) and enough(at + width, near) for at in range(len(seen))]

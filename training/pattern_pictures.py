"""Pictures of patterns: the weeks of a series as a heat map, and its occurrences laid over each other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from engine.domain import Pattern
from engine.patterns import Series
from engine.patterns.calendar import day_grid
from engine.patterns.finder import bin_minutes_of, course_of
from engine.patterns.occurrences import occurrences, sentence

_MOST_LINES = 60  # of the latest occurrences that are drawn over each other


def draw(patterns: Mapping[str, Pattern], series: Mapping[tuple[str, str, str], Series], folder: Path) -> list[Path]:
    """One PNG for each pattern whose series is given: days by time of day, and its occurrences laid over each other."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for key, pattern in patterns.items():
        one = series.get((pattern.service, pattern.host, pattern.metric))
        if one is not None:
            path = folder / f"{key}.png"
            picture(pattern, one).savefig(path, dpi=90)
            drawn.append(path)
    return drawn


def picture(pattern: Pattern, series: Series) -> Figure:
    """The heat map of a series over the overlay of the pattern's occurrences."""
    series = course_of(pattern, series)
    figure = Figure(figsize=(9, 7), layout="constrained")
    top, bottom = figure.subplots(2, 1)
    grid = day_grid(series.ts, series.values, pattern.timezone, bin_minutes_of(series.ts))
    image = top.imshow(
        grid.values, aspect="auto", interpolation="nearest", extent=(0, 24, len(grid.days), 0), cmap="viridis"
    )
    figure.colorbar(image, ax=top, label=_measured(pattern))
    top.set(xlabel=f"hour ({pattern.timezone})", ylabel=f"days from {grid.days[0]}", xticks=range(0, 25, 3))
    _overlay(bottom, pattern, series)
    figure.suptitle(sentence(pattern), fontsize=9, wrap=True)
    return figure


def _measured(pattern: Pattern) -> str:
    return f"rate of {pattern.metric}, /s" if pattern.of_rate else pattern.metric


def _overlay(axes: object, pattern: Pattern, series: Series) -> None:
    """Each occurrence as a thin line over minutes from its start, the median as a thick one."""
    first = pattern.last_seen_at - timedelta(seconds=int(np.ptp(series.ts)))
    starts = [one.start.timestamp() for one in occurrences(pattern, first, int(np.ptp(series.ts) // 86_400))]
    around = 60.0 * max(pattern.duration_minutes, 30)
    order = np.argsort(series.ts)
    ts, values = series.ts[order].astype(float), series.values[order]
    step = 60.0 * bin_minutes_of(series.ts)
    offset = np.arange(-around, 60.0 * pattern.duration_minutes + around + 1, step)
    past = [start for start in starts if ts[0] <= start <= ts[-1]][-_MOST_LINES:]
    courses = np.array([np.interp(start + offset, ts, values) for start in past]).reshape(len(past), -1)
    plot = axes.plot  # type: ignore[attr-defined]
    for course in courses:
        plot(offset / 60.0, course, color="tab:blue", alpha=0.2, linewidth=0.8)
    if len(courses):
        plot(offset / 60.0, np.nanmedian(courses, axis=0), color="tab:red", linewidth=2)
    axes.axvspan(0, pattern.duration_minutes, color="0.9", zorder=0)  # type: ignore[attr-defined]
    axes.set(xlabel="minutes from its start", ylabel=_measured(pattern))  # type: ignore[attr-defined]

"""The benchmark of suggest as one picture: who finds the twin, who knows that there is none, and how it grows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.benchmarks.report import Row

_PANEL_INCHES = (5.4, 4.2)
_GREY, _OURS = "#9aa5b1", "#1f6feb"
_AIMS_MS = ((100_000, 50.0), (1_000_000, 100.0))  # 95 of 100 answers within, beyond the encoder


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the panels that `rows` have figures for and write the picture (PNG) to `path`."""
    growth = [row for row in rows if row.dataset.startswith("growth")]
    quality = [row for row in rows if not row.dataset.startswith("growth")]
    names = sorted({row.dataset for row in quality}, key=lambda name: (not name.startswith("Hadoop"), name))
    chosen = names[:2]
    panels = len(chosen) + bool(growth)
    figure = Figure(figsize=(max(1, panels) * _PANEL_INCHES[0], _PANEL_INCHES[1]), layout="constrained")
    axes = figure.subplots(1, max(1, panels), squeeze=False).ravel()
    for axis, name in zip(axes, chosen, strict=False):
        _found(axis, name, [row for row in quality if row.dataset == name])
    if growth:
        _grown(axes[-1], growth)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _found(axis: Axes, title: str, rows: Sequence[Row]) -> None:
    """Bars per method: how often the twin is in the first ten; a dot: repeats offered at 10 % false ones."""
    ordered = sorted(rows, key=lambda row: row.metrics["R@10"])
    heights = [row.metrics["R@10"] for row in ordered]
    colours = [_OURS if row.method.startswith("PathFinder") else _GREY for row in ordered]
    axis.barh(range(len(ordered)), heights, color=colours, height=0.7)
    axis.set_yticks(range(len(ordered)), [row.method for row in ordered], fontsize=8)
    for at, height in enumerate(heights):
        axis.text(height + 0.01, at, f"{height:.2f}", va="center", fontsize=8)
    dots = [(row.metrics.get("offered at 10 % false"), at) for at, row in enumerate(ordered)]
    there = [(offered, at) for offered, at in dots if offered is not None]
    if there:
        axis.plot(*zip(*there, strict=True), "o", color="black", markersize=4, label="repeats offered at 10 % false")
        axis.legend(fontsize=7, loc="lower right", frameon=False)
    axis.set_xlim(0, 1.12)
    axis.set_title(f"{title}: twin in the first ten (R@10)", fontsize=9)


def _grown(axis: Axes, rows: Sequence[Row]) -> None:
    """Milliseconds per answer over the size of the history, both on logarithmic scales."""
    for method, colour in (("PathFinder, words alone", "#6ea8fe"), ("PathFinder", _OURS)):
        found = sorted(((_size(row), row) for row in rows if row.method == method), key=lambda one: one[0])
        if found:
            sizes = [size for size, _ in found]
            for figure, style in (("p95 ms", ":"), ("CPU p95 ms", "-")):
                name = f"{method}, {'95 % within' if figure == 'p95 ms' else 'CPU'}"
                axis.plot(sizes, [row.metrics[figure] for _, row in found], style, marker="o", color=colour, label=name)
    axis.plot(*zip(*_AIMS_MS, strict=True), "_", color="crimson", markersize=18, label="aim")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("past incidents", fontsize=8)
    axis.set_title("ms per answer, beyond the encoder", fontsize=9)
    axis.legend(fontsize=7, frameon=False)


def _size(row: Row) -> int:
    return int("".join(letter for letter in row.dataset if letter.isdigit()))

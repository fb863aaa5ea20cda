"""The benchmark of routing as one picture: a panel per data set, methods side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.benchmarks.report import Row

_COLUMNS, _PANEL_INCHES = 3, (5.2, 3.4)
_OURS, _HUMAN, _OTHER = "#08519c", "#d9663f", "#9a9a9a"
_WIDE = {"Firefox": "acc@10", "Hadoop": "acc@10"}  # sets of which the tenth place is published


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the accuracy at 1, and at 3 or 10, of each method and set; write the picture (PNG) to `path`."""
    sets = [name for name in dict.fromkeys(row.dataset for row in rows) if _shown(name)]
    lines = max(1, -(-len(sets) // _COLUMNS))
    figure = Figure(figsize=(_COLUMNS * _PANEL_INCHES[0], lines * _PANEL_INCHES[1]), layout="constrained")
    axes = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for axis, name in zip(axes, sets, strict=False):
        _panel(axis, name, [row for row in rows if row.dataset == name])
    for axis in axes[len(sets) :]:
        axis.set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


def _shown(name: str) -> bool:
    return "sharing out" not in name and "incidents," not in name


def _panel(axis: Axes, name: str, rows: Sequence[Row]) -> None:
    wide = next((figure for begin, figure in _WIDE.items() if name.startswith(begin)), "acc@3")
    for place, row in enumerate(reversed(rows)):
        colour = _OURS if row.method == "PathFinder" else _HUMAN if "human" in row.method else _OTHER
        if wide in row.metrics:
            axis.barh(place, row.metrics[wide], 0.8, color=colour, alpha=0.35)
            axis.text(row.metrics[wide] + 0.01, place, f"{row.metrics[wide]:.2f}", va="center", fontsize=7)
        if "acc@1" in row.metrics:
            axis.barh(place, row.metrics["acc@1"], 0.8, color=colour)
    axis.set_yticks(range(len(rows)), [row.method for row in reversed(rows)], fontsize=7)
    axis.set_xlim(0, 1)
    axis.set_title(f"{name}: right at 1 (dark), {wide.removeprefix('acc@')} (pale)", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)

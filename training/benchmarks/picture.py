"""The benchmark of grouping as one picture: a small panel for each protocol that was run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.benchmarks.families import FAMILIES, ORACLE
from training.benchmarks.report import Row

_COLUMNS, _PANEL_INCHES = 3, (5.2, 3.7)


Panel = Callable[[Axes, Sequence[Row]], None]


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw a panel for each protocol found in `rows` and write the picture (PNG) to `path`."""
    measured = [row for row in rows if row.metrics]
    panels = [(panel, found) for panel, prefixes in _PANELS if (found := _of(measured, *prefixes))]
    lines = max(1, -(-len(panels) // _COLUMNS))
    figure = Figure(figsize=(_COLUMNS * _PANEL_INCHES[0], lines * _PANEL_INCHES[1] + 0.5), layout="constrained")
    axes = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for axis, (panel, found) in zip(axes, panels, strict=False):
        panel(axis, found)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    shown = {one.name: handles[one.name] for one in (*FAMILIES, ORACLE) if one.name in handles}
    if shown:
        figure.legend(shown.values(), shown.keys(), loc="outside upper center", ncols=4, fontsize=9, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _of(rows: Sequence[Row], *prefixes: str) -> list[Row]:
    return [row for row in rows if row.dataset.startswith(prefixes)]


def _bars(title: str, figure: str = "bcubed_f1") -> Panel:
    """A group of bars per data set, one bar per family."""

    def panel(axis: Axes, rows: Sequence[Row]) -> None:
        datasets = list(dict.fromkeys(row.dataset for row in rows))
        width = 0.8 / len(FAMILIES)
        for number, family in enumerate(FAMILIES):
            found = [(at, family.best(_of(rows, name), figure)) for at, name in enumerate(datasets)]
            there = [(at + (number - len(FAMILIES) / 2 + 0.5) * width, *best) for at, best in found if best]
            if there:
                at, height, spread = zip(*there, strict=True)
                axis.bar(
                    at, height, width, yerr=spread if any(spread) else None, color=family.colour, label=family.name
                )
        axis.set_xticks(range(len(datasets)), [_short(name) for name in datasets], fontsize=8)
        axis.set_ylim(0, 1)
        axis.set_title(title, fontsize=10)

    return panel


def _concurrency(title: str) -> Panel:
    """F1 over faults at a time, a line per family, its spread over seeds as a band."""

    def panel(axis: Axes, rows: Sequence[Row]) -> None:
        counts = sorted({_at_a_time(row) for row in rows})
        for family in (*FAMILIES, ORACLE):
            found = [(n, family.best([row for row in rows if _at_a_time(row) == n], "bcubed_f1")) for n in counts]
            there = [(n, *best) for n, best in found if best]
            if there:
                n, mean, spread = (list(column) for column in zip(*there, strict=True))
                style = "--" if family.dashed else "-"
                axis.plot(n, mean, style, marker="o", markersize=4, color=family.colour, label=family.name)
                low, high = ([m + sign * s for m, s in zip(mean, spread, strict=True)] for sign in (-1, 1))
                axis.fill_between(n, low, high, color=family.colour, alpha=0.15)
        axis.set_xscale("log", base=2)
        axis.set_xticks(counts, [str(n) for n in counts])
        axis.set_xlabel("faults at a time", fontsize=8)
        axis.set_ylim(0, 1)
        axis.set_title(title, fontsize=10)

    return panel


def _disorder(axis: Axes, rows: Sequence[Row]) -> None:
    """What is lost to disorder, per method, a mark per stream."""
    methods = list(dict.fromkeys(row.method for row in rows))
    for at, method in enumerate(methods):
        losses = [row.metrics["loss"] for row in rows if row.method == method]
        axis.plot([at] * len(losses), losses, "o", color=_colour(method), alpha=0.7)
    axis.axhline(0.01, linestyle=":", color="black", linewidth=0.8)
    axis.set_xticks(range(len(methods)), [method.removeprefix("PathFinder, ") for method in methods], fontsize=7)
    axis.set_title("P6: F1 lost to late, doubled, re-fired alerts\n(a mark per stream; dotted: .01)", fontsize=10)


def _feedback(axis: Axes, rows: Sequence[Row]) -> None:
    """Share of later pair errors that are gone, over corrections."""
    for dataset in dict.fromkeys(row.dataset for row in rows):
        own = [row for row in rows if row.dataset == dataset]
        counts = [int(row.method.split()[1]) for row in own]
        axis.plot(counts, [row.metrics["errors_gone"] for row in own], marker="o", label=_short(dataset))
    axis.axhline(0.0, color="black", linewidth=0.8)
    axis.set_xlabel("corrections by an operator", fontsize=8)
    axis.legend(fontsize=7, frameon=False)
    axis.set_title("P7: share of later pair errors gone", fontsize=10)


def _growth(axis: Axes, rows: Sequence[Row]) -> None:
    """Cost per alert beside the smallest size, over what is open."""
    for dataset in dict.fromkeys(row.dataset for row in rows):
        own = [row for row in rows if row.dataset == dataset]
        sizes = [int(row.method.split()[0].replace(",", "")) for row in own]
        axis.plot(sizes, [row.metrics["cost_ratio"] for row in own], marker="o", label=dataset.rsplit(", ", 1)[-1])
    axis.axhline(1.5, linestyle=":", color="black", linewidth=0.8)
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=8, frameon=False)
    axis.set_title("P8: cost per alert beside that of the smallest\n(dotted: 1.5)", fontsize=10)


def _named(title: str, figures: Sequence[str]) -> Panel:
    """A horizontal bar per row, of the first of `figures` that it has."""

    def panel(axis: Axes, rows: Sequence[Row]) -> None:
        found = [(row, value) for row in rows if (value := _first(row.metrics, figures)) is not None]
        names = [f"{_short(row.dataset)}: {row.method}" for row, _ in found]
        axis.barh(range(len(found)), [value for _, value in found], color=[_colour(row.method) for row, _ in found])
        axis.set_yticks(range(len(found)), names, fontsize=6)
        axis.invert_yaxis()
        axis.set_xlim(0, 1)
        axis.set_title(title, fontsize=10)

    return panel


def _first(metrics: Mapping[str, float], names: Sequence[str]) -> float | None:
    return next((metrics[name] for name in names if name in metrics), None)


def _colour(method: str) -> str:
    other = "#4292c6" if method.startswith(("PathFinder", "ours")) else "#9a9a9a"
    return next((one.colour for one in FAMILIES if one.has(method)), other)


def _at_a_time(row: Row) -> int:
    return int(row.dataset.split()[1])


def _short(dataset: str) -> str:
    """The part of a set's name that tells it from its neighbours."""
    parts = [part for part in dataset.split(", ") if "first" not in part and "faults" not in part]
    return "\n".join(part.removeprefix("P1 ").removeprefix("P3 ").removeprefix("P7 feedback") for part in parts[:2])


_PANELS: Sequence[tuple[Panel, tuple[str, ...]]] = (
    (_bars("Seeded firms, B-cubed F1"), ("firm", "made-up")),
    (_bars("P1: natural stream, B-cubed F1"), ("P1",)),
    (
        _concurrency("P2: superposed, tag hidden, B-cubed F1"),
        tuple(f"P2 {n} at a time, tag hidden, 60" for n in range(9)),
    ),
    (
        _concurrency("P2: superposed, tag shown, B-cubed F1"),
        tuple(f"P2 {n} at a time, tag shown, 60" for n in range(9)),
    ),
    (_bars("P3: attacks, B-cubed F1, macro over phases", "macro_f1"), ("P3",)),
    (_named("P4: causal edges, directed F1", ("directed_f1", "f1")), ("P4",)),
    (_named("P5: root first, AC@1", ("ac_1",)), ("P5",)),
    (_disorder, ("P6",)),
    (_feedback, ("P7",)),
    (_growth, ("P8 growth",)),
)

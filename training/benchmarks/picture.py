"""The benchmark of grouping as one picture: a small panel for each protocol that was run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.benchmarks.correlate_sets import FAULTS
from training.benchmarks.families import FAMILIES, ORACLE
from training.benchmarks.report import Row

_COLUMNS, _PANEL_INCHES = 3, (5.2, 3.7)


Panel = Callable[[Axes, Sequence[Row]], None]


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw a panel for each protocol found in `rows` and write the picture (PNG) to `path`."""
    panels = [
        (panel, found)
        for panel, prefixes, figure in _PANELS
        if (found := [row for row in _of(rows, *prefixes) if figure in row.metrics])
    ]
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
    axis.set_title("P7: share of wrong pairs gone", fontsize=10)


def _growth(title: str, figure: str, limit: float) -> Panel:
    """A figure over what is open, a line for alerts and one for incidents; `limit` is dotted."""

    def panel(axis: Axes, rows: Sequence[Row]) -> None:
        for dataset in dict.fromkeys(row.dataset for row in rows):
            own = [row for row in rows if row.dataset == dataset]
            sizes = [int(row.method.split()[0].replace(",", "")) for row in own]
            axis.plot(sizes, [row.metrics[figure] for row in own], marker="o", label=dataset.rsplit(", ", 1)[-1])
        axis.axhline(limit, linestyle=":", color="black", linewidth=0.8)
        axis.set_xscale("log")
        axis.set_ylim(bottom=0)
        axis.legend(fontsize=8, frameon=False)
        axis.set_title(title, fontsize=10)

    return panel


def _rates(axis: Axes, rows: Sequence[Row]) -> None:
    """Alerts per second of processor time, on a logarithmic axis."""
    found = [row for row in rows if _worth_telling(row)]
    names = [row.method.replace("PathFinder", "ours").replace("500 symptoms", "ours, storm") for row in found]
    axis.barh(
        range(len(found)),
        [row.metrics["alerts_per_cpu_s"] for row in found],
        color=["#08519c" if row.dataset.startswith("P8") else _colour(row.method) for row in found],
    )
    axis.set_yticks(range(len(found)), [name.split(", first")[0].split(", 2")[0] for name in names], fontsize=6)
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.set_xlim(left=100)
    axis.set_title("Alerts per CPU-second (P1; ours in storms)", fontsize=10)


def _worth_telling(row: Row) -> bool:
    """All but the bare rules: a dictionary look-up in Python is no measure of a correlator."""
    return row.dataset.startswith("P8") or not FAMILIES[0].has(row.method)


def _versus(title: str, figure: str) -> Panel:
    """Three bars per data set: the best plain method, what others have published, ours."""

    def panel(axis: Axes, rows: Sequence[Row]) -> None:
        datasets = list(dict.fromkeys(row.dataset for row in rows))
        for number, (kind, colour) in enumerate(
            (("best plain", "#9a9a9a"), ("published", "#d9663f"), ("ours", "#08519c"))
        ):
            found = [(at, _best_of(kind, _of(rows, name), figure)) for at, name in enumerate(datasets)]
            there = [(at + (number - 1) * 0.27, value) for at, value in found if value is not None]
            axis.bar([at for at, _ in there], [value for _, value in there], 0.27, color=colour, label=kind)
        names = [name.split(", ", 1)[-1].replace(", ", "\n").replace("_", "\n") for name in datasets]
        axis.set_xticks(range(len(datasets)), names, fontsize=6)
        axis.set_ylim(0, 1)
        axis.legend(fontsize=7, frameon=False)
        axis.set_title(title, fontsize=10)

    return panel


def _best_of(kind: str, rows: Sequence[Row], figure: str) -> float | None:
    """The best figure of a kind; of ours, what knows most, as it is shipped."""
    own = [row for row in rows if row.method.startswith("PathFinder") and "elsewhere" not in row.method]
    own = [row for row in own if row.method.endswith("history")] or own
    published = [row for row in rows if row.method.endswith("published")]
    plain = [row for row in rows if row not in published and not row.method.startswith("PathFinder")]
    chosen = {"ours": own, "published": published, "best plain": plain}[kind]
    return max((row.metrics[figure] for row in chosen if figure in row.metrics), default=None)


def _colour(method: str) -> str:
    other = "#4292c6" if method.startswith(("PathFinder", "ours")) else "#9a9a9a"
    return next((one.colour for one in FAMILIES if one.has(method)), other)


def _superposed(tag: str) -> tuple[str, ...]:
    return tuple(f"P2 {count} at a time, {tag}, {FAULTS}" for count in (1, 2, 4, 8))


def _at_a_time(row: Row) -> int:
    return int(row.dataset.split()[1])


def _short(dataset: str) -> str:
    """The part of a set's name that tells it from its neighbours."""
    parts = [part for part in dataset.split(", ") if "first" not in part and "faults" not in part]
    return "\n".join(part.removeprefix("P1 ").removeprefix("P3 ").removeprefix("P7 feedback") for part in parts[:2])


# What is drawn, of which sets, and the figure without which a row is of no use to it.
_PANELS: Sequence[tuple[Panel, tuple[str, ...], str]] = (
    (_bars("Seeded firms, B-cubed F1"), ("firm", "made-up"), "bcubed_f1"),
    (_bars("P1: natural stream, B-cubed F1"), ("P1",), "bcubed_f1"),
    (_concurrency("P2: superposed, tag hidden, B-cubed F1"), _superposed("tag hidden"), "bcubed_f1"),
    (_concurrency("P2: superposed, tag shown, B-cubed F1"), _superposed("tag shown"), "bcubed_f1"),
    (_bars("P3: attacks, B-cubed F1, macro over phases", "macro_f1"), ("P3",), "macro_f1"),
    (_versus("P4: causal edges, directed F1", "f1"), ("P4",), "f1"),
    (_versus("P5: the root named first (AC@1)", "ac_1"), ("P5",), "ac_1"),
    (_disorder, ("P6",), "loss"),
    (_feedback, ("P7",), "errors_gone"),
    (_growth("P8: cost per alert beside the smallest (dotted: 1.5)", "cost_ratio", 1.5), ("P8 growth",), "cost_ratio"),
    (_growth("P8: bytes per open alert (dotted: 300)", "bytes_per_alert", 300.0), ("P8 growth",), "bytes_per_alert"),
    (_rates, ("P1 natural, tag hidden", "P8 storm"), "alerts_per_cpu_s"),
)

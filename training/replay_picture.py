"""What a replay found, as one picture."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.replay import SIZES, Difference

_BEFORE, _AFTER = "#9a9a9a", "#08519c"
_TITLE_LETTERS = 46


def draw(found: Difference, names: tuple[str, str], path: Path) -> None:
    """Draw sizes, incidents a day, quality and the largest changes; `names` say what before and after are. PNG."""
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    axes = figure.subplots(2, 2)
    _sizes(axes[0, 0], found, names)
    _days(axes[0, 1], found, names)
    _quality(axes[1, 0], found, names)
    _changes(axes[1, 1], found)
    for axis in axes.ravel()[:3]:
        axis.spines[["top", "right"]].set_visible(False)
    saved = found.pages_saved
    pages = f"{saved:,} fewer" if saved >= 0 else f"{-saved:,} more"
    figure.suptitle(f"{found.alerts:,} alerts: {pages} incidents, {found.same_company:.0%} of the company kept")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _sizes(axis: Axes, found: Difference, names: tuple[str, str]) -> None:
    places = range(len(SIZES))
    for shift, one, name, colour in ((-0.2, found.before, names[0], _BEFORE), (0.2, found.after, names[1], _AFTER)):
        bars = axis.bar(
            [at + shift for at in places], [one.sizes[size] for size in SIZES], 0.4, label=name, color=colour
        )
        axis.bar_label(bars, fontsize=8)
    axis.set_xticks(places, SIZES)
    axis.set_xlabel("alerts in an incident", fontsize=9)
    axis.set_title("Incidents by size", fontsize=10)
    axis.legend(fontsize=9, frameon=False)


def _days(axis: Axes, found: Difference, names: tuple[str, str]) -> None:
    days = sorted(found.before.by_day.keys() | found.after.by_day.keys())
    for one, name, colour in ((found.before, names[0], _BEFORE), (found.after, names[1], _AFTER)):
        axis.plot(range(len(days)), [one.by_day.get(day, 0) for day in days], color=colour, label=name, marker=".")
    step = max(1, len(days) // 6)
    axis.set_xticks(range(0, len(days), step), days[::step], fontsize=8)
    axis.set_ylim(bottom=0)
    axis.set_title("Incidents opened per day: each pages somebody", fontsize=10)


def _quality(axis: Axes, found: Difference, names: tuple[str, str]) -> None:
    axis.set_title(f"Against {found.confirmed:,} alerts whose incident is confirmed", fontsize=10)
    measures = {"bcubed_p": "precision", "bcubed_r": "recall", "bcubed_f1": "B-cubed F1", "pair_f1": "pairwise F1"}
    if found.after.quality is None:
        axis.text(0.5, 0.5, "nothing is confirmed in this time", ha="center", transform=axis.transAxes)
        axis.set_axis_off()
        return
    for shift, one, name, colour in ((-0.2, found.before, names[0], _BEFORE), (0.2, found.after, names[1], _AFTER)):
        if one.quality is not None:
            places = [at + shift for at in range(len(measures))]
            bars = axis.bar(places, [one.quality[key] for key in measures], 0.4, label=name, color=colour)
            axis.bar_label(bars, fmt="%.3f", fontsize=8)
    axis.set_xticks(range(len(measures)), list(measures.values()))
    axis.set_ylim(0, 1.1)


def _changes(axis: Axes, found: Difference) -> None:
    """The largest splits and merges in words."""
    lines = [("Would fall apart", 10.0, "bold")]
    lines += [
        (_said(one.title, one.alerts, [n for _, n in one.parts], "into"), 8.5, "normal") for one in found.split[:5]
    ]
    lines += [("Would be one", 10.0, "bold")]
    lines += [
        (_said(one.title, one.alerts, [n for _, n in one.parts], "of"), 8.5, "normal") for one in found.merged[:5]
    ]
    for at, (text, size, weight) in enumerate(lines):
        axis.text(0.0, 1.0 - at / 12, text, fontsize=size, fontweight=weight, va="top", parse_math=False)
    axis.set_axis_off()


def _said(title: str, alerts: int, parts: list[int], how: str) -> str:
    short = title if len(title) <= _TITLE_LETTERS else title[: _TITLE_LETTERS - 1] + "…"
    return f"{short}: {alerts} alerts {how} {', '.join(map(str, parts[:5]))}"

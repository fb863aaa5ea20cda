"""`simulate`: a firm as files."""

from __future__ import annotations

from pathlib import Path

from training import simulate as firms
from training.firm import export
from training.verbs.screen import OUT


def simulate(out: Path, seed: int, days: int) -> None:
    """Write a firm in the forms that the other verbs read; see `training.firm.export`."""
    export.write(firms.simulate(seed=seed, days=days), out)
    OUT.print(f"a firm of {days} days -> {out}")

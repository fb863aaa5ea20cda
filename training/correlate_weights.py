"""How the weights of grouping are fitted: `python -m training.correlate_weights OUT.json [SHARED]`.

Nothing is assumed at the start but the concentrations, which are kept. First, alerts choose while incidents are as they
truly were; then rounds alternate between arriving alerts (`join`), in the state that the model itself has made, and
repair: pairs of incidents (`merge`), sides of incidents (`split`) and recent alerts (`settle`). Each round sees other
stretches of the streams, drawn by its number, and groups by the weights fitted before. SHARED is the folder of public
data; without it, weights rest on made-up streams alone. It takes most of an hour.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from engine.correlate import Weights, shipped
from training.progress import Track, quiet, track
from training.weighing.choices import add_arrivals
from training.weighing.fitting import Choices, fit
from training.weighing.repairs import Repairs, add_repairs
from training.weighing.streams import Stream, sight, streams

ROUNDS = 3
# Not fitted: of storms that end, the streams hold a dozen, too few to place ten weights.
HUSH = {"hush@0": 0.0, "hush@2": 0.0, "hush@4": -2.5, "hush@7": -5.0, "hush@12": -5.0, "hush@20": -5.0, "hush@40": -3.0,
        "hush@70": 0.0, "hush@150": 0.0, "hush@600": 0.0}  # fmt: skip
Stage = tuple[str, Weights]  # what was done and found, and the weights after it


def fitted(known: Sequence[Stream], progress: Track = quiet, *, rounds: int) -> Iterator[Stage]:
    """Weights after each stage of each round, the last ones last.

    Raises
    ------
    ValueError
        If no alert of the streams has a candidate.
    """
    stage = teach(sight(known, 0), Weights(join={}, concentrations=shipped().concentrations), progress)
    yield stage
    for number in range(rounds):
        seen = sight(known, number)
        stage = join(seen, stage[1], progress, taught=number == 0)
        yield stage
        stage = repair(seen, stage[1], random.Random(number), progress)
        yield stage


def teach(seen: Sequence[Stream], weights: Weights, progress: Track = quiet) -> Stage:
    """`weights` with those of arriving alerts fitted to incidents as they truly were."""
    made = Choices()
    for stream in progress(seen, "weigh, taught"):
        add_arrivals(made, stream, weights, taught=True)
    return _joined("taught", made, weights)


def join(seen: Sequence[Stream], weights: Weights, progress: Track = quiet, *, taught: bool = False) -> Stage:
    """`weights` with those of arriving alerts fitted to incidents as the model makes them; `taught` adds true ones."""
    made = Choices()
    for stream in progress(seen, "weigh arrivals"):
        add_arrivals(made, stream, weights)
        if taught:
            add_arrivals(made, stream, weights, taught=True)
    return _joined("join", made, weights)


def repair(seen: Sequence[Stream], weights: Weights, chance: random.Random, progress: Track = quiet) -> Stage:
    """`weights` with those of repair fitted to what the model meets when it looks back."""
    made = Repairs()
    for stream in progress(seen, "weigh repairs"):
        add_repairs(made, stream, weights, chance)
    merge, settle = fit(made.pairs, weights.merge), fit(made.places, weights.settle or weights.join, held=HUSH)
    found = replace(weights, merge=merge.weights, settle=settle.weights | HUSH)
    told = (
        f"merge: {len(made.pairs):,} pairs, loss {merge.loss:.4f} nats; "
        f"settle: {len(made.places):,} choices, loss {settle.loss:.4f} nats"
    )
    if not len(made.sides):
        return told, found
    split = fit(made.sides, weights.split or merge.weights)
    return f"{told}; split: {len(made.sides):,} cuts, loss {split.loss:.4f} nats", replace(found, split=split.weights)


def _joined(stage: str, made: Choices, weights: Weights) -> Stage:
    found = fit(made, weights.join, held=HUSH)
    return f"{stage}: {len(made):,} choices, loss {found.loss:.4f} nats", replace(weights, join=found.weights | HUSH)


def main() -> None:
    """Fit, and write the weights to the file named: compare them before they take the place of the stored ones."""
    shared = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    known = list(track(streams(shared), "draw streams"))
    for told, weights in fitted(known, track, rounds=ROUNDS):
        Console(stderr=True).print(told)
        Path(sys.argv[1]).write_text(json.dumps(weights.to_data(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""How the trees of grouping are grown: `python -m training.correlate_trees OUT.npz [SHARED [whole]]`.

On top of the fitted weights (`training.correlate_weights`), which stay as they are. Each round groups stretches of the
streams by the trees of the round before, the first by those that are shipped, keeps what all rounds have met and grows
new trees from it; the mean of the last two rounds is written. SHARED is the folder of public data; without it, trees
rest on made-up streams alone. What the benchmark asks about is left out, so that it can be measured; `whole` goes on
with two rounds that take it in, for what is shipped: the mean of the last two rounds of either kind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from engine.correlate import Weights, shipped
from training.progress import Track, quiet, track
from training.weighing.examples import examples
from training.weighing.growing import Examples, Growth, grow, loss, mean
from training.weighing.streams import Stream, beginnings, sight, streams

ROUNDS, WHOLE_ROUNDS, SETTLED = 3, 2, 2
Grown = tuple[str, Weights]  # what was found, and the weights with their trees


def grown(
    known: Sequence[Stream], weights: Weights, progress: Track = quiet, *, rounds: int, growth: Growth | None = None
) -> Iterator[Grown]:
    """`weights` with the trees of each round, the last ones last.

    Raises
    ------
    ValueError
        If no alert of the streams has a candidate.
    """
    arrivals, places = Examples(), Examples()
    with ProcessPoolExecutor() as pool:
        for number in range(rounds):
            seen = [*sight(known, number), *beginnings(known, number)]
            met = pool.map(examples, seen, [weights] * len(seen), [number] * len(seen))
            for arriving, asked in progress(met, f"round {number + 1}: group", len(seen)):
                arrivals.extend(arriving)
                places.extend(asked)
            both = pool.map(grow, (arrivals, places), (growth, growth))
            forests = dict(zip(("join", "settle"), progress(both, f"round {number + 1}: grow", 2), strict=True))
            weights = replace(weights, forests=forests)
            told = [
                f"{name}: {len(made):,} choices, loss {loss(made):.4f} -> {loss(made, forests[name]):.4f} nats"
                for name, made in (("join", arrivals), ("settle", places))
            ]
            yield "; ".join(told), weights


def settled(stages: Sequence[Weights]) -> Weights:
    """The last of these weights, with the mean of the trees of all."""
    names = stages[-1].forests
    return replace(stages[-1], forests={name: mean([stage.forests[name] for stage in stages]) for name in names})


def main() -> None:
    """Grow, and write the trees to the file named: compare them before they take the place of the stored ones."""
    shared = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    stages = _grown(shared, shipped(), ROUNDS)
    if sys.argv[3:] == ["whole"]:
        stages += _grown(shared, settled(stages), WHOLE_ROUNDS, whole=True)
    np.savez_compressed(sys.argv[1], allow_pickle=False, **settled(stages).to_arrays())


def _grown(shared: Path | None, weights: Weights, rounds: int, *, whole: bool = False) -> list[Weights]:
    """The weights of the last rounds."""
    known = list(track(streams(shared, whole=whole), "draw streams"))
    stages = []
    for told, grown_so_far in grown(known, weights, track, rounds=rounds):
        Console(stderr=True).print(told)
        stages.append(grown_so_far)
    return stages[-SETTLED:]


if __name__ == "__main__":
    main()

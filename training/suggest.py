"""How suggest is used in batch: past incidents ranked for every query of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.domain import Incident
from engine.suggest import Encoder, Recommender
from training.progress import Track, quiet


@dataclass(frozen=True, kw_only=True)
class RankRow:
    """One line of ranks.csv. `score` is the probability (0..1) that both are the same problem."""

    query_id: str
    rank: int  # 1 is best
    incident_id: str
    score: float


def rank(
    history: Sequence[Incident],
    queries: Sequence[Incident],
    *,
    top: int = 10,
    encoder: Encoder | None = None,
    progress: Track = quiet,
) -> list[RankRow]:
    """The `top` past incidents for each of `queries`, among those of `history` known before it opened."""
    recommender = Recommender(encoder=encoder).fit(history).warm()
    rows: list[RankRow] = []
    for query in progress(queries, "suggest", len(queries)):
        items = recommender.predict_one(query, top=top).items
        rows += [
            RankRow(query_id=query.id, rank=place, incident_id=item.incident.id, score=item.score)
            for place, item in enumerate(items, 1)
        ]
    return rows

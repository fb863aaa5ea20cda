"""Vectors for a long history, made beforehand: newest incidents first, kept as they are made."""

from __future__ import annotations

from engine.answering.experience import leading_alerts
from engine.store import incidents
from engine.store.store import Store
from engine.suggest import Encoder, Recommender
from training.progress import Track, quiet


def backfill(store: Store, encoder: Encoder, progress: Track = quiet) -> int:
    """Encode what resolved incidents say, as the service reads them; returns how many texts there are.

    `encoder` should remember its vectors in `store`, where the service finds them; stopped half-way, the next run
    goes on from there.

    Raises
    ------
    ModelUnusable
        If the encoder cannot be loaded.
    Unavailable
        If the storage does not answer.
    """
    with store.read() as link:
        records = list(incidents.fixed_since(link, -1))
        leading = leading_alerts(link, records)
    recommender = Recommender(encoder=encoder.load()).fit((record.incident for record in records), leading)
    for _ in progress(recommender.warming(), "encode", recommender.steps_to_warm()):
        pass
    return len(recommender.memory)

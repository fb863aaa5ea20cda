"""How suggest is used and fitted in batch: ranks for a file of queries, and weights from known pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from engine.domain import Incident
from engine.settings import Settings
from engine.suggest import Encoder, Fusion, Recommender
from engine.suggest.rerank import BASE
from engine.suggest.signals import COLUMNS, needs_encoder
from training.progress import Track, quiet, unheard
from training.suggest_gate import Judged, fit_gate
from training.vectors import FolderCache

Array = NDArray[np.float64]

MOST_ENCODED = 30_000  # texts that a batch encodes, half an hour of one core: beyond them it answers from words alone
_PULL = 0.05  # strength with which weights are held at the prior, per squared standard deviation


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
    say: Callable[[str], None] = unheard,
) -> list[RankRow]:
    """The `top` past incidents for each of `queries`, among those of `history` known before it opened.

    `encoder` None takes the one of the settings, with its vectors remembered under `Settings().cache_dir`. `say` is
    told why answers come from words alone, if they do although there is an encoder.
    """
    recommender = Recommender(encoder=encoder or encoder_of(Settings()))
    recommender.fit(progress(history, "read", len(history)))
    warmed(recommender, queries, progress)
    if recommender.encoder is not None and not recommender.encoder.loaded and queries:
        say(f"compared by words alone: {recommender.failure}")
    rows: list[RankRow] = []
    for query in progress(queries, "suggest", len(queries)):
        items = recommender.predict_one(query, top=top).items
        rows += [
            RankRow(query_id=query.id, rank=place, incident_id=item.incident.id, score=item.score)
            for place, item in enumerate(items, 1)
        ]
    return rows


def warmed(recommender: Recommender, queries: Sequence[Incident], progress: Track) -> Recommender:
    """Encode the history, or only what `queries` will look at closer where that is less work; nothing where it is much.

    Half of what is looked at closer was, on the mean, looked at for another question before.
    """
    waiting, close = len(recommender.memory.waiting), recommender.closer_look * len(queries) // 2
    if recommender.encoder is not None and min(waiting, close) + len(queries) > MOST_ENCODED:
        recommender.failure = f"more than {MOST_ENCODED:,} texts would have to be encoded first"
        return recommender
    if recommender.encoder is not None and waiting > close:
        steps, count = recommender.warming_for(queries), len(queries)
    else:
        steps, count = recommender.warming(), recommender.steps_to_warm()
    for _ in progress(steps, "encode", count):
        pass
    return recommender


def encoder_of(settings: Settings) -> Encoder | None:
    """The encoder that `settings` ask for, remembering its vectors on disk; None where it is switched off."""
    if not settings.encoder_enabled:
        return None
    return Encoder(settings.encoder, cache=FolderCache(settings.cache_dir / "vectors"))


def judge(
    recommender: Recommender, queries: Sequence[Incident], relevant: Mapping[str, set[str]], progress: Track = quiet
) -> list[Judged]:
    """The candidates of each of `queries` and which of them are among its `relevant` incident ids.

    Where not everything is encoded, they are those that an answer would look at closer.
    """
    found = []
    for query in progress(queries, "weigh", len(queries)):
        weighed = recommender.weigh(query, depth=recommender.closer_look)
        wanted = relevant.get(query.id, set())
        names = [recommender.memory.incidents[slot].id for slot in weighed.slots]
        known = np.array([name in wanted for name in names], dtype=np.bool_)
        without = weighed.scan.columns(weighed.slots[~known]).astype(np.float64) if known.any() else None
        usable = int(np.count_nonzero(weighed.scan.usable))
        length = len(weighed.scan.question.document.fields["body"])
        found.append(Judged(weighed.columns.astype(np.float64), known, length, usable, without))
    return found


def fit_fusion(judged: Sequence[Judged], prior: Fusion | None = None, pull: float = _PULL) -> Fusion:
    """Weights under which the relevant candidates of each query stand first, as near to `prior` as the pairs allow.

    Each query is one choice among its candidates (conditional logit: McFadden 1974; ListNet's top-one form, Cao et al.
    2007); then one scale and one base turn the sums into log-odds over all candidates. Both sets of weights (with
    and without the encoder's columns) are fitted. Queries without a relevant candidate only take part in the base.
    The gate is fitted last, on the scores that come out.
    """
    names, before = list(COLUMNS), prior or Fusion.shipped()
    spoken = [name for name in names if not needs_encoder(name)]
    full = _fitted(judged, names, prior.full if prior else {}, pull)
    lexical = _fitted(judged, spoken, prior.lexical if prior else {}, pull)
    return fit_gate(judged, Fusion(full=full, lexical=lexical, gate=before.gate))


def _fitted(
    judged: Sequence[Judged], names: Sequence[str], prior: Mapping[str, float], pull: float
) -> dict[str, float]:
    places = [list(COLUMNS).index(name) for name in names]
    every = np.concatenate([group.columns[:, places] for group in judged])
    scale = every.std(axis=0) + 1e-9
    start = np.array([prior.get(name, 0.0) for name in names]) * scale
    taught = [group for group in judged if group.relevant.any()]
    weights = _choice(taught, places, scale, start, pull) / scale
    slope, base = _calibrated(every @ weights, np.concatenate([group.relevant for group in judged]))
    fitted = {name: round(float(weight * slope), 5) for name, weight in zip(names, weights, strict=True)}
    return {BASE: round(base, 5), **fitted}


def _choice(judged: Sequence[Judged], places: list[int], scale: Array, start: Array, pull: float) -> Array:
    values = np.concatenate([group.columns[:, places] for group in judged]) / scale
    relevant = np.concatenate([group.relevant for group in judged])
    sizes = np.array([len(group.relevant) for group in judged])
    firsts, owner = np.r_[0, np.cumsum(sizes)[:-1]], np.repeat(np.arange(len(sizes)), sizes)

    def loss(weights: Array) -> tuple[float, Array]:
        scores = values @ weights
        odds = np.exp(scores - np.maximum.reduceat(scores, firsts)[owner])
        total, right = np.add.reduceat(odds, firsts), np.add.reduceat(odds * relevant, firsts)
        slope = values.T @ (odds / total[owner] - odds * relevant / right[owner]) / len(sizes)
        away = weights - start
        return float(np.mean(np.log(total / right)) + pull * away @ away / 2), slope + pull * away

    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B").x)


def _calibrated(scores: Array, relevant: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and base of the log-odds (Platt 1999, without his smoothing: negatives abound)."""

    def loss(line: Array) -> tuple[float, Array]:
        odds = line[0] * scores + line[1]
        wrong = 1 / (1 + np.exp(-np.clip(odds, -50, 50))) - relevant
        value = np.mean(np.logaddexp(0, odds) - relevant * odds)
        return float(value), np.array([np.mean(wrong * scores), np.mean(wrong)])

    found = minimize(loss, np.array([1.0, -5.0 - float(scores.mean())]), jac=True, method="L-BFGS-B").x
    return max(float(found[0]), 1e-3), float(found[1])

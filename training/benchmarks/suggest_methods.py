"""The methods that are compared: each gives every past incident a score for one question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import bm25s
import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from engine.domain import Incident
from engine.suggest import Fusion, Recommender
from engine.suggest.answer import judged
from engine.suggest.document import document_of
from engine.suggest.signals import Scan

Array = NDArray[np.float64]
BM25 = "BM25 (bm25s)"
OURS, OURS_BY_WORDS = "PathFinder", "PathFinder, words alone"

_RRF_CONSTANT = 60  # Cormack, Clarke and Buettcher 2009
_FIXED_COSINE = 0.9  # a rule that on-call products document: above 90 %, of the last 30 days, five at most
_FIXED_DAYS = 30
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Method:
    """`answer(question)` is a number per slot of the history, higher is closer, -inf where it offers nothing.

    With it comes how sure the method is that any is right; None takes its highest score for that.
    """

    name: str
    answer: Callable[[Incident], tuple[Array, float | None]]


def methods(recommender: Recommender) -> Iterator[Method]:
    """The plain methods of the field and ours, over what `recommender` remembers.

    Those by vectors need all of it encoded; ours looks closer at what is.
    """
    words = Recommender(fusion=recommender.fusion, topology=recommender.topology)
    words.memory = recommender.memory
    yield Method("TF-IDF cosine", _plain(_tf_idf(recommender)))
    yield Method(BM25, _plain(_bm25(recommender)))
    if recommender.ready:
        yield Method("dense (MiniLM cosine)", _plain(lambda query: _meaning(_scan(recommender, query))))
        yield Method("RRF of BM25 and dense", _plain(lambda query: _rrf(_scan(recommender, query))))
        yield Method("cosine >= 0.9, 30 days, five", _plain(lambda query: _fixed_rule(_scan(recommender, query))))
    yield Method(OURS_BY_WORDS, lambda query: _ours(words, query))
    if recommender.encoder is not None and recommender.encoder.loaded:
        yield Method(OURS, lambda query: _ours(recommender, query))


def _plain(scores: Callable[[Incident], Array]) -> Callable[[Incident], tuple[Array, float | None]]:
    return lambda query: (scores(query), None)


def _scan(recommender: Recommender, query: Incident) -> Scan:
    return recommender.weigh(query).scan


def _ours(recommender: Recommender, query: Incident) -> tuple[Array, float | None]:
    weighed = recommender.weigh(query, depth=recommender.closer_look)
    scores = np.full(len(recommender.memory), -np.inf)
    scores[weighed.slots] = weighed.scores
    found = judged(weighed, recommender.fusion or Fusion.shipped())
    return scores, found.probability if found else 0.0


def _body(scan: Scan) -> Array:
    return scan.words["body"].of(np.arange(len(scan.usable))).astype(np.float64)


def _meaning(scan: Scan) -> Array:
    slots = np.arange(len(scan.usable))
    return np.zeros(len(slots)) if scan.meaning is None else scan.meaning.of(slots).astype(np.float64)


def _rrf(scan: Scan) -> Array:
    total = np.zeros(len(scan.usable))
    for channel in (_body(scan), _meaning(scan)):
        order = np.argsort(-np.where(scan.usable, channel, -np.inf), kind="stable")
        places = np.empty(len(order))
        places[order] = np.arange(1, len(order) + 1)
        total += 1 / (_RRF_CONSTANT + places)
    return total


def _fixed_rule(scan: Scan) -> Array:
    days = (scan.question.incident.opened_at.timestamp() - scan.memory.opened.values) / _DAY_S
    close = np.where(scan.usable & (days <= _FIXED_DAYS), _meaning(scan), -np.inf)
    fifth = np.sort(close)[-5] if len(close) >= 5 else -np.inf
    return np.where((close >= _FIXED_COSINE) & (close >= fifth), close, -np.inf)


def _tf_idf(recommender: Recommender) -> Callable[[Incident], Array]:
    vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    matrix = vectorizer.fit_transform(incident.text() for incident in recommender.memory.incidents)
    return lambda query: np.asarray((matrix @ vectorizer.transform([query.text()]).T).todense(), np.float64).ravel()


def _bm25(recommender: Recommender) -> Callable[[Incident], Array]:
    """Title and body, stemmed, camelCase split: the words that ours reads too."""
    engine = bm25s.BM25(method="lucene")
    told = [document_of(incident).fields["body"] or [""] for incident in recommender.memory.incidents]
    engine.index(told, show_progress=False)
    return lambda query: np.asarray(engine.get_scores(document_of(query).fields["body"] or [""]), dtype=np.float64)

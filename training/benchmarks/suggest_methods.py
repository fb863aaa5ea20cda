"""The methods that are compared: each gives every past incident a score for one query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from engine.domain import Incident
from engine.suggest import Recommender
from engine.suggest.signals import Scan

Array = NDArray[np.float64]

_RRF_CONSTANT = 60  # Cormack, Clarke and Buettcher 2009
_FIXED_COSINE = 0.9  # a rule that on-call products document: above 90 %, of the last 30 days, five at most
_FIXED_DAYS = 30
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Method:
    """`scores(query)` has one number per slot of the history, higher is closer, -inf where it offers nothing."""

    name: str
    scores: Callable[[Incident], Array]


def methods(recommender: Recommender) -> list[Method]:
    """The plain methods of the field and ours, over what `recommender` remembers. Those with vectors need it ready."""
    words = Recommender(fusion=recommender.fusion, per_channel=recommender.per_channel)
    words.memory = recommender.memory
    found = [
        Method("TF-IDF cosine", _tf_idf(recommender)),
        Method("BM25 (title and body)", lambda query: _body(_scan(words, query))),
    ]
    if recommender.ready:
        found += [
            Method("dense (MiniLM cosine)", lambda query: _meaning(_scan(recommender, query))),
            Method("RRF of BM25 and dense", lambda query: _rrf(_scan(recommender, query))),
            Method("cosine >= 0.9, 30 days, five", lambda query: _fixed_rule(_scan(recommender, query))),
        ]
    found.append(Method("PathFinder, words alone", lambda query: _ours(words, query)))
    if recommender.ready:
        found.append(Method("PathFinder", lambda query: _ours(recommender, query)))
    return found


def _scan(recommender: Recommender, query: Incident) -> Scan:
    return recommender.weigh(query).scan


def _ours(recommender: Recommender, query: Incident) -> Array:
    weighed = recommender.weigh(query)
    scores = np.full(len(recommender.memory), -np.inf)
    scores[weighed.slots] = weighed.scores
    return scores


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

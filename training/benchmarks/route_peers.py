"""What the field uses to route, on the same history and questions as PathFinder; scores per person of one question."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from engine.domain import Incident

Array = NDArray[np.float64]
_NEAR = 50  # neighbours
_RECENT_SHARE = 0.1  # half-life of the recency-weighted ones, in shares of the history
_FEATURES = 10_000  # words; the most frequent


@dataclass
class Peer:
    """A fitted method: `people` and, per question, what it thinks of each of them."""

    name: str
    people: list[str]
    scores: Callable[[Incident], Array]
    fit_s: float = 0.0
    probable: bool = False  # whether scores are probabilities
    spent_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Past:
    """A history as the peers read it: people as numbers, ages as weights, texts and fields as vectors."""

    incidents: Sequence[Incident]
    who: NDArray[np.int64]
    people: list[str]
    recent: Array  # weight that halves with age

    @classmethod
    def of(cls, incidents: Sequence[Incident], answers: Sequence[str]) -> Past:
        """Of a history in the order in which it became known."""
        people = list(dict.fromkeys(answers))
        number = {one: place for place, one in enumerate(people)}
        day = np.array([incident.known_from.timestamp() / 86400 for incident in incidents])
        span = max(float(np.ptp(day)), 1e-6)
        recent = np.asarray(0.5 ** ((day.max() - day) / (_RECENT_SHARE * span)), np.float64)
        return cls(incidents, np.array([number[one] for one in answers]), people, recent)

    def counts(self, weights: Array | None = None) -> Array:
        """How much each person resolved."""
        return np.bincount(self.who, weights, len(self.people)).astype(np.float64)


def peers(past: Past, *, most_weights: int) -> list[Peer]:
    """Every method, fitted; the linear ones only where they have few enough weights to be fitted in minutes."""
    vectors = _Vectors(past.incidents)
    makers: list[Callable[[], Peer]] = [
        lambda: _constant("majority", past, past.counts()),
        lambda: _constant("majority, recent", past, past.counts(past.recent)),
        lambda: _frequency(past),
        lambda: _nearest("kNN-50", past, vectors, np.ones(len(past.who))),
        lambda: _nearest("kNN-50, recent", past, vectors, past.recent),
    ]
    if vectors.rows.shape[1] * len(past.people) <= most_weights:
        makers += [
            lambda: _logistic("linear", past, vectors, None),
            lambda: _logistic("linear, recent", past, vectors, past.recent),
            lambda: _svm(past, vectors),
        ]
    return [_timed(make) for make in makers]


def _timed(make: Callable[[], Peer]) -> Peer:
    began = time.perf_counter()
    peer = make()
    peer.fit_s = time.perf_counter() - began
    return peer


class _Vectors:
    """Tf-idf of the text beside one-hot fields, both of length 1."""

    def __init__(self, incidents: Sequence[Incident]) -> None:
        self.words = TfidfVectorizer(sublinear_tf=True, min_df=2, max_features=_FEATURES)
        self.fields = DictVectorizer(dtype=np.float32)
        texts = [incident.text() or "-" for incident in incidents]
        try:
            words = self.words.fit_transform(texts)
        except ValueError:  # no words at all: fields alone
            self.words = TfidfVectorizer(token_pattern=r".", max_features=1)  # noqa: S106 - a pattern of words
            words = self.words.fit_transform(texts)
        self.rows = sparse.hstack([words, self._unit(self.fields.fit_transform(map(_fields, incidents)))]).tocsr()

    def one(self, incident: Incident) -> sparse.csr_matrix:
        """The row of one incident."""
        words = self.words.transform([incident.text() or "-"])
        return sparse.hstack([words, self._unit(self.fields.transform([_fields(incident)]))]).tocsr()

    @staticmethod
    def _unit(rows: sparse.csr_matrix) -> sparse.csr_matrix:
        length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
        return sparse.diags_array(1 / np.where(length > 0, length, 1)) @ rows


def _fields(incident: Incident) -> Mapping[str, str]:
    named = {"service": incident.service, "category": incident.category, "priority": incident.priority}
    return {column: value for column, value in {**named, **incident.fields}.items() if value}


def _constant(name: str, past: Past, scores: Array) -> Peer:
    return Peer(name, past.people, lambda _: scores)


def _frequency(past: Past) -> Peer:
    """Naive Bayes over the fields: share of each person per value, smoothed."""
    prior = (past.counts() + 0.5) / (len(past.who) + 0.5 * len(past.people))
    table: dict[tuple[str, str], Array] = {}
    for incident, who in zip(past.incidents, past.who, strict=True):
        for pair in _fields(incident).items():
            table.setdefault(pair, np.zeros(len(past.people)))[who] += 1

    def scores(incident: Incident) -> Array:
        found = np.log(prior)
        for pair in _fields(incident).items():
            if pair in table:
                found = found + np.log((table[pair] / prior + 2) / (table[pair].sum() + 2))
        return np.asarray(found)

    return Peer("frequency per field", past.people, scores)


def _nearest(name: str, past: Past, vectors: _Vectors, weights: Array) -> Peer:
    def scores(incident: Incident) -> Array:
        like = np.asarray((vectors.rows @ vectors.one(incident).T).todense()).ravel() ** 2 * weights
        near = np.argpartition(-like, min(_NEAR, len(like) - 1))[:_NEAR]
        return np.bincount(past.who[near], like[near], len(past.people)).astype(np.float64)

    return Peer(name, past.people, scores)


def _logistic(name: str, past: Past, vectors: _Vectors, weights: Array | None) -> Peer:
    model = LogisticRegression(C=10.0, max_iter=40, tol=1e-3)
    scale = None if weights is None else weights / weights.mean()
    model.fit(vectors.rows, past.who, scale)

    def scores(incident: Incident) -> Array:
        found = np.zeros(len(past.people))
        found[model.classes_] = model.predict_proba(vectors.one(incident))[0]
        return found

    return Peer(name, past.people, scores, probable=True)


def _svm(past: Past, vectors: _Vectors) -> Peer:
    model = LinearSVC(C=0.3, max_iter=300, tol=1e-2).fit(vectors.rows, past.who)

    def scores(incident: Incident) -> Array:
        found = np.full(len(past.people), -1e9)
        found[model.classes_] = np.atleast_1d(model.decision_function(vectors.one(incident))[0])
        return found

    return Peer("linear SVM", past.people, scores)

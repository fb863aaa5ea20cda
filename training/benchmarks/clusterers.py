"""General clusterers of the field over time and text: DBSCAN and HDBSCAN see everything at once, river's are online."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from engine.domain import Alert
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.outcomes import Outcome
from training.benchmarks.plain_grouping import score

Array = NDArray[np.float64]

BATCH_ALERTS = 15_000  # all of the public faults; beyond it, pairs of distances no longer fit a laptop
RIVER_ALERTS = 2000  # some hundred alerts a second
HAVE_RIVER = find_spec("river") is not None
_TEXT_DIMENSIONS = 16
_RIVER: Any = import_module("river.cluster") if HAVE_RIVER else None  # an extra: without it, rows say how to get it

BATCH: Mapping[str, Sequence[Callable[[], Any]]] = {
    "DBSCAN": [partial(DBSCAN, eps=radius, min_samples=2) for radius in (0.25, 0.5, 1.0, 2.0)],
    "HDBSCAN": [partial(HDBSCAN, min_cluster_size=size, copy=True) for size in (2, 5, 10)],
}
RIVER: Mapping[str, Sequence[Callable[[], Any]]] = (
    {
        "DBSTREAM": [partial(_RIVER.DBSTREAM, clustering_threshold=radius) for radius in (0.5, 1.0)],
        "DenStream": [
            partial(_RIVER.DenStream, epsilon=radius, decaying_factor=0.01, n_samples_init=50) for radius in (0.5, 1.0)
        ],
    }
    if HAVE_RIVER
    else {}
)


def space(alerts: Sequence[Alert]) -> Array:
    """A row per alert: minutes, then `_TEXT_DIMENSIONS` of all that it says (tf-idf, SVD)."""
    texts = [f"{alert.title} {alert.service} {alert.host} {' '.join(alert.labels.values())}" for alert in alerts]
    words = TfidfVectorizer(analyzer=str.split).fit_transform(texts)
    size = max(2, min(_TEXT_DIMENSIONS, words.shape[1] - 1))
    text = TruncatedSVD(n_components=size, random_state=0).fit_transform(words)
    minutes = np.array([alert.starts_at.timestamp() for alert in alerts]) / 60.0
    return np.column_stack([minutes - minutes.min(), text])


def best_batch(name: str, case: AlertSet) -> Outcome:
    """The clusters of the first `BATCH_ALERTS`, all seen at once, with the setting that the truth likes best."""
    rows = space(case.alerts[:BATCH_ALERTS])
    return _best(case, (_at_once(make(), rows) for make in BATCH[name]))


def best_river(name: str, case: AlertSet) -> Outcome:
    """The clusters of the first `RIVER_ALERTS`, one after the other, with the setting that the truth likes best."""
    rows = space(case.alerts[:RIVER_ALERTS])
    return _best(case, (_streamed(make(), rows) for make in RIVER[name]))


def _best(case: AlertSet, tried: Iterator[Outcome]) -> Outcome:
    return max(tried, key=lambda outcome: score(case, outcome.groups))


def _at_once(model: Any, rows: Array) -> Outcome:
    began = time.process_time()
    found = model.fit_predict(rows)
    groups = [str(label) if label >= 0 else f"alone {place}" for place, label in enumerate(found)]
    return Outcome(groups=groups, cpu_s=time.process_time() - began)


def _streamed(model: Any, rows: Array) -> Outcome:
    began, groups = time.process_time(), []
    for row in rows.tolist():
        features = dict(enumerate(row))
        model.learn_one(features)
        groups.append(str(model.predict_one(features)))
    online = Outcome.online(groups)
    return Outcome(groups=groups, steps=online.steps, cpu_s=time.process_time() - began)

"""The plain rules of the field, with windows chosen in hindsight: the floor that correlation must beat."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from engine.domain import Alert
from training.benchmarks.grouping import bcubed

Key = Callable[[Alert], str]
Rule = Callable[[Sequence[Alert], float, Key], list[str]]
WINDOWS_S = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0)


def fixed(alerts: Sequence[Alert], window_s: float, key: Key) -> list[str]:
    """Windows of the clock: all alerts of one key that begin in one of them."""
    return [f"{key(alert)}|{int(alert.starts_at.timestamp() // window_s)}" for alert in alerts]


def session(alerts: Sequence[Alert], window_s: float, key: Key) -> list[str]:
    """A group ends when nothing of its key came for `window_s`."""
    return _windowed(alerts, window_s, key, slide=True)


def rolling(alerts: Sequence[Alert], window_s: float, key: Key) -> list[str]:
    """A group takes alerts of its key for `window_s` after its first."""
    return _windowed(alerts, window_s, key, slide=False)


def _all(_: Alert) -> str:
    return ""


RULES: dict[str, tuple[Rule, Key]] = {
    "fixed window": (fixed, _all),
    "session gap": (session, _all),
    "rolling window": (rolling, _all),
    "per service": (session, lambda alert: alert.service or alert.host),
    "per host": (session, lambda alert: alert.host or alert.service),
}


def best_rule(name: str, alerts: Sequence[Alert], truth: Sequence[str]) -> tuple[list[str], float]:
    """The groups of rule `name` with the window, in seconds, that the truth likes best."""
    rule, key = RULES[name]
    tried = [(rule(alerts, window_s, key), window_s) for window_s in WINDOWS_S]
    return max(tried, key=lambda each: bcubed(truth, each[0])[2])


def dbscan(alerts: Sequence[Alert], truth: Sequence[str]) -> tuple[list[str], float]:
    """DBSCAN over time and text, all alerts seen at once; its radius in hindsight. One label per alert."""
    texts = [f"{alert.title} {alert.service} {alert.host} {' '.join(alert.labels.values())}" for alert in alerts]
    words = TfidfVectorizer(analyzer=str.split).fit_transform(texts)
    size = max(2, min(16, words.shape[1] - 1))
    text = TruncatedSVD(n_components=size, random_state=0).fit_transform(words)
    minutes = np.array([alert.starts_at.timestamp() for alert in alerts]) / 60.0
    space = np.column_stack([minutes - minutes.min(), text])
    tried = [(_clusters(space, radius), radius) for radius in (0.25, 0.5, 1.0, 2.0)]
    return max(tried, key=lambda each: bcubed(truth, each[0])[2])


def _clusters(space: np.ndarray, radius: float) -> list[str]:
    labels = DBSCAN(eps=radius, min_samples=2).fit_predict(space)
    return [str(label) if label >= 0 else f"alone {place}" for place, label in enumerate(labels)]


def _windowed(alerts: Sequence[Alert], window_s: float, key: Key, *, slide: bool) -> list[str]:
    last: dict[str, tuple[float, int]] = {}
    found = [""] * len(alerts)
    for place in sorted(range(len(alerts)), key=lambda place: alerts[place].starts_at):
        name, at = key(alerts[place]), alerts[place].starts_at.timestamp()
        since, number = last.get(name, (-np.inf, -1))
        if at - since > window_s:
            since, number = at, place
        last[name] = (at if slide else since, number)
        found[place] = f"{name}|{number}"
    return found

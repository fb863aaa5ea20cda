"""The plain rules of the field, with windows and keys chosen in hindsight: the floor that correlation must beat."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from engine.domain import Alert
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.grouping import bcubed
from training.benchmarks.outcomes import Outcome, macro

Key = Callable[[Alert], str]
Rule = Callable[[Sequence[Alert], float, Key], list[str]]
WINDOWS_S = (2.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0)
_COMMON = 0.5  # share of alerts that must carry a label before it is tried as a key


def fixed(alerts: Sequence[Alert], window_s: float, key: Key) -> list[str]:
    """Windows of the clock: all alerts of one key that begin in one of them."""
    return [f"{key(alert)}|{int(alert.starts_at.timestamp() // window_s)}" for alert in alerts]


def session(alerts: Sequence[Alert], window_s: float, key: Key) -> list[str]:
    """A group ends when nothing of its key came for `window_s`."""
    return _windowed(alerts, window_s, key, slide=True)


def rolling(alerts: Sequence[Alert], window_s: float, key: Key) -> list[str]:
    """A group takes alerts of its key for `window_s` after its first (the time-based grouping of PagerDuty)."""
    return _windowed(alerts, window_s, key, slide=False)


def everything(_: Alert) -> str:
    """One key for all."""
    return ""


def host(alert: Alert) -> str:
    """The host, or what stands for it."""
    return alert.host or alert.service


def service(alert: Alert) -> str:
    """The service, or what stands for it."""
    return alert.service or alert.host


def entity(alert: Alert) -> str:
    """Service and host together."""
    return f"{alert.service}@{alert.host}"


def name(alert: Alert) -> str:
    """What the alert is called, whatever it is about: Alertmanager's default."""
    return alert.labels.get("alertname") or alert.labels.get("name") or alert.title


RULES: dict[str, tuple[Rule, Key]] = {
    "fixed window": (fixed, everything),
    "session gap": (session, everything),
    "rolling window": (rolling, everything),
    "per service + gap": (session, service),
    "per host + gap": (session, host),
    "per entity + gap": (session, entity),
    "per name + gap": (session, name),
}


def best_rule(rule_name: str, case: AlertSet) -> tuple[Outcome, float]:
    """The groups of a rule with the window, in seconds, that the truth likes best."""
    rule, key = RULES[rule_name]
    return _best(case, rule, [key])[:2]


def best_label(case: AlertSet) -> tuple[Outcome, float, str] | None:
    """The groups of "one label + gap", label and window as the truth likes best; None where no label is common."""
    counts = Counter(label for alert in case.alerts for label in alert.labels)
    labels = [label for label, count in counts.items() if count >= _COMMON * len(case.alerts)]
    if not labels:
        return None
    outcome, window_s, place = _best(case, session, [_label(label) for label in labels])
    return outcome, window_s, labels[place]


def score(case: AlertSet, groups: Sequence[str]) -> float:
    """What hindsight chooses by: B-cubed F1, macro where the set is judged so."""
    return macro(case, groups)[2] if case.ignored else bcubed(case.truth[: len(groups)], groups)[2]


def _label(label: str) -> Key:
    return lambda alert: alert.labels.get(label, "")


def _best(case: AlertSet, rule: Rule, keys: Sequence[Key]) -> tuple[Outcome, float, int]:
    _, window_s, place = max((tried[0], -tried[1], -tried[2]) for tried in _tried(case, rule, keys))
    began = time.process_time()
    groups = rule(case.alerts, -window_s, keys[-place])
    outcome = Outcome.online(groups)
    return Outcome(groups=groups, steps=outcome.steps, cpu_s=time.process_time() - began), -window_s, -place


def _tried(case: AlertSet, rule: Rule, keys: Sequence[Key]) -> Iterator[tuple[float, float, int]]:
    for place, key in enumerate(keys):
        for window_s in WINDOWS_S:
            yield score(case, rule(case.alerts, window_s, key)), window_s, place


def _windowed(alerts: Sequence[Alert], window_s: float, key: Key, *, slide: bool) -> list[str]:
    last: dict[str, tuple[float, int]] = {}
    found = [""] * len(alerts)
    for place in sorted(range(len(alerts)), key=lambda place: alerts[place].starts_at):
        label, at = key(alerts[place]), alerts[place].starts_at.timestamp()
        since, number = last.get(label, (-np.inf, -1))
        if at - since > window_s:
            since, number = at, place
        last[label] = (at if slide else since, number)
        found[place] = f"{label}|{number}"
    return found

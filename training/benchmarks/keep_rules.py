"""What the rules of Keep do, as far as grouping goes: one incident per rule and group of field values, as long as the
latest alert in it is younger than the rule's timeframe; then the next one opens a new incident. Wall clock, so arrival
counts. Conditions are taken to hold for every alert, and nobody closes incidents: both are in Keep's favour."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import combinations

from engine.domain import Alert
from training.benchmarks.alert_sets import AlertSet
from training.benchmarks.outcomes import Outcome
from training.benchmarks.plain_grouping import score

TIMEFRAMES_S = (60.0, 300.0, 600.0, 3600.0)  # ten minutes is what its own form proposes
_MISSING = "none"
_FIELDS = ("service", "host", "source")


def keep(alerts: Sequence[Alert], fields: Sequence[str], timeframe_s: float) -> list[str]:
    """Incident of each alert under one rule that groups by `fields`, fields of alerts or of their labels."""
    newest: dict[tuple[str, ...], tuple[float, int]] = {}  # group of values -> latest alert, number of the incident
    found = []
    for place, alert in enumerate(alerts):
        values, now = tuple(_value(alert, field) for field in fields), alert.received_at.timestamp()
        latest, number = newest.get(values, (float("-inf"), place))
        if latest < now - timeframe_s:
            number = place
        newest[values] = max(latest, now), number
        found.append(f"{number}")
    return found


def best_keep(case: AlertSet) -> tuple[Outcome, str]:
    """The rule with the fields (up to two) and the timeframe that the truth likes best, and its name."""
    tried = list(_rules(case.alerts))
    fields, timeframe_s = max(tried, key=lambda rule: score(case, keep(case.alerts, *rule)))
    began = time.process_time()
    groups = keep(case.alerts, fields, timeframe_s)
    outcome = Outcome(groups=groups, steps=Outcome.online(groups).steps, cpu_s=time.process_time() - began)
    return outcome, f"{' and '.join(fields) or 'nothing'} within {timeframe_s:g} s"


def _rules(alerts: Sequence[Alert]) -> Iterator[tuple[tuple[str, ...], float]]:
    labels = sorted({label for alert in alerts[:200] for label in alert.labels})[:4]
    fields = [*_FIELDS, *labels]
    for chosen in [(), *combinations(fields, 1), *combinations(fields, 2)]:
        for timeframe_s in TIMEFRAMES_S:
            yield chosen, timeframe_s


def _value(alert: Alert, field: str) -> str:
    return str(getattr(alert, field, "") or alert.labels.get(field, "") or _MISSING)

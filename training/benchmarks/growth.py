"""P8: what an alert costs, in time and memory, as ever more alerts and incidents are open."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from engine.correlate import Correlator
from engine.domain import Alert, fingerprint_of
from training.benchmarks.report import Row

ALERTS = (1_000, 10_000, 100_000, 1_000_000)
INCIDENTS = (10, 100, 1_000, 10_000)
_FEW_INCIDENTS, _FEW_ALERTS = 100, 10  # incidents while alerts grow; alerts in each while incidents grow
_PROBES = 2_000
_REPEATED, _STORM = 500, 200_000  # symptoms that repeat, and how often in all
_SPAN_S = 3_000.0  # all that is open began within it
_STATUS = Path("/proc/self/status")
_START = datetime(2026, 3, 2, 3, tzinfo=UTC)
_WHAT = ("latency", "errors", "timeouts", "restarts", "queue", "disk", "memory", "threads", "retries", "saturation")


def by_alerts(count: int, probes: int = _PROBES) -> list[Row]:
    """`count` open alerts in 100 incidents, and what `probes` further ones cost."""
    method = f"{count:,} alerts in {_FEW_INCIDENTS} incidents"
    return [_row("P8 growth, open alerts", method, (_FEW_INCIDENTS, count), probes)]


def by_incidents(count: int, probes: int = _PROBES) -> list[Row]:
    """`count` open incidents of ten alerts each, and what `probes` further alerts cost."""
    method = f"{count:,} incidents of {_FEW_ALERTS} alerts"
    return [_row("P8 growth, open incidents", method, (count, count * _FEW_ALERTS), probes)]


def storm(count: int = _STORM, known: int = 10_000) -> list[Row]:
    """The rate at which what is known comes again, among `known` open alerts in 100 incidents.

    Once as the same episodes told again, as senders do every minute, once as symptoms that begin anew every 5 seconds.
    """
    told = partial(replace, received_at=_START + timedelta(seconds=_SPAN_S + 60))
    return [_storm(count, known, "delivered again", told), _storm(count, known, "begun again")]


def _storm(count: int, alerts: int, how: str, told: Callable[[Alert], Alert] | None = None) -> Row:
    correlator = Correlator()
    known = list(_fill(correlator, 100, alerts))[-_REPEATED:]
    again = [
        told(known[number % _REPEATED]) if told else _begun_again(known[number % _REPEATED], number)
        for number in range(count)
    ]
    warm, again = again[:_REPEATED], again[_REPEATED:]
    _taken_in(correlator, warm)  # each symptom's first repeat may have to be weighed; a storm is what follows
    began = time.process_time()
    _taken_in(correlator, again)
    spent_s = time.process_time() - began
    figures = {"alerts_per_cpu_s": len(again) / spent_s, "us_per_alert": 1e6 * spent_s / len(again)}
    return Row(
        dataset="P8 storm of repeats", method=f"{_REPEATED} symptoms {how}, {count:,} deliveries", metrics=figures
    )


def _begun_again(alert: Alert, number: int) -> Alert:
    at = alert.starts_at + timedelta(seconds=5.0 * (1 + number // _REPEATED))
    return replace(alert, id=f"{alert.id}-{number}", starts_at=at, received_at=at)


def _taken_in(correlator: Correlator, alerts: Sequence[Alert]) -> None:
    for alert in alerts:
        match = correlator.predict_one(alert)
        correlator.learn_one(alert, match.incident_id or alert.id, alert_of=match.repeat_of)


def relative(rows: list[Row]) -> list[Row]:
    """The same rows with each cost beside that of the smallest of its kind."""
    least: dict[str, float] = {}
    found = []
    for row in rows:
        cost = row.metrics.get("us_per_alert", 0.0) if row.dataset.startswith("P8 growth") else 0.0
        first = least.setdefault(row.dataset, cost)
        found.append(replace(row, metrics={**row.metrics, "cost_ratio": cost / first}) if first else row)
    return found


def _row(dataset: str, method: str, size: tuple[int, int], count: int) -> Row:
    incidents, alerts = size
    correlator = Correlator()
    gc.collect()
    before_mb = _resident_mb()
    for _ in _fill(correlator, incidents, alerts):
        pass
    gc.collect()
    after_mb = _resident_mb()
    probes = list(_alerts(incidents, count, seed=1, since_s=_SPAN_S))
    began = time.process_time()
    spent_s = [_probe(correlator, alert) for alert in probes]
    mean_s = (time.process_time() - began) / len(probes)
    figures = {
        "alerts_per_cpu_s": 1.0 / mean_s,
        "us_per_alert": 1e6 * mean_s,
        "p99_ms": 1e3 * sorted(spent_s)[int(len(spent_s) * 0.99)],
    }
    if before_mb is not None and after_mb is not None:
        figures |= {"memory_mb": after_mb - before_mb, "bytes_per_alert": 1e6 * (after_mb - before_mb) / alerts}
    return Row(dataset=dataset, method=method, metrics=figures)


def _fill(correlator: Correlator, incidents: int, alerts: int) -> Iterator[Alert]:
    """Open alerts of so many incidents, one service each, in the order of their beginning; yields what it puts in."""
    for alert in _alerts(incidents, alerts, seed=0, since_s=0.0):
        correlator.learn_one(alert, f"INC-{alert.service}")
        yield alert


def _alerts(incidents: int, count: int, *, seed: int, since_s: float) -> Iterator[Alert]:
    chance = random.Random(seed)
    step_s = _SPAN_S / count if not since_s else 0.05
    for number in range(count):
        service = f"svc-{number % incidents if not since_s else chance.randrange(incidents)}"
        at = _START + timedelta(seconds=since_s + number * step_s)
        what, host = chance.choice(_WHAT), f"{service}-host-{chance.randrange(20)}"
        title, labels = (
            f"{what} of {service} on {host}",
            {"pod": f"{service}-{seed}-{number}", "zone": f"z{number % 5}"},
        )
        yield Alert(
            id=f"{seed}-{number}", source="prom", title=title, service=service, host=host, labels=labels, starts_at=at,
            received_at=at, fingerprint=fingerprint_of("prom", title, service, host, labels),
        )  # fmt: skip


def _probe(correlator: Correlator, alert: Alert) -> float:
    began = time.perf_counter()
    match = correlator.predict_one(alert)
    correlator.learn_one(alert, match.incident_id or f"INC-{alert.id}", alert_of=match.repeat_of)
    return time.perf_counter() - began


def _resident_mb() -> float | None:
    """What this process holds now, in MB; None where /proc does not tell."""
    if not _STATUS.exists():
        return None
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1e3

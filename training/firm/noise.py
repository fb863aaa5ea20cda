"""What tools send though nothing is broken: passing peaks, warnings nobody acts on, flapping checks, known loads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from engine.domain import Severity
from training.firm.kinds import Symptom, on_host, on_service
from training.firm.layout import Layout
from training.firm.rhythms import Rhythm
from training.firm.signals import Fault, Signal, number

_PASSING: tuple[Symptom, ...] = (
    on_host("cpu_high", "CPU {n}% on {host}", "w", 300, 0.15),
    on_host("load_high", "Load average {n} on {host}", "w", 300, 0.1),
    on_host("memory_high", "Memory {n}% used on {host}", "w", 900, 0.1),
    on_host("disk_space", "Filesystem /opt on {host} has {n}% left", "w", 7200, 0.1),
    on_host("updates_pending", "{n} security updates pending on {host}", "i", 3600, 0.1),
    on_host("reboot_required", "Reboot required on {host}", "i", 7200, 0.08),
    on_host("ssh_failed", "{n} failed ssh logins on {host}", "w", 400, 0.12),
    on_host("ntp_offset", "Clock of {host} is off by 0.{n} s", "w", 300, 0.05),
    on_host("config_drift", "Configuration run on {host} changed {n} resources", "i", 60, 0.08),
    on_service("tls_expiry", "Certificate of {service} expires in {n} days", "w", 7200, 0.1),
    on_service("latency", "p99 latency of {service} is {n} s", "w", 240, 0.2),
    on_service("http_5xx", "{n}% of requests to {service} answer 5xx", "w", 120, 0.08),
    on_service("probe_failed", "{service} does not answer its probe", "e", 60, 0.15),
    on_service("log_errors", "{n} lines with level ERROR in the log of {service}", "w", 200, 0.2),
    on_service("scaled", "{service} scaled to {n} replicas", "i", 30, 0.1),
    on_service("slow_start", "Health check of {service} took {n} s", "i", 60, 0.08),
)
_RHYTHM_WORDS = {
    "cpu": "CPU {n}% on {host}",
    "disk_io": "Disk utilisation {n}% on {host}",
    "connections": "{n}0 connections on {host}",
}


def _moment(faults: list[Fault], first: datetime, days: int, rng: Random) -> datetime:
    """A random time; for one in four close to a fault, where telling them apart is hard."""
    if faults and rng.random() < 0.25:
        return max(first, rng.choice(faults).starts_at + timedelta(seconds=rng.uniform(-900, 1800)))
    return first + timedelta(seconds=rng.uniform(0, days * 86400))


def passing(
    layout: Layout, faults: list[Fault], count: int, first: datetime, days: int, rng: Random
) -> Iterator[Signal]:
    """`count` unrelated signals, each an incident of its own (`noise-…`); one in ten flaps."""
    services = layout.services()
    weights = [symptom.chance for symptom in _PASSING]
    for at in range(count):
        symptom, place = rng.choices(_PASSING, weights)[0], rng.choice(services)
        host = rng.choice(place.hosts) if symptom.on_host else ""
        title = symptom.title.format(service=place.name, host=host, n=number(rng))
        starts = _moment(faults, first, days, rng)
        flaps = rng.randint(2, 6) if rng.random() < 0.1 else 0
        length = timedelta(seconds=symptom.delay_s * rng.lognormvariate(0, 0.6) * (1 + flaps))
        yield Signal(
            f"noise-{at:05}", symptom.key, title, symptom.severity, place.name, host, starts, starts + length, flaps
        )


def of_rhythms(rhythms: list[Rhythm], first: datetime, days: int, zone: ZoneInfo, rng: Random) -> Iterator[Signal]:
    """The complaints about known loads; all about one occurrence are one incident (`load-…`)."""
    told = [(at, each) for at, each in enumerate(rhythms) if each.alerts]
    for at, rhythm in told:
        for turn, (start, end) in enumerate(rhythm.windows(first, days, zone)):
            if rng.random() < 0.1:
                continue
            begins = start + timedelta(seconds=rng.uniform(60, 420))
            title = _RHYTHM_WORDS[rhythm.metric].format(n=rng.randint(80, 97), host=rhythm.host)
            key = f"{rhythm.metric}_high"
            incident = f"load-{at:02}-{turn:04}"
            yield Signal(incident, key, title, Severity.WARNING, rhythm.service, rhythm.host, begins, end)
            if rng.random() < 0.4:
                slow = f"p99 latency of {rhythm.service} is {number(rng)} s"
                later = begins + timedelta(seconds=rng.uniform(60, 600))
                yield Signal(incident, "latency", slow, Severity.WARNING, rhythm.service, "", later, end)

"""The demo: an empty database filled with the seeded firm's past, and a storm of today replayed into it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from engine.answering.register import Register
from engine.domain import Alert, AlertStatus, Incident, Responder, TimeOff, alert_id_of
from engine.pathfinder import Pathfinder
from engine.store.records import Sample, Scope
from training import archive
from training.progress import Track
from training.simulate import ENDS_AT, Firm

_AROUND = timedelta(minutes=20)  # what else happened about a storm is replayed with it


@dataclass(frozen=True, kw_only=True)
class Storm:
    """The alerts about one fault of the firm, with whatever else arrived around them, moved to the present."""

    alerts: list[Alert]  # in the order received
    about: int  # how many of them are about the fault


def fill(register: Register, firm: Firm, now: datetime, progress: Track) -> Storm:
    """Put the firm's past into the store, moved so that it ends before `now`; returns the storm to replay.

    The ticket of the fault in the storm is left out: its fix is what PathFinder is asked for.
    """
    ticket = _stormy(firm)
    shift = _whole_weeks(now)
    alerts = [moved_alert(alert, shift) for alert in firm.alerts]
    starts = ticket.opened_at + shift
    past = [alert for alert in alerts if alert.received_at < starts - _AROUND and firm.truth[alert.id] != ticket.id]
    tickets = [one for one in (*firm.incidents, *firm.queries) if one.id != ticket.id]
    moved = [moved_incident(one, shift) for one in tickets]
    archive.save_incidents(register, [one for one in moved if one.known_from < now], progress)
    archive.save_alerts(register.store, past, firm.truth, progress)
    archive.save_samples(register.store, samples(firm.metrics, shift, now), progress)
    for one in firm.responders:
        register.put_responder(_moved_responder(one, shift))
    register.replace_topology(firm.edges)
    return _storm(firm, ticket, now)


def replay(pathfinder: Pathfinder, storm: Storm, progress: Track) -> int:
    """Hand the storm to PathFinder as it came, alert by alert; returns the number of open incidents it became."""
    receipts = [pathfinder.handle([alert])[0] for alert in progress(storm.alerts, "storm", len(storm.alerts))]
    return len({receipt.incident_id for receipt in receipts})


def demo_key(pathfinder: Pathfinder, path: Path, now: datetime) -> str:
    """A key with every scope, kept in the file `path` that only its owner reads; the same one while it is valid."""
    if path.is_file() and pathfinder.check_key(token := path.read_text(encoding="utf-8").strip()):
        return token
    _, token = pathfinder.issue_key("demo", frozenset(Scope), now)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(token + "\n", encoding="utf-8")
    return token


def moved_alert(alert: Alert, shift: timedelta) -> Alert:
    """`alert` at another time; its id is kept."""
    ends_at = alert.ends_at + shift if alert.ends_at else None
    return replace(alert, starts_at=alert.starts_at + shift, received_at=alert.received_at + shift, ends_at=ends_at)


def moved_incident(incident: Incident, shift: timedelta) -> Incident:
    """`incident` with its outcome at another time."""
    closed_at = incident.closed_at + shift if incident.closed_at else None
    resolution = incident.resolution
    if resolution is not None and resolution.resolved_at is not None:
        resolution = replace(resolution, resolved_at=resolution.resolved_at + shift)
    return replace(incident, opened_at=incident.opened_at + shift, closed_at=closed_at, resolution=resolution)


def samples(metrics: pd.DataFrame, shift: timedelta, now: datetime) -> list[Sample]:
    """The rows of a metrics frame before `now`, moved."""
    moments = (metrics["ts"] + shift).dt.to_pydatetime()
    names = metrics[["service", "host", "metric"]].itertuples(index=False, name=None)
    return [
        Sample(ts=ts, service=service, host=host, metric=metric, value=value)
        for ts, (service, host, metric), value in zip(moments, names, metrics["value"].tolist(), strict=True)
        if ts < now
    ]


def _whole_weeks(now: datetime) -> timedelta:
    """Weekdays stay weekdays, and the firm's last day is past."""
    return timedelta(weeks=(now - ENDS_AT) // timedelta(weeks=1))


def _stormy(firm: Firm) -> Incident:
    """The ticket of the live part that shows most: many alerts, of a kind of fault that was fixed often before."""
    known = Counter(firm.fault_of[one.id] for one in firm.incidents)
    told = Counter(firm.truth[alert.id] for alert in firm.alerts if alert.status is AlertStatus.FIRING)
    faults = [one for one in firm.queries if one.id in firm.roots]
    return max(faults, key=lambda one: (told[one.id] * known[firm.fault_of[one.id]], one.id))


def _storm(firm: Firm, ticket: Incident, now: datetime) -> Storm:
    own = [alert for alert in firm.alerts if firm.truth[alert.id] == ticket.id]
    starts = min(alert.received_at for alert in own)
    around = _within(firm.alerts, starts - _AROUND, starts + _AROUND)
    shift = now - max(alert.received_at for alert in around)
    alerts = [moved_alert(alert, shift) for alert in around if alert.status is AlertStatus.FIRING]
    named = [replace(one, id=alert_id_of(one.source, one.fingerprint, one.starts_at)) for one in alerts]
    about = sum(firm.truth[alert.id] == ticket.id for alert in alerts)
    return Storm(alerts=named, about=about)


def _within(alerts: Sequence[Alert], since: datetime, until: datetime) -> list[Alert]:
    return [alert for alert in alerts if since <= alert.received_at <= until]


def _moved_responder(responder: Responder, shift: timedelta) -> Responder:
    off = tuple(TimeOff(starts_at=one.starts_at + shift, ends_at=one.ends_at + shift) for one in responder.time_off)
    return replace(responder, time_off=off)

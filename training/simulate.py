"""The seeded small firm: months of alerts, tickets and metrics and the truth about them, the same for a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from engine.domain import Alert, Edge, Incident, Responder
from training.firm import noise as noises
from training.firm import rhythms as loads
from training.firm.kinds import FaultKind
from training.firm.kinds_infra import ALL_KINDS
from training.firm.layout import Component, build
from training.firm.people import staff
from training.firm.signals import Fault, Signal, cascade
from training.firm.tickets import cleared, ticket
from training.firm.tools import Desk

ENDS_AT = datetime(2026, 11, 15, tzinfo=UTC)  # the last day of every firm; its months hold a change of the clocks
_ZONES = ("Europe/Amsterdam", "America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Sydney")
NO_FAULT = "none"  # the fault kind of tickets about alerts that turned out to be nothing


@dataclass(frozen=True, kw_only=True)
class Firm:
    """One firm's past and present, and the truth about it."""

    edges: list[Edge]  # the documented part of the topology
    responders: list[Responder]  # who works there at `split_at`
    alerts: list[Alert]  # in the order received; those received before `split_at` are history
    truth: dict[str, str]  # alert id -> true incident id; an unrelated alert is an incident of its own
    incidents: list[Incident]  # tickets closed before `split_at`, with their outcome
    fault_of: dict[str, str]  # incident id -> fault kind: those with one kind have one kind of fix
    metrics: pd.DataFrame  # ts (UTC), service, host, metric, value
    rhythms: list[dict[str, Any]]  # the true recurring loads
    timezone: str  # IANA name
    split_at: datetime  # UTC
    queries: list[Incident] = field(
        default_factory=list
    )  # tickets opened after `split_at`, outcome included as the truth
    roots: dict[str, str] = field(
        default_factory=dict
    )  # incident id -> name of the service, host or rack that was broken


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The shape of a firm. Two plans that differ in the seed alone give firms that differ in everything drawn."""

    seed: int = 0
    days: int = 90  # of history and live part together, at least 14
    live_days: int = 10  # of those, the last ones
    services: int = 12  # at least 4
    people: int = 8  # at least 4
    noise: float = 0.6  # share of all signals that belong to no fault, 0 <= noise < 1
    concurrency: float = 0.3  # share of faults that begin within minutes of another one, 0..1
    faults_per_week: float = 12.0
    known_topology: float = 0.9  # share of the relations that are documented, 0..1
    metric_step_minutes: int = 10
    timezone: str = ""  # IANA name; empty: Europe/Amsterdam for seed 0, drawn for the others


def simulate(
    *, seed: int = 0, days: int = 90, services: int = 12, noise: float = 0.6, plan: Plan | None = None
) -> Firm:
    """The firm of a seed; `plan` sets every further dial and replaces the other arguments.

    Raises
    ------
    ValueError
        If the noise share is not in [0, 1), or there are fewer than 14 days.

    Examples
    --------
    >>> firm = simulate(seed=1, days=14, services=6)
    >>> set(firm.truth) == {alert.id for alert in firm.alerts}
    True
    """
    plan = plan or Plan(seed=seed, days=days, services=services, noise=noise)
    if not 0 <= plan.noise < 1 or plan.days < 14:
        raise ValueError("noise must be in [0, 1) and days at least 14")
    return _Simulation(plan).run()


class _Simulation:
    """One run: each stage draws from a stream of its own, so that a change in one leaves the others as they were."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.first = ENDS_AT - timedelta(days=plan.days)
        self.split_at = ENDS_AT - timedelta(days=min(plan.live_days, plan.days // 3))
        self.timezone = plan.timezone or (_ZONES[0] if plan.seed == 0 else self.stream("zone").choice(_ZONES))
        self.zone = ZoneInfo(self.timezone)
        self.layout = build(plan.services, self.stream("layout"))
        self.people = staff(plan.people, self.timezone, self.first, plan.days, self.stream("people"))

    def stream(self, stage: str) -> Random:
        """The random numbers of one stage."""
        return Random(f"{self.plan.seed}:{stage}")

    def run(self) -> Firm:
        """Everything, in order: loads, faults, signals, noise, deliveries, tickets."""
        rhythms = loads.draw(self.layout, self.stream("rhythms"))
        faults = list(self.faults())
        shown = [(fault, cascade(fault, self.layout, self.stream(f"cascade {fault.incident_id}"))) for fault in faults]
        other = self.unrelated(faults, sum(len(signals) for _, signals in shown))
        other += noises.of_rhythms(rhythms, self.first, self.plan.days, self.zone, self.stream("loads"))
        seen = seen_once([signal for _, own in shown for signal in own] + other)
        shown = [(fault, [signal for signal in own if signal in seen] or own[:1]) for fault, own in shown]
        other = [signal for signal in other if signal in seen]
        signals = [signal for _, own in shown for signal in own] + other
        names = _numbered(signals)
        alerts, truth = self.delivered(signals, names)
        tickets = [replace(each, id=names[each.id]) for each in self.tickets(shown, other)]
        kinds = {names[fault.incident_id]: fault.kind.name for fault in faults}
        return Firm(
            edges=self.documented(),
            responders=[person.responder for person in self.people if person.employed(self.split_at)],
            alerts=alerts,
            truth=truth,
            incidents=[each for each in tickets if each.known_from < self.split_at],
            queries=[each for each in tickets if each.opened_at >= self.split_at],
            fault_of={each.id: kinds.get(each.id, NO_FAULT) for each in tickets},
            roots={names[fault.incident_id]: fault.place.name for fault in faults},
            metrics=self.metrics(rhythms),
            rhythms=[each.as_truth() for each in rhythms],
            timezone=self.timezone,
            split_at=self.split_at,
        )

    def metrics(self, rhythms: list[loads.Rhythm]) -> pd.DataFrame:
        """The samples of the whole time."""
        step, days = self.plan.metric_step_minutes, self.plan.days
        return loads.metrics(self.layout, rhythms, self.first, days, self.zone, step, self.plan.seed)

    def documented(self) -> list[Edge]:
        """The relations somebody wrote down."""
        rng = self.stream("edges")
        return [edge for edge in self.layout.edges() if rng.random() < self.plan.known_topology]

    def faults(self) -> Iterator[Fault]:
        """All faults in the order of their beginning; weak spots break again and again, some together."""
        rng = self.stream("faults")
        count = max(1, round(self.plan.faults_per_week * self.plan.days / 7))
        weak = [self.spot(rng) for _ in range(max(6, count // 10))]
        starts = sorted(self.starts(count, rng))
        broken: dict[str, datetime] = {}  # place -> until when
        for at, start in enumerate(starts):
            kind, place = self.whole(weak, broken, start, rng)
            ends = start + timedelta(hours=kind.hours * rng.lognormvariate(0, 0.5) + 0.15)
            broken[place.name] = ends
            yield Fault(f"fault-{at:04}", kind, place, start, ends)

    def starts(self, count: int, rng: Random) -> Iterator[datetime]:
        """Times of `count` faults: more by day than by night; a share of them within minutes of the one before."""
        last = self.first
        for _ in range(count):
            if rng.random() < self.plan.concurrency and last > self.first:
                yield last + timedelta(seconds=rng.uniform(0, 600))
                continue
            last = self.first + timedelta(days=rng.randrange(self.plan.days), hours=rng.betavariate(2.5, 2.2) * 24)
            yield last

    def whole(
        self, weak: list[tuple[FaultKind, Component]], broken: dict[str, datetime], start: datetime, rng: Random
    ) -> tuple[FaultKind, Component]:
        """What breaks next: a weak spot, mostly, and seldom a place that is broken already."""
        for _ in range(20):
            kind, place = rng.choice(weak) if rng.random() < 0.6 else self.spot(rng)
            if broken.get(place.name, start) <= start:
                break
        return kind, place

    def spot(self, rng: Random) -> tuple[FaultKind, Component]:
        """A kind of fault and a place where it can sit."""
        while True:
            kind = rng.choice(ALL_KINDS)
            places = self.layout.of_tier(kind.tier)
            if places:
                return kind, rng.choice(places)

    def unrelated(self, faults: list[Fault], related: int) -> list[Signal]:
        """As many unrelated signals as the noise share asks for."""
        count = round(related * self.plan.noise / (1 - self.plan.noise))
        return list(noises.passing(self.layout, faults, count, self.first, self.plan.days, self.stream("noise")))

    def delivered(self, signals: list[Signal], names: dict[str, str]) -> tuple[list[Alert], dict[str, str]]:
        """All alerts in the order received, numbered, and the incident of each."""
        told = Desk(self.layout, self.plan.seed).report(signals, self.stream("tools"))
        told.sort(key=lambda pair: (pair[0].received_at, pair[0].fingerprint))
        alerts = [replace(alert, id=f"a{at:06}") for at, (alert, _) in enumerate(told)]
        return alerts, {alert.id: names[incident] for alert, (_, incident) in zip(alerts, told, strict=True)}

    def tickets(self, shown: list[tuple[Fault, list[Signal]]], other: list[Signal]) -> list[Incident]:
        """A ticket for each fault, and for one in twenty of the alerts that were nothing; oldest first."""
        rng = self.stream("tickets")
        found = []
        for fault, signals in shown:
            clock = fault.starts_at.astimezone(self.zone).strftime("%H:%M")
            found.append(ticket(fault, signals, self.layout, self.people, clock, rng))
        found += [cleared(signal, self.people, rng) for signal in _firsts(other) if rng.random() < 0.05]
        return sorted(found, key=lambda each: (each.opened_at, each.id))


def seen_once(signals: list[Signal]) -> set[Signal]:
    """The signals that tools can see: what shows already does not begin once more for another reason."""
    until: dict[tuple[str, str, str], datetime] = {}
    seen = set()
    for signal in sorted(signals, key=lambda signal: (signal.starts_at, signal.incident_id)):
        symptom = (signal.key, signal.service, signal.host)
        if until.get(symptom, signal.starts_at) <= signal.starts_at:
            seen.add(signal)
            until[symptom] = signal.ends_at
    return seen


def _firsts(signals: list[Signal]) -> Iterator[Signal]:
    """The first signal of each incident."""
    seen: set[str] = set()
    for signal in signals:
        if signal.incident_id not in seen:
            seen.add(signal.incident_id)
            yield signal


def _numbered(signals: list[Signal]) -> dict[str, str]:
    """A name for each incident that does not tell what it is, in the order in which they begin."""
    ordered = sorted(signals, key=lambda signal: (signal.starts_at, signal.incident_id))
    found: dict[str, str] = {}
    for signal in ordered:
        found.setdefault(signal.incident_id, f"t{len(found):05}")
    return found

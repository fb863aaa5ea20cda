"""Many processes over one database: each problem of a storm is one incident, whoever is told of it, how often, when.

The problems are clear (a service and an hour of its own each, its alerts a second apart), so that one process never
errs about them: what goes wrong is the doing of those who write at once. Each storm is seeded, and comes in one of four
ways: every delivery several times, in any order, a part of it at the end, with a process killed in the middle.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.chaos_service import BROKEN, Connection, Service, grouped
from engine.errors import Unavailable
from engine.store import alerts

WAYS = ("duplicates", "shuffle", "late", "kill")
_PROBLEMS, _ALERTS = 5, 6
_COPIES = 3
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_APART = timedelta(hours=1)  # between the times of two problems
_BY = (1, 2, 4)  # processes
_TRIES = 400


@dataclass(frozen=True, kw_only=True)
class Found:
    """What became of the problems of some storms."""

    alerts: int
    problems: int
    split: int  # problems in more than one incident
    mixed: int  # incidents with more than one problem
    missing: int  # alerts that are in none


def storm_of(seed: int) -> list[bytes]:
    """The deliveries of a storm, in order, two alerts in each."""
    told = [_alert(seed, problem, number) for number in range(_ALERTS) for problem in range(_PROBLEMS)]
    return [json.dumps(told[start : start + 2]).encode() for start in range(0, len(told), 2)]


def _alert(seed: int, problem: int, number: int) -> dict[str, object]:
    name, at = f"storm-{seed}-{problem}", _BEGAN + (seed * _PROBLEMS + problem) * _APART
    return {
        "title": f"check {number} fails",
        "service": name,
        "host": f"{name}-host",
        "fingerprint": f"{name}-{number}",
        "starts_at": (at + timedelta(seconds=number)).isoformat(),
        "severity": "error",
    }


async def writers(service: Service, storms: int) -> tuple[int, Found]:
    """So many storms by each number of processes over the database of `service`; how many, and what came of them.

    Raises
    ------
    Unavailable
        If a delivery is never taken.
    """
    seed = 0
    for count in _BY:
        services = [service, *(service.another() for _ in range(count - 1))]
        try:
            for each in services:
                await each.start()
            for _ in range(storms):
                await _let_loose(services, seed, WAYS[seed % len(WAYS)])
                seed += 1
            await grouped(service)
        finally:
            for each in services:
                each.kill()
    return seed, await _judged(service, range(seed))


async def _let_loose(services: list[Service], seed: int, way: str) -> None:
    """One storm, in one of the `WAYS`, to all `services` at once; every delivery is taken in the end."""
    chance = random.Random(f"{seed} {way}")
    sent = [(body, f"{seed}.{number}") for number, body in enumerate(storm_of(seed))]
    if way == "duplicates":
        sent = [each for each in sent for _ in range(_COPIES)]
    if way != "late":
        chance.shuffle(sent)
    else:
        late = [each for each in sent if chance.random() < 0.3]
        sent = [each for each in sent if each not in late] + late
    shares = [sent[place :: len(services)] for place in range(len(services))]
    tellers = [
        asyncio.create_task(_tell(services, place, share, chance.random() * 0.01)) for place, share in enumerate(shares)
    ]
    if way == "kill":
        await asyncio.sleep(chance.uniform(0.0, 0.2))
        services[0].kill()
        await services[0].start()
    await asyncio.gather(*tellers)


async def _tell(services: list[Service], place: int, sent: list[tuple[bytes, str]], pause_s: float) -> None:
    """Send each delivery until it is taken, as senders do."""
    connection: Connection | None = None
    for body, delivery in sent:
        for _ in range(_TRIES):
            with suppress(*BROKEN):
                connection = connection or services[place].connection()
                status, _ = await connection.post(body, delivery)
                if status == 202:
                    break
            connection = None
            await asyncio.sleep(0.05)
        else:
            raise Unavailable("a delivery is never taken")
        await asyncio.sleep(pause_s)
    if connection is not None:
        connection.close()


async def _judged(service: Service, seeds: range) -> Found:
    """What became of the storms of these `seeds`."""
    homes = await asyncio.to_thread(_homes, service)
    by_problem: dict[str, set[str]] = defaultdict(set)
    for name, incident_id in homes:
        by_problem[name].add(incident_id)
    inside: dict[str, set[str]] = defaultdict(set)
    for name, incident_ids in by_problem.items():
        for incident_id in incident_ids:
            inside[incident_id].add(name)
    return Found(
        alerts=len(seeds) * _PROBLEMS * _ALERTS,
        problems=len(seeds) * _PROBLEMS,
        split=sum(len(some) > 1 for some in by_problem.values()),
        mixed=sum(len(some) > 1 for some in inside.values()),
        missing=len(seeds) * _PROBLEMS * _ALERTS - len(homes),
    )


def _homes(service: Service) -> list[tuple[str, str]]:
    store = service.store()
    try:
        with store.read() as link:
            return alerts.homes(link)
    finally:
        store.close()

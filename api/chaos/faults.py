"""`python -m api chaos`: pull the plug on this very machine, and count.

A service of its own, over a database of its own in a temporary folder, on a loopback port: nothing else is touched.
Each storm is bounded; what was acknowledged is compared with what a fresh look at the disk finds.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.chaos import writers as chaos_writers
from api.chaos.disk import Disk
from api.chaos.service import BROKEN, Acknowledged, Service, grouped, put_down, settle
from engine.errors import Unavailable

_CLIENTS = 16
_SIZES = (1, 3, 100, 100)  # alerts a delivery, by client
_TOLD_AGAIN = 10  # times, at most, that a client sends the same
_SLOW = 1_000
_GROUPED = 20_000  # alerts put down up to which a storm waits until they are grouped
_SAID_S = 15.0  # within which a slow client is sent away


@dataclass(kw_only=True)
class Told:
    """What one storm found."""

    storm: str
    rounds: int = 0
    acknowledged: int = 0  # alerts
    stored: int = 0  # of these
    notes: list[str] = field(default_factory=list)
    failed: str = ""  # why it did not go as it should, "" if it did

    @property
    def lost(self) -> int:
        """Acknowledged and not on disk."""
        return self.acknowledged - self.stored


async def kill(service: Service, rounds: int, seconds: float, chance: random.Random) -> Told:
    """Kill -9 under load at a random moment, start again, send on; count at the end."""
    told, log = Told(storm="kill -9", rounds=rounds), Acknowledged()
    slowest = 0.0
    for number in range(rounds):
        slowest = max(slowest, await _begun(service))
        clients = await _loaded(service, log, f"k{number}", chance.uniform(0.0, seconds))
        service.kill()
        await asyncio.gather(*clients)
    await _count(service, log, told)
    told.notes.append(f"slowest start {slowest:.1f} s")
    return told


async def stop(service: Service, rounds: int, seconds: float, chance: random.Random) -> Told:
    """SIGTERM under load at a random moment: what is being said is answered, then it ends by itself; count."""
    told, log = Told(storm="stop", rounds=rounds), Acknowledged()
    slowest = 0.0
    for number in range(rounds):
        await _begun(service)
        clients = await _loaded(service, log, f"t{number}", chance.uniform(0.0, seconds))
        code, took = await asyncio.to_thread(service.terminate)
        await asyncio.gather(*clients)
        slowest = max(slowest, took)
        told.failed = told.failed or (f"it ended with {code}" if code not in (0, -signal.SIGTERM) else "")
    await _count(service, log, told)
    told.notes.append(f"ended within {slowest:.1f} s")
    return told


async def power(service: Service, rounds: int, seconds: float, chance: random.Random) -> Told:
    """The power goes under load at a random moment: what was not flushed is gone; start again, send on; count."""
    told, log = Told(storm="power cut", rounds=rounds), Acknowledged()
    if service.disk is None:
        told.failed = "power cuts need a disk of their own"
        return told
    for number in range(rounds):
        await _begun(service)
        clients = await _loaded(service, log, f"p{number}", chance.uniform(0.0, seconds))
        service.freeze()  # without power nothing is said: what a dead disk tells must not become an answer
        service.disk.cut()
        service.kill()
        await asyncio.gather(*clients)
        await asyncio.to_thread(service.disk.restore)
    await _count(service, log, told)
    return told


async def _begun(service: Service) -> float:
    """Start; the seconds it took."""
    began = time.monotonic()
    await service.start()
    return time.monotonic() - began


async def _loaded(service: Service, log: Acknowledged, name: str, seconds: float) -> list[asyncio.Task[None]]:
    """Clients that send and send, after `seconds` of it; some of them in large deliveries."""
    sizes = [_SIZES[n % len(_SIZES)] for n in range(_CLIENTS)]
    clients = [asyncio.create_task(_client(service, log, f"{name}.{n}", size)) for n, size in enumerate(sizes)]
    before = log.count
    await _until(lambda: log.count > before + _CLIENTS, 60.0)
    await asyncio.sleep(seconds)
    return clients


async def duplicates(service: Service, rounds: int, seconds: float, chance: random.Random) -> Told:
    """Every delivery ten times at once, and again after kill -9: one alert each, told once."""
    del seconds
    told, log = Told(storm="duplicates", rounds=rounds), Acknowledged()
    for number in range(rounds):
        await service.start()
        bodies = [_body(f"d{number}.{n}", 1 + n % 4) for n in range(40)]
        sent = [(body, f"delivery-{number}-{n}") for n, body in enumerate(bodies) for _ in range(10)]
        chance.shuffle(sent)
        await asyncio.gather(*(_post_each(service, log, sent[n::_CLIENTS]) for n in range(_CLIENTS)))
        service.kill()
        await service.start()
        await _post_each(service, log, [(body, f"delivery-{number}-{n}") for n, body in enumerate(bodies)])
        service.kill()
    await _count(service, log, told)
    found = await settle(service)
    if found.alerts != len(log.alerts) or found.repeats:
        told.failed = f"{found.alerts} alerts and {found.repeats} repeats stored of {len(log.alerts)}"
    return told


async def slow(service: Service, rounds: int, seconds: float, chance: random.Random) -> Told:
    """Clients that never finish what they say, while others are served: they are sent away in time."""
    del seconds, chance
    told, log = Told(storm="slow clients", rounds=rounds), Acknowledged()
    await service.start()
    beginnings = (b"", b"POST /v1/alerts HTTP/1.1\r\nHost: x\r\nX-", service.head(500) + b'[{"title": "')
    slow_ones = [asyncio.create_task(_slow(service.port, beginnings[n % 3])) for n in range(_SLOW)]
    worst = 0.0
    for number in range(50):
        began = time.monotonic()
        await _post_each(service, log, [(_body(f"s{number}", 1), "")])
        worst = max(worst, time.monotonic() - began)
    closed = await asyncio.gather(*slow_ones)
    late = sum(took > _SAID_S + 3.0 for took in closed)
    told.notes.append(f"{_SLOW} slow clients closed after {max(closed):.1f} s at most, others waited {worst:.2f} s")
    told.failed = f"{late} slow clients were kept" if late else ""
    service.kill()
    await _count(service, log, told)
    return told


async def full(service: Service, rounds: int, seconds: float, chance: random.Random) -> Told:
    """The disk fills up (as far as the service can tell), then has room again, without a new start."""
    del chance
    told, log = Told(storm="disk full", rounds=rounds), Acknowledged()
    await service.start(room_bytes=service.size() + 2_000_000)
    clients = [asyncio.create_task(_client(service, log, f"f{n}", 20, until=time.monotonic() + 60)) for n in range(4)]
    await _until(lambda: log.refused > 20, 60.0)
    refused = log.refused
    service.make_room()
    before = log.count
    await _until(lambda: log.count > before + 40, 30.0)
    await asyncio.sleep(seconds)
    service.kill()
    await asyncio.gather(*clients)
    told.notes.append(f"{refused} refused while full, {log.count - before} taken afterwards")
    told.failed = "" if refused and log.count > before else "the disk did not fill up, or nothing was taken afterwards"
    await _count(service, log, told)
    return told


def writers(folder: Path, rounds: int, seed: int) -> Told:
    """Seeded storms to several engines at once: every alert stands where one engine, told in that order, puts it."""
    found = chaos_writers.run(folder, rounds, seed)
    told = Told(storm=WRITERS, rounds=rounds, acknowledged=found.acknowledged, stored=found.acknowledged - found.lost)
    told.notes.append(f"{found.storms:,} storms to {'/'.join(map(str, chaos_writers.PROCESSES))} processes")
    told.notes.append(f"{found.kills} kills, {len(found.wrong)} grouped otherwise than by one")
    told.failed = f"seed {found.wrong[0]}" if found.wrong else ""
    return told


Storm = Callable[[Service, int, float, random.Random], Coroutine[Any, Any, Told]]
AT_ONCE: dict[str, Storm] = {"kill": kill, "stop": stop, "duplicates": duplicates, "slow": slow, "full": full}
STORMS: dict[str, Storm] = AT_ONCE | {"power": power}  # which needs the rights of root
WRITERS = "writers"


async def run(storm: str, folder: Path, rounds: int, seconds: float, seed: int) -> Told:
    """One storm over a fresh database in `folder`; the service is ended whatever happens."""
    if storm == WRITERS:
        return await asyncio.to_thread(writers, folder, rounds, seed)
    disk = Disk(folder) if storm == "power" else None
    service = Service(disk.folder / "data" if disk else folder / storm, disk)
    try:
        return await STORMS[storm](service, rounds, seconds, random.Random(seed))
    finally:
        service.kill()
        if disk:
            disk.close()


async def _client(service: Service, log: Acknowledged, name: str, size: int, until: float = 1e18) -> None:
    """Send and send until the service is gone."""
    connection = service.connection()
    number = 0
    try:
        while time.monotonic() < until:
            body = _body(f"{name}.{number // _TOLD_AGAIN}", size)
            number += 1
            log.note(*await connection.post(body, ""))
    except BROKEN:
        return  # the plug is pulled
    finally:
        connection.close()


async def _post_each(service: Service, log: Acknowledged, sent: list[tuple[bytes, str]]) -> None:
    connection = service.connection()
    for body, delivery in sent:
        log.note(*await connection.post(body, delivery))
    connection.close()


async def _slow(port: int, beginning: bytes) -> float:
    """Begin a request and never end it; seconds until the service hung up."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(beginning)
    try:
        await asyncio.wait_for(reader.read(), 60)
    except (TimeoutError, OSError):
        return 60.0
    finally:
        writer.transport.abort()
    return time.monotonic() - began


async def _until(reached: Callable[[], bool], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not reached():
        if time.monotonic() > deadline:
            raise Unavailable("the service took no alerts: nothing was tested")
        await asyncio.sleep(0.01)


async def _count(service: Service, log: Acknowledged, told: Told) -> None:
    """Compare what was acknowledged with the disk, once what was put down is grouped, as far as it is not too much."""
    service.kill()
    if (left := await put_down(service)) <= _GROUPED:
        await service.start()
        await grouped(service)
        service.kill()
    else:
        told.notes.append(f"{left:,} of these still to be grouped")
    found = await settle(service)
    told.acknowledged = log.count
    told.stored = found.of(log)
    told.notes.append(f"integrity {found.integrity}")
    if found.integrity != "ok" or not log.count:
        told.failed = told.failed or "the database is damaged, or nothing was acknowledged"


def _body(name: str, size: int) -> bytes:
    """Some alerts that nobody else sends."""
    some = random.Random(name)
    hosts = [f"host-{some.randrange(40)}" for _ in range(size)]
    return json.dumps(
        [
            {
                "title": f"check {name}.{n} failed on {host}",
                "service": f"service-{some.randrange(12)}",
                "host": host,
                "fingerprint": f"{name}.{n}",
                "starts_at": "2026-01-01T12:00:00Z",
                "severity": some.choice(("critical", "error", "warning", "info")),
            }
            for n, host in enumerate(hosts)
        ]
    ).encode()

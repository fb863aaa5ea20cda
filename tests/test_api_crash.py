"""Pull the plug and count: what was acknowledged is on disk and in an incident. With a control that loses some."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from pathlib import Path

from engine.answering.register import Register
from engine.store.store import Store
from tests.live_server import Connection, new_key, serving, url_of

CLIENTS = 8
FLOOR = 100  # acknowledged alerts a round must have, else nothing was tested


@dataclass
class Log:
    """What clients were told: alert id -> incident id."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    sent: int = 0


def body_of(number: int, chance: random.Random) -> bytes:
    alerts = [
        {
            "title": f"check {number}.{part} failed on host {chance.randrange(40)}",
            "service": f"service-{chance.randrange(12)}",
            "host": f"host-{chance.randrange(40)}",
            "fingerprint": f"f{number}.{part}",
            "starts_at": "2026-01-01T12:00:00Z",
        }
        for part in range(chance.choice((1, 1, 1, 3)))
    ]
    return json.dumps(alerts).encode()


async def client(port: int, token: str, log: Log, chance: random.Random) -> None:
    connection = Connection(port, token)
    try:
        while True:
            log.sent += 1
            status, answer = await connection.post("/v1/alerts", body_of(chance.getrandbits(60), chance))
            if status == 202:
                log.acknowledged.update({r["alert_id"]: r["incident_id"] for r in json.loads(answer)["receipts"]})
    except (OSError, asyncio.IncompleteReadError):
        connection.close()  # the plug is pulled


def storm_and_kill(database: Path, token: str, mode: str, seed: int) -> dict[str, str]:
    """Post until the service is killed at a random moment; what was acknowledged."""
    chance, log = random.Random(seed), Log()

    async def storm(port: int) -> None:
        clients = [asyncio.create_task(client(port, token, log, random.Random(seed * 100 + n))) for n in range(CLIENTS)]
        while len(log.acknowledged) < FLOOR:
            await asyncio.sleep(0.01)
        await asyncio.sleep(chance.uniform(0.05, 1.0))
        await asyncio.to_thread(served.kill)
        await asyncio.gather(*clients)

    with serving(database, mode) as served:
        asyncio.run(asyncio.wait_for(storm(served.port), 120))
    return log.acknowledged


def stored(database: Path) -> dict[str, str]:
    """Alert id -> incident id, as a fresh process finds them."""
    store = Store(url_of(database))
    register = Register(store)
    try:
        found = register.incidents(limit=100_000)
        return {
            member.alert.id: incident.id
            for incident in found
            for member in register.members(incident.id, limit=1_000_000)
        }
    finally:
        store.close()


def test_no_acknowledged_alert_is_lost_to_kill_9(tmp_path: Path) -> None:
    database = tmp_path / "p.db"
    token = new_key(database)
    acknowledged: dict[str, str] = {}
    for seed in range(2):
        told = storm_and_kill(database, token, "durable", seed)
        assert len(told) >= FLOOR
        acknowledged |= told
    found = stored(database)
    lost = [alert_id for alert_id in acknowledged if alert_id not in found]
    assert lost == []
    assert all(acknowledged.values()), "an acknowledged alert is in an incident"


def test_the_test_can_fail_answering_before_writing_loses_alerts(tmp_path: Path) -> None:
    database = tmp_path / "p.db"
    told = storm_and_kill(database, new_key(database), "ack-first", 1)
    found = stored(database)
    assert len(told) >= FLOOR
    assert [alert_id for alert_id in told if alert_id not in found] != []

"""The plug is pulled on the service as it is served: SIGTERM, kill -9, power cuts, with a floor and a control.

`python -m api chaos` does the same for longer.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from api.chaos.disk import Disk
from api.chaos.faults import Told, power, run
from api.chaos.service import Acknowledged, Left, Service
from engine.errors import Unavailable

FLOOR = 100  # acknowledged alerts a storm must have, else nothing was tested
RELAXED = (
    "import sys; import engine.store.database as d; d._SYNCHRONOUS = 'NORMAL'; "
    "from api.server import run; run('127.0.0.1', int(sys.argv[-1]), 'error')"
)


class Relaxed(Service):
    """The control: the same service, which does not wait for its disk."""

    program = ("-c", RELAXED)


def cut(tmp_path: Path, kind: type[Service], seconds: float) -> Told:
    """One power cut under load; skipped where no disk can be mounted."""
    try:
        disk = Disk(tmp_path)
    except Unavailable as error:
        pytest.skip(str(error))
    service = kind(disk.folder / "data", disk)
    try:
        return asyncio.run(power(service, 1, seconds, random.Random(1)))
    finally:
        service.kill()
        disk.close()


@pytest.mark.parametrize("storm", ["stop", "kill"])
def test_nothing_acknowledged_is_lost_when_the_service_is_ended_under_load(tmp_path: Path, storm: str) -> None:
    told = asyncio.run(run(storm, tmp_path, rounds=1, seconds=1.0, seed=3))
    assert told.failed == ""
    assert told.acknowledged >= FLOOR
    assert told.lost == 0


def test_nothing_acknowledged_is_lost_to_a_power_cut(tmp_path: Path) -> None:
    told = cut(tmp_path, Service, 2.0)
    assert told.failed == ""
    assert told.acknowledged >= FLOOR
    assert told.lost == 0


def test_the_cut_can_take_alerts_a_service_that_does_not_wait_for_its_disk_loses_some(tmp_path: Path) -> None:
    told = cut(tmp_path, Relaxed, 2.0)
    assert told.acknowledged >= FLOOR
    assert told.lost > 0


def test_what_is_lost_is_counted_also_where_alerts_were_told_again() -> None:
    log = Acknowledged()
    for _ in range(3):
        log.note(202, b'{"receipts": [{"alert_id": "a"}, {"alert_id": "b"}]}')
    assert log.count == 6
    assert Left({"a": 5, "b": 3}, "ok").of(log) == 6
    assert Left({"a": 2}, "ok").of(log) == 2

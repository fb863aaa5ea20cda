"""Storms to several processes at once group as to one process. `python -m api chaos writers` does it for long."""

from __future__ import annotations

import random
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from api.chaos.storms import WAYS, sent, storm_of
from api.chaos.writers import run, serve
from engine.handling.live import Live

FLOOR = 100  # acknowledged alerts without which nothing was tested


def deaf(pipe: Connection) -> None:
    """The control: a process that does not hear what others were told."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Live, "_follow", lambda _self, correlator, _tx: correlator)
        serve(pipe)


def test_several_processes_group_as_one_does(tmp_path: Path) -> None:
    found = run(tmp_path, storms=1, seed=11, processes=(1, 2))
    assert found.storms == 2 * len(WAYS)
    assert found.acknowledged >= FLOOR
    assert found.kills == 2
    assert (found.lost, found.wrong) == (0, [])


def test_processes_that_do_not_hear_each_other_group_otherwise(tmp_path: Path) -> None:
    assert run(tmp_path, storms=1, seed=11, processes=(2,), work=deaf).wrong


def test_a_storm_is_the_same_for_a_seed_and_has_what_storms_have() -> None:
    for seed in range(20):
        storm = storm_of(seed)
        told = [alert for delivery in storm for alert in delivery.alerts]
        assert storm == storm_of(seed)
        assert len(told) > 10
        assert {one.status.value for one in told} == {"firing", "resolved"}
    assert storm_of(1) != storm_of(2)


@pytest.mark.parametrize("way", WAYS)
def test_every_delivery_is_sent_whatever_the_way(way: str) -> None:
    storm = storm_of(5)
    told = sent(storm, way, random.Random(1))
    assert {one.id for one in told} >= {one.id for one in storm}
    assert (len(told) > len(storm)) == (way == "duplicates")
    assert ([one.id for one in told] == [one.id for one in storm]) == (way == "kill")

"""The compiled way to decide against the slow one, pair by pair in plain Python: the same groups, the same scores."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.compiler import Compiler
from engine.correlate import Correlator, compiled, layout
from engine.correlate.profile import Member
from engine.correlate.state import State
from engine.domain import Alert, Edge
from tests.naive.correlate import counters
from tests.naive.grouping import SlowCorrelator
from training.correlate import GroupRow, Replay
from training.simulate import simulate
from training.worlds import draw


def grouped(correlator: Correlator, alerts: Sequence[Alert]) -> list[GroupRow]:
    replay = Replay(correlator)
    for one in alerts:
        replay.take(one)
    replay.revise()
    return replay.rows()


def compared(
    alerts: Sequence[Alert], edges: Sequence[Edge] = (), history: tuple[list[Alert], list[str]] | None = None
) -> int:
    """Group both ways, and hold one against the other; how many incidents there are."""
    fast, slow = Correlator(topology=edges), SlowCorrelator(topology=edges)
    for each in (fast, slow) if history is not None else ():
        each.fit(*history)
    ours, theirs = grouped(fast, alerts), grouped(slow, alerts)
    assert [(row.alert_id, row.incident_id, row.root_rank) for row in ours] == [
        (row.alert_id, row.incident_id, row.root_rank) for row in theirs
    ]
    assert [row.probability for row in ours] == pytest.approx([row.probability for row in theirs], abs=1e-9)
    return len({row.incident_id for row in ours})


@pytest.mark.parametrize("seed", [1, 3, 8])
def test_worlds_are_grouped_the_same(seed: int) -> None:
    world = draw(seed, 250)
    assert compared(world.alerts) > 10


def test_with_topology_and_history_too() -> None:
    world = draw(2, 300)
    assert compared(world.alerts[150:], world.edges, (world.alerts[:150], world.truth[:150])) > 5


def test_a_firm_is_grouped_the_same() -> None:
    firm = simulate(seed=5, days=14)
    assert compared(firm.alerts[:250], firm.edges) > 10


def test_every_question_has_the_same_rows_and_scores() -> None:
    world = draw(4, 260)
    fast, slow = Correlator(topology=world.edges), SlowCorrelator(topology=world.edges)
    for number, one in enumerate(world.alerts):
        found = [each.predict_one(one) for each in (fast, slow)]
        assert replace(found[0], evidence=(), probability=0.0, score=0.0, margin=0.0) == replace(
            found[1], evidence=(), probability=0.0, score=0.0, margin=0.0
        )
        assert found[0].score == pytest.approx(found[1].score, abs=1e-9)
        assert [(each.signal, each.detail) for each in found[0].evidence] == [
            (each.signal, each.detail) for each in found[1].evidence
        ]
        for each in (fast, slow):
            each.learn_one(one, found[0].incident_id or f"I{number}", alert_of=found[0].repeat_of)


def test_what_operators_taught_is_weighed_the_same() -> None:
    world = draw(6, 240)
    scores = []
    for each in (Correlator(), SlowCorrelator()):
        each.fit(world.alerts[:120], world.truth[:120])
        names = sorted({row.incident_id for row in grouped(each, world.alerts[120:200])} & each._profiles.open.keys())
        each.merge(names[0], names[1])
        each.correct(list(each._profiles.open[names[2]].members)[:1], names[3])
        assert each.lessons()
        scores.append([each.predict_one(one, explain=False).score for one in world.alerts[200:]])
    assert scores[0] == pytest.approx(scores[1], abs=1e-9)


def test_arrays_count_what_a_scan_of_the_members_finds() -> None:
    world = draw(7, 200)
    correlator = Correlator(keep_h=2.0)
    grouped(correlator, world.alerts)
    state = correlator._state
    for profile in correlator._profiles.open.values():
        wanted = counters(profile.members.values())
        begin, size = state.arrays.slots[profile.slot, [0, 1]].tolist()
        assert state.arrays.times[begin : begin + size].tolist() == wanted["times"]
        assert ids_in(state, profile.slot) == [member.row for member in profile.members.values()]
        assert state.arrays.spans[profile.slot, 0] == profile.last


def ids_in(state: State, slot: int) -> list[int]:
    """The rows of an incident's members, in their order."""
    found, row = [], int(state.arrays.slots[slot, layout.FIRST_MEMBER])
    while row >= 0:
        found.append(row)
        row = int(state.arrays.members[row, layout.AFTER])
    return found


def test_all_room_is_given_back_when_all_is_over() -> None:
    world = draw(9, 150)
    correlator = Correlator(keep_h=1.0)
    grouped(correlator, world.alerts)
    last = world.alerts[-1]
    late = replace(last, id="late", fingerprint="late", starts_at=last.starts_at + timedelta(days=1), title="late one")
    correlator.learn_one(late, "LATE")
    state, (only,) = correlator._state, correlator._profiles.open.values()
    assert list(state.open.values()) == [only]
    member: Member = only.members["late"]
    assert state.arrays.counters[layout.USED] == sum(
        (
            sum(name.startswith("label.") for name, _ in member.reading.fields), len(member.reading.fields),
            len(member.reading.things), len(member.reading.words), len(member.reading.kinds), 1,
        )
    ), "entries of the table"  # fmt: skip


def test_machine_code_is_made_anew_where_any_source_of_it_has_changed() -> None:
    home = Path(compiled.__file__).parent
    for name in compiled.COMPILED:
        for node in ast.walk(ast.parse((home / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("engine.correlate."):
                known = {*compiled.COMPILED, *compiled.CONSTANTS, "compiled"}
                assert (node.module or "").split(".")[2] in known, f"{name} takes what the digest does not cover"


def test_without_numba_the_same_is_decided() -> None:
    """In a process of its own, for what is compiled once stays so."""
    world = draw(1, 30)
    told = json.dumps([row.incident_id for row in grouped(Correlator(), world.alerts)])
    script = (
        "import json, sys; sys.modules['numba'] = None\n"
        "from engine.correlate import Correlator\n"
        "from tests.test_correlate_compiled import draw, grouped\n"
        "print(json.dumps([row.incident_id for row in grouped(Correlator(), draw(1, 30).alerts)]))"
    )
    home = Path(__file__).resolve().parent.parent
    run = [sys.executable, "-W", "error::RuntimeWarning", "-c", script]
    found = subprocess.run(run, capture_output=True, text=True, check=True, cwd=home)
    assert found.stdout.strip() == told


def test_compiling_is_due_until_there_is_code_of_these_very_sources(tmp_path: Path) -> None:
    (tmp_path / "loops.py").write_text("one = 1")

    def compiler() -> Compiler:
        found = Compiler("engine", ("loops",))
        found._home = tmp_path
        return found

    first = compiler()
    assert first.is_due
    assert first._kept_in is not None
    (first._kept_in / "some.nbc").write_bytes(b"")
    assert not compiler().is_due
    (tmp_path / "loops.py").write_text("one = 2")
    assert compiler().is_due

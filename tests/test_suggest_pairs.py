"""What people merged, accepted or called a duplicate becomes questions with right answers, in the order of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from engine.domain import Incident, Resolution
from engine.handling.correcting import Word
from engine.pathfinder import Pathfinder
from engine.store.store import Store
from engine.suggest.signals import COLUMNS
from tests.small_models import NOON, alert, moment, small_models
from training import archive, pairs
from training.archive import Snapshot
from training.evaluate import halves
from training.suggest_gate import Judged

START = datetime(2026, 1, 1, tzinfo=UTC)


def ended(number: int, day: int, fix: str = "", **more: str) -> Incident:
    opened = START + timedelta(days=day)
    return Incident(
        id=f"INC-{number}",
        opened_at=opened,
        closed_at=opened + timedelta(days=3),
        title=f"thing {number} fails",
        resolution=Resolution(text=fix or f"Replaced part number {number} of machine {number * 7}"),
        fields=more,
    )


def snapshot(incidents: list[Incident], merged: list[Incident], **accepted: set[str]) -> Snapshot:
    return Snapshot(
        until=START + timedelta(days=99),
        incidents=sorted(incidents, key=lambda one: one.known_from),
        alerts=[],
        incident_ids=[],
        edges=[],
        responders=[],
        series=[],
        events=[],
        accepted={key.replace("_", "-"): same for key, same in accepted.items()},
        merged=merged,
    )


def test_a_resolution_a_field_and_a_problem_record_name_duplicates() -> None:
    told = [
        ended(1, 0),
        ended(2, 1, "Closed as a duplicate of INC-1, see there"),
        ended(3, 2, **{"Duplicate of": "INC-1"}),
        ended(4, 3, problem_id="PRB7"),
        ended(5, 4, problem_id="PRB7"),
        ended(6, 5, "Not like INC-1 at all: replaced the fan"),
    ]
    assert pairs.duplicates(told) == {
        "INC-2": {"INC-1"}, "INC-3": {"INC-1"}, "INC-4": {"INC-5"}, "INC-5": {"INC-4"}
    }  # fmt: skip


def test_the_later_one_asks_for_the_earlier_one_which_is_known_from_its_opening() -> None:
    told = [ended(1, 0), ended(2, 10), ended(3, 11, "Duplicate of INC-2"), ended(4, 12)]
    merged = [
        Incident(
            id="INC-9",
            opened_at=START + timedelta(days=11),
            closed_at=START + timedelta(days=12),
            title="thing nine fails",
            merged_into="INC-2",
        )
    ]
    data = snapshot(told, merged, INC_4={"INC-1"})
    found = pairs.lessons(halves(data, 0.5), data)
    assert found.relevant == {"INC-4": {"INC-1"}, "INC-3": {"INC-2"}, "INC-9": {"INC-2"}}
    assert [one.id for one in found.asked] == ["INC-3", "INC-9", "INC-4"]
    assert found.timeless == {"INC-9"}
    known = {one.id: one.known_from for one in found.history}
    assert known["INC-2"] == told[1].opened_at
    assert known["INC-1"] == told[0].closed_at


def test_a_chain_of_merges_leads_to_the_incident_that_was_ended() -> None:
    whole = {"INC-1": ended(1, 0)}
    merged = [
        Incident(id="INC-2", opened_at=START, merged_into="INC-1"),
        Incident(id="INC-3", opened_at=START, merged_into="INC-2"),
        Incident(id="INC-4", opened_at=START, merged_into="INC-5"),
    ]
    found = pairs.merges(merged, whole)
    assert sorted(found) == ["INC-2", "INC-3"]
    assert found["INC-3"].resolution == whole["INC-1"].resolution


def test_where_both_were_open_together_time_teaches_nothing() -> None:
    group = Judged(np.ones((2, len(COLUMNS))), np.array([True, False]), without=np.ones((1, len(COLUMNS))))
    silent, whole = pairs.timed([group, group], [ended(1, 0), ended(2, 0)], frozenset({"INC-1"}))
    gaps = [name.startswith("gap_") for name in COLUMNS]
    assert silent.without is not None
    assert (silent.columns == 0).all(axis=0).tolist() == gaps == (silent.without == 0).all(axis=0).tolist()
    assert (whole.columns == 1).all()


def test_merges_by_operators_are_read_from_the_store(store: Store) -> None:
    engine = Pathfinder(store, small_models(), queue="desk")
    engine.start()
    engine.handle([alert("db", at=0), alert("web", at=2)])
    engine.merge(["INC-2"], "INC-1", Word(actor="ann", at=moment(600), reason="one switch"))
    engine.resolve("INC-1", Resolution(text="Replaced the switch"), moment(700))
    data = archive.read(store, NOON + timedelta(days=1))
    assert [(one.id, one.merged_into) for one in data.merged] == [("INC-2", "INC-1")]
    found = pairs.lessons(halves(data, 0.5), data)
    assert found.relevant == {"INC-2": {"INC-1"}}
    assert archive.read(store, moment(500)).merged == [], "what was merged later is not known yet"

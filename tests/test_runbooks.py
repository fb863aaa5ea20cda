"""Runbooks and opinions are on disk, and every process hears of them at its next question."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.domain import Edge, Incident, Resolution, Runbook
from engine.errors import NotFound
from engine.pathfinder import Pathfinder
from engine.ports import Models
from engine.store.store import Store
from engine.suggest import Recommender
from tests.small_models import NOON, small_models
from training import archive

PAGE = Runbook(id="disk", title="Disk full", url="https://wiki/disk", text="grow the volume", services=("db",))


def process(store: Store) -> Pathfinder:
    models = small_models()
    real = Models(
        version=models.version,
        correlator=models.correlator,
        recommender=Recommender(),
        router=models.router,
        router_is_fitted=models.router_is_fitted,
    )
    engine = Pathfinder(store, real, queue="desk")
    engine.start()
    return engine


def solved(engine: Pathfinder, title: str, fix: str) -> str:
    made = engine.report(Incident(id="", opened_at=NOON, title=title, service="db"))
    engine.resolve(made.id, Resolution(text=fix, resolver="dana"), NOON + timedelta(minutes=20))
    return made.id


def question(title: str = "disk full on db-2") -> Incident:
    return Incident(id="", opened_at=NOON, title=title, service="db")


def test_runbooks_are_kept_replaced_and_removed(store: Store) -> None:
    engine = process(store)
    engine.put_runbook(PAGE)
    assert process(store).runbooks() == [PAGE]
    engine.put_runbook(Runbook(id="disk", title="Full disk"))
    assert [page.title for page in engine.runbooks()] == ["Full disk"]
    engine.delete_runbook("disk")
    assert engine.runbooks() == []
    with pytest.raises(NotFound):
        engine.delete_runbook("disk")


def test_a_triage_of_another_process_shows_them(store: Store) -> None:
    engine, other = process(store), process(store)
    engine.put_runbook(PAGE)
    shown = other.triage_text(question(), NOON + timedelta(days=1)).suggestions.runbooks
    assert [advice.runbook for advice in shown] == [PAGE]


def test_an_opinion_lowers_a_fix_everywhere_and_survives_a_restart(store: Store) -> None:
    engine, other = process(store), process(store)
    old = solved(engine, "disk full on db-1", "Grew the volume by 5 GB with lvextend")
    new = engine.report(question())
    later = NOON + timedelta(days=1)
    before = other.triage(new.id, later).suggestions
    engine.note_tried(new.id, old, False, later, "kim")
    assert [event.kind for event in engine.timeline(new.id)] == ["opened", "fix tried"]
    for asked in (engine, other, process(store)):
        after = asked.triage(new.id, later).suggestions
        assert (after.fixes[0].used, after.fixes[0].helped) == (2, 1)
        assert after.fixes[0].score < before.fixes[0].score
    with pytest.raises(NotFound):
        engine.note_tried(new.id, "INC-99", True, later)


def test_the_topology_is_known_to_the_recommender(store: Store) -> None:
    engine = process(store)
    edges = [Edge(source="web", target="db")]
    engine.replace_topology(edges)
    engine.triage_text(question(), NOON)
    recommender = engine.experience.models.recommender
    assert isinstance(recommender, Recommender)
    assert list(recommender.topology) == edges


def test_accepted_fixes_are_pairs_to_learn_from(store: Store) -> None:
    engine = process(store)
    one, other = (solved(engine, f"disk full on db-{n}", "Grew the volume by 5 GB with lvextend") for n in (1, 2))
    new, later = engine.report(question()), NOON + timedelta(days=1)
    engine.note_tried(new.id, one, True, later)
    engine.note_tried(new.id, other, False, later)
    assert archive.read(store, later + timedelta(hours=1)).accepted == {new.id: {one}}
    assert archive.read(store, later).accepted == {}, "what was said later is not known yet"

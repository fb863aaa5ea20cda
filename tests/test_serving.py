"""A model version is served whole or not at all, and another one takes its place without a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import bundle, serving
from engine.correlate import Correlator
from engine.domain import Incident, ModelPart, Resolution
from engine.errors import ModelUnusable
from engine.pathfinder import Pathfinder
from engine.route import Router
from engine.settings import Settings
from engine.store import pointer
from engine.suggest import Recommender
from tests.small_models import NOON, alert, moment


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database_url=f"sqlite:///{tmp_path / 'pathfinder.db'}",
        models_dir=tmp_path / "models",
        cache_dir=tmp_path / "cache",
        encoder_enabled=False,
        queue="desk",
    )


def write_version(settings: Settings, version: str) -> None:
    past = [
        Incident(
            id=f"T{n}", opened_at=moment(n), title="disk full", service="db", resolution=Resolution(resolver="ann")
        )
        for n in range(3)
    ]
    parts = {
        serving.CORRELATE: Correlator().to_part(),
        serving.SUGGEST: Recommender().to_part(),
        serving.ROUTE: Router(queue="elsewhere").fit(past).to_part(),
    }
    bundle.save(bundle.Bundle(version=version, parts=parts), settings.models_dir)


def point(engine: Pathfinder, version: str, expected: str) -> None:
    with engine.store.write() as tx:
        pointer.move(tx, version, expected=expected)


def test_an_engine_without_any_retrain_answers(settings: Settings) -> None:
    engine = Pathfinder.open(settings)
    assert engine.handle([alert("db")])[0].incident_id == "INC-1"
    answer = engine.triage("INC-1", moment(5))
    assert (answer.model_version, answer.routing.queue) == ("", "desk")
    assert not engine.refresh()
    engine.close()


def test_a_promoted_version_takes_over_and_keeps_the_open_incidents(settings: Settings) -> None:
    engine = Pathfinder.open(settings)
    engine.handle([alert("db", "db down", at=0)])
    write_version(settings, "v1")
    point(engine, "v1", "")
    assert engine.refresh()
    assert not engine.refresh()
    assert engine.health().model_version == "v1"
    [receipt] = engine.handle([alert("db", "db down", at=0)])
    assert (receipt.incident_id, receipt.outcome) == ("INC-1", "repeat")
    assert engine.triage("INC-1", moment(5)).routing.queue == "desk"
    engine.close()
    again = Pathfinder.open(settings)
    assert again.health().model_version == "v1"
    again.close()


def test_a_damaged_version_leaves_the_one_before_in_service(settings: Settings) -> None:
    engine = Pathfinder.open(settings)
    write_version(settings, "v1")
    point(engine, "v1", "")
    engine.refresh()
    write_version(settings, "v2")
    file = settings.models_dir / "v2" / "route.json"
    file.write_bytes(file.read_bytes()[:-1] + b" ")
    point(engine, "v2", "v1")
    engine.refresh()
    health = engine.health()
    assert health.model_version == "v1"
    assert "v2" in health.note
    assert not engine.refresh()
    with engine.store.write() as tx:
        pointer.roll_back(tx)
    engine.refresh()
    assert engine.health().model_version == "v1"
    engine.close()


def test_a_part_of_another_form_is_refused_with_its_version(settings: Settings) -> None:
    part = ModelPart(data={"something": 1})
    for name in (serving.CORRELATE, serving.SUGGEST, serving.ROUTE):
        bundle.save(bundle.Bundle(version=f"bad-{name}", parts={name: part}), settings.models_dir)
        with pytest.raises(ModelUnusable, match="retrain"):
            serving.load(f"bad-{name}", settings)


def test_knowledge_survives_a_restart(settings: Settings) -> None:
    engine = Pathfinder.open(settings)
    engine.handle([alert("db", "disk of db full", at=0)])
    engine.resolve("INC-1", Resolution(text="purged the logs", resolver="ann"), moment(60))
    engine.close()
    engine = Pathfinder.open(settings)
    asked = Incident(id="", opened_at=NOON, title="disk of db full", service="db")
    answer = engine.triage_text(asked, moment(120))
    assert [one.incident.id for one in answer.suggestions.items] == ["INC-1"]
    assert [one.responder for one in answer.routing.candidates] == ["ann"]
    engine.close()

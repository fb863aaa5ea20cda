"""A retrain on the firm's past: judged on held-out time, gated, written whole, put in service; a demo out of it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import bundle
from engine.answering.register import Register
from engine.domain import IncidentStatus
from engine.errors import Conflict, InvalidInput
from engine.pathfinder import Pathfinder
from engine.settings import Settings
from engine.store import pointer
from engine.store.store import Store
from training import archive, retrain, seed
from training.evaluate import Verdict, halves, judge_route
from training.progress import quiet
from training.simulate import Firm, Plan, simulate

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def firm() -> Firm:
    return simulate(plan=Plan(seed=3, days=42, services=6, metric_step_minutes=60, timezone="Europe/Amsterdam"))


@pytest.fixture(scope="module")
def filled(firm: Firm, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, seed.Storm]:
    """A database with the firm's past, made once and copied for each test."""
    path = tmp_path_factory.mktemp("filled") / "p.db"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    storm = seed.fill(Register(store), firm, NOW, quiet)
    store.close()
    return path, storm


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database_url=f"sqlite:///{tmp_path / 'p.db'}",
        models_dir=tmp_path / "models",
        encoder_enabled=False,
        timezone="Europe/Amsterdam",
    )


@pytest.fixture
def store(settings: Settings, filled: tuple[Path, seed.Storm], tmp_path: Path) -> Iterator[Store]:
    shutil.copy(filled[0], tmp_path / "p.db")
    store = Store(settings.database_url)
    yield store
    store.close()


@pytest.fixture
def storm(filled: tuple[Path, seed.Storm]) -> seed.Storm:
    return filled[1]


def active(store: Store) -> str:
    with store.read() as link:
        return pointer.active(link).version


def test_a_storm_meets_a_past_that_was_learned(
    firm: Firm, store: Store, storm: seed.Storm, settings: Settings, tmp_path: Path
) -> None:
    outcome = retrain.retrain(store, settings, NOW, quiet, force=True)
    pathfinder = Pathfinder.open(settings)
    opened = seed.replay(pathfinder, storm, quiet)
    assert active(store) == outcome.version == pathfinder.health().model_version
    assert 1 <= opened < len(storm.alerts)
    biggest = max(pathfinder.incidents(status=IncidentStatus.OPEN), key=lambda one: len(pathfinder.members(one.id)))
    triage = pathfinder.triage(biggest.id, NOW)
    assert triage.suggestions.items
    assert triage.routing.candidates
    assert {one.id for one in firm.responders} & {one.responder for one in triage.routing.candidates}
    key = seed.demo_key(pathfinder, tmp_path / "demo-key", NOW)
    assert seed.demo_key(pathfinder, tmp_path / "demo-key", NOW) == key
    assert (tmp_path / "demo-key").stat().st_mode & 0o077 == 0


def test_the_friday_load_is_known_after_a_retrain(firm: Firm, store: Store, settings: Settings) -> None:
    retrain.retrain(store, settings, NOW, quiet)
    weekly = [one for one in firm.rhythms if one["kind"] == "weekly"]
    known = {(one.pattern.host, one.pattern.metric) for one in Register(store).patterns()}
    assert weekly
    assert {(one["host"], one["metric"]) for one in weekly} & known


def test_judging_changes_nothing(store: Store, settings: Settings) -> None:
    verdicts = retrain.evaluate(store, settings, NOW, quiet)
    assert [one.part for one in verdicts] == ["correlate", "suggest", "route", "patterns"]
    assert active(store) == ""
    assert not settings.models_dir.exists()
    assert Register(store).patterns() == []


def test_nothing_after_the_moment_is_read(store: Store) -> None:
    until = NOW - timedelta(days=20)
    data = archive.read(store, until)
    assert data.incidents
    assert max(one.known_from for one in data.incidents) < until
    assert max(alert.received_at for alert in data.alerts) < until
    assert max(int(one.ts[-1]) for one in data.series if len(one.ts)) < until.timestamp()
    cut = halves(data)
    assert (
        max(one.known_from for one in cut.past.incidents) < cut.cut <= min(one.opened_at for one in cut.later_incidents)
    )


def test_an_empty_store_says_what_to_do(settings: Settings) -> None:
    store = Store(settings.database_url)
    store.migrate()
    with pytest.raises(InvalidInput, match="import"):
        retrain.retrain(store, settings, NOW, quiet)


def test_a_version_can_be_taken_back(store: Store, settings: Settings) -> None:
    first = retrain.retrain(store, settings, NOW - timedelta(days=1), quiet).version
    second = retrain.retrain(store, settings, NOW, quiet).version
    assert active(store) == second
    with store.write() as tx:
        pointer.roll_back(tx)
    assert active(store) == first
    assert bundle.load(first, settings.models_dir).facts["until"].startswith("2026-11-22")
    with pytest.raises(Conflict):
        retrain.retrain(store, settings, NOW, quiet)


@pytest.mark.parametrize(
    ("questions", "candidate", "serving", "baseline", "passes"),
    [(100, 0.8, 0.7, 0.6, True), (100, 0.6, 0.7, 0.5, False), (100, 0.6, 0.5, 0.7, False), (5, 0.9, 0.1, 0.1, False)],
)
def test_the_gate(questions: int, candidate: float, serving: float, baseline: float, passes: bool) -> None:
    verdict = Verdict(
        part="route", measure="m", questions=questions, candidate=candidate, serving=serving, baseline=baseline,
        baseline_name="b",
    )  # fmt: skip
    assert verdict.passes is passes


def test_a_router_taught_rubbish_does_not_pass(store: Store) -> None:
    cut = halves(archive.read(store, NOW))
    honest = retrain.Router().fit(cut.past.incidents)
    fixes = [one.resolution for one in cut.past.incidents]
    random.Random(0).shuffle(fixes)
    shuffled = [replace(one, resolution=fix) for one, fix in zip(cut.past.incidents, fixes, strict=True)]
    rubbish = retrain.Router().fit(shuffled)
    assert judge_route(cut, honest, retrain.Router()).passes
    assert not judge_route(cut, rubbish, honest).passes

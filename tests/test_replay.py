"""Replay: what another model or other settings would have made of history, told in numbers, examples and a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from engine import bundle
from engine.correlate import Correlator
from engine.domain import Alert, AlertStatus, Resolution, alert_id_of, fingerprint_of
from engine.errors import InvalidInput, PathfinderError
from engine.store import incidents as incident_rows
from engine.store.store import Store
from training import archive, replay
from training.__main__ import app
from training.firm.export import alert_line
from training.replay import Recorded, compare, correlator, read_settings, regroup
from training.worlds import World, draw

START = datetime(2026, 3, 2, 3, tzinfo=UTC)
ALWAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def alert(seconds: float, service: str, title: str = "slow", **more: Any) -> Alert:
    at = START + timedelta(seconds=seconds)
    fingerprint = fingerprint_of("prom", title, service, "", {})
    made = Alert(
        id=alert_id_of("prom", fingerprint, at), source="prom", title=title, service=service, starts_at=at,
        received_at=at, fingerprint=fingerprint,
    )  # fmt: skip
    return replace(made, **more)


@pytest.fixture(scope="module")
def world() -> World:
    return draw(4, 200)


def recorded(world: World) -> Recorded:
    return Recorded(alerts=world.alerts, placed=world.truth, confirmed=world.truth, edges=world.edges)


def run(folder: Path, *words: str) -> Result:
    own = {"PATHFINDER_DATABASE_URL": f"sqlite:///{folder / 'p.db'}", "PATHFINDER_MODELS_DIR": str(folder / "models")}
    return CliRunner().invoke(app, ["replay", *words, "--out", str(folder / "replay.json")], env=own)


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "replay.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def file(world: World, tmp_path: Path) -> Path:
    path = tmp_path / "alerts.jsonl"
    lines = (json.dumps(alert_line(each, name)) for each, name in zip(world.alerts, world.truth, strict=True))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def database(world: World, tmp_path: Path) -> Iterator[Store]:
    """The same alerts in the database, one incident closed by a person who said what fixed it."""
    store = Store(f"sqlite:///{tmp_path / 'p.db'}")
    store.migrate()
    names = {each.id: f"INC-{name}" for each, name in zip(world.alerts, world.truth, strict=True)}
    archive.save_alerts(store, world.alerts, names)
    with store.write() as tx:
        incident_rows.set_resolution(tx, names[world.alerts[0].id], Resolution(text="restarted it", resolver="dana"))
    yield store
    store.close()


def test_settings_are_read_by_their_names() -> None:
    found = read_settings(["max_candidates=5", "repair.horizon_s=60"])
    assert found["max_candidates"] == 5
    assert found["repair"].horizon_s == 60.0
    made = correlator(None, [], found)
    assert (made.max_candidates, made.repair.horizon_s) == (5, 60.0)


@pytest.mark.parametrize(
    ("word", "said"), [("colour=1", "no setting colour: there are keep_h"), ("keep_h=long", "keep_h needs a number")]
)
def test_a_setting_that_cannot_be_is_refused_and_the_error_says_what_can(word: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_settings([word])


def test_the_settings_of_a_model_give_way_to_those_asked_for(world: World) -> None:
    part = Correlator(keep_h=7.0).fit(world.alerts, world.truth).to_part()
    assert correlator(part, [], {}).keep_h == 7.0
    assert correlator(part, [], {"keep_h": 2.0}).keep_h == 2.0


def test_the_same_model_changes_nothing(world: World) -> None:
    told = recorded(world)
    once, again = (regroup(told, correlator(None, told.edges, {})) for _ in range(2))
    found = compare(told, once, again)
    assert (found.pages_saved, found.same_company, found.merged, found.split) == (0, 1.0, [], [])


def test_pages_splits_and_merges_are_told_with_their_largest_parts() -> None:
    alerts = [alert(n, f"s{n}") for n in range(8)]
    told = Recorded(alerts=alerts, placed=[], confirmed=["x"] * 4 + [""] * 4)
    found = compare(told, list("aaaabcdd"), list("eeffgggg"))
    assert found.pages_saved == 4 - 3
    assert [(one.incident_id, one.parts) for one in found.split] == [("a", [("e", 2), ("f", 2)])]
    assert [(one.incident_id, one.parts) for one in found.merged] == [("g", [("d", 2), ("b", 1), ("c", 1)])]
    assert found.split[0].title == "slow"
    assert (found.confirmed, found.before.sizes["2-5"], found.after.sizes["2-5"]) == (4, 2, 3)
    assert found.before.quality is not None
    assert found.after.quality is not None
    assert found.before.quality["bcubed_f1"] == 1.0
    assert found.after.quality["bcubed_r"] == 0.5
    assert found.before.by_day == {"2026-03-02": 4}


def test_nothing_confirmed_is_no_quality() -> None:
    found = compare(Recorded(alerts=[alert(0, "a")], placed=[""], confirmed=[""]), ["1"], ["2"])
    assert (found.before.quality, found.after.quality, found.same_company) == (None, None, 1.0)


def test_an_incident_whose_alerts_have_all_ended_takes_no_more_where_the_service_closes_it() -> None:
    first = alert(0, "orders-db", "disk full on orders-db")
    end = replace(first, status=AlertStatus.RESOLVED, ends_at=START + timedelta(seconds=5))
    later = alert(8, "orders-db", "orders-db refuses writes")
    grouped = {}
    for closes in (False, True):
        told = Recorded(alerts=[first, end, later], placed=[""] * 3, confirmed=[""] * 3, closes=closes)
        groups = regroup(told, Correlator())
        grouped[closes] = groups[0] == groups[2]
        assert groups[0] == groups[1]
    assert grouped == {False: True, True: False}


def test_a_file_is_replayed_with_other_settings(file: Path, tmp_path: Path) -> None:
    done = run(tmp_path, str(file), "--set", "keep_h=0.01")
    assert done.exit_code == 0, done.output
    found = told(tmp_path)
    assert found["sides"] == {"before": "shipped", "after": "shipped keep_h=0.01"}
    assert found["pages_saved"] < 0
    assert found["after"]["incidents"] - found["before"]["incidents"] == -found["pages_saved"]
    assert found["confirmed"] == found["alerts"] > 100
    assert 0 < found["after"]["quality"]["bcubed_f1"] <= 1
    assert found["split"]
    assert (tmp_path / "replay.png").read_bytes()[:4] == b"\x89PNG"
    assert "pages more" in done.output


def test_a_version_is_replayed_over_a_file_by_its_folder(file: Path, world: World, tmp_path: Path) -> None:
    part = Correlator(topology=world.edges).fit(world.alerts, world.truth).to_part()
    facts = {"until": "2026-12-01T00:00:00+00:00"}
    version = bundle.save(bundle.Bundle(version="20260401-0", parts={"correlate": part}, facts=facts), tmp_path / "m")
    done = run(tmp_path, str(file), "--model", str(version))
    assert done.exit_code == 0, done.output
    assert told(tmp_path)["sides"]["after"] == str(version)
    assert "has learned until" in done.output


def test_stored_history_is_replayed_beside_what_was_stored(database: Store, world: World, tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.exit_code == 0, done.output
    found = told(tmp_path)
    assert found["sides"]["before"] == "as stored"
    assert found["before"]["incidents"] == len(set(world.truth))
    assert found["before"]["quality"] is None
    kept = replay.from_store(database, *ALWAYS)
    assert {each.id for each in kept.alerts} >= {
        alert_id_of(each.source, each.fingerprint, each.starts_at) for each in world.alerts
    }
    assert set(kept.confirmed) == {"", f"INC-{world.truth[0]}"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "nope", "--set", "keep_h=2"], "there are shipped"),
        ([], "no alert is stored"),
        (["FILE"], "both sides are the same"),
        (["FILE", "--since", "2026-01-01T00:00:00Z", "--set", "keep_h=2"], "are for the database"),
        (["missing.jsonl", "--set", "keep_h=2"], "missing.jsonl"),
    ],
)
def test_errors_say_what_to_do_next(words: list[str], said: str, file: Path, tmp_path: Path) -> None:
    if "nope" in words:
        words = [str(file), *words]
    done = run(tmp_path, *(str(file) if word == "FILE" else word for word in words))
    assert isinstance(done.exception, PathfinderError)
    assert said in str(done.exception)

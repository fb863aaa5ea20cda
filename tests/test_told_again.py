"""What is told over and over takes short ways: each must give what the long way gives."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Alert, AlertStatus, Severity
from engine.handling.grouping import Grouping
from engine.handling.keeping import Keeper
from engine.lazy import lazy
from engine.pathfinder import Pathfinder
from engine.redaction import redact_alert
from engine.sources.alertmanager import Alertmanager, read_alert
from engine.store import migrations
from engine.store.rows import storable_alert
from engine.store.store import Store
from tests.conftest import homes, sqlite_url
from tests.small_models import alert, small_models

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCALARS = st.one_of(
    st.sampled_from(["a", "1", "true", "", " a ", "a\x00b"]), st.booleans(), st.integers(-2, 2), st.floats(0, 1)
)
TABLES = st.dictionaries(st.sampled_from(["alertname", "service", "severity", "n"]), SCALARS, max_size=4)
TIMES = st.sampled_from(["2026-01-01T11:00:00Z", "2026-01-01T13:00:00Z", "2030-01-01T00:00:00Z", 1767265200, True, ""])


@given(TABLES, TABLES, TIMES, st.sampled_from([None, "firing", "resolved"]), TIMES)
def test_an_entry_told_again_is_read_as_if_for_the_first_time(
    labels: dict[str, Any], notes: dict[str, Any], begins: Any, status: str | None, ends: Any
) -> None:
    notes = {**notes, "summary": "it fails"}
    entry = {"labels": labels, "annotations": notes, "startsAt": begins, "endsAt": ends}
    entry |= {"status": status} if status else {}
    for after_s in (0, 60, 4000):
        at = NOON + timedelta(seconds=after_s)
        told = Alertmanager().parse([deepcopy(entry)], at)
        if told.alerts:
            assert told.alerts[0] == read_alert(deepcopy(entry), "alertmanager", at)


TEXTS = st.sampled_from(
    ["disk full", "password=hunter2", "a\x1fb", "a", "b\x1fpass", "word=hunter2", "dana@example.com", "\ud800x", ""]
)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=6))
def test_what_was_clean_once_is_the_same_again_and_nothing_else_is_taken_for_it(
    told: list[tuple[str, str, str]],
) -> None:
    keeper = Keeper()
    for title, description, value in told * 2:
        one = replace(alert("db"), title=title, description=description, labels={"k": value})
        assert keeper.keepable(one) == redact_alert(storable_alert(one))


def test_a_repeat_told_the_short_way_leaves_what_the_long_way_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Alert(id="a", source="s", title="t", fingerprint="f", starts_at=NOON, received_at=NOON, service="db")
    other = replace(first, id="b", fingerprint="g", title="u")
    later = [replace(first, received_at=NOON + timedelta(seconds=n)) for n in (5, 3, 9)]
    worse = replace(first, severity=Severity.CRITICAL, received_at=NOON + timedelta(seconds=10))
    over = replace(first, status=AlertStatus.RESOLVED, ends_at=NOON + timedelta(seconds=30))
    again = replace(first, id="c", starts_at=NOON + timedelta(hours=3), received_at=NOON + timedelta(hours=3))
    storm = [first, other, *later, worse, first, over, over, later[0], again, again, first, other]
    left = []
    for name in ("short", "long"):
        (tmp_path / name).mkdir()
        if name == "long":
            monkeypatch.setattr(Grouping, "_is_nothing_new", lambda *_: False)
        engine = Pathfinder(Store(sqlite_url(tmp_path / name)), small_models())
        engine.start()
        told = [engine.handle([one])[0] for one in storm]
        members = [engine.members(one.id) for one in engine.incidents(limit=100)]
        left.append(([(one.alert_id, one.incident_id, one.outcome) for one in told], members))
        engine.close()
    assert left[0] == left[1]
    assert homes(sqlite_url(tmp_path / "short")).keys() == {"a", "b", "c"}


def test_a_lazy_module_is_the_module_at_its_first_use() -> None:
    fractions = lazy("fractions")
    assert fractions.Fraction(1, 2) + fractions.Fraction(1, 2) == 1
    with pytest.raises(ModuleNotFoundError):
        assert lazy("no_such_module_here").anything


def test_files_of_migrations_are_named_after_their_revisions(tmp_path: Path) -> None:
    """A start compares these names with the database instead of reading all migrations."""
    store = Store(sqlite_url(tmp_path))
    migrations.downgrade(store.database, "0003")
    store.migrate()
    migrations.check(store.database)
    store.migrate()
    for file in (Path(migrations.__file__).parent / "versions").glob("[0-9]*.py"):
        assert f'revision = "{file.name[:4]}"' in file.read_text(encoding="utf-8")

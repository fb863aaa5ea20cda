"""Copies of a database in use: whole, at one moment; restored, they serve as the original did."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.domain import Alert
from engine.errors import Conflict, InvalidInput, Unavailable
from engine.pathfinder import Pathfinder
from engine.store import snapshot
from engine.store.store import Store
from tests.conftest import homes, sqlite_url
from tests.small_models import small_models

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def alert(number: int) -> Alert:
    return Alert(
        id=f"a{number}",
        source="test",
        title=f"check {number}",
        service="db",
        starts_at=NOON,
        received_at=NOON,
        fingerprint=f"f{number}",
    )


@pytest.fixture
def engine(tmp_path: Path) -> Pathfinder:
    engine = Pathfinder(Store(sqlite_url(tmp_path)), small_models())
    engine.start()
    engine.handle([alert(number) for number in range(50)])
    return engine


def test_a_snapshot_holds_what_was_acknowledged_and_serves_on(engine: Pathfinder, tmp_path: Path) -> None:
    url = engine.store.database.url
    copy = tmp_path / "copy.db"
    assert snapshot.take(url, copy) > 0
    engine.handle([alert(50)])
    restored = f"sqlite:///{tmp_path / 'elsewhere' / 'p.db'}"
    snapshot.restore(copy, restored)
    assert homes(restored) == {key: home for key, home in homes(url).items() if key != "a50"}
    again = Pathfinder(Store(restored), small_models())
    again.start()
    assert [one.outcome for one in again.handle([alert(number) for number in range(51)])][:50] == ["repeat"] * 50
    assert len(homes(restored)) == 51


def test_the_control_a_copy_of_the_file_alone_lacks_what_the_log_holds(engine: Pathfinder, tmp_path: Path) -> None:
    source = Path(engine.store.database.url.removeprefix("sqlite:///"))
    shutil.copyfile(source, tmp_path / "plain.db")
    with closing(sqlite3.connect(tmp_path / "plain.db")) as link:
        names = {row[0] for row in link.execute("SELECT name FROM sqlite_master")}
        count = link.execute("SELECT count(*) FROM alerts").fetchone()[0] if "alerts" in names else 0
    assert count < 50


def test_a_snapshot_is_taken_while_somebody_writes(engine: Pathfinder, tmp_path: Path) -> None:
    with engine.store.write() as tx:
        tx.next_arrival()
        snapshot.take(engine.store.database.url, tmp_path / "copy.db")
    assert len(homes(f"sqlite:///{tmp_path / 'copy.db'}")) == 50


def test_nothing_is_written_over(engine: Pathfinder, tmp_path: Path) -> None:
    url, copy = engine.store.database.url, tmp_path / "copy.db"
    snapshot.take(url, copy)
    with pytest.raises(Conflict):
        snapshot.take(url, copy)
    with pytest.raises(Conflict):
        snapshot.restore(copy, url)


@pytest.mark.parametrize("content", [b"", b"not a database" * 500, b"SQLite format 3\x00" + b"\x00" * 4000])
def test_what_is_no_whole_database_is_not_restored(tmp_path: Path, content: bytes) -> None:
    bad, target = tmp_path / "bad.db", tmp_path / "p.db"
    bad.write_bytes(content)
    with pytest.raises((InvalidInput, Unavailable)):
        snapshot.restore(bad, f"sqlite:///{target}")
    assert list(tmp_path.iterdir()) == [bad], "nothing is left behind"


def test_a_flipped_page_is_found(engine: Pathfinder, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    snapshot.take(engine.store.database.url, copy)
    whole = bytearray(copy.read_bytes())
    whole[4096 * 3 : 4096 * 6] = b"\xff" * 4096 * 3
    copy.write_bytes(whole)
    with pytest.raises((InvalidInput, Unavailable)):
        snapshot.restore(copy, f"sqlite:///{tmp_path / 'p.db'}")


def test_other_databases_are_told_how_to_do_it() -> None:
    with pytest.raises(InvalidInput, match="pg_dump"):
        snapshot.take("postgresql+psycopg://u@h/n", Path("x"))

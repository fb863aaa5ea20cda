"""The store keeps what it is given, refuses what it cannot keep, and says so in time."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.util import CommandError
from sqlalchemy import text

from engine.domain import Edge, Evidence, Incident, IncidentStatus, Membership, Resolution
from engine.errors import Conflict, InvalidInput, NotFound, Unavailable
from engine.store import alerts, incidents, migrations, pointer, reference
from engine.store.columns import to_json
from engine.store.database import Write, revision_of
from engine.store.records import Event, IncidentRecord, Origin, StoredAlert
from engine.store.store import Store
from tests.conftest import sqlite_url
from tests.small_models import NOON, alert, moment


def put(tx: Write, incident_id: str = "INC-1", opened: float = 0.0, **changes: object) -> IncidentRecord:
    incident = Incident(id=incident_id, opened_at=moment(opened), title="db down", **changes)  # type: ignore[arg-type]
    record = IncidentRecord(incident=incident)
    incidents.save(tx, [record])
    return record


def member(number: int = 0, incident_id: str = "INC-1", **changes: object) -> StoredAlert:
    one = alert(f"svc-{number}", at=float(number), **changes)  # type: ignore[arg-type]
    evidence = (Evidence(signal="same host", weight=1.25, detail="db-1"),)
    place = Membership(alert=one, incident_id=incident_id, probability=0.75, score=1.25, evidence=evidence, repeats=2)
    return StoredAlert(membership=place, arrival=number + 1)


def test_an_incident_and_its_alerts_come_back_as_they_went(store: Store) -> None:
    fields = {"customer": "Ünïted 数据"}
    with store.write() as tx:
        record = put(tx, closed_at=moment(60), status=IncidentStatus.RESOLVED, fields=fields, category="storage")
        record.roots, record.alerts, record.acknowledged_at = (("a", 0.5), ("b", 0.25)), 2, moment(30)
        incidents.save(tx, [record])
        stored = member(labels={"alertname": "Down", "ü": "é"}, resolved=True)
        alerts.save(tx, [stored])
    with store.read() as link:
        assert incidents.by_id(link, "INC-1") == record
        assert alerts.of_incident(link, "INC-1", 10) == [stored]


def test_moments_come_back_in_utc_whatever_zone_they_had(store: Store) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    with store.write() as tx:
        incidents.save(
            tx, [IncidentRecord(incident=Incident(id="a", opened_at=NOON), detected_at=NOON.astimezone(east))]
        )
    with store.read() as link:
        detected = incidents.by_id(link, "a").detected_at
    assert detected == NOON
    assert detected is not None
    assert detected.utcoffset() == timedelta(0)


def test_a_naive_moment_is_refused(store: Store) -> None:
    with pytest.raises(InvalidInput), store.write() as tx:
        record = put(tx)
        record.detected_at = datetime(2026, 1, 1)  # noqa: DTZ001 - the point
        incidents.save(tx, [record])
    with store.read() as link, pytest.raises(NotFound):
        incidents.by_id(link, "INC-1")


@pytest.mark.parametrize(
    "nasty", ["a\x00b", "lone \ud800 half", "\udfff\x00", "{{7*7}} '; DROP TABLE alerts; --", "\u202e"]
)
def test_no_text_breaks_a_batch(store: Store, nasty: str) -> None:
    with store.write() as tx:
        put(tx, description=nasty, fields={nasty: nasty})
        alerts.save(tx, [member(0, labels={nasty: nasty}), member(1)])
        incidents.add_events(tx, [Event(incident_id="INC-1", at=NOON, kind="edited", detail={"text": nasty})])
    with store.read() as link:
        assert len(alerts.of_incident(link, "INC-1", 10)) == 2
        kept = incidents.by_id(link, "INC-1").incident.description
        assert kept == incidents.timeline(link, "INC-1")[0].detail["text"]
        assert "\x00" not in kept
        kept.encode()


def test_numbers_that_json_cannot_hold_become_null() -> None:
    assert to_json([float("nan"), float("inf"), 1.5]) == "[null,null,1.5]"


def test_text_that_only_looks_like_an_escape_is_kept() -> None:
    assert to_json(["\\u0000"]) == '["\\\\u0000"]'


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as tx:
        put(tx)
        raise RuntimeError
    with store.read() as link, pytest.raises(NotFound):
        incidents.by_id(link, "INC-1")


def test_every_write_takes_the_next_revision_and_a_failed_one_gives_it_back(store: Store) -> None:
    with store.write() as first:
        pass
    with pytest.raises(RuntimeError), store.write():
        raise RuntimeError
    with store.write() as second:
        assert second.next_incident_id() == "INC-1"
    with store.write() as third:
        assert third.next_incident_id() == "INC-2"
    assert (second.revision, third.revision) == (first.revision + 1, first.revision + 2)
    with store.read() as link:
        assert revision_of(link) == third.revision


def test_an_alert_needs_its_incident(store: Store) -> None:
    with pytest.raises(InvalidInput), store.write() as tx:
        alerts.save(tx, [member(incident_id="INC-404")])


def test_pages_follow_each_other_without_gap_or_overlap(store: Store) -> None:
    with store.write() as tx:
        for number in range(7):
            put(tx, f"INC-{number}", opened=float(number // 3), service="db" if number % 2 else "web")
    seen: list[str] = []
    before = None
    while True:
        with store.read() as link:
            page = [record.incident.id for record in incidents.page(link, None, "", None, 2, before)]
        if not page:
            break
        seen += page
        before = page[-1]
    assert sorted(seen) == [f"INC-{number}" for number in range(7)]
    assert seen == sorted(seen, key=lambda one: (int(one[4:]) // 3, one), reverse=True)
    with store.read() as link:
        of_db = incidents.page(link, IncidentStatus.OPEN, "db", moment(1), 10, None)
        assert [record.incident.id for record in of_db] == ["INC-5", "INC-3"]


def test_a_later_resolution_takes_the_place_of_the_earlier(store: Store) -> None:
    with store.write() as tx:
        put(tx)
        incidents.set_resolution(tx, "INC-1", Resolution(text="rebooted", resolver="ann", resolved_at=NOON))
    with store.write() as tx:
        incidents.set_resolution(tx, "INC-1", Resolution(text="replaced the disk", resolver="bob"))
    with store.read() as link:
        assert incidents.by_id(link, "INC-1").incident.resolution == Resolution(
            text="replaced the disk", resolver="bob"
        )
        assert [one.incident.id for one in incidents.fixed_since(link, tx.revision - 1)] == ["INC-1"]
        assert list(incidents.fixed_since(link, tx.revision)) == []
        assert incidents.last_resolvers(link, "", 3) == ["bob"]


def test_the_topology_is_replaced_whole(store: Store) -> None:
    with store.write() as tx:
        reference.replace_edges(tx, [Edge(source="a", target="b"), Edge(source="a", target="b")])
    with store.write() as tx:
        reference.replace_edges(tx, [Edge(source="web", target="db", relation="runs_on")])
    with store.read() as link:
        assert reference.edges(link) == [Edge(source="web", target="db", relation="runs_on")]


def test_the_model_pointer_moves_only_from_where_one_saw_it(store: Store) -> None:
    with store.write() as tx:
        pointer.move(tx, "v1", expected="")
    with pytest.raises(Conflict), store.write() as tx:
        pointer.move(tx, "v2", expected="")
    with store.write() as tx:
        pointer.move(tx, "v2", expected="v1")
    with store.write() as tx:
        pointer.roll_back(tx)
    with store.read() as link:
        assert pointer.active(link) == pointer.Pointer("v1", "v2")


def test_migrations_go_up_and_down_and_match_the_tables(empty_url: str) -> None:
    store = Store(empty_url)
    store.migrate()
    store.migrate()
    migrations.check(store.database)
    with store.write() as tx:
        put(tx)
    migrations.downgrade(store.database, "base")
    store.migrate()
    with store.read() as link, pytest.raises(NotFound):
        incidents.by_id(link, "INC-1")
    store.close()


def test_a_table_that_no_migration_knows_is_noticed(store: Store) -> None:
    with store.write() as tx:
        tx.link.execute(text("ALTER TABLE responders ADD COLUMN shoe_size INTEGER"))
    with pytest.raises(CommandError):
        migrations.check(store.database)


def test_a_newer_schema_is_refused(store: Store) -> None:
    with store.write() as tx:
        tx.link.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="newer"):
        store.migrate()


def test_foreign_keys_hold_after_a_migration(store: Store) -> None:
    store.migrate()
    with pytest.raises(InvalidInput), store.write() as tx:
        alerts.save(tx, [member(incident_id="INC-404")])


def test_a_locked_database_is_unavailable_within_the_wait(url: str) -> None:
    holder, other = Store(url), Store(url, wait_s=0.3)
    with holder.write():
        begin = time.monotonic()
        with pytest.raises(Unavailable), other.write():
            pass
        assert time.monotonic() - begin < 10
        assert not other.writable()
        with other.read() as link:
            assert revision_of(link) == 0
    assert other.writable()
    holder.close()
    other.close()


def test_writers_wait_for_each_other(url: str) -> None:
    numbers: list[str] = []

    def take() -> None:
        store = Store(url, wait_s=20.0)
        for _ in range(5):
            with store.write() as tx:
                taken = tx.next_incident_id()
                time.sleep(0.005)
                numbers.append(taken)
        store.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers, key=lambda one: int(one[4:])) == [f"INC-{n}" for n in range(1, 21)]


def test_a_full_disk_is_unavailable_and_passes(tmp_path: Path) -> None:
    store = Store(sqlite_url(tmp_path))

    def limit(pages: int) -> None:
        with store.database.engine.connect() as link:
            link.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    with store.read() as link:
        used = link.exec_driver_sql("PRAGMA page_count").scalar_one()
    limit(used)
    with pytest.raises(Unavailable, match="full"), store.write() as tx:
        put(tx, description="x" * 1_000_000)
    with store.read() as link:
        assert revision_of(link) == 0
    limit(used + 10_000)
    with store.write() as tx:
        put(tx, description="x" * 1_000_000)
    store.close()


def test_a_server_that_is_away_is_unavailable() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    store = Store("postgresql+psycopg://nobody@127.0.0.1:1/none", wait_s=1.0)
    with pytest.raises(Unavailable), store.read():
        pass
    store.close()


def test_sqlite_syncs_every_commit_to_disk(tmp_path: Path) -> None:
    store = Store(sqlite_url(tmp_path))
    with store.read() as link:
        settings = {
            name: link.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    store.close()


def test_a_store_needs_a_file() -> None:
    with pytest.raises(InvalidInput):
        Store("sqlite://")


def test_origins_come_back(store: Store) -> None:
    with store.write() as tx:
        incidents.save(tx, [IncidentRecord(incident=Incident(id="T-1", opened_at=NOON), origin=Origin.IMPORT)])
    with store.read() as link:
        assert incidents.by_id(link, "T-1").origin is Origin.IMPORT

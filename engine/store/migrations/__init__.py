"""The schema's history, run from inside the program: `upgrade` is all that an operator needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from engine.errors import Conflict
from engine.store.database import Database, translated


def upgrade(database: Database, to: str = "head") -> None:
    """Bring the schema up to revision `to`, under the write lock.

    Raises
    ------
    Conflict
        If the database carries a revision that this program does not know: a newer one has been here.
    Unavailable
        If the database cannot be reached or locked in time.
    """
    with _migrating(database) as (link, config):
        present = MigrationContext.configure(link).get_current_revision()
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if present is not None and present not in known:
            raise Conflict("the database was written by a newer PathFinder: run that version, or restore a backup")
        command.upgrade(config, to)


def downgrade(database: Database, to: str) -> None:
    """Take the schema back to revision `to` ("base" = empty), under the write lock."""
    with _migrating(database) as (_, config):
        command.downgrade(config, to)


def check(database: Database) -> None:
    """Raise `alembic.util.CommandError` if the tables and the migrations differ."""
    with _migrating(database) as (_, config):
        command.check(config)


@contextmanager
def _migrating(database: Database) -> Iterator[tuple[Connection, Config]]:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with translated(), database.engine.connect() as link:
        driver = link.connection.driver_connection
        link.detach()  # with its foreign keys off it must not be handed out again
        if database.is_sqlite:
            # Batch operations rebuild tables by drop and rename, which foreign keys would carry into other tables.
            # The switch has no effect inside a transaction, so it is set on the bare connection.
            driver.execute("PRAGMA foreign_keys=OFF").close()  # type: ignore[union-attr]
        link = link.execution_options(writes=True)
        with link.begin():
            database.lock(link)
            config.attributes["connection"] = link
            yield link, config

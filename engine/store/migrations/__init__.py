"""The schema's history, run from inside the program: `upgrade` is all that an operator needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from engine.errors import Conflict
from engine.lazy import lazy
from engine.store.database import Database, translated

if TYPE_CHECKING:
    from alembic import command
    from alembic import config as alembic_config
else:  # a database of this version, which is what a start finds, is served without them
    command, alembic_config = lazy("alembic.command"), lazy("alembic.config")
_HERE = Path(__file__).parent


def upgrade(database: Database, to: str = "head") -> None:
    """Bring the schema up to revision `to`, under the write lock.

    Raises
    ------
    Conflict
        If the database carries a revision that this program does not know: a newer one has been here.
    Unavailable
        If the database cannot be reached or locked in time.
    """
    known = sorted(path.name.partition("_")[0] for path in (_HERE / "versions").glob("[0-9]*.py"))
    present = _present(database)
    if present is not None and present not in known:
        raise Conflict("the database was written by a newer PathFinder: run that version, or restore a backup")
    if present is None or present != (known[-1] if to == "head" else to):
        with _migrating(database) as (_, config):
            command.upgrade(config, to)


def _present(database: Database) -> str | None:
    """The revision that the database carries; None if none has been here yet."""
    with database.read() as link:
        if not inspect(link).has_table("alembic_version"):
            return None
        found = link.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)


def downgrade(database: Database, to: str) -> None:
    """Take the schema back to revision `to` ("base" = empty), under the write lock."""
    with _migrating(database) as (_, config):
        command.downgrade(config, to)


def check(database: Database) -> None:
    """Raise `alembic.util.CommandError` if the tables and the migrations differ."""
    with _migrating(database) as (_, config):
        command.check(config)


@contextmanager
def _migrating(database: Database) -> Iterator[tuple[Connection, alembic_config.Config]]:
    config = alembic_config.Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
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

"""Statements of every storm, for the driver as they are: SQLAlchemy takes 20 times as long as SQLite for a short one.

Their values are what the driver takes; errors of SQLite's driver come as they are (`database.translated` knows them).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection


def run(link: Connection, sql: str, values: Sequence[Any] = ()) -> Any:
    """Execute `sql`, with a `?` for each of `values`; what it returns has `fetchone` and `fetchall`."""
    if link.dialect.name == "sqlite":
        return link.connection.cursor().execute(sql, values)
    return link.exec_driver_sql(_in_percent(sql), tuple(values))


def run_many(link: Connection, sql: str, rows: Sequence[Any]) -> None:
    """Execute `sql`, with a `?` for each value or in the driver's own form, with each of `rows`."""
    if link.dialect.name == "sqlite":
        link.connection.cursor().executemany(sql, rows)
    else:
        link.exec_driver_sql(_in_percent(sql), list(rows))


@lru_cache(maxsize=64)
def _in_percent(sql: str) -> str:
    return sql.replace("?", "%s")

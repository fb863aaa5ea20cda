"""Insert-or-replace in the two SQL dialects, and long lists in short queries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.tables import Table

Key = TypeVar("Key", str, int)


def upsert(link: Connection, table: type[Table], rows: Sequence[dict[str, Any]]) -> None:
    """Insert `rows`, each with all columns; one that is there (by primary key) is replaced."""
    if rows:
        link.execute(_statement(table, link.dialect.name), rows)


@cache
def _statement(table: type[Table], dialect: str) -> Any:
    of = table.__table__
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    keys = [column.name for column in of.primary_key]
    rest = {column.name: insert.excluded[column.name] for column in of.columns if column.name not in keys}
    if not rest:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_=rest)


def chunks(ids: Collection[Key], size: int = 5_000) -> Iterator[list[Key]]:
    """`ids` in lists below the parameter limits of both databases."""
    every = list(ids)
    for start in range(0, len(every), size):
        yield every[start : start + size]

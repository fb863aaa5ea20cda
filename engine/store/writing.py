"""Insert-or-replace in the two SQL dialects, and long lists in short queries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(link: Connection, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Insert `rows`, all with the same columns; one that is there (by primary key) is replaced."""
    if not rows:
        return
    of: Table = table.__table__
    insert = sqlite.insert(of) if link.dialect.name == "sqlite" else postgresql.insert(of)
    keys = [column.name for column in of.primary_key.columns]
    rest = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    if rest:
        link.execute(insert.on_conflict_do_update(index_elements=keys, set_=rest), list(rows))
    else:
        link.execute(insert.on_conflict_do_nothing(index_elements=keys), list(rows))


def chunks(ids: Collection[str], size: int = 5_000) -> Iterator[list[str]]:
    """`ids` in lists below the parameter limits of both databases."""
    every = list(ids)
    for start in range(0, len(every), size):
        yield every[start : start + size]

"""What was sent and could not be taken: kept, shown, tried again when somebody says so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.errors import NotFound
from engine.store.database import Write
from engine.store.tables import QuarantineRow

MOST_KEPT = 5_000  # entries; the oldest make room, and `dropped` says so
LONGEST = 65_536  # characters of one entry
_ALL = select(*QuarantineRow.__table__.columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Aside:
    """One thing that could not be taken."""

    source: str  # what reads it
    payload: str  # JSON, as sent, without secrets
    field: str
    problem: str
    at: datetime  # when it last came, UTC
    sender: str = ""  # name of the key
    times: int = 1  # how often it came
    whole: bool = True  # false: cut off at `LONGEST`, cannot be tried again
    id: int = 0  # given by the store


def add(tx: Write, entries: Iterable[Aside]) -> int:
    """Keep these; what is there already is counted. Returns how many old ones had to make room."""
    insert = sqlite.insert if tx.link.dialect.name == "sqlite" else postgresql.insert
    statement = insert(QuarantineRow)
    again = {"at": statement.excluded.at, "times": QuarantineRow.times + 1, "problem": statement.excluded.problem}
    tx.link.execute(
        statement.on_conflict_do_update(index_elements=["digest"], set_=again), [_row(entry) for entry in entries]
    )
    beyond = select(QuarantineRow.id).order_by(QuarantineRow.at.desc(), QuarantineRow.id.desc()).offset(MOST_KEPT)
    if count(tx.link) <= MOST_KEPT:
        return 0
    return tx.link.execute(delete(QuarantineRow).where(QuarantineRow.id.in_(beyond))).rowcount


def count(link: Connection) -> int:
    """How many are kept."""
    return link.execute(select(func.count()).select_from(QuarantineRow)).scalar_one()


def latest(link: Connection, limit: int, before: int | None = None) -> list[Aside]:
    """Newest first; `before` = last id of the page before."""
    query = _ALL.order_by(QuarantineRow.id.desc()).limit(limit)
    query = query if before is None else query.where(QuarantineRow.id < before)
    return [_aside(row) for row in link.execute(query)]


def by_id(link: Connection, entry_id: int) -> Aside:
    """One of them. Raises NotFound."""
    row = link.execute(_ALL.where(QuarantineRow.id == entry_id)).one_or_none()
    if row is None:
        raise NotFound("there is nothing of this id in quarantine")
    return _aside(row)


def remove(tx: Write, entry_id: int) -> None:
    """Take it out. Raises NotFound."""
    if tx.link.execute(delete(QuarantineRow).where(QuarantineRow.id == entry_id)).rowcount == 0:
        raise NotFound("there is nothing of this id in quarantine")


def doubt(tx: Write, entry_id: int, field: str, problem: str) -> None:
    """It was tried again in vain, for this reason."""
    tx.link.execute(update(QuarantineRow).where(QuarantineRow.id == entry_id).values(field=field, problem=problem))


def _row(entry: Aside) -> dict[str, Any]:
    digest = hashlib.sha256(f"{entry.source}\x1f{entry.payload}".encode("utf-8", "replace")).hexdigest()
    return {
        "digest": digest,
        "at": entry.at,
        "source": entry.source,
        "sender": entry.sender,
        "field": entry.field,
        "problem": entry.problem,
        "payload": entry.payload[:LONGEST],
        "whole": entry.whole and len(entry.payload) <= LONGEST,
        "times": entry.times,
    }


def _aside(row: Any) -> Aside:
    return Aside(
        id=row.id,
        at=row.at,
        source=row.source,
        sender=row.sender,
        field=row.field,
        problem=row.problem,
        payload=row.payload,
        whole=row.whole,
        times=row.times,
    )

"""What correlators were told, transaction by transaction: the latest of it, for those who have to hear it too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from engine.store.database import Write
from engine.store.tables import TellingRow
from engine.store.writing import add

KEPT = 50_000  # words, about: what was told before is known by what came of it
_COLUMNS = ("revision", "at", "size", "words")


def note(tx: Write, words: Sequence[list[Any]], at: datetime | None) -> None:
    """These words were told in this transaction; `at` = the latest arrival among the alerts in them, if any."""
    if words:
        add(tx.link, TellingRow, _COLUMNS, [{"revision": tx.revision, "at": at, "size": len(words), "words": words}])


def since(link: Connection, revision: int) -> list[list[Any]] | None:
    """All words told after `revision`, in order; None where not all of them are kept."""
    oldest = link.execute(select(func.min(TellingRow.revision))).scalar()
    if oldest is None or oldest > revision:
        told = link.execute(select(func.count()).select_from(TellingRow)).scalar_one()
        return None if told else []
    query = select(TellingRow.words).where(TellingRow.revision > revision).order_by(TellingRow.revision)
    return [word for words in link.execute(query).scalars() for word in words]


def latest(link: Connection, until: int, since: datetime) -> list[list[Any]]:
    """The latest words told up to the revision `until`, in order: not those before `since`, nor more than are kept."""
    query = select(TellingRow.words, TellingRow.size, TellingRow.at).where(TellingRow.revision <= until)
    found: list[list[list[Any]]] = []
    left = KEPT
    with link.execute(query.order_by(TellingRow.revision.desc())) as rows:
        for row in rows:
            left -= row.size
            if left < 0 or (row.at is not None and row.at < since):
                break
            found.append(row.words)
    return [word for words in reversed(found) for word in words]


def forget(tx: Write) -> None:
    """Drop what is more than is kept."""
    running = func.sum(TellingRow.size).over(order_by=TellingRow.revision.desc()).label("running")
    sums = select(TellingRow.revision, running).subquery()
    last = tx.link.execute(select(func.max(sums.c.revision)).where(sums.c.running > KEPT)).scalar()
    if last is not None:
        tx.link.execute(delete(TellingRow).where(TellingRow.revision <= last))

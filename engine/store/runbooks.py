"""Runbooks, and what people said of fixes they tried: what stands beside the history of incidents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from engine.domain import Runbook
from engine.errors import NotFound
from engine.store.database import Write
from engine.store.tables import CounterRow, EventRow, RunbookRow
from engine.store.writing import upsert

TRIED = "fix tried"  # kind of a line of a timeline: the fix of another incident was tried here


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """Somebody tried the fix of `fix_of` on `incident_id`, and says whether it helped."""

    id: int  # later ones have higher ids
    incident_id: str
    fix_of: str
    helped: bool
    at: datetime  # UTC


def every(link: Connection) -> list[Runbook]:
    """All runbooks, by id."""
    query = select(*RunbookRow.__table__.columns).order_by(RunbookRow.id)
    return [
        Runbook(id=row.id, title=row.title, url=row.url, text=row.text, services=tuple(row.services))
        for row in link.execute(query)
    ]


def put(tx: Write, runbooks: Sequence[Runbook]) -> None:
    """Insert or replace."""
    rows = [
        {"id": one.id, "title": one.title, "url": one.url, "text": one.text, "services": list(one.services)}
        for one in runbooks
    ]
    upsert(tx.link, RunbookRow, rows)


def remove(tx: Write, runbook_id: str) -> None:
    """Remove one. Raises NotFound."""
    if tx.link.execute(delete(RunbookRow).where(RunbookRow.id == runbook_id)).rowcount == 0:
        raise NotFound("there is no runbook of this id")


def opinions_after(link: Connection, last: int) -> list[Opinion]:
    """What people said of fixes after the opinion of id `last` (0: ever), oldest first."""
    query = (
        select(EventRow.id, EventRow.incident_id, EventRow.detail, EventRow.at)
        .where(EventRow.id > last, EventRow.kind == TRIED)
        .order_by(EventRow.id)
    )
    return [
        Opinion(
            id=row.id,
            incident_id=row.incident_id,
            fix_of=row.detail["of"],
            helped=row.detail["helped"] == "yes",
            at=row.at,
        )
        for row in link.execute(query)
    ]


def topology_revision(link: Connection) -> int:
    """The revision that last replaced the topology."""
    return link.execute(select(CounterRow.topology)).scalar_one()

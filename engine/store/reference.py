"""Responders, the topology, and the patterns of the latest retrain: small lists that are read whole."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select

from engine.domain import Edge, Pattern, Responder
from engine.errors import NotFound
from engine.patterns.life import carried
from engine.store.database import Write
from engine.store.records import NamedPattern
from engine.store.rows import pattern_of_row, responder_of_row, row_of_pattern, row_of_responder
from engine.store.tables import EdgeRow, PatternRow, ResponderRow
from engine.store.writing import upsert


def responders(link: Connection) -> list[Responder]:
    """Everybody, by id."""
    query = select(*ResponderRow.__table__.columns).order_by(ResponderRow.id)
    return [responder_of_row(row) for row in link.execute(query)]


def responder(link: Connection, responder_id: str) -> Responder:
    """One of them. Raises NotFound."""
    row = link.execute(select(*ResponderRow.__table__.columns).where(ResponderRow.id == responder_id)).one_or_none()
    if row is None:
        raise NotFound("there is no responder of this id")
    return responder_of_row(row)


def put_responders(tx: Write, people: Iterable[Responder]) -> None:
    """Insert or replace."""
    upsert(tx.link, ResponderRow, [row_of_responder(one) for one in people])


def delete_responder(tx: Write, responder_id: str) -> None:
    """Remove one. Raises NotFound."""
    if tx.link.execute(delete(ResponderRow).where(ResponderRow.id == responder_id)).rowcount == 0:
        raise NotFound("there is no responder of this id")


def edges(link: Connection) -> list[Edge]:
    """The topology, in a fixed order."""
    query = select(*EdgeRow.__table__.columns).order_by(EdgeRow.source, EdgeRow.target, EdgeRow.relation)
    return [Edge(source=row.source, target=row.target, relation=row.relation) for row in link.execute(query)]


def replace_edges(tx: Write, topology: Sequence[Edge]) -> None:
    """Put `topology` in place of what was there; every process rebuilds its correlator on it."""
    tx.link.execute(delete(EdgeRow))
    unique = dict.fromkeys((edge.source, edge.target, edge.relation) for edge in topology)
    upsert(tx.link, EdgeRow, [{"source": s, "target": t, "relation": r} for s, t, r in unique])
    tx.topology = tx.revision


def pattern_id(pattern: Pattern) -> str:
    """The same for the same recurrence of the same series, however its level or support move: 12 hex digits."""
    parts = (
        pattern.service,
        pattern.host,
        pattern.metric,
        pattern.kind,
        pattern.rule,
        pattern.timezone,
        pattern.start_local,
    )
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:12]


def patterns(link: Connection) -> list[NamedPattern]:
    """The patterns of the latest retrain, in a fixed order."""
    query = select(*PatternRow.__table__.columns).order_by(
        PatternRow.service, PatternRow.host, PatternRow.metric, PatternRow.id
    )
    return [NamedPattern(id=row["id"], pattern=pattern_of_row(row)) for row in link.execute(query).mappings()]


def _free_id(key: str, taken: Collection[str]) -> str:
    """`key`, or the first of its successors that no other pattern has: the faded one of that name keeps it."""
    names = itertools.chain([key], (f"{key}-{n}" for n in itertools.count(2)))
    return next(name for name in names if name not in taken)


def replace_patterns(tx: Write, found: Iterable[Pattern]) -> None:
    """Put the patterns of a retrain in place of those before; the same load found again keeps its id and its past."""
    kept, new = carried({named.id: named.pattern for named in patterns(tx.link)}, list(found))
    tx.link.execute(delete(PatternRow))
    rows = {key: row_of_pattern(pattern) for key, pattern in kept.items()}
    for pattern in new:
        key = _free_id(pattern_id(pattern), rows)
        rows[key] = row_of_pattern(pattern)
    if rows:
        tx.link.execute(insert(PatternRow), [{"id": key, **row} for key, row in rows.items()])

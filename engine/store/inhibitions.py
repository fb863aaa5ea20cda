"""Inhibition rules, and where alerts stand in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select

from engine.errors import NotFound
from engine.lifecycle.inhibition import Rule, Side
from engine.store.database import Write
from engine.store.maintenance import matchers_of_json, matchers_to_json, plans_changed
from engine.store.tables import RuleRow, SideRow
from engine.store.writing import chunks, upsert

_RULES = select(*RuleRow.__table__.columns).order_by(RuleRow.id)
_SIDES = select(*SideRow.__table__.columns)
_FIELDS = ("rule_id", "alert_id", "key", "source", "target", "starts_at", "ends_at")


def put(tx: Write, rule: Rule) -> None:
    """Insert or replace; the next transaction that decides on alerts applies it."""
    tx.link.execute(delete(SideRow).where(SideRow.rule_id == rule.id))
    row = {
        "id": rule.id,
        "source": matchers_to_json(rule.source),
        "target": matchers_to_json(rule.target),
        "equal": list(rule.equal),
        "linger_s": rule.linger_s,
        "comment": rule.comment,
        "created_by": rule.created_by,
    }
    upsert(tx.link, RuleRow, [row])
    plans_changed(tx)


def remove(tx: Write, rule_id: str) -> None:
    """Take a rule out: what it muted becomes loud. Raises NotFound."""
    tx.link.execute(delete(SideRow).where(SideRow.rule_id == rule_id))
    if tx.link.execute(delete(RuleRow).where(RuleRow.id == rule_id)).rowcount == 0:
        raise NotFound("there is no inhibition rule of this id")
    plans_changed(tx)


def by_id(link: Connection, rule_id: str) -> Rule:
    """One of them. Raises NotFound."""
    row = link.execute(_RULES.where(RuleRow.id == rule_id)).one_or_none()
    if row is None:
        raise NotFound("there is no inhibition rule of this id")
    return _rule(row)


def rules(link: Connection) -> list[Rule]:
    """All of them, by id."""
    return [_rule(row) for row in link.execute(_RULES)]


def sides_of(link: Connection, alert_ids: Collection[str]) -> list[Side]:
    """Where these alerts stand."""
    found = _SIDES.where(SideRow.alert_id.in_(bindparam("ids", expanding=True)))
    return [_side(row) for part in chunks(alert_ids) for row in link.execute(found, {"ids": part})]


def replace_sides(tx: Write, alert_ids: Collection[str], sides: Iterable[Side]) -> None:
    """Put `sides` in place of all that is known of these alerts."""
    gone = delete(SideRow).where(SideRow.alert_id.in_(bindparam("ids", expanding=True)))
    for part in chunks(alert_ids):
        tx.link.execute(gone, {"ids": part})
    rows = [{name: getattr(side, name) for name in _FIELDS} for side in sides]
    if rows:
        tx.link.execute(insert(SideRow), rows)


def sources(link: Connection, keys: Collection[str]) -> list[Side]:
    """The sources that have one of these keys."""
    query = _SIDES.where(SideRow.source, SideRow.key.in_(bindparam("keys", expanding=True)))
    return [_side(row) for part in chunks(keys) for row in link.execute(query, {"keys": part})]


def targets(link: Connection, keys: Collection[str], since: datetime) -> list[Side]:
    """The targets with one of these keys that fire, or ended at `since` or later."""
    lasting = or_(SideRow.ends_at.is_(None), SideRow.ends_at >= since)
    query = _SIDES.where(SideRow.target, lasting, SideRow.key.in_(bindparam("keys", expanding=True)))
    return [_side(row) for part in chunks(keys) for row in link.execute(query, {"keys": part})]


def forget(tx: Write, before: datetime) -> None:
    """Drop the sides of alerts that ended before then."""
    tx.link.execute(delete(SideRow).where(SideRow.ends_at < before))


def _rule(row: Any) -> Rule:
    return Rule(
        id=row.id,
        source=matchers_of_json(row.source),
        target=matchers_of_json(row.target),
        equal=tuple(row.equal),
        linger_s=row.linger_s,
        comment=row.comment,
        created_by=row.created_by,
    )


def _side(row: Any) -> Side:
    return Side(**{name: getattr(row, name) for name in _FIELDS})

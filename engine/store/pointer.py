"""The model version in service: one pointer, moved by compare-and-set."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from engine.errors import Conflict
from engine.store.database import Write
from engine.store.tables import ModelPointerRow


@dataclass(frozen=True, slots=True)
class Pointer:
    """The version in service and the one before; "" is the engine as it comes, without a retrain."""

    version: str
    previous: str


def active(link: Connection) -> Pointer:
    """What is in service."""
    row = link.execute(select(ModelPointerRow.version, ModelPointerRow.previous)).one()
    return Pointer(row.version, row.previous)


def move(tx: Write, version: str, *, expected: str) -> Pointer:
    """Put `version` in service if `expected` still is, and remember that one as the previous. Raises Conflict."""
    statement = (
        update(ModelPointerRow)
        .where(ModelPointerRow.version == expected)
        .values(version=version, previous=ModelPointerRow.version)
    )
    if tx.link.execute(statement).rowcount == 0:
        raise Conflict("another model version was put in service meanwhile: judge against that one")
    return Pointer(version, expected)


def roll_back(tx: Write) -> Pointer:
    """Put the previous version back in service. Raises Conflict if there was none."""
    now = active(tx.link)
    if now.version == now.previous:
        raise Conflict("there is no other version to go back to")
    return move(tx, now.previous, expected=now.version)

"""API keys: `pf_<id>_<secret>`, of which only the sha256 is stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from engine.errors import NotFound
from engine.store.database import Write
from engine.store.records import Key, Scope
from engine.store.tables import KeyRow

_NOBODY = "0" * 64


def issue(tx: Write, name: str, scopes: Collection[Scope], at: datetime) -> tuple[Key, str]:
    """A new key and its token: 256 random bits, shown once."""
    key = Key(id=secrets.token_hex(4), name=name, scopes=frozenset(scopes), created_at=at)
    token = f"pf_{key.id}_{secrets.token_urlsafe(32)}"
    row = {"id": key.id, "name": name, "digest": _digest(token), "scopes": sorted(scopes), "created_at": at}
    tx.link.execute(insert(KeyRow), [row])
    return key, token


def check(link: Connection, token: str) -> Key | None:
    """The key of `token` unless it is unknown, wrong or revoked. Digests are compared in constant time."""
    parts = token.split("_", 2)
    key_id = parts[1] if len(parts) == 3 and parts[0] == "pf" else ""
    row = link.execute(select(*KeyRow.__table__.columns).where(KeyRow.id == key_id)).one_or_none()
    genuine = hmac.compare_digest(_digest(token), row.digest if row else _NOBODY)
    return _key(row) if row is not None and genuine and row.revoked_at is None else None


def every(link: Connection) -> list[Key]:
    """All keys, oldest first."""
    query = select(*KeyRow.__table__.columns).order_by(KeyRow.created_at, KeyRow.id)
    return [_key(row) for row in link.execute(query)]


def revoke(tx: Write, key_id: str, at: datetime) -> None:
    """End a key now; one that was revoked before stays so. Raises NotFound."""
    if tx.link.execute(select(KeyRow.id).where(KeyRow.id == key_id)).one_or_none() is None:
        raise NotFound("there is no key of this id")
    tx.link.execute(update(KeyRow).where(KeyRow.id == key_id, KeyRow.revoked_at.is_(None)).values(revoked_at=at))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _key(row: Any) -> Key:
    scopes = frozenset(Scope(scope) for scope in row.scopes)
    return Key(id=row.id, name=row.name, scopes=scopes, created_at=row.created_at, revoked_at=row.revoked_at)

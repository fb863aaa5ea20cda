"""Keys open what their scopes say until they are revoked, and cannot be read from the database."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from engine.errors import NotFound
from engine.store import keys
from engine.store.records import Scope
from engine.store.store import Store
from tests.small_models import NOON


def test_a_token_is_known_until_it_is_revoked(store: Store) -> None:
    with store.write() as tx:
        key, token = keys.issue(tx, "monitoring", [Scope.INGEST, Scope.READ], NOON)
    assert token.startswith(f"pf_{key.id}_")
    with store.read() as link:
        assert keys.check(link, token) == key
        assert keys.every(link) == [key]
    with store.write() as tx:
        keys.revoke(tx, key.id, NOON)
    with store.read() as link:
        assert keys.check(link, token) is None
        assert keys.every(link)[0].revoked_at == NOON
    with pytest.raises(NotFound), store.write() as tx:
        keys.revoke(tx, "nobody", NOON)


def test_wrong_tokens_open_nothing(store: Store) -> None:
    with store.write() as tx:
        key, token = keys.issue(tx, "a", [Scope.ADMIN], NOON)
        _, other = keys.issue(tx, "b", [Scope.READ], NOON)
    secret = other.split("_", 2)[2]
    wrong = ["", "pf", "pf__", f"pf_{key.id}_", f"pf_{key.id}_{secret}", token[:-1], token + "x", token.upper()]
    with store.read() as link:
        assert [keys.check(link, one) for one in [*wrong, f"pf_{key.id}_\ud800", "\x00", "pf_\x00_x"]] == [None] * 11


def test_the_secret_is_not_in_the_database(store: Store) -> None:
    with store.write() as tx:
        _, token = keys.issue(tx, "a", [Scope.ADMIN], NOON)
    with store.read() as link:
        row = link.execute(text("SELECT * FROM api_keys")).one()
    assert token.split("_", 2)[2] not in str(row)


def test_digests_are_compared_in_constant_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda a, b: bool(compared.append((len(a), len(b)))))
    with store.read() as link:
        keys.check(link, "pf_unknown_secret")
    assert compared == [(64, 64)]

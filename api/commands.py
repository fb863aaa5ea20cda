"""What the commands of `python -m api` do."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from api import server
from engine.clock import to_text, utc_now
from engine.errors import InvalidInput
from engine.settings import Settings
from engine.store import keys
from engine.store.records import Scope
from engine.store.store import Store


def serve(host: str, port: int) -> None:
    """Serve at `host` and `port`, or where the settings say."""
    settings = Settings()
    host, port = host or settings.host, port or settings.port
    _say(f"PathFinder at http://{host}:{port}  (docs: /docs)")
    server.run(host, port, settings.log_level)


def create_key(name: str, scopes: Sequence[str]) -> None:
    """Make a key and print its token.

    Raises
    ------
    InvalidInput
        If a scope is none.
    """
    known = {scope.value for scope in Scope}
    if unknown := set(scopes) - known:
        raise InvalidInput(f"{len(unknown)} of the scopes is none: known are {', '.join(sorted(known))}")
    with _store() as store, store.write() as tx:
        _, token = keys.issue(tx, name, [Scope(scope) for scope in scopes], utc_now())
    _say(token)


def list_keys() -> None:
    """Print all keys, one a line."""
    with _store() as store, store.read() as link:
        for key in keys.every(link):
            state = f"revoked {to_text(key.revoked_at)}" if key.revoked_at else "active"
            _say(f"{key.id}\t{key.name}\t{','.join(sorted(key.scopes))}\t{to_text(key.created_at)}\t{state}")


def revoke_key(key_id: str) -> None:
    """End a key."""
    with _store() as store, store.write() as tx:
        keys.revoke(tx, key_id, utc_now())
    _say(f"revoked {key_id}")


@contextmanager
def _store() -> Iterator[Store]:
    """The store alone: keys need no models, whose libraries take seconds to load."""
    store = Store(Settings().database_url)
    store.migrate()
    try:
        yield store
    finally:
        store.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

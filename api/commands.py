"""What the commands of `python -m api` do."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from api import server
from engine.clock import to_text, utc_now
from engine.errors import InvalidInput
from engine.register import Register
from engine.settings import Settings
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
    with _register() as register:
        _, token = register.issue_key(name, frozenset(Scope(scope) for scope in scopes), utc_now())
    _say(token)


def list_keys() -> None:
    """Print all keys, one a line."""
    with _register() as register:
        for key in register.keys():  # noqa: SIM118 (a method of ours, no mapping)
            state = f"revoked {to_text(key.revoked_at)}" if key.revoked_at else "active"
            _say(f"{key.id}\t{key.name}\t{','.join(sorted(key.scopes))}\t{to_text(key.created_at)}\t{state}")


def revoke_key(key_id: str) -> None:
    """End a key."""
    with _register() as register:
        register.revoke_key(key_id, utc_now())
    _say(f"revoked {key_id}")


@contextmanager
def _register() -> Iterator[Register]:
    """The records without the models, which keys do not need."""
    store = Store(Settings().database_url)
    store.migrate()
    try:
        yield Register(store)
    finally:
        store.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

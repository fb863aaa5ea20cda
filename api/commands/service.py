"""What the commands of `python -m api` do."""

from __future__ import annotations

from collections.abc import Sequence

from api import server
from api.commands.terminal import opened_store, say
from engine.clock import to_text, utc_now
from engine.errors import InvalidInput
from engine.settings import Settings
from engine.store import keys
from engine.store.records import Scope


def serve(host: str, port: int) -> None:
    """Serve at `host` and `port`, or where the settings say."""
    settings = Settings()
    host, port = host or settings.host, port or settings.port
    say(f"PathFinder at http://{host}:{port}  (docs: /docs)")
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
    with opened_store() as store, store.write() as tx:
        _, token = keys.issue(tx, name, [Scope(scope) for scope in scopes], utc_now())
    say(token)


def list_keys() -> None:
    """Print all keys, one a line."""
    with opened_store() as store, store.read() as link:
        for key in keys.every(link):
            state = f"revoked {to_text(key.revoked_at)}" if key.revoked_at else "active"
            say(f"{key.id}\t{key.name}\t{','.join(sorted(key.scopes))}\t{to_text(key.created_at)}\t{state}")


def revoke_key(key_id: str) -> None:
    """End a key."""
    with opened_store() as store, store.write() as tx:
        keys.revoke(tx, key_id, utc_now())
    say(f"revoked {key_id}")

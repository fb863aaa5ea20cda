"""The store: one database, opened and migrated. The only folder that speaks SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from engine.errors import Unavailable
from engine.store import migrations
from engine.store.database import Database, Write
from engine.store.embeddings import Embeddings


class Store:
    """Everything that must outlive the process. Its nouns are modules: `alerts`, `incidents`, `reference` and so on.

    Examples
    --------
    ```
    store = Store("sqlite:////var/lib/pathfinder/pathfinder.db")
    store.migrate()
    with store.read() as link:
        people = reference.responders(link)
    ```
    """

    def __init__(self, url: str, *, wait_s: float = 5.0) -> None:
        """Of a SQLAlchemy URL; connects on first use. `wait_s`: longest wait before `Unavailable`."""
        self.database = Database(url, wait_s=wait_s)
        self.embeddings = Embeddings(self.database)

    def migrate(self) -> None:
        """Bring the schema to this version. Raises Conflict if a newer version of the program has been here."""
        migrations.upgrade(self.database)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look. Raises Unavailable."""
        with self.database.read() as link:
            yield link

    @contextmanager
    def write(self) -> Iterator[Write]:
        """A transaction under the write lock, on disk when left in peace. Raises Unavailable, InvalidInput."""
        with self.database.write() as tx:
            yield tx

    def writable(self) -> bool:
        """Whether a write transaction can be had now."""
        try:
            self.database.probe()
        except Unavailable:
            return False
        return True

    def close(self) -> None:
        """Give all connections back."""
        self.database.close()

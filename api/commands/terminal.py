"""What all commands of `python -m api` share: the store without any model, and a line to a person."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from engine.settings import Settings
from engine.store.store import Store


@contextmanager
def opened_store() -> Iterator[Store]:
    """The store alone, migrated: models need libraries that take seconds to load."""
    store = Store(Settings().database_url)
    try:
        store.migrate()
        yield store
    finally:
        store.close()


def say(text: str, *, error: bool = False) -> None:
    """One line, whatever data bring along: control characters could rewrite a terminal."""
    stream = sys.stderr if error else sys.stdout
    stream.write("".join(letter if letter.isprintable() or letter == "\t" else " " for letter in text) + "\n")
    stream.flush()

"""Storage that fails at the worst moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.errors import Unavailable
from engine.store.database import Write
from engine.store.store import Store


@contextmanager
def failing_commit(store: Store) -> Iterator[None]:
    """Storage fails after everything was written, before COMMIT."""
    whole = Store.write

    @contextmanager
    def failing(self: Store) -> Iterator[Write]:
        with whole(self) as tx:
            yield tx
            raise Unavailable("the disk is full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "write", failing)
        yield

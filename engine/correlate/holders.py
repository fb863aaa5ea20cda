"""Who holds what, for millions of keys of which most have one holder."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
Holding = tuple[str, ...] | dict[str, None]


class Holders(Generic[K]):
    """Which incidents hold each key, least lately put first. Most keys have one holder, which is kept as it is."""

    def __init__(self) -> None:
        self._held: dict[K, str | dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: K) -> Holding:
        """The holders of `key`; empty where there is none."""
        found = self._held.get(key)
        return () if found is None else (found,) if isinstance(found, str) else found

    def of(self, keys: Iterable[K]) -> list[Holding]:
        """The holders of each of `keys` that has any."""
        return [holding for key in keys if (holding := self.get(key))]

    def put(self, key: K, incident_id: str) -> None:
        """`incident_id` holds `key`, and is the last to have been put."""
        found = self._held.get(key)
        if found is None or found == incident_id:
            self._held[key] = incident_id
        elif isinstance(found, str):
            self._held[key] = {found: None, incident_id: None}
        else:
            found.pop(incident_id, None)
            found[incident_id] = None

    def forget(self, key: K, incident_id: str) -> None:
        """`incident_id` does not hold `key`."""
        found = self._held.get(key)
        if isinstance(found, dict):
            found.pop(incident_id, None)
            if len(found) == 1:
                self._held[key] = next(iter(found))
        elif found == incident_id:
            del self._held[key]

"""Column types that keep the store's promises: aware UTC moments, text that no row can break a batch with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import JSON, DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from engine.clock import require_aware

_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` with NUL and lone surrogates, which databases refuse, replaced by the replacement character.

    Examples
    --------
    >>> storable("disk" + chr(0) + "full" + chr(0xD800)) == "disk\\ufffdfull\\ufffd"
    True
    """
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def storable_value(value: Any) -> Any:
    """A JSON value with every text in it made storable and every non-finite number made null."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): storable_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable_value(item) for item in value]
    if isinstance(value, float) and not -1e308 <= value <= 1e308:
        return None
    return value


def to_json(value: Any) -> str:
    """`value` as JSON that SQLite and PostgreSQL both take."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # a lone surrogate, an integer beyond 64 bits, a key that is no text
        return _ENCODE(storable_value(value))
    return _ENCODE(storable_value(value)) if "\\u0000" in text else text


def _bound_text(value: str | None) -> str | None:
    return None if value is None else storable(value)


def _bound_moment(value: datetime | None) -> datetime | None:
    return None if value is None else require_aware(value, "a stored moment")


def _bound_moment_as_text(value: datetime | None) -> str | None:
    """As SQLAlchemy writes it: without its zone, to the microsecond."""
    if value is None:
        return None
    return _text(value if value.tzinfo is UTC else require_aware(value, "a stored moment"))


@lru_cache(maxsize=1024)  # all that comes in one delivery came at one moment
def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def moment_for(dialect: str) -> Callable[[datetime | None], Any]:
    """What turns a moment into what the driver of this database takes."""
    return _bound_moment_as_text if dialect == "sqlite" else _bound_moment


class Moment(TypeDecorator[datetime]):
    """An aware moment, stored in UTC; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """To UTC, as text where the database has no moments. Storms come through here, so nothing wraps it."""
        return moment_for(dialect.name)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text of any length; characters that a database refuses are replaced."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:  # noqa: ARG002 - the hook's form
        """Storable text."""
        return _bound_text


JSON_VALUE = JSON().with_variant(JSONB(), "postgresql")
BYTES = LargeBinary()

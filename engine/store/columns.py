"""Column types that keep the store's promises: aware UTC moments, text that no row can break a batch with."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

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
        text = _ENCODE(value)
    except ValueError:
        text = "\x00"
    if "\\u0000" in text or _UNSTORABLE.search(text):
        return _ENCODE(storable_value(value))
    return text


class Moment(TypeDecorator[datetime]):
    """An aware moment, stored in UTC; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC, without its zone where the database keeps none."""
        if value is None:
            return None
        moment = require_aware(value, "a stored moment")
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text of any length; characters that a database refuses are replaced."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the hook's form
        """Storable text."""
        return None if value is None else storable(value)


JSON_VALUE = JSON().with_variant(JSONB(), "postgresql")
BYTES = LargeBinary()

"""Bodies that nobody foresaw against every source: a seeded search around what tools really send."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from api.deliveries import _parse
from engine.errors import InvalidInput
from engine.sources import SOURCES
from tests.test_api_hostile import CORPUS, SECRET

BODIES = 300  # for each source, beside the corpus
NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, -0.0, 2**63, 2**70, "", " ", "\x00", "\ud800".encode("utf-8", "replace").decode(),
    "\u202e", "é" * 1000, "x" * 30_000, [], [[]], {}, {"a": {"b": []}}, "0001-01-01T00:00:00Z",
    "2026-13-45", 253402300800, "253402300800", "{{7*7}}", "${jndi:ldap://x}", "' OR 1=1 --", "\r\nSet-Cookie: a=b",
    "9999-12-31T23:59:59-12:00", SECRET,
)  # fmt: skip
BYTES = (
    b'"',
    b"{",
    b"[",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"NaN",
    b"1e400",
    b"9" * 400,
    b",",
    b"\x00",
    b"\xef\xbb\xbf",
)


def bodies(source: str, seed: int, count: int) -> Iterator[bytes]:
    """What the source's tool sends, with values put in the place of others, then bytes."""
    chance = random.Random(f"{source}{seed}")
    for _ in range(count):
        value = _changed(json.loads(json.dumps(SOURCES[source].example)), chance)
        body = bytearray(json.dumps(value).encode())
        for _ in range(chance.choice((0, 0, 0, 1, 3))):
            at = chance.randrange(len(body) + 1)
            body[at : at + chance.randrange(4)] = chance.choice(BYTES)
        yield bytes(body[: chance.randrange(len(body))] if chance.random() < 0.05 else body)


def _changed(value: Any, chance: random.Random) -> Any:
    """One or more values deep inside replaced, dropped or doubled."""
    if chance.random() < 0.15:
        return chance.choice(NASTY)
    if isinstance(value, dict) and value:
        found = {key: _changed(item, chance) if chance.random() < 0.5 else item for key, item in value.items()}
        if chance.random() < 0.2:
            found.pop(chance.choice(list(found)))
        return found
    if isinstance(value, list):
        return [_changed(item, chance) for item in value] * chance.choice((1, 1, 1, 2))
    return value


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_takes_or_refuses_and_never_stumbles(source: str) -> None:
    taken = refused = 0
    for body in (*CORPUS.values(), *bodies(source, 1, BODIES)):
        try:
            read = _parse(source, SOURCES[source], body, "")
        except InvalidInput as error:
            refused += 1
            assert SECRET not in str(error)
            continue
        taken += bool(read.parsed.alerts)
        assert all(aside.field != "payload" for aside in read.asides), "the source stumbled"
        assert SECRET not in "".join(one.field + one.problem for one in read.parsed.rejected if one.field != SECRET)
        for alert in read.parsed.alerts:
            assert alert.title
            assert alert.starts_at.tzinfo is not None
            assert len(alert.title) <= 500
    assert taken >= 20, "the floor: some of it is close enough to be taken"
    assert refused >= 20


def test_the_search_can_find_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a source that reads one field without looking stumbles over one of the bodies."""
    whole = type(SOURCES["alertmanager"]).parse

    def careless(self: Any, payload: Any, received_at: Any) -> Any:
        _ = [entry["labels"].items() for entry in payload["alerts"]]
        return whole(self, payload, received_at)

    monkeypatch.setattr(type(SOURCES["alertmanager"]), "parse", careless)
    found = 0
    for body in bodies("alertmanager", 1, BODIES):
        try:
            found += any(
                one.field == "payload" for one in _parse("alertmanager", SOURCES["alertmanager"], body, "").asides
            )
        except InvalidInput:
            continue
    assert found > 0

"""Raw bytes against every route of the whole product: never a 500, never an echo, never a long answer."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine.pathfinder import Pathfinder
from engine.settings import Settings
from engine.store.records import Scope
from tests.fake_engine import FakeEngine
from tests.live_server import new_key, url_of

SECRET = "hunter2-7f3a"
S = SECRET.encode()


def deep(levels: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * levels + closing * levels


CORPUS: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n\t ",
    "null": b"null",
    "true": b"true",
    "number": b"7",
    "negative zero": b"-0",
    "text": b'"' + S + b'"',
    "words": S,
    "unfinished object": b'{"title": "' + S,
    "unfinished list": b'[{"title": "' + S + b'"}',
    "trailing comma": b'{"title": "' + S + b'",}',
    "two values": b'{"title": "' + S + b'"} {"title": "x"}',
    "single quotes": b"{'title': '" + S + b"'}",
    "comment": b'{"title": "x" /* ' + S + b" */}",
    "nan": b'{"title": NaN, "value": "' + S + b'"}',
    "infinity": b'{"title": "' + S + b'", "labels": {"a": Infinity}}',
    "minus infinity": b'{"title": "' + S + b'", "starts_at": -Infinity}',
    "1e400": b'{"title": "' + S + b'", "starts_at": 1e400}',
    "1e400 sample": b'{"samples": [{"ts": "2026-01-01T00:00:00Z", "metric": "m", "value": 1e400}]}',
    "huge integer": b'{"title": "' + S + b'", "starts_at": ' + b"9" * 5000 + b"}",
    "2^63": b'{"title": "' + S + b'", "starts_at": 9223372036854775808}',
    "2^70 label": b'{"title": "' + S + b'", "labels": {"n": 1180591620717411303424}}',
    "long fraction": b'{"title": "' + S + b'", "starts_at": 0.' + b"1" * 5000 + b"}",
    "lone surrogate": b'{"title": "\\ud800' + S + b'"}',
    "lone surrogate in a key": b'{"\\udfff": "' + S + b'"}',
    "raw surrogate": b'{"title": "\xed\xa0\x80' + S + b'"}',
    "nul": b'{"title": "a\\u0000' + S + b'"}',
    "raw nul": b'{"title": "a\x00' + S + b'"}',
    "bad utf-8": b'{"title": "\xff\xfe' + S + b'"}',
    "overlong utf-8": b'{"title": "\xc0\xaf' + S + b'"}',
    "latin-1": '{"title": "café"}'.encode("latin-1"),
    "utf-16": ('{"title": "' + SECRET + '"}').encode("utf-16"),
    "bom": b"\xef\xbb\xbf" + b'{"unknown": "' + S + b'"}',
    "two boms": b"\xef\xbb\xbf" * 2 + b'{"title": "' + S + b'"}',
    "deep list": deep(100_000),
    "deep list closed late": deep(199),
    "deep object": b'{"a":' * 5000 + b'"' + S + b'"' + b"}" * 5000,
    "deep labels": b'{"title": "x", "labels": ' + b'{"a":' * 150 + b'"' + S + b'"' + b"}" * 150 + b"}",
    "duplicate keys": b'{"title": 1, "title": {"x": "' + S + b'"}}',
    "prototype": b'{"__proto__": {"title": "' + S + b'"}, "__class__": "' + S + b'"}',
    "wrong types": b'{"title": ["' + S + b'"], "service": {"a": 1}, "labels": 3, "status": [], "severity": {}}',
    "key is the secret": b'{"' + S + b'": 1}',
    "label key is the secret": b'{"title": "x", "labels": {"' + S + b'": 1}, "fields": {"' + S + b'": 1}}',
    "megabyte title": b'{"title": "' + S + b"x" * 1_000_000 + b'"}',
    "megabyte of wrong labels": b'{"title": "", "labels": {'
    + b",".join(b'"%s%d": %d' % (S, n, n) for n in range(60_000))
    + b"}}",
    "wrong list": b"[" + b",".join([b'"' + S + b'"'] * 9_000) + b"]",
    "list of lists": b"[[[{}]], [], [[1]], {}]",
    "empty objects": b"[" + b",".join([b"{}"] * 9_000) + b"]",
    "too many alerts": b"[" + b",".join([b"{}"] * 20_000) + b"]",
    "wrong samples": b'{"samples": [' + b",".join([b'{"value": "' + S + b'"}'] * 5_000) + b"]}",
    "samples no list": b'{"samples": {"' + S + b'": 1}}',
    "year 1": b'{"title": "' + S + b'", "starts_at": "0001-01-01T00:00:00Z", "opened_at": "0001-01-01T00:00:00Z"}',
    "year 9999": b'{"title": "'
    + S
    + b'", "starts_at": "9999-12-31T23:59:59-12:00", "opened_at": "9999-12-31T23:59:59-12:00"}',
    "no time": b'{"title": "' + S + b'", "starts_at": "' + S + b'", "opened_at": "' + S + b'"}',
    "epoch text": b'{"title": "' + S + b'", "starts_at": "253402300800", "opened_at": "253402300800"}',
    "alertmanager without alerts": b'{"version": "4", "status": "firing", "receiver": "' + S + b'"}',
    "alertmanager alerts no list": b'{"version": "4", "alerts": {"' + S + b'": 1}}',
    "alertmanager wrong alerts": b'{"version": "4", "alerts": [1, null, "' + S + b'", [], {"labels": "' + S + b'"}]}',
    "alertmanager wrong labels": b'{"version": "4", "alerts": [{"labels": {"a": ["' + S + b'"]}, "startsAt": {}}]}',
    "form": b"title=" + S,
    "multipart": b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n' + S + b"\r\n--x--\r\n",
    "xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;' + S + b"</a>",
    "gzip": b"\x1f\x8b\x08\x00" + S,
    "yaml": b"title: !!python/object/apply:os.system ['" + S + b"']",
    "crlf": b'{"severity": "\\r\\nSet-Cookie: ' + S + b'"}',
}
NAMES = defaultdict(lambda: "X-1", incident_id="INC-1", responder_id="anna", source="generic")
OPENAPI = create_app(FakeEngine(), Settings()).openapi()["paths"]
POSTS = [
    (method, url)
    for path, item in OPENAPI.items()
    for method in item
    if method in ("post", "put")
    for url in (
        [path.format(source=source) for source in ("generic", "alertmanager", "grafana")]
        if "{source}" in path
        else [path.format_map(NAMES)]
    )
]
BODILESS = {  # what may be asked without a body
    path.format_map(NAMES)
    for path, item in OPENAPI.items()
    for entry in item.values()
    if not entry.get("requestBody", {}).get("required")
}
KINDS = (
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "ü/\xff",
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    database = tmp_path_factory.mktemp("hostile") / "p.db"
    settings = Settings(database_url=url_of(database), encoder_enabled=False)
    app, headers = create_app(Pathfinder.open(settings), settings), {"X-API-Key": new_key(database, Scope.ADMIN)}
    with TestClient(app, headers=headers, raise_server_exceptions=False) as client:
        client.post("/v1/incidents", json={"title": "x"})
        yield client


def test_the_corpus_is_large_and_every_reading_route_is_in_it() -> None:
    assert len(CORPUS) >= 60
    assert len(POSTS) >= 10


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_bodies(client: TestClient, name: str) -> None:
    for method, url in POSTS:
        answer = client.request(method, url, content=CORPUS[name], headers={"content-type": "application/json"})
        assert answer.status_code < 500, url
        if answer.status_code >= 400:
            assert answer.status_code in (404, 413, 415, 422), url
            assert SECRET not in answer.text, url
            assert len(answer.content) <= 4096, url
            assert answer.json()["error"], url
        if answer.status_code == 202 and "rejected" in answer.json():
            assert SECRET not in json.dumps(answer.json()["rejected"]), url
            if not answer.json()["accepted"]:
                assert len(answer.content) <= 4096, url


@pytest.mark.parametrize("kind", KINDS)
def test_no_content_type_breaks_a_route(client: TestClient, kind: str) -> None:
    for method, url in POSTS:
        for body in (b'{"title": "' + S + b'"', b"", CORPUS["multipart"]):
            answer = client.request(method, url, content=body, headers={"content-type": kind.encode("latin-1")})  # type: ignore[dict-item]
            assert answer.status_code == 422 or (not body and url in BODILESS), (url, body)
            assert SECRET not in answer.text


def test_coded_bodies_are_not_unpacked(client: TestClient) -> None:
    for coding in ("gzip", "deflate", "br", "zstd", "gzip, gzip"):
        answer = client.post("/v1/alerts", content=CORPUS["gzip"], headers={"content-encoding": coding})
        assert answer.status_code == 415


def test_a_byte_order_mark_is_skipped(client: TestClient) -> None:
    assert client.post("/v1/alerts", content=b'\xef\xbb\xbf{"title": "x"}').status_code == 202


def test_nul_characters_do_not_reach_storage(client: TestClient) -> None:
    posted = client.post("/v1/alerts", content=b'{"title": "a\\u0000b", "labels": {"k\\u0000": "\\u0000v"}}').json()
    shown = client.get(f"/v1/incidents/{posted['incident_ids'][0]}").text
    assert "\\u0000" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "/v1/incidents/%00",
        "/v1/incidents/" + "a" * 5000,
        "/v1/incidents/..%2f..%2fetc%2fpasswd",
        "/v1/incidents/%ff%fe",
        "/v1/incidents/{{7*7}}",
        "/v1/incidents?before=%00",
        "/v1/incidents?service=%00",
        "/v1/incidents?service=" + "x" * 5000,
        "/v1/incidents?limit=999999999999999999999999",
        "/v1/incidents?since=2026-13-45",
        "/v1/responders/%F0%9F%92%A9",
        "/v1/patterns/upcoming?days=1e9",
        "/?incident=%00",
        "/?incident=" + "x" * 5000,
    ],
)
def test_hostile_addresses(client: TestClient, url: str) -> None:
    answer = client.get(url)
    assert answer.status_code in (200, 404, 422)
    assert len(answer.content) <= 4096


def test_wrong_labels_are_one_problem_however_many_they_are(client: TestClient) -> None:
    body = CORPUS["megabyte of wrong labels"].replace(b'"labels"', b'"fields"')
    answer = client.post("/v1/incidents", content=body, headers={"content-type": "application/json"})
    assert [each["field"] for each in answer.json()["fields"]] == ["title", "fields"]

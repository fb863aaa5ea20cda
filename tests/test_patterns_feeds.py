"""Patterns for other tools: calendar, silences, samples from a metrics server, pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from engine.errors import InvalidInput
from engine.patterns import Series
from engine.patterns.feeds import calendar_feed, silences
from tests.test_patterns_life import BATCH
from training import prometheus
from training.pattern_pictures import draw

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_the_calendar_names_rule_zone_and_words_in_short_lines() -> None:
    text = calendar_feed({"p1": BATCH}, NOW)
    assert "DTSTART;TZID=Europe/Amsterdam:20260306T160000\r\n" in text
    assert "RRULE:FREQ=WEEKLY;BYDAY=FR\r\n" in text
    assert "UID:p1@pathfinder\r\n" in text
    assert "DTSTART:20260329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n" in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert text.count("BEGIN:") == text.count("END:")


def test_the_calendar_leaves_out_holidays_and_counts_free_periods_in_utc() -> None:
    monday = replace(BATCH, rule="FREQ=WEEKLY;BYDAY=MO", except_holidays="NL")
    assert "EXDATE;TZID=Europe/Amsterdam:20260427T160000\r\n" in calendar_feed({"a": monday}, NOW)
    free = replace(BATCH, rule="DTSTART:20260102T120000Z\nRRULE:FREQ=MINUTELY;INTERVAL=2160")
    text = calendar_feed({"a": free}, NOW)
    assert "RRULE:FREQ=MINUTELY;INTERVAL=2160\r\n" in text
    assert "DTSTART:20260" in text


def test_silences_cover_likely_occurrences_and_name_what_they_silence() -> None:
    found = silences({"p1": BATCH, "p2": replace(BATCH, probability=0.3)}, NOW, days=7)
    assert [(one["startsAt"], one["endsAt"]) for one in found] == [("2026-03-06T15:00:00Z", "2026-03-06T15:50:00Z")]
    assert {m["name"]: m["value"] for m in found[0]["matchers"]} == {"service": "billing", "instance": "batch-01"}
    assert silences({"p": replace(BATCH, service="", host="")}, NOW) == []


def test_samples_of_a_server_come_by_series_and_week() -> None:
    asked: list[dict[str, list[str]]] = []

    def fetch(url: str) -> bytes:
        asked.append(parse_qs(urlsplit(url).query))
        start = float(asked[-1]["start"][0])
        series = {"metric": {"__name__": "load", "job": "db", "instance": "a", "disk": "sda"}, "values": [[start, "2"]]}
        return json.dumps({"status": "success", "data": {"result": [series]}}).encode()

    frame = prometheus.read("http://metrics:9090/", "load", NOW, datetime(2026, 3, 16, tzinfo=UTC), fetch=fetch)
    assert len(asked) == 2
    assert frame[["service", "host", "metric", "value"]].values.tolist() == [["db", "a", "load{disk=sda}", 2.0]] * 2


@pytest.mark.parametrize("body", [b"<html>", b'{"status": "error", "error": "parse error"}'])
def test_a_server_that_answers_otherwise_is_told_of(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="metrics server"):
        prometheus.read("http://metrics", "x", NOW, datetime(2026, 3, 3, tzinfo=UTC), fetch=lambda _: body)
    with pytest.raises(InvalidInput, match="http"):
        prometheus.read("file:///etc/passwd", "x", NOW, NOW)


def test_each_pattern_is_drawn(tmp_path: Path) -> None:
    ts = int(NOW.timestamp()) - np.arange(14 * 288) * 300
    series = Series(service="billing", host="batch-01", metric="cpu", ts=ts, values=np.sin(ts / 9000.0))
    drawn = draw({"p1": BATCH}, {("billing", "batch-01", "cpu"): series}, tmp_path)
    assert [path.read_bytes()[:4] for path in drawn] == [b"\x89PNG"]

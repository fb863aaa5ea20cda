"""The contract files: what is read out of them, and what happens to rows that cannot be read."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from engine.domain import AlertStatus, Edge, Severity
from engine.errors import InvalidInput
from training import files


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_full_alert_line_is_read(tmp_path: Path) -> None:
    line = {
        "id": "a1", "source": "prom", "title": "disk full", "description": "d", "severity": "page",
        "status": "resolved",
        "service": "db", "host": "db-1", "labels": {"team": "dba", "n": 3}, "fingerprint": "f", "incident_id": "i9",
        "starts_at": "2026-01-01T00:00:00Z", "ends_at": 1767225700, "received_at": "2026-01-01T01:02:00+01:00",
    }  # fmt: skip
    read = files.read_alerts(write(tmp_path / "a.jsonl", json.dumps(line) + "\n\n"))
    (alert,) = read.alerts
    assert read.incident_ids == ["i9"]
    assert (alert.severity, alert.status) == (Severity.CRITICAL, AlertStatus.RESOLVED)
    assert alert.labels == {"team": "dba", "n": "3"}
    assert alert.received_at == datetime(2026, 1, 1, 0, 2, tzinfo=UTC)
    assert alert.ends_at == datetime(2026, 1, 1, 0, 1, 40, tzinfo=UTC)


def test_alerts_without_times_keep_the_order_received(tmp_path: Path) -> None:
    text = (
        '{"id":"1","source":"s","title":"t","starts_at":"2026-01-01T00:00:00Z"}\n{"id":"2","source":"s","title":"t"}\n'
    )
    first, second = files.read_alerts(write(tmp_path / "a.jsonl", text)).alerts
    assert second.starts_at == first.starts_at
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize(
    "bad", ["{", "[]", "3", '{"id":"x","starts_at":"yesterday"}', '{"id":"x","labels":[1]}', "[" * 100_000]
)
def test_one_bad_line_is_left_out_and_named(tmp_path: Path, bad: str) -> None:
    good = '{"id":"g","source":"s","title":"t","starts_at":"2026-01-01T00:00:00Z"}'
    read = files.read_alerts(write(tmp_path / "a.jsonl", f"{good}\n{bad}\n{good}\n"))
    assert [alert.id for alert in read.alerts] == ["g", "g"]
    assert [problem.line for problem in read.problems] == [2]
    with pytest.raises(InvalidInput, match="line 1"):
        files.read_alerts(write(tmp_path / "b.jsonl", bad + "\n"))


def test_incidents_from_csv_and_json_are_the_same(tmp_path: Path) -> None:
    row = {
        "id": "1", "opened_at": "2026-01-01T00:00:00Z", "closed_at": "2026-01-01 02:00:00", "title": "a, b",
        "resolver": "dana",
        "team": "dba", "resolution": "line one\nline two", "location": "Oslo", "service": "db",
    }  # fmt: skip
    columns = ",".join(row)
    values = ",".join('"' + value + '"' for value in row.values())
    from_csv = files.read_incidents(write(tmp_path / "i.csv", f"\ufeff{columns}\n{values}\n"))
    from_json = files.read_incidents(write(tmp_path / "i.jsonl", json.dumps(row) + "\n"))
    assert from_csv.incidents == from_json.incidents
    (incident,) = from_csv.incidents
    assert incident.fields == {"location": "Oslo"}
    assert incident.resolution is not None
    assert incident.resolution.text == "line one\nline two"
    assert incident.known_from == incident.opened_at + timedelta(hours=2)


def test_undated_incidents_keep_file_order(tmp_path: Path) -> None:
    history = files.read_incidents(write(tmp_path / "h.csv", "id,title,team\n1,a,x\n2,b,y\n"))
    queries = files.read_incidents(
        write(tmp_path / "q.csv", "id,title\n3,c\n"), undated_from=history.latest() + files.UNDATED_STEP
    )
    times = [incident.opened_at for incident in [*history.incidents, *queries.incidents]]
    assert times == sorted(set(times))


def test_halves_of_characters_are_dropped(tmp_path: Path) -> None:
    """JSON can name half of a surrogate pair, which can be neither encoded nor written."""
    path = write(tmp_path / "i.jsonl", '{"id": "7\\ud83d", "title": "full \\ude00disk \\ud83d\\ude00"}\n')
    incident = files.read_incidents(path).incidents[0]
    assert (incident.id, incident.title) == ("7", "full disk \U0001f600")


def test_gzip_is_read(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "i.csv.gz", "wt") as out:
        out.write("id,opened_at\n7,2026-01-01T00:00:00Z\n")
    assert files.read_incidents(tmp_path / "i.csv.gz").incidents[0].id == "7"


def test_edges_need_a_known_relation(tmp_path: Path) -> None:
    good = write(tmp_path / "e.csv", "source,target,relation\na,b,depends_on\na,a,runs_on\nb,c,\n")
    assert files.read_edges(good) == [Edge(source="a", target="b"), Edge(source="b", target="c")]
    with pytest.raises(InvalidInput, match="line 2"):
        files.read_edges(write(tmp_path / "x.csv", "source,target,relation\na,b,loves\n"))


@pytest.mark.parametrize("times", [("2026-01-01T00:00:00Z", "2026-01-01 00:05:00"), ("1767225600", "1767225900")])
def test_metrics_are_read_in_utc_and_rubbish_falls_out(tmp_path: Path, times: tuple[str, str]) -> None:
    rows = f"ts,service,host,metric,value\n{times[0]},s,h,cpu,1.5\n{times[1]},s,h,cpu,2\n{times[1]},s,h,cpu,x\n"
    frame = files.read_metrics(write(tmp_path / "m.csv", rows))
    assert list(frame["value"]) == [1.5, 2.0]
    assert frame["ts"].iloc[0].to_pydatetime() == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    for read in (files.read_alerts, files.read_incidents, files.read_edges, files.read_metrics):
        with pytest.raises(InvalidInput, match="does not exist"):
            read(tmp_path / "none.csv")


def test_rows_are_written_in_the_contract_form(tmp_path: Path) -> None:
    @dataclass
    class Row:
        query_id: str
        rank: int
        score: float

    files.write_rows(tmp_path / "out" / "r.csv", Row, [Row("a,b", 1, 0.5)])
    assert (tmp_path / "out" / "r.csv").read_text() == 'query_id,rank,score\n"a,b",1,0.500000\n'


def test_samples_in_parquet_keep_their_moments(tmp_path: Path) -> None:
    moments = pd.to_datetime(["2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"])
    for unit in ("s", "us", "ns"):
        frame = pd.DataFrame({"ts": moments.as_unit(unit), "service": "a", "value": [1.0, 2.0]})
        frame.to_parquet(tmp_path / "m.parquet")
        assert files.read_metrics(tmp_path / "m.parquet")["ts"].tolist() == moments.tolist()

"""The files that batch jobs read and write. Their forms are a contract: see the README, "Files".

A row that cannot be read is left out and reported as a `Problem`; a file that cannot be read at all is an error.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pandas as pd

from engine.clock import read_time
from engine.domain import (
    Alert,
    AlertStatus,
    Edge,
    Incident,
    IncidentStatus,
    Resolution,
    Severity,
    fingerprint_of,
)
from engine.errors import InvalidInput

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNDATED_STEP = timedelta(hours=1)  # between rows without times: file order is then the only order known
_RESOLVED = {"resolved", "ok", "closed", "recovered", "recovery", "cleared", "clear", "inactive", "up", "normal"}
_RELATIONS = {"depends_on", "runs_on", "part_of"}
_INCIDENT_COLUMNS = {
    "id", "opened_at", "closed_at", "title", "description", "service", "category", "priority", "resolver", "team",
    "resolution",
}  # fmt: skip
_METRIC_COLUMNS = ("ts", "service", "host", "metric", "value")
csv.field_size_limit(50_000_000)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A row that was left out, by its number in the file (1 is the first line), and why."""

    line: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class AlertFile:
    """Alerts in the order received; `incident_ids` runs beside them, "" where the line names none."""

    alerts: list[Alert]
    incident_ids: list[str]
    problems: list[Problem]


@dataclass(frozen=True, kw_only=True)
class IncidentFile:
    """Incidents in file order."""

    incidents: list[Incident]
    problems: list[Problem]

    def latest(self) -> datetime:
        """The last moment anything in the file was known, UTC; the epoch for an empty file."""
        return max((incident.known_from for incident in self.incidents), default=EPOCH)


def read_alerts(path: Path) -> AlertFile:
    """Read ALERTS: JSON lines with `id, source, title` and optional further fields.

    Raises
    ------
    InvalidInput
        If the file does not exist or holds no readable line although it is not empty.
    """
    found = AlertFile(alerts=[], incident_ids=[], problems=[])
    clock = EPOCH
    for line, record in _records(path, found.problems):
        try:
            alert = alert_of(record, line, clock)
        except InvalidInput as error:
            found.problems.append(Problem(line=line, reason=str(error)))
            continue
        clock = alert.received_at
        found.alerts.append(alert)
        found.incident_ids.append(_text(record.get("incident_id")))
    _refuse_unreadable(path, found.alerts, found.problems)
    return found


def read_incidents(path: Path, *, undated_from: datetime = EPOCH) -> IncidentFile:
    """Read INCIDENTS: CSV or JSON lines; further columns become `Incident.fields`.

    Rows without `opened_at` are dated `undated_from` plus one `UNDATED_STEP` a row.

    Raises
    ------
    InvalidInput
        If the file does not exist or holds no readable row although it is not empty.
    """
    found = IncidentFile(incidents=[], problems=[])
    for line, record in _records(path, found.problems):
        try:
            found.incidents.append(incident_of(record, line, undated_from + line * UNDATED_STEP))
        except InvalidInput as error:
            found.problems.append(Problem(line=line, reason=str(error)))
    _refuse_unreadable(path, found.incidents, found.problems)
    return found


def read_edges(path: Path) -> list[Edge]:
    """Read EDGES: CSV with `source,target,relation`; rows that name an end twice or not at all are left out.

    Raises
    ------
    InvalidInput
        If the file does not exist, or a relation is none of depends_on, runs_on, part_of.
    """
    edges = []
    for line, record in _records(path, []):
        relation = _text(record.get("relation")) or "depends_on"
        if relation not in _RELATIONS:
            raise InvalidInput(f"{path.name} line {line}: relation must be one of {', '.join(sorted(_RELATIONS))}")
        source, target = _text(record.get("source")), _text(record.get("target"))
        if source and target and source != target:
            edges.append(Edge(source=source, target=target, relation=relation))
    return edges


def read_metrics(path: Path) -> pd.DataFrame:
    """Read METRICS: CSV (or Parquet) with `ts,service,host,metric,value`; `ts` becomes UTC, unreadable rows fall out.

    Raises
    ------
    InvalidInput
        If the file does not exist or lacks `ts` or `value`.
    """
    _require(path)
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"ts": str})
    frame = frame.rename(columns=lambda name: str(name).strip().lower())
    for name in ("ts", "value"):
        if name not in frame.columns:
            raise InvalidInput(f"{path.name} has no column {name}: a metrics file needs {','.join(_METRIC_COLUMNS)}")
    for name in ("service", "host", "metric"):
        frame[name] = frame[name].fillna("").astype(str) if name in frame.columns else ""
    frame["ts"] = _times(frame["ts"])
    frame["value"] = pd.to_numeric(frame["value"], errors="coerce")
    return frame.loc[:, list(_METRIC_COLUMNS)].dropna(subset=["ts", "value"]).reset_index(drop=True)


def write_rows(path: Path, form: type, rows: Iterable[object]) -> None:
    """Write dataclass instances of `form` as CSV, one column a field, floats with six digits."""
    names = [field.name for field in dataclasses.fields(form)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(names)
        for row in rows:
            writer.writerow([_cell(getattr(row, name)) for name in names])


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def alert_of(record: Mapping[str, Any], line: int, clock: datetime) -> Alert:
    """One alert out of a line of ALERTS. `clock` is the arrival of the line before, for lines without any time.

    Raises
    ------
    InvalidInput
        If a time cannot be read or `labels` is no object.
    """
    labels = record.get("labels") or {}
    if not isinstance(labels, Mapping):
        raise InvalidInput("labels must be an object of names and values")
    named = {_text(key): _text(value) for key, value in labels.items()}
    received = record.get("received_at") or record.get("starts_at")
    received_at = read_time(received, "received_at") if received else clock
    starts_at = read_time(record["starts_at"], "starts_at") if record.get("starts_at") else received_at
    source, title = _text(record.get("source")), _text(record.get("title"))
    service, host = _text(record.get("service")), _text(record.get("host"))
    return Alert(
        id=_text(record.get("id")) or f"line-{line}",
        source=source,
        title=title,
        starts_at=starts_at,
        received_at=received_at,
        fingerprint=_text(record.get("fingerprint")) or fingerprint_of(source, title, service, host, named),
        status=AlertStatus.RESOLVED if _text(record.get("status")).lower() in _RESOLVED else AlertStatus.FIRING,
        severity=Severity.from_word(_text(record.get("severity"))),
        description=_text(record.get("description")),
        service=service,
        host=host,
        labels=named,
        ends_at=read_time(record["ends_at"], "ends_at") if record.get("ends_at") else None,
    )


def incident_of(record: Mapping[str, Any], line: int, undated: datetime) -> Incident:
    """One incident out of a row of INCIDENTS; `undated` is its opening where the row names none.

    Raises
    ------
    InvalidInput
        If a time cannot be read.
    """
    closed_at = read_time(record["closed_at"], "closed_at") if record.get("closed_at") else None
    opened_at = read_time(record["opened_at"], "opened_at") if record.get("opened_at") else undated
    outcome = {name: _text(record.get(name)) for name in ("resolution", "resolver", "team")}
    resolution = None
    if closed_at or any(outcome.values()):
        resolution = Resolution(
            text=outcome["resolution"], resolver=outcome["resolver"], team=outcome["team"], resolved_at=closed_at
        )
    return Incident(
        id=_text(record.get("id")) or f"line-{line}",
        opened_at=opened_at,
        closed_at=closed_at,
        status=IncidentStatus.RESOLVED if resolution else IncidentStatus.OPEN,
        title=_text(record.get("title")),
        description=_text(record.get("description")),
        service=_text(record.get("service")),
        category=_text(record.get("category")),
        priority=_text(record.get("priority")),
        resolution=resolution,
        fields={key: _text(value) for key, value in record.items() if key not in _INCIDENT_COLUMNS and _text(value)},
    )


def _records(path: Path, problems: list[Problem]) -> Iterator[tuple[int, dict[str, Any]]]:
    _require(path)
    name = path.name.removesuffix(".gz")
    with _open(path) as file:
        if name.endswith((".jsonl", ".json", ".ndjson")):
            yield from _json_lines(file, problems)
        else:
            for record in (reader := csv.DictReader(file)):
                yield reader.line_num, {str(key).strip().lower(): value for key, value in record.items() if key}


def _json_lines(file: IO[str], problems: list[Problem]) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            problems.append(Problem(line=line, reason="is not JSON"))
            continue
        if isinstance(record, dict):
            yield line, {str(key).strip().lower(): value for key, value in record.items()}
        else:
            problems.append(Problem(line=line, reason="is not a JSON object"))


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _require(path: Path) -> None:
    if not path.is_file():
        raise InvalidInput(f"{path} does not exist: name a file that does")


def _refuse_unreadable(path: Path, rows: Sequence[object], problems: Sequence[Problem]) -> None:
    if problems and not rows:
        raise InvalidInput(f"no row of {path.name} can be read; line {problems[0].line}: {problems[0].reason}")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).encode("utf-8", "ignore").decode().strip()  # lone surrogates can be neither encoded nor written


def _times(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column):  # Parquet keeps times as such
        return pd.to_datetime(column, utc=True)
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().all() and len(numbers):
        unit = "s" if numbers.abs().max() < 1e11 else "ms" if numbers.abs().max() < 1e14 else "ns"
        return pd.to_datetime(numbers, unit=unit, utc=True, errors="coerce")
    return pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")


def _cell(value: object) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)

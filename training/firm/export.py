"""A firm as files, in the forms that the batch verbs read, with the truth beside them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.clock import to_text
from engine.domain import Alert, Incident

if TYPE_CHECKING:
    from training.simulate import Firm


def write(firm: Firm, folder: Path) -> None:
    """Write history and live part of `firm` into `folder`.

    `history.jsonl, alerts.jsonl, edges.csv` for correlate, `incidents.jsonl, queries.jsonl` for suggest and route,
    `metrics.csv` for patterns; the truth in `groups_truth.csv`, `fixes_truth.csv` and `rhythms_truth.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    past = [alert for alert in firm.alerts if alert.received_at < firm.split_at]
    live = firm.alerts[len(past) :]
    _lines(folder / "history.jsonl", (alert_line(alert, firm.truth[alert.id]) for alert in past))
    _lines(folder / "alerts.jsonl", map(alert_line, live))
    _table(
        folder / "edges.csv", ["source", "target", "relation"], [(e.source, e.target, e.relation) for e in firm.edges]
    )
    _lines(folder / "incidents.jsonl", map(incident_line, firm.incidents))
    _lines(folder / "queries.jsonl", map(incident_line, firm.queries))
    firm.metrics.to_csv(folder / "metrics.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    _table(folder / "groups_truth.csv", ["alert_id", "incident_id"], [(one.id, firm.truth[one.id]) for one in live])
    _table(folder / "fixes_truth.csv", ["incident_id", "fault"], sorted(firm.fault_of.items()))
    (folder / "rhythms_truth.json").write_text(json.dumps(firm.rhythms, indent=1), encoding="utf-8")


def alert_line(alert: Alert, incident_id: str = "") -> dict[str, Any]:
    """One line of ALERTS; empty fields are left out."""
    line = {
        "id": alert.id,
        "source": alert.source,
        "title": alert.title,
        "description": alert.description,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "service": alert.service,
        "host": alert.host,
        "labels": dict(alert.labels),
        "fingerprint": alert.fingerprint,
        "starts_at": to_text(alert.starts_at),
        "ends_at": to_text(alert.ends_at) if alert.ends_at else "",
        "received_at": to_text(alert.received_at),
        "incident_id": incident_id,
    }
    return {name: value for name, value in line.items() if value}


def incident_line(incident: Incident) -> dict[str, Any]:
    """One line of INCIDENTS, outcome included; empty fields are left out."""
    fix = incident.resolution
    line = {
        "id": incident.id,
        "opened_at": to_text(incident.opened_at),
        "closed_at": to_text(incident.closed_at) if incident.closed_at else "",
        "title": incident.title,
        "description": incident.description,
        "service": incident.service,
        "category": incident.category,
        "priority": incident.priority,
        "resolver": fix.resolver if fix else "",
        "team": fix.team if fix else "",
        "resolution": fix.text if fix else "",
        **incident.fields,
    }
    return {name: value for name, value in line.items() if value}


def _lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)


def _table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(rows)

"""Exports of other tools: recognised by their headers, read in their habits, bad rows named and left out."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import Incident, IncidentStatus
from engine.errors import InvalidInput
from training.exports import FORMS
from training.files import read_incidents
from training.history import History, columns_of, form_of, header, read_history

HEADERS = Path(__file__).resolve().parents[2] / "shared" / "ticket_exports" / "export_headers.json"


def sheet(rows: Sequence[Sequence[str]], separator: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def imported(folder: Path, content: str | bytes, name: str = "export.csv", **options: str) -> History:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return read_history(path, **options)


def only(history: History) -> Incident:
    assert history.report.problems == []
    (incident,) = history.incidents
    return incident


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


# --- each tool's form ---


def test_servicenow_with_labels_in_a_windows_code_page(tmp_path: Path) -> None:
    rows = [
        ["Number", "Short description", "Description", "Opened", "Resolved", "State", "Priority", "Category",
         "Configuration item", "Assignment group", "Assigned to", "Resolved by", "Resolution notes", "Resolution code",
         "Channel", "Reassignment count", "Made SLA"],
        ["INC0010023", "Café till offline", "no network – since 8", "2026-03-02 08:10:00", "2026-03-02 09:40:00",
         "Closed", "2 - High", "Network", "switch-cafe", "Network team", "Bo", "Berg, Anna", "Port re-enabled",
         "Solved (Permanently)", "Phone", "3", "true"],
    ]  # fmt: skip
    history = imported(tmp_path, sheet(rows).encode("cp1252"), timezone="Europe/Amsterdam")
    incident = only(history)
    assert (history.report.form, history.report.encoding) == ("ServiceNow", "cp1252")
    assert incident.title == "Café till offline" and "–" in incident.description
    assert (incident.opened_at, incident.closed_at) == (utc(2026, 3, 2, 7, 10), utc(2026, 3, 2, 8, 40))
    assert incident.resolution and incident.resolution.resolver == "Berg, Anna"
    assert (incident.resolution.text, incident.resolution.team) == ("Port re-enabled", "Network team")
    assert incident.fields == {"channel": "Phone"}  # what came later is no feature


def test_servicenow_with_database_names_takes_the_resolving_before_the_closing(tmp_path: Path) -> None:
    rows = [
        ["number", "incident_state", "opened_at", "closed_at", "resolved_at", "assignment_group", "assigned_to",
         "resolved_by", "cmdb_ci", "caller_id", "closed_code"],
        ["0000045", "Closed", "2016-02-29 01:16:00", "2016-03-05 12:00:00", "2016-02-29 11:29:00", "56", "?", "149",
         "?", "2403", "5"],
    ]  # fmt: skip
    incident = only(imported(tmp_path, sheet(rows)))
    assert incident.closed_at == utc(2016, 2, 29, 11, 29)
    assert incident.service == ""  # a question mark is nothing
    assert incident.fields == {"caller_id": "2403"}


def test_jira_with_repeated_headers_a_byte_order_mark_and_comments(tmp_path: Path) -> None:
    rows = [
        ["Summary", "Issue key", "Issue id", "Issue Type", "Status", "Priority", "Resolution", "Assignee", "Reporter",
         "Created", "Updated", "Resolved", "Component/s", "Labels", "Labels", "Description",
         "Custom field (Affected services)", "Custom field (Request Type)", "Comment", "Comment"],
        ["Shop slow", "OPS-7", "10007", "Incident", "Done", "High", "Fixed", "anna", "bo", "11/May/24 03:26 PM",
         "12/May/24 9:00 AM", "11/May/24 05:00 PM", "web", "slow", "shop", "pages take 30 s", "shop-web", "Report",
         "11/May/24 04:10 PM;anna;Restarted the pool, looks better", "11/May/24 04:55 PM;anna;Raised pool to 40; fine",
         "13/May/24 08:00 AM;bo;Thank you very much for the help"],
    ]  # fmt: skip
    history = imported(tmp_path, b"\xef\xbb\xbf" + sheet(rows).encode())
    incident = only(history)
    assert (history.report.form, incident.id, incident.service) == ("Jira", "OPS-7", "shop-web")
    assert (incident.opened_at, incident.closed_at) == (utc(2024, 5, 11, 15, 26), utc(2024, 5, 11, 17, 0))
    assert incident.resolution and incident.resolution.text == "Raised pool to 40; fine"  # not the thanks of later
    assert incident.resolution.resolver == "anna"
    assert incident.fields == {"labels": "slow, shop", "reporter": "bo"}
    assert incident.category == "Report"


def test_pagerduty_in_csv_and_in_the_answer_of_its_api(tmp_path: Path) -> None:
    record: dict[str, Any] = {
        "id": "Q1", "incident_number": 12, "created_at": "2026-05-31T10:05:00", "resolved_at": "2026-05-31T10:15:00",
        "description": "disk full on db-1", "service_name": "orders", "team_name": "dba", "urgency": "high",
        "priority_name": None, "resolved_by_user_name": "", "acknowledged_user_names": ["Anna Berg", "Bo Smit"],
        "escalation_policy_name": "DBA", "seconds_to_resolve": 600, "status": "resolved", "assignment_count": 2,
    }  # fmt: skip
    answer = only(imported(tmp_path, json.dumps({"data": [record], "limit": 100}), "pd.json"))
    cells = ["['Anna Berg', 'Bo Smit']" if isinstance(value, list) else str(value or "") for value in record.values()]
    table = only(imported(tmp_path, sheet([list(record), cells])))
    for incident in (answer, table):
        assert (incident.id, incident.title, incident.service) == ("Q1", "disk full on db-1", "orders")
        assert incident.resolution and incident.resolution.resolver == "Anna Berg"
        assert incident.resolution.team == "dba"
        assert incident.fields == {"escalation_policy_name": "DBA"}


def test_zendesk(tmp_path: Path) -> None:
    rows = [
        ["Summation column", "Id", "Requester", "Assignee", "Group", "Subject", "Tags", "Status", "Priority",
         "Ticket type", "Created at", "Updated at", "Solved at", "Reopens", "Satisfaction Score"],
        ["1", "4711", "carl", "Anna", "Hosting", "Mail bounces", "mail smtp", "Closed", "Urgent", "Incident",
         "2015-03-05 10:38:52 -0800", "2015-03-09 00:00:00 -0800", "2015-03-05 12:00:00 -0800", "0", "Good"],
    ]  # fmt: skip
    incident = only(imported(tmp_path, sheet(rows)))
    assert (incident.id, incident.opened_at) == ("4711", utc(2015, 3, 5, 18, 38, 52))
    assert incident.resolution and (incident.resolution.resolver, incident.resolution.team) == ("Anna", "Hosting")
    assert incident.fields == {"requester": "carl", "tags": "mail smtp"}


def test_zendesk_lines_of_the_api_close_at_their_last_update(tmp_path: Path) -> None:
    lines = [
        {"id": 1, "subject": "a", "raw_subject": "a", "status": "closed", "assignee_id": 7, "group_id": 3,
         "created_at": "2026-01-01T10:00:00Z", "updated_at": "2026-01-02T10:00:00Z"},
        {"id": 2, "subject": "b", "raw_subject": "b", "status": "open", "assignee_id": 7, "group_id": 3,
         "created_at": "2026-01-01T10:00:00Z", "updated_at": "2026-01-02T10:00:00Z"},
    ]  # fmt: skip
    closed, still_open = imported(tmp_path, "\n".join(map(json.dumps, lines)), "z.jsonl").incidents
    assert closed.closed_at == utc(2026, 1, 2, 10) and closed.resolution and closed.resolution.resolver == "7"
    assert still_open.status is IncidentStatus.OPEN and still_open.resolution is None


def test_freshservice_numbers_become_words(tmp_path: Path) -> None:
    record = {
        "id": 9, "subject": "VPN down", "description_text": "all users", "status": 5, "priority": 4,
        "responder_id": 33, "group_id": 2, "category": "Network", "sub_category": "VPN",
        "created_at": "2026-02-01T08:00:00Z", "updated_at": "2026-02-01T09:30:00Z",
        "resolution_notes": "<p>Renewed the &amp; reloaded the certificate</p>",
    }  # fmt: skip
    incident = only(imported(tmp_path, json.dumps([record]), "f.json"))
    assert (incident.priority, incident.closed_at) == ("Urgent", utc(2026, 2, 1, 9, 30))
    assert incident.resolution and incident.resolution.text == "Renewed the & reloaded the certificate"
    assert incident.fields == {"sub_category": "VPN"}


@pytest.mark.parametrize(
    "headers",
    [
        ["ID", "Title", "Status", "Opening date", "Resolution date", "Assigned to - Technician", "Solution - Solution"],
        ["ID", "Titre", "Statut", "Date d'ouverture", "Date de résolution", "Attribué à - Technicien", "Solution"],
    ],
)
def test_glpi_with_semicolons_in_two_languages(tmp_path: Path, headers: list[str]) -> None:
    row = ["1 204", "Imprimante en panne", "Closed", "02-03-2026 08:10", "13-03-2026 09:00", "Anna", "toner; tambour"]
    history = imported(tmp_path, sheet([headers, row], ";"))
    incident = only(history)
    assert history.report.form == "GLPI"
    assert (incident.opened_at, incident.closed_at) == (utc(2026, 3, 2, 8, 10), utc(2026, 3, 13, 9, 0))
    assert incident.resolution and (incident.resolution.resolver, incident.resolution.text) == (
        "Anna",
        "toner; tambour",
    )


def test_the_contract_form_reads_as_the_batch_verbs_read_it(tmp_path: Path) -> None:
    rows = [
        ["id", "opened_at", "closed_at", "title", "description", "service", "category", "priority", "resolver", "team",
         "resolution", "site"],
        ["i1", "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z", "disk full", "on db-1", "orders", "disk", "P1", "anna",
         "dba", "extended it", "ams"],
        ["i2", "2026-01-02T10:00:00Z", "", "slow", "", "", "", "", "", "", "", ""],
    ]  # fmt: skip
    history = imported(tmp_path, sheet(rows), "incidents.csv")
    assert history.report.form == "plain" and history.report.problems == []
    assert history.incidents == read_incidents(tmp_path / "incidents.csv").incidents


def test_headers_that_other_tools_are_known_for_are_recognised() -> None:
    if not HEADERS.is_file():
        pytest.skip("../shared/ticket_exports is not beside the project")
    known = json.loads(HEADERS.read_text(encoding="utf-8"))
    expected = {
        "servicenow_db_names_uci_event_log": "ServiceNow", "jira_csv_all_fields": "Jira",
        "zendesk_legacy_csv": "Zendesk", "zendesk_api_incremental": "Zendesk",
        "freshservice_api": "Freshservice", "glpi_list_csv": "GLPI",
        "osticket_csv": "osTicket",
    }  # fmt: skip
    for name, form in expected.items():
        assert form_of(known[name]["columns"]).name == form
        fields = set(columns_of(known[name]["columns"], form_of(known[name]["columns"])).values())
        assert {"id", "opened_at", "resolver"} <= fields
    columns = json.loads(
        (HEADERS.parent / "pagerduty_analytics_raw_incidents.columns.json").read_text(encoding="utf-8")
    )
    assert form_of(columns).name == "PagerDuty"


def test_no_form_hides_behind_another() -> None:
    for form in FORMS:
        for marks in form.marks:
            assert form_of(sorted(marks)) is form, form.name
            assert all(name == header(name) for name in form.columns)


# --- bad rows, odd files ---


def test_bad_rows_are_named_by_line_and_column_and_the_others_stay(tmp_path: Path) -> None:
    text = sheet(
        [
            ["Number", "Short description", "Assignment group", "Opened", "Resolved"],
            ["1", "good", "ops", "2026-01-01 10:00", "2026-01-01 11:00"],
            ["2", "line\nbreak", "ops", "not a date", ""],
            ["3", "no time", "ops", "", ""],
            ["4", "good too", "ops", "2026-01-02 10:00", "whenever"],
            ["5", "fine", "ops", "2026-01-03 10:00", ""],
        ]
    )
    history = imported(tmp_path, text)
    assert [each.id for each in history.incidents] == ["1", "5"]
    problems = [(each.line, each.column) for each in history.report.problems]
    assert problems == [(3, "Opened"), (5, "Opened"), (6, "Resolved")]
    assert "not a date" not in history.report.problems[0].reason.replace("is not a date", "")


def test_broken_json_lines_are_reported_with_their_number(tmp_path: Path) -> None:
    lines = ['{"id": "a", "title": "x", "opened_at": "2026-01-01"}', "{broken", "[1]", ""]
    history = imported(tmp_path, "\n".join(lines), "x.jsonl")
    assert [each.id for each in history.incidents] == ["a"]
    assert [(each.line, each.column) for each in history.report.problems] == [(2, "row"), (3, "row")]


def test_rows_about_one_incident_are_merged_open_facts_first_outcome_last(tmp_path: Path) -> None:
    rows = [
        ["number", "short_description", "assignment_group", "resolved_by", "opened_at", "resolved_at", "priority"],
        ["7", "router dead", "desk", "", "2026-01-01 10:00", "", "3"],
        ["7", "", "network", "anna", "2026-01-01 10:00", "2026-01-01 12:00", "1"],
    ]
    history = imported(tmp_path, sheet(rows))
    incident = only(history)
    assert (incident.title, incident.priority) == ("router dead", "3")
    assert incident.resolution and (incident.resolution.team, incident.resolution.resolver) == ("network", "anna")
    assert any("merged" in note for note in history.report.notes)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"colour,size\nred,3\n", b"\x1f\x8bnot gzip"])
def test_what_is_no_table_of_incidents_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidInput):
        imported(tmp_path, data)


def test_a_missing_file_and_an_unknown_zone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        read_history(tmp_path / "none.csv")
    with pytest.raises(InvalidInput, match="timezone"):
        imported(tmp_path, "id,title\n1,x\n", timezone="Mars/Base")


@pytest.mark.parametrize("encode", ["utf-8", "utf-16", "gzip", "sep"])
def test_encodings_and_wrappings(tmp_path: Path, encode: str) -> None:
    text = "id;title;opened_at\r\n1;Größe;2026-01-01 10:00\r\n2;b;never\r\n"
    wrapped = {
        "utf-8": text.encode(),
        "utf-16": text.encode("utf-16"),
        "gzip": gzip.compress(text.encode()),
        "sep": ("sep=;\r\n" + text).encode(),
    }
    history = imported(tmp_path, wrapped[encode])
    assert [each.title for each in history.incidents] == ["Größe"]
    assert [each.line for each in history.report.problems] == [4 if encode == "sep" else 3]


@settings(max_examples=80, deadline=None)
@given(data=st.binary(max_size=300) | st.text(alphabet='id,;"\n{}[]: 1/a', max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        history = read_history(path)
    except InvalidInput:
        return
    assert history.report.incidents == len(history.incidents)
    for incident in history.incidents:
        f"{incident.id}{incident.text()}{incident.fields}".encode()


def test_rows_without_an_id_are_told_apart_from_those_of_another_file(tmp_path: Path) -> None:
    ids = [imported(tmp_path, "title\nprinter\n", name).incidents[0].id for name in ("may.csv", "june.csv")]
    assert ids == ["may-2", "june-2"]


def test_text_that_no_store_takes_is_cleaned(tmp_path: Path) -> None:
    incident = only(imported(tmp_path, r'{"id": "1", "title": "a\ud800b\u0000c"}', "x.json"))
    assert incident.title == "abc"


def test_code_in_a_description_is_not_taken_for_markup(tmp_path: Path) -> None:
    incident = only(
        imported(tmp_path, '{"id": "1", "title": "x", "description": "List<String> fails if a < b"}', "x.json")
    )
    assert incident.description == "List<String> fails if a < b"


def test_files_that_do_not_tell_say_so(tmp_path: Path) -> None:
    history = imported(tmp_path, "id,title,opened_at\n1,x,03/04/2025\n")
    assert any("03/04/2025" in note for note in history.report.notes)
    assert not imported(tmp_path, "id,title,opened_at\n1,x,2025-04-03\n").report.notes[1:]


def test_texts_of_every_form_name_columns_as_the_reader_writes_them() -> None:
    assert header("Custom field (Affected services)") == "affected_services"
    assert header("Component/s") == "component_s"

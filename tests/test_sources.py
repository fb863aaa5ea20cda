"""Every source: its example reads, its rules hold, nothing that JSON can say makes it fall over."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import Alert, AlertStatus, Severity
from engine.errors import InvalidInput
from engine.sources import SOURCES, Parsed, reading
from engine.sources import alertmanager as am
from engine.sources import grafana as gf
from engine.sources import pagerduty as pd
from engine.sources import uptime_kuma as kuma

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PAYLOADS = Path(__file__).resolve().parents[2] / "shared" / "payloads"
ALL = sorted(SOURCES)
LISTED = ["alertmanager", "generic", "grafana"]  # those whose payload is a list of alerts


def one(source: str, payload: Any) -> Alert:
    """The only alert of a payload."""
    parsed = SOURCES[source].parse(payload, NOW)
    assert not parsed.rejected
    (alert,) = parsed.alerts
    return alert


def firing(**entry: Any) -> dict[str, Any]:
    """An Alertmanager payload of one alert, with fields replaced."""
    alert = copy.deepcopy(am.EXAMPLE["alerts"][0]) | entry
    return {"version": "4", "status": "firing", "alerts": [alert]}


# --- all sources ---


@pytest.mark.parametrize("name", ALL)
def test_the_example_of_a_source_can_be_read_and_is_json(name: str) -> None:
    example = json.loads(json.dumps(SOURCES[name].example))
    parsed = SOURCES[name].parse(example, NOW)
    assert parsed.alerts and not parsed.rejected
    for alert in parsed.alerts:
        assert alert.title and alert.fingerprint and alert.id
        assert alert.received_at == NOW
        assert alert.starts_at <= NOW + reading.FUTURE


@pytest.mark.parametrize("name", ALL)
def test_a_second_delivery_gives_the_same_alerts(name: str) -> None:
    first = SOURCES[name].parse(SOURCES[name].example, NOW)
    again = SOURCES[name].parse(SOURCES[name].example, NOW + timedelta(minutes=4))
    assert [alert.id for alert in first.alerts] == [alert.id for alert in again.alerts]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("payload", [None, 3, "text", True, 1.5])
def test_what_is_no_object_or_list_is_refused(name: str, payload: Any) -> None:
    with pytest.raises(InvalidInput):
        SOURCES[name].parse(payload, NOW)


# Field names that sources look at, so that odd values get to where they are read.
NAMES = st.sampled_from(
        ["alerts", "labels", "annotations", "startsAt", "endsAt", "status", "fingerprint", "title", "timestamp", "ts",
         "severity", "host", "service", "tags", "instance", "alertname", "summary", "description", "ruleId", "ruleName",
         "state", "evalMatches", "valueString", "truncatedAlerts", "data", "source", "ends_at"]
    )  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["firing", "0001"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | NAMES, inner, max_size=6),
    max_leaves=20,
)


def _check(parsed: Parsed) -> None:
    """What holds of everything that a source lets in."""
    for alert in parsed.alerts:
        assert 0 < len(alert.title) <= reading.TITLE_LENGTH
        assert len(alert.description) <= reading.DESCRIPTION_LENGTH
        assert len(alert.labels) <= reading.LABEL_COUNT
        texts = [alert.title, alert.description, alert.service, alert.host, alert.source, alert.fingerprint]
        for text in [*texts, *alert.labels, *alert.labels.values()]:
            text.encode("utf-8")  # no lone surrogates
            assert "\0" not in text
        assert reading.OLDEST <= alert.starts_at <= NOW + reading.FUTURE
        assert alert.ends_at is None or alert.ends_at >= alert.starts_at
    for entry in parsed.rejected:
        assert entry.field and entry.problem


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=150, deadline=None)
@given(payload=JSON)
def test_any_json_is_read_or_refused(name: str, payload: Any) -> None:
    try:
        parsed = SOURCES[name].parse(payload, NOW)
    except InvalidInput:
        return
    _check(parsed)


@pytest.mark.parametrize("name", LISTED)
@settings(max_examples=100, deadline=None)
@given(odd=st.dictionaries(NAMES, JSON, max_size=5))
def test_any_odd_field_in_a_good_alert_is_read_or_put_aside(name: str, odd: dict[str, Any]) -> None:
    example: Any = copy.deepcopy(SOURCES[name].example)
    entries = example["alerts"] if isinstance(example, dict) else example
    entries[0] |= odd
    parsed = SOURCES[name].parse(example, NOW)
    assert len(parsed.alerts) + len(parsed.rejected) == len(entries)
    _check(parsed)


@pytest.mark.parametrize("name", LISTED)
def test_one_bad_alert_does_not_cost_the_others_and_its_value_is_not_repeated(name: str) -> None:
    example: Any = copy.deepcopy(SOURCES[name].example)
    entries = example["alerts"] if isinstance(example, dict) else example
    field = "starts_at" if name == "generic" else "startsAt"
    entries.insert(0, entries[0] | {field: "S3CRET not a time"})
    entries.insert(1, "no object")
    parsed = SOURCES[name].parse(example, NOW)
    assert [(bad.index, bad.field) for bad in parsed.rejected] == [(0, field), (1, "alert")]
    assert "S3CRET" not in str(parsed.rejected)
    assert len(parsed.alerts) == len(entries) - 2


def test_a_payload_without_end_is_refused() -> None:
    with pytest.raises(InvalidInput, match="in parts"):
        SOURCES["generic"].parse([{"title": "x"}] * 10_001, NOW)


# --- values ---


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-23T07:15:02Z", "2026-11-23T07:15:02.000000001Z", "2026-11-23 07:15:02", "2026-11-23T08:15:02+01:00",
        1795418102, 1795418102000, "1795418102", "1795418102000000", 1795418102000000000, 1795418102.0,
        "2026.11.23 07:15:02", "Mon, 23 Nov 2026 07:15:02", "Mon, 23 Nov 2026 07:15:02 +0000",
    ],
)  # fmt: skip
def test_times_as_tools_write_them(written: Any) -> None:
    moment = one("generic", {"title": "x", "time": written}).starts_at
    assert abs(moment - datetime(2026, 11, 23, 7, 15, 2, tzinfo=UTC)) < timedelta(milliseconds=1)


@pytest.mark.parametrize("written", ["2099-01-01T00:00:00Z", "0001-01-01T00:00:00Z", 0, "1970-01-01", 9e12, None, ""])
def test_times_that_cannot_be_true_become_the_arrival(written: Any) -> None:
    assert one("generic", {"title": "x", "time": written}).starts_at == NOW


@pytest.mark.parametrize("written", ["soon", True, [1], {"a": 1}, "1e400", "12:30", "99999999999999999999999999999"])
def test_times_that_cannot_be_read_are_put_aside_by_field(written: Any) -> None:
    (bad,) = SOURCES["generic"].parse({"title": "x", "timestamp": written}, NOW).rejected
    assert bad.field == "timestamp"


def test_texts_are_cleaned_and_bounded() -> None:
    alert = one(
        "generic",
        {
            "title": "disk\x00 full\n on \ud800db-1 " + "x" * 900,
            "description": "y" * 50_000,
            "labels": {f"l{at}": "z" * 5_000 for at in range(500)},
            "fingerprint": "f" * 5_000,
        },
    )
    assert alert.title.startswith("disk full on db-1 x")
    assert len(alert.title) <= reading.TITLE_LENGTH
    assert len(alert.description) == reading.DESCRIPTION_LENGTH
    assert len(alert.labels) == reading.LABEL_COUNT
    assert {len(value) for value in alert.labels.values()} == {reading.LABEL_LENGTH}
    assert len(alert.fingerprint) <= reading.NAME_LENGTH


# --- Alertmanager ---


def test_each_alert_of_a_mixed_group_keeps_its_own_status() -> None:
    parsed = SOURCES["alertmanager"].parse(am.EXAMPLE, NOW)
    assert [alert.status for alert in parsed.alerts] == [AlertStatus.FIRING, AlertStatus.RESOLVED]
    first, second = parsed.alerts
    assert first.ends_at is None and second.ends_at is not None
    assert parsed.missing == 1


def test_labels_become_service_host_and_severity() -> None:
    first, second = SOURCES["alertmanager"].parse(am.EXAMPLE, NOW).alerts
    assert (first.service, first.host, first.severity) == ("orders-db", "db-01", Severity.CRITICAL)
    assert (second.service, second.host, second.severity) == ("checkout", "", Severity.WARNING)
    assert first.fingerprint == "7d1f0a5be2c94d36"
    assert first.title == "PostgresConnectionsHigh: orders-db uses 97% of its connections"


def test_a_missing_fingerprint_is_made_of_the_labels_and_not_of_what_changes() -> None:
    low, high = (one("alertmanager", firing(fingerprint="", annotations={"summary": f"{n}% used"})) for n in (97, 99))
    assert low.fingerprint == high.fingerprint and low.id == high.id
    other = one("alertmanager", firing(fingerprint=None, labels={"alertname": "Other"}))
    assert other.fingerprint != low.fingerprint


@pytest.mark.parametrize(
    ("labels", "service", "host"),
    [
        ({"job": "node", "instance": "web-01:9100"}, "", "web-01"),
        ({"job": "shop", "instance": "https://shop.example.com/health"}, "shop", "shop.example.com"),
        ({"job": "postgres_exporter", "namespace": "prod", "pod": "orders-0"}, "", "orders-0"),
        ({"app.kubernetes.io/name": "cart", "job": "pods"}, "cart", ""),
        ({"Service": "CRM", "Hostname": "crm-1"}, "CRM", "crm-1"),
        ({"service": "", "app": "mail", "host": "m1", "instance": "10.0.0.7:9100"}, "mail", "m1"),
    ],
)
def test_label_habits_in_their_order(labels: dict[str, str], service: str, host: str) -> None:
    alert = one("alertmanager", firing(labels={"alertname": "A"} | labels))
    assert (alert.service, alert.host) == (service, host)


def test_a_list_as_prometheus_sends_it_is_read_by_its_end() -> None:
    entries = [
        {"labels": {"alertname": "Up"}, "startsAt": "2026-11-23T07:50:00Z", "endsAt": "2026-11-23T08:04:00Z"},
        {"labels": {"alertname": "Gone"}, "startsAt": "2026-11-23T07:50:00Z", "endsAt": "2026-11-23T07:59:00Z"},
    ]
    statuses = [alert.status for alert in SOURCES["alertmanager"].parse(entries, NOW).alerts]
    assert statuses == [AlertStatus.FIRING, AlertStatus.RESOLVED]


def test_an_alert_that_nothing_names_is_put_aside() -> None:
    (bad,) = SOURCES["alertmanager"].parse({"alerts": [{"status": "firing", "labels": {}}]}, NOW).rejected
    assert bad.field == "labels"


# --- Grafana ---


def test_grafana_takes_the_host_from_the_values_where_no_label_names_one() -> None:
    alert = one("grafana", gf.EXAMPLE)
    assert (alert.service, alert.host) == ("mailer", "queue-01")
    assert "instance" not in alert.labels


def test_a_legacy_rule_fires_and_ends_under_one_fingerprint() -> None:
    down = one("grafana", gf.LEGACY_EXAMPLE)
    up = one("grafana", gf.LEGACY_EXAMPLE | {"state": "ok", "evalMatches": [], "title": "[OK] CPU of the batch hosts"})
    assert (down.status, up.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert down.fingerprint == up.fingerprint and down.title == up.title
    assert (down.host, down.severity) == ("batch-01", Severity.ERROR)


def test_another_grafana_body_is_refused_with_advice() -> None:
    with pytest.raises(InvalidInput, match="webhook"):
        SOURCES["grafana"].parse({"hello": 1}, NOW)


# --- generic ---


def test_our_own_form_is_read_whole() -> None:
    alert = SOURCES["generic"].parse(SOURCES["generic"].example, NOW).alerts[0]
    assert (alert.source, alert.service, alert.host) == ("backup-script", "nightly-backup", "batch-01")
    assert (alert.severity, alert.fingerprint) == (Severity.ERROR, "backup/batch-01")
    assert alert.starts_at == datetime(2026, 3, 2, 2, 10, tzinfo=UTC)
    assert alert.description == "repository is already locked"


@pytest.mark.parametrize(
    "payload",
    [
        {"summary": "disk full", "hostname": "db-1", "priority": "P1", "state": "OK"},
        {"alertname": "disk full", "Host": "db-1", "LEVEL": "fatal", "event_action": "resolve"},
        {"message": "disk full", "tags": ["host:db-1", "severity=critical"], "status": "recovered"},
        {"events": [{"name": "disk full", "instance": "db-1:9100", "urgency": "disaster", "status": "cleared"}]},
    ],
)
def test_field_names_that_people_use(payload: Any) -> None:
    alert = one("generic", payload)
    assert (alert.title, alert.host, alert.severity) == ("disk full", "db-1", Severity.CRITICAL)
    assert alert.status is AlertStatus.RESOLVED and alert.ends_at == NOW


def test_without_a_title_the_description_stands_in_and_without_both_the_alert_is_put_aside() -> None:
    parsed = SOURCES["generic"].parse([{"details": "it\nbroke"}, {"host": "db-1"}], NOW)
    assert [alert.title for alert in parsed.alerts] == ["it broke"]
    assert [(bad.index, bad.field) for bad in parsed.rejected] == [(1, "title")]


def test_labels_that_are_no_object_are_put_aside_by_the_name_sent() -> None:
    (bad,) = SOURCES["generic"].parse({"title": "x", "tags": 5}, NOW).rejected
    assert bad.field == "tags"
    assert one("generic", {"title": "x", "tags": "env:prod, urgent"}).labels == {"env": "prod", "urgent": "true"}


FOUND_BY_OTHER_NAMES: list[tuple[Any, Any]] = [
    (
        {"servicedesc": "disk /var", "hostname": "db-1", "servicestate": "CRITICAL", "notificationtype": "PROBLEM",
         "serviceoutput": "2% free", "hostoutput": "PING OK", "hoststate": "UP"},
        {"servicedesc": "disk /var", "hostname": "db-1", "servicestate": "OK", "notificationtype": "RECOVERY"},
    ),
    (
        {"hostdisplayname": "db-1", "hostname": "db-1", "hoststate": "DOWN", "notificationtype": "PROBLEM"},
        {"hostdisplayname": "db-1", "hostname": "db-1", "hoststate": "UP", "notificationtype": "RECOVERY"},
    ),
    (
        {"event_name": "agent away", "host_name": "db-1", "event_severity": "High", "event_value": "1",
         "event_date": "2026.11.23", "event_time": "07:15:02"},
        {"event_name": "agent away", "host_name": "db-1", "event_severity": "High", "event_value": "0",
         "event_date": "2026.11.23", "event_time": "07:15:02"},
    ),
    (
        {"check_name": "shop", "check_params": {"hostname": "db-1"}, "current_state": "DOWN"},
        {"check_name": "shop", "check_params": {"hostname": "db-1"}, "current_state": "UP"},
    ),
    (
        {"action": "Create", "source": {"name": "api"}, "alert": {"message": "slow", "entity": "db-1", "alias": "s1"}},
        {"action": "Close", "source": {"name": "api"}, "alert": {"message": "slow", "entity": "db-1", "alias": "s1"}},
    ),
    (
        {"schema": "x", "data": {"essentials": {"alertRule": "cpu", "monitorCondition": "Fired"}}},
        {"schema": "x", "data": {"essentials": {"alertRule": "cpu", "monitorCondition": "Resolved"}}},
    ),
    (
        {"event": "http", "resource": "db-1", "severity": "critical", "text": "down", "type": "exceptionAlert"},
        {"event": "http", "resource": "db-1", "severity": "cleared", "text": "up", "type": "exceptionAlert"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("down", "up"), FOUND_BY_OTHER_NAMES)
def test_what_a_tool_says_of_one_symptom_fires_and_ends_under_one_fingerprint(down: Any, up: Any) -> None:
    first, second = one("generic", down), one("generic", up)
    assert (first.status, second.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert first.fingerprint == second.fingerprint
    assert first.title == second.title != "api"


def test_a_day_and_an_hour_by_themselves_are_one_time() -> None:
    moment = one("generic", FOUND_BY_OTHER_NAMES[2][0]).starts_at
    assert moment == datetime(2026, 11, 23, 7, 15, 2, tzinfo=UTC)


def test_what_says_something_itself_is_not_looked_into() -> None:
    alert = one("generic", {"title": "x", "alert": {"host": "db-1", "status": "resolved"}})
    assert (alert.host, alert.status) == ("", AlertStatus.FIRING)


def test_what_is_nested_beyond_reason_is_put_aside() -> None:
    deep: Any = {"title": "x"}
    for _ in range(50):
        deep = {"a": deep}
    (bad,) = SOURCES["generic"].parse(deep, NOW).rejected
    assert bad.field == "title"


# --- PagerDuty's events ---


@pytest.mark.parametrize("source", ["pagerduty", "generic"])
def test_an_event_is_read_wherever_it_is_sent(source: str) -> None:
    alert = one(source, pd.EXAMPLE)
    assert (alert.source, alert.service, alert.host) == ("pagerduty", "nightly-backup", "batch-01")
    assert (alert.severity, alert.fingerprint) == (Severity.ERROR, "backup/batch-01")
    assert alert.labels["group"] == "office" and alert.labels["repository"] == "main"
    assert alert.starts_at == datetime(2026, 3, 2, 2, 10, tzinfo=UTC)
    over = one(source, {"routing_key": "R", "event_action": "resolve", "dedup_key": "backup/batch-01"})
    assert (over.status, over.fingerprint, over.source) == (AlertStatus.RESOLVED, alert.fingerprint, alert.source)
    seen = SOURCES[source].parse(pd.EXAMPLE | {"event_action": "acknowledge"}, NOW)
    assert (seen.alerts, seen.rejected) == ((), ())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event_action": "page"}, "event_action"),
        ({"payload": None}, "payload.summary"),
        ({"payload": "text"}, "payload.summary"),
        ({"payload": {"source": "db-1"}}, "payload.summary"),
        ({"payload": {"summary": "x", "timestamp": "soon"}}, "payload.timestamp"),
        ({"payload": None, "event_action": "resolve", "dedup_key": ""}, "dedup_key"),
    ],
)
def test_an_event_that_cannot_be_read_says_which_field_it_is(changes: Any, field: str) -> None:
    (bad,) = SOURCES["pagerduty"].parse(pd.EXAMPLE | changes, NOW).rejected
    assert bad.field == field


# --- Uptime Kuma ---


@pytest.mark.parametrize("source", ["uptime-kuma", "generic"])
def test_a_monitor_goes_down_and_up_under_one_fingerprint(source: str) -> None:
    beat = kuma.EXAMPLE["heartbeat"] | {"status": 1, "time": "2026-03-02 03:15:00", "msg": "200 - OK"}
    down, up = one(source, kuma.EXAMPLE), one(source, kuma.EXAMPLE | {"heartbeat": beat})
    assert (down.status, up.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert (down.fingerprint, down.title) == (up.fingerprint, up.title)
    assert (down.service, down.host, down.severity) == ("Web shop", "shop.example.com", Severity.CRITICAL)
    assert up.ends_at == datetime(2026, 3, 2, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"heartbeat": None}, "heartbeat"),
        ({"monitor": []}, "monitor"),
        ({"monitor": {"name": ""}}, "monitor.name"),
        ({"heartbeat": {"status": True}}, "heartbeat.status"),
        ({"heartbeat": {"status": 9}}, "heartbeat.status"),
        ({"heartbeat": {"status": 0, "time": "soon"}}, "heartbeat.time"),
    ],
)
def test_a_notice_that_cannot_be_read_says_which_field_it_is(changes: Any, field: str) -> None:
    (bad,) = SOURCES["uptime-kuma"].parse(kuma.EXAMPLE | changes, NOW).rejected
    assert bad.field == field


# --- bodies of real tools ---


def bodies(folder: str) -> list[tuple[str, Any]]:
    """Captured and published bodies, by file name; none where the folder is not on this machine."""
    files = sorted((PAYLOADS / folder).glob("*.json"))
    loaded = [(path.name, json.loads(path.read_text(encoding="utf-8"))) for path in files]
    return [(name, body.get("body", body) if isinstance(body, dict) else body) for name, body in loaded]


def real(folder: str) -> dict[str, Any]:
    found = dict(bodies(folder))
    if not found:
        pytest.skip(f"../shared/payloads/{folder} is not beside the project")
    return found


def test_the_runbook_of_an_annotation_comes_along_and_changes_nothing_else() -> None:
    plain = one("alertmanager", firing(fingerprint="", annotations={"summary": "x"}))
    led = one("alertmanager", firing(fingerprint="", annotations={"summary": "x", "runbook_url": "https://wiki/a"}))
    assert led.labels == {**plain.labels, "runbook_url": "https://wiki/a"}
    assert (led.fingerprint, led.id, led.title) == (plain.fingerprint, plain.id, plain.title)


def test_captured_alertmanager_bodies_are_read_alert_by_alert() -> None:
    found = {name: body for name, body in real("alertmanager-live").items() if name[0] in "01"}
    for body in found.values():
        parsed = SOURCES["alertmanager"].parse(body, NOW)
        assert not parsed.rejected
        assert [alert.status == "resolved" for alert in parsed.alerts] == [
            alert["status"] == "resolved" for alert in body["alerts"]
        ]
        assert [alert.fingerprint for alert in parsed.alerts] == [alert["fingerprint"] for alert in body["alerts"]]
        assert parsed.missing == body["truncatedAlerts"]


def test_captured_repeats_and_retries_carry_the_same_ids() -> None:
    found = real("alertmanager-live")
    names = ("010_answered_503_then_retried.json", "011_retry_of_010.json", "006_grouped_firing_storm_6.json")
    ids = [{alert.id for alert in SOURCES["alertmanager"].parse(found[name], NOW).alerts} for name in names]
    assert ids[0] == ids[1]
    assert len(ids[2]) == 6


def test_the_answer_of_alertmanagers_own_api_is_read() -> None:
    body = real("alertmanager-live")["am_api_v2_alerts.json"]
    parsed = SOURCES["alertmanager"].parse(body, datetime(2026, 11, 23, 7, 1, 30, tzinfo=UTC))
    assert len(parsed.alerts) == len(body) and not parsed.rejected


@pytest.mark.parametrize(("folder", "source"), [("alertmanager", "alertmanager"), ("grafana", "grafana")])
def test_published_bodies_are_read(folder: str, source: str) -> None:
    for body in real(folder).values():
        parsed = SOURCES[source].parse(body, NOW)
        assert parsed.alerts and not parsed.rejected
        assert all(alert.starts_at < NOW or "ruleId" in body for alert in parsed.alerts)


@pytest.mark.parametrize(
    ("folder", "least"),
    [
        ("apprise-live", 1), ("azure-monitor", 6), ("gcp-monitoring", 4), ("graylog", 1), ("icinga2-live", 4),
        ("monit-live", 2), ("nagios-live", 2), ("newrelic", 3), ("opsgenie", 2), ("opsgenie-live", 7),
        ("pagerduty-events-v2-live", 8), ("pingdom", 2), ("sentry", 3), ("uptime-kuma-live", 8), ("uptimerobot", 2),
        ("victorops-live", 9), ("zabbix-live", 7),
    ],
)  # fmt: skip
def test_bodies_of_tools_without_a_source_of_their_own_are_read(folder: str, least: int) -> None:
    found = [SOURCES["generic"].parse(body, NOW) for body in real(folder).values()]
    assert sum(bool(parsed.alerts) for parsed in found) >= least
    assert all(alert.title for parsed in found for alert in parsed.alerts)

"""Runbooks stand beside fixes: named by an alert, or speaking of the same things."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.domain import Alert, Incident, Runbook
from engine.suggest import Recommender
from engine.suggest.document import document_of
from engine.suggest.runbooks import Shelf

AT = datetime(2026, 3, 1, tzinfo=UTC)
DISK = Runbook(id="disk", title="Disk is full", url="https://wiki/disk", text="free space, rotate logs, extend volume")
POOL = Runbook(id="pool", title="Connection pool exhausted", text="pgbouncer max_connections", services=("orders-db",))


def asked(title: str, service: str = "") -> Incident:
    return Incident(id="q", opened_at=AT, title=title, service=service)


def found(title: str, service: str = "", alerts: tuple[Alert, ...] = ()) -> list[str]:
    shelf = Shelf([DISK, POOL])
    return [advice.runbook.id for advice in shelf.find(document_of(asked(title, service)), service, alerts)]


def test_the_page_that_speaks_of_it_is_found() -> None:
    assert found("no space left, disk full on db-01") == ["disk"]
    assert found("connections exhausted in the pool", "orders-db") == ["pool"]


def test_a_page_about_another_service_is_not() -> None:
    assert found("connection pool exhausted", "search") == []


def test_nothing_is_shown_where_nothing_fits() -> None:
    assert found("certificate expired") == []
    assert Shelf().find(document_of(asked("x")), "") == ()


def test_what_an_alert_names_comes_first_and_once() -> None:
    alert = Alert(
        id="a",
        source="s",
        title="Disk",
        starts_at=AT,
        received_at=AT,
        fingerprint="f",
        labels={"runbook_url": "https://wiki/disk", "playbook": "javascript:alert(1)"},
    )
    answer = Shelf([DISK]).find(document_of(asked("disk is full")), "", [alert, alert])
    assert [(advice.runbook.url, advice.because) for advice in answer] == [("https://wiki/disk", "named by the alert")]


def test_a_recommender_keeps_what_it_was_given() -> None:
    recommender = Recommender()
    recommender.take_runbooks([DISK])
    assert [advice.runbook for advice in recommender.predict_one(asked("disk is full again")).runbooks] == [DISK]
    recommender.take_runbooks([])
    assert recommender.predict_one(asked("disk is full again")).runbooks == ()

"""Ugly text becomes fields that can be compared."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.domain import Alert, Incident, Resolution
from engine.suggest.document import FIELDS, clean, document_of, names, terms
from engine.suggest.resolutions import fix_is_useful

AT = datetime(2026, 3, 1, tzinfo=UTC)


def incident(title: str, description: str = "") -> Incident:
    return Incident(id="INC-1", opened_at=AT, title=title, description=description)


def test_every_field_is_there_even_for_nothing() -> None:
    document = document_of(incident(""))
    assert set(document.fields) == set(FIELDS)
    assert document.encoded == ""


@pytest.mark.parametrize(
    ("ugly", "plain"),
    [
        ("<div class='x'>Disk <b>full</b></div>", "disk full"),
        ("Disk&nbsp;full &lt;prod&gt;", "disk full prod"),
        ("{code:java}Disk full{code}", "disk full"),
        ("Disk\x00 full\x1b", "disk full"),
    ],
)
def test_markup_and_control_characters_leave_only_words(ugly: str, plain: str) -> None:
    assert terms(clean(ugly)) == terms(plain)


def test_wrongly_decoded_text_is_put_right() -> None:
    broken = "Störung im Café – Zugriff".encode().decode("cp1252")
    assert clean(broken) == "Störung im Café – Zugriff"


def test_generic_types_are_no_markup() -> None:
    assert "NoSuchMethod" in clean("Map<String, NoSuchMethod> failed")


def test_a_megabyte_is_cut_and_read_quickly() -> None:
    document = document_of(incident("boom", "at org.example.Foo.bar(Foo.java:12)\n" * 30_000))
    assert len(document.fields["body"]) < 5_000
    assert len(document.encoded) < 700


def test_identifiers_stay_as_written() -> None:
    found = names("java.sql.SQLException: ORA-12514 on db-01:5432 in /var/log/app.log")
    assert {"java.sql.sqlexception", "sqlexception", "ora-12514"} <= set(found)


def test_titles_of_leading_alerts_join_the_body_once() -> None:
    alert = Alert(id="a", source="s", title="Replication lag", starts_at=AT, received_at=AT, fingerprint="f")
    document = document_of(incident("db slow"), [alert, alert])
    assert document.fields["body"].count("replication") == 1
    assert "replication" not in document.fields["title"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Fixed.",
        "Cannot reproduce.",
        "No fault found.",
        "Cleared by itself, no action.",
        "Known, nothing to do.",
        "Duplicate",
    ],
)
def test_empty_resolutions_are_no_fix(text: str) -> None:
    assert not fix_is_useful(Resolution(text=text))


@pytest.mark.parametrize("text", ["Restarted pgbouncer", "Rolled back the release", "Raised max_connections to 200"])
def test_steps_are_a_fix(text: str) -> None:
    assert fix_is_useful(Resolution(text=text))
    assert not fix_is_useful(None)

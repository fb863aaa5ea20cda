"""What routing reads of an incident, and what it must not read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from engine.domain import Incident, Resolution
from engine.route.reading import Reader

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def incident(number: int, **fields: str) -> Incident:
    return Incident(id=str(number), opened_at=NOON + timedelta(hours=number), description="disk full", fields=fields)


def test_the_outcome_is_not_read() -> None:
    plain = incident(1, site="ams")
    solved = replace(
        plain, closed_at=NOON + timedelta(days=9), resolution=Resolution(text="x", resolver="ann", team="db")
    )
    assert Reader().read(plain) == Reader().read(solved)


def test_hashed_tokens_and_other_scripts_are_words() -> None:
    text = Incident(id="1", opened_at=NOON, title="9f86d081884c 48151 Überlauf сбой")
    assert {"9f86d081884c", "48151", "überlauf", "сбой"} <= set(Reader().read(text).words)


def test_numbers_are_cut_into_bins_and_kept_as_written() -> None:
    reader = Reader().fit([incident(place, load=str(place)) for place in range(100)])
    marks = reader.read(incident(1, load="41")).marks
    assert "load=41" in marks
    assert set(reader.read(incident(1, load="41.5")).marks) & set(marks)
    assert not set(reader.read(incident(1, load="97")).marks) & set(marks)


def test_a_column_of_prose_is_read_as_text() -> None:
    reader = Reader().fit([incident(place, note=f"the host {place} was restarted by somebody") for place in range(30)])
    found = reader.read(incident(1, note="a kernel panic was seen"))
    assert "kernel" in found.words
    assert not any(mark.startswith("note") for mark in found.marks)


def test_unwanted_columns_are_left_out() -> None:
    reader = Reader(columns=frozenset({"site"}))
    assert reader.read(incident(1, site="ams", closed_by="ann")).marks == ("site=ams",)


def test_hours_are_read_only_where_times_are_real() -> None:
    dated = Reader().fit([incident(place) for place in range(24 * 30)])
    assert any(mark.startswith("@hour") for mark in dated.read(incident(1)).marks)
    made_up = [
        replace(incident(place), opened_at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=place))
        for place in range(800)
    ]
    assert not Reader().fit(made_up).clock_


def test_a_reader_survives_saving() -> None:
    reader = Reader(columns=frozenset({"load"})).fit([incident(place, load=str(place)) for place in range(100)])
    again = Reader.from_data(reader.to_data())
    assert again.read(incident(3, load="7")) == reader.read(incident(3, load="7"))


def test_a_title_that_comes_back_counts_as_a_whole_whatever_its_numbers() -> None:
    one, other = (replace(incident(1), title=f"disk {share} % full on db-{share}") for share in (91, 97))
    assert Reader().read(one).marks == Reader().read(other).marks
    assert any(mark.startswith("@title=") for mark in Reader().read(one).marks)


def test_pairs_of_values_are_read_where_columns_are_crossed() -> None:
    reader = Reader()
    reader.crossed_ = ("site=", "kind=")
    assert "site*kind=ams&disk" in reader.read(incident(1, site="ams", kind="disk")).marks
    assert Reader.from_data(reader.to_data()).crossed_ == reader.crossed_

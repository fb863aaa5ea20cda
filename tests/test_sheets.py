"""Tables out of files: separators, repeated headers, JSON in its shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InvalidInput
from training.sheets import read_sheet


def written(folder: Path, text: str) -> Path:
    path = folder / "table"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_cells_beyond_the_headers_belong_to_a_repeated_last_header(tmp_path: Path) -> None:
    path = written(tmp_path, "id,Comment,Comment\n1,a,b,c\n")
    assert read_sheet(path).rows[0].cells == {"id": ["1"], "Comment": ["a", "b", "c"]}


def test_cells_beyond_headers_that_do_not_repeat_belong_to_nobody(tmp_path: Path) -> None:
    assert read_sheet(written(tmp_path, "id,title\n1,a,b\n")).rows[0].cells == {"id": ["1"], "title": ["a"]}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(tmp_path: Path, separator: str) -> None:
    text = f'id{separator}"a;b,c|d"\n1{separator}x\n'
    assert read_sheet(written(tmp_path, text)).rows[0].cells == {"id": ["1"], "a;b,c|d": ["x"]}


def test_a_row_is_known_by_the_line_it_begins_on(tmp_path: Path) -> None:
    rows = read_sheet(written(tmp_path, 'id,text\n1,"a\nb\nc"\n\n2,d\n')).rows
    assert [row.line for row in rows] == [2, 6]


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"result": rows}, lambda rows: {"incidents": rows}])
def test_json_lists_bare_and_wrapped(tmp_path: Path, wrap: Any) -> None:
    rows = [{"id": 1, "group": {"display_value": "ops", "link": "https://x"}, "tags": ["a", "b"], "note": None}]
    sheet = read_sheet(written(tmp_path, json.dumps(wrap(rows), indent=1)))
    assert sheet.rows[0].cells == {"id": ["1"], "group": ["ops"], "tags": ["a", "b"]}
    assert sheet.headers == ["id", "group", "tags", "note"]


def test_a_single_json_object_is_one_row(tmp_path: Path) -> None:
    assert len(read_sheet(written(tmp_path, '{"id": 1}')).rows) == 1


def test_json_too_deep_to_be_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        read_sheet(written(tmp_path, "[" * 100_000))

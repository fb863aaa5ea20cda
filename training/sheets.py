"""Tables out of files, whatever their encoding and separator: CSV with repeated headers, JSON lines, JSON lists."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import InvalidInput

_SEPARATORS = ",;\t|"
_LISTS = ("incidents", "tickets", "issues", "result", "results", "records", "data")  # where JSON answers hold rows
_NAMES = ("display_value", "displayName", "name", "summary", "value", "text", "id")  # what a reference is called by
csv.field_size_limit(50_000_000)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: for each header its values, more than one where the header repeats; `line` 1 is the file's first."""

    line: int
    cells: Mapping[str, Sequence[str]]


@dataclass(kw_only=True)
class Sheet:
    """All rows of a file, and what was noticed in reading it."""

    headers: list[str]
    rows: list[Row]
    encoding: str
    unreadable: list[tuple[int, str]] = field(default_factory=list)  # line and what is wrong with it


def read_sheet(path: Path) -> Sheet:
    """Read a CSV, JSON lines or JSON file, gzipped or not.

    Raises
    ------
    InvalidInput
        If the file does not exist, or holds no table.
    """
    if not path.is_file():
        raise InvalidInput(f"{path} does not exist: name a file that does")
    text, encoding = _decode(_bytes(path))
    if text.lstrip()[:1] in ("{", "["):
        return _json(text, encoding)
    return _csv(text, encoding)


def _bytes(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError):
        raise InvalidInput(f"{path.name} is a damaged gzip file") from None


def _decode(data: bytes) -> tuple[str, str]:
    """Text and encoding: by its mark, else UTF-8 if it is that, else the code page of Western Windows."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), "utf-16"
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), "cp1252"


def separator_of(line: str) -> str:
    """The separator of a header line: the one that parts it most often outside quotes.

    Examples
    --------
    >>> separator_of('"ID";"Title, short";"Status"')
    ';'
    """
    outside = "".join(line.split('"')[::2])
    return max(_SEPARATORS, key=outside.count)


def _csv(text: str, encoding: str) -> Sheet:
    first, _, rest = text.partition("\n")
    marked = first.lower().startswith("sep=")  # Excel's own first line
    text = rest if marked else text
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text.partition("\n")[0]))
    headers = [name.strip() for name in next(reader, [])]
    if not any(headers):
        raise InvalidInput("the file is empty: it needs a line of headers and rows below it")
    sheet = Sheet(headers=headers, rows=[], encoding=encoding)
    last = reader.line_num
    for cells in reader:
        line, last = last + 1 + marked, reader.line_num
        if any(cell.strip() for cell in cells):
            sheet.rows.append(Row(line=line, cells=_cells(headers, cells)))
    return sheet


def _cells(headers: list[str], cells: list[str]) -> dict[str, list[str]]:
    """Values by header. Cells beyond the last header belong to it if it repeats (Jira's comments), else to nobody."""
    found: dict[str, list[str]] = {}
    for name, cell in zip(headers, cells, strict=False):
        if name and cell.strip():
            found.setdefault(name, []).append(cell.strip())
    if len(cells) > len(headers) and headers.count(headers[-1]) > 1:
        found.setdefault(headers[-1], []).extend(cell.strip() for cell in cells[len(headers) :] if cell.strip())
    return found


def _json(text: str, encoding: str) -> Sheet:
    sheet = Sheet(headers=[], rows=[], encoding=encoding)
    try:
        whole = json.loads(text)
    except RecursionError:
        raise InvalidInput("the file is nested too deeply to be a table") from None
    except ValueError:
        records = list(_json_lines(text, sheet))
    else:
        records = list(enumerate(_records_in(whole), start=1))
    for line, record in records:
        if not isinstance(record, dict):
            sheet.unreadable.append((line, "is not a JSON object"))
            continue
        cells = {str(name): values for name, value in record.items() if (values := _values(value))}
        sheet.rows.append(Row(line=line, cells=cells))
    sheet.headers = list(
        dict.fromkeys(str(name) for _, record in records if isinstance(record, dict) for name in record)
    )
    return sheet


def _records_in(whole: Any) -> list[Any]:
    """The rows in one JSON document: itself a list, an answer that holds one, or a single row."""
    if isinstance(whole, list):
        return whole
    inner = next((whole[name] for name in _LISTS if isinstance(whole.get(name), list)), None)
    return [whole] if inner is None else inner


def _json_lines(text: str, sheet: Sheet) -> Iterator[tuple[int, Any]]:
    for line, part in enumerate(text.splitlines(), start=1):
        if not part.strip():
            continue
        try:
            yield line, json.loads(part)
        except (ValueError, RecursionError):
            sheet.unreadable.append((line, "is not JSON"))


def _values(value: Any) -> list[str]:
    """A JSON value as texts; a reference becomes what it is called."""
    if isinstance(value, dict):
        value = next((value[name] for name in _NAMES if isinstance(value.get(name), str | int)), None)
    if isinstance(value, list):
        return [text for item in value for text in _values(item)[:1]] if len(value) < 10_000 else []
    if isinstance(value, bool):
        return [str(value).lower()]
    text = "" if value is None else str(value).strip()
    return [text] if text else []

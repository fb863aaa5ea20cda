"""Past incidents out of other tools' exports: columns recognised, dates and encodings understood, bad rows reported."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.domain import Incident, IncidentStatus
from engine.errors import InvalidInput
from training import files
from training.dates import Order, order_of, read_date
from training.exports import COMMENT, COMMON, FORMS, OUTCOME, PLAIN, STATUS, UPDATED, Form
from training.progress import Track, quiet
from training.sheets import Row, Sheet, read_sheet

_WHOLE = "row"  # the column of a problem that concerns a row as a whole
_EMPTY = {"", "?", "-", "null", "none", "n/a", "nan", "(empty)", "[]", "unassigned", "<null>"}
_CLOSED = re.compile(r"(?<!un)resol|clos|(?<!un)solved|done|complete|cancel|termine|gelost|geschlossen", re.IGNORECASE)
# A column nobody mapped that says what happened later must not be learned from as if it had been known at the start.
_LATER = re.compile(
    r"updat|notifications|comment|resol|solv|clos|reopen|reassign|satisf|time_spent|seconds|interruption|_count$|(^|_)sla(_|$)|merged|due|"
    r"modif|outcome|post_?mortem|root_cause|acknowledged|escalation_count|duration|mttr|ended|finished"
)
_TAG = re.compile(
    r"</?(?:p|br|div|span|ul|ol|li|a|b|i|u|em|strong|table|tbody|tr|td|th|h[1-6]|pre|code|img|font|hr)\b[^<>]{0,500}>",
    re.IGNORECASE,
)
_CUSTOM = re.compile(r"custom field \((.*)\)", re.IGNORECASE | re.DOTALL)
_NOT_NAME = re.compile(r"[^a-z0-9]+")
_SHORTEST_FIX = 15  # characters: comments below that are thanks and pings
_LISTED = re.compile(r"[\[\]'\"]")


@dataclass(frozen=True, kw_only=True)
class RowProblem:
    """A row that was left out: its line in the file (1 is the first), the column as headed there, and why."""

    line: int
    column: str
    reason: str


@dataclass(kw_only=True)
class Report:
    """What an import made of a file."""

    form: str  # the tool whose export it is, or `plain`
    encoding: str
    rows: int = 0
    incidents: int = 0
    columns: dict[str, str] = field(default_factory=dict)  # header -> field of INCIDENTS, `fields` or `left out`
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what was assumed, for the reader to check


@dataclass(frozen=True, kw_only=True)
class History:
    """The incidents of a file in its order, each id once, and the report."""

    incidents: list[Incident]
    report: Report


@lru_cache(maxsize=4096)  # asked for each cell of a file
def header(name: str) -> str:
    """A header in the one form in which they are compared.

    Examples
    --------
    >>> header("Custom field (Request Type)"), header("Assigned to - Technician"), header("Priorité")
    ('request_type', 'assigned_to_technician', 'priorite')
    """
    if custom := _CUSTOM.fullmatch(name.strip()):
        name = custom[1]
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _NOT_NAME.sub("_", plain.lower()).strip("_")


def form_of(headers: Sequence[str]) -> Form:
    """The tool whose export has such headers; `PLAIN` where nobody's marks are all there."""
    known = {header(name) for name in headers}
    return next((form for form in FORMS if any(marks <= known for marks in form.marks)), PLAIN)


def read_history(path: Path, progress: Track = quiet, *, timezone: str = "UTC") -> History:
    """Read a CSV or JSON export of incidents; `timezone` (IANA) is the wall clock of dates without an offset.

    Raises
    ------
    InvalidInput
        If the file does not exist, is no table or has no column that could be a time, a title or an id, or if the
        time zone is unknown.
    """
    sheet = read_sheet(path)
    form = form_of(sheet.headers)
    columns = columns_of(sheet.headers, form)
    if not {"id", "title", "opened_at"} & set(columns.values()):
        raise InvalidInput(f"{path.name} has no column for an id, a title or an opening time: head them so")
    reader = _Reader(path.stem, form, columns, _zone(timezone), _order(sheet, columns))
    report = Report(
        form=form.name, encoding=sheet.encoding, columns=_told(sheet.headers, columns), rows=len(sheet.rows)
    )
    report.problems += [RowProblem(line=line, column=_WHOLE, reason=reason) for line, reason in sheet.unreadable]
    found: dict[str, Incident] = {}
    for row in progress(sheet.rows, f"reading {path.name}"):
        try:
            incident = reader.incident(row)
        except _BadCell as error:
            report.problems.append(RowProblem(line=row.line, column=error.column, reason=error.reason))
            continue
        before = found.get(incident.id)
        found[incident.id] = merged(before, incident) if before else incident
    report.incidents = len(found)
    report.notes += _notes(report, reader, len(sheet.rows))
    return History(incidents=list(found.values()), report=report)


def columns_of(headers: Sequence[str], form: Form) -> dict[str, str]:
    """The field of each header, as the form says, else as most exports have it; `fields` for what nobody knows."""
    found = {}
    for name in headers:
        plain = header(name)
        fallback = OUTCOME if _LATER.search(plain) else "fields"
        found[name] = form.columns.get(plain) or COMMON.get(plain) or fallback
    return found


def merged(first: Incident, last: Incident) -> Incident:
    """One incident out of two rows about it: what was known at the start from the first, the outcome from the last."""
    return replace(
        first,
        closed_at=last.closed_at or first.closed_at,
        resolution=last.resolution or first.resolution,
        status=last.status,
        title=first.title or last.title,
        description=first.description or last.description,
    )


class _BadCell(Exception):
    """One cell of a row cannot be read."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


class _Reader:
    """Rows of one file into incidents."""

    def __init__(self, name: str, form: Form, columns: Mapping[str, str], zone: tzinfo, order: Order) -> None:
        self.name = name  # of the file: stands in ids of rows without one, so that two files do not mix
        self.form = form
        self.zone = zone
        self.order = order
        place = {name: at for at, name in reversed(list(enumerate([*form.columns, *COMMON])))}  # its first one
        by_field: dict[str, list[str]] = {}
        for name in sorted(columns, key=lambda name: place.get(header(name), len(place))):
            by_field.setdefault(columns[name], []).append(name)
        self.by_field = by_field

    def incident(self, row: Row) -> Incident:
        """The incident of one row, through the same door as the contract files."""
        record: dict[str, object] = {name: self._text(row, name) for name in _PLAIN_FIELDS}
        record["id"] = record["id"] or f"{self.name}-{row.line}"
        record["resolver"] = self._resolver(row)
        opened, closed = self._date(row, "opened_at"), self._date(row, "closed_at")
        over = self._over(row)
        if closed is None and over:
            closed = self._date(row, UPDATED)
        if over is False and closed is None:
            record |= {"resolver": "", "team": "", "resolution": ""}  # still open: whoever has it has not solved it
        elif not record["resolution"]:
            record["resolution"] = self._last_comment(row, closed)
        if opened is None and "opened_at" in self.by_field:
            raise _BadCell(self.by_field["opened_at"][0], "is empty")
        record |= {"opened_at": opened, "closed_at": closed and max(closed, opened or closed)}
        record["priority"] = self.form.priorities.get(str(record["priority"]), record["priority"])
        extra = {header(name): value for name in self.by_field.get("fields", ()) if (value := _joined(row, name))}
        incident = files.incident_of(extra | record, row.line, files.EPOCH + row.line * files.UNDATED_STEP)
        return replace(incident, status=IncidentStatus.RESOLVED) if over else incident

    def _text(self, row: Row, name: str) -> str:
        """The first of the field's columns that holds something."""
        found = (_joined(row, column) for column in self.by_field.get(name, ()))
        return next((text for text in found if text), "")

    def _over(self, row: Row) -> bool | None:
        """Whether the row says that it is closed; None where it does not say."""
        if STATUS not in self.by_field:
            return None
        state = self._text(row, STATUS)
        return state in self.form.closed or bool(_CLOSED.search(state))

    def _resolver(self, row: Row) -> str:
        """Who solved it: one person, the first where a column lists several."""
        for column in self.by_field.get("resolver", ()):
            if text := _joined(row, column):
                listed = text.startswith("[") or header(column).endswith("_names")
                return _LISTED.sub("", text).split(",")[0].strip() if listed else text
        return ""

    def _date(self, row: Row, name: str) -> datetime | None:
        for column in self.by_field.get(name, ()):
            if text := _joined(row, column):
                try:
                    return read_date(text, column, self.zone, months_first=self.order.months_first)
                except InvalidInput as error:
                    raise _BadCell(column, str(error).removeprefix(f"{column} ")) from None
        return None

    def _last_comment(self, row: Row, closed: datetime | None) -> str:
        """The last comment of some length that was written before the closing: it mostly says what helped."""
        cells = [cell for column in self.by_field.get(COMMENT, ()) for cell in row.cells.get(column, ())]
        told = [comment for cell in cells if (comment := self._comment(cell))]
        in_time = [comment for comment in told if closed is None or comment[0] <= closed]
        return max(in_time, key=lambda comment: comment[0])[1] if in_time else ""

    def _comment(self, cell: str) -> tuple[datetime, str] | None:
        parts = cell.split(";", 2)
        if len(parts) < 3 or len(parts[2].strip()) < _SHORTEST_FIX:
            return None
        try:
            written = read_date(parts[0], "comment", self.zone, months_first=self.order.months_first)
        except InvalidInput:
            return None
        return written, parts[2].strip()


_PLAIN_FIELDS = ("id", "title", "description", "service", "category", "priority", "team", "resolution")


def _joined(row: Row, column: str) -> str:
    """A cell's text, several values with commas between, words for nothing as nothing, mark-up taken off."""
    text = ", ".join(value for value in row.cells.get(column, ()) if value.lower() not in _EMPTY)
    if "<" in text or "&lt;" in text:
        text = _TAG.sub(" ", html.unescape(text)) if _TAG.search(html.unescape(text)) else text
    return text.encode("utf-8", "ignore").decode().replace("\x00", "").strip()  # lone surrogates fit no store


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("timezone is unknown: name one like Europe/Amsterdam") from None


def _order(sheet: Sheet, columns: Mapping[str, str]) -> Order:
    dated = [name for name, known in columns.items() if known in ("opened_at", "closed_at", UPDATED)]
    return order_of(_joined(row, name) for row in sheet.rows for name in dated)


def _told(headers: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    hidden = {OUTCOME: "left out", UPDATED: "closing time of closed ones", STATUS: "open or closed"}
    return {name: hidden.get(columns[name], columns[name]) for name in headers if name}


def _notes(report: Report, reader: _Reader, rows: int) -> Iterator[str]:
    """What was assumed."""
    if not reader.order.sure:
        first, second = ("month", "day") if reader.order.months_first else ("day", "month")
        yield f"dates such as 03/04/2025 were read with the {first} before the {second}: the file does not tell"
    if "opened_at" not in reader.by_field:
        yield "no column holds an opening time: the order of the rows stands in for it"
    if reader.by_field.get("resolution") is None and COMMENT not in reader.by_field:
        yield "no column holds what was done: suggestions will show who and when, not how"
    doubled = rows - report.incidents - sum(1 for problem in report.problems if problem.column != _WHOLE)
    if doubled > 0:
        yield f"{doubled} rows were about an incident that an earlier row had named, and were merged with it"

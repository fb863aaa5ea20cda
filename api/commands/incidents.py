"""What the commands of `python -m api incident` do: operators' words, straight to the database of the service.

Running services take them in before their next decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from api.commands.terminal import opened_store, say
from engine import serving
from engine.clock import to_text, utc_now
from engine.handling.correcting import Word
from engine.handling.operators import Operators
from engine.lifecycle.explanation import explain
from engine.settings import Settings
from engine.store import pointer
from engine.store.records import IncidentRecord


def show(incident_id: str) -> None:
    """Print an incident and its alerts, one a line, with the reason why each is there."""
    with _operators() as operators:
        record = operators.record(incident_id)
        _say_of([record])
        for member in operators.members(incident_id):
            alert = member.alert
            marks = [name for name in ("pinned", "provisional") if getattr(member, name)]
            where = " ".join(part for part in (alert.service, alert.host) if part)
            columns = (alert.id, alert.status.value, to_text(alert.starts_at), where, alert.title, ",".join(marks))
            say("  " + "\t".join([*columns, explain(member)]))


def merge(sources: Sequence[str], into: str, by: str, reason: str) -> None:
    """Say that incidents are one."""
    with _operators() as operators:
        _say_of(operators.merge(sources, into, _word(by, reason)))


def split(incident_id: str, alert_ids: Sequence[str], by: str, reason: str) -> None:
    """Say that alerts are another problem than the rest of their incident."""
    with _operators() as operators:
        _say_of(operators.split(incident_id, alert_ids, _word(by, reason)))


def move(alert_id: str, to: str, by: str, reason: str) -> None:
    """Say where an alert belongs; "" is an incident of its own."""
    with _operators() as operators:
        _say_of(operators.move(alert_id, to or None, _word(by, reason)))


def pin(alert_ids: Sequence[str], by: str, reason: str) -> None:
    """Say that alerts are where they belong."""
    with _operators() as operators:
        for alert_id in alert_ids:
            _say_of(operators.pin(alert_id, _word(by, reason)))


def unpin(alert_ids: Sequence[str], by: str, reason: str) -> None:
    """Take that back."""
    with _operators() as operators:
        for alert_id in alert_ids:
            _say_of(operators.unpin(alert_id, _word(by, reason)))


@contextmanager
def _operators() -> Iterator[Operators]:
    """With the correlator of the model version in service: what it learns here, the service knows."""
    with opened_store() as store:
        with store.read() as link:
            named = pointer.active(link)
        yield Operators(store, serving.correlator([named.version, named.previous], Settings()))


def _word(by: str, reason: str) -> Word:
    return Word(actor=by, at=utc_now(), reason=reason)


def _say_of(records: Sequence[IncidentRecord]) -> None:
    for record in records:
        incident = record.incident
        state = f"merged into {incident.merged_into}" if incident.merged_into else incident.status.value
        say(f"{incident.id}\t{state}\t{record.alerts} alerts, {record.firing} firing\t{incident.title}")

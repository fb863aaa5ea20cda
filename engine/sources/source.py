"""What every source is: something that reads one tool's payload, alert by alert, and loses none in silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.domain import Alert
from engine.errors import InvalidInput

MOST_ALERTS = 10_000  # in one payload: beyond it is no group of alerts but a dump


@dataclass(frozen=True, slots=True)
class Rejected:
    """One entry of a payload that could not be read: its place, the field, and what is wrong."""

    index: int  # in the payload's list, 0 is the first
    field: str
    problem: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """What a payload held: the alerts that could be read, in order, and the entries that could not."""

    alerts: tuple[Alert, ...]
    rejected: tuple[Rejected, ...] = ()
    missing: int = 0  # alerts that the tool says it left out of this payload, >= 0


class Source(Protocol):
    """One alerting tool. A source keeps no state: the same payload and time give the same alerts."""

    @property
    def example(self) -> object:
        """A payload as the tool sends it, for tests, for the documentation and for trying it out."""
        ...

    def parse(self, payload: object, received_at: datetime) -> Parsed:
        """The alerts of one payload; `received_at` (aware) stands in where the tool names no time.

        Raises
        ------
        InvalidInput
            If the payload as a whole is not of the tool's form. Single bad entries come back as `Parsed.rejected`.
        """
        ...

    def entries(self, payload: object) -> Sequence[object]:
        """The entries of a payload, at the places that `Rejected.index` names."""
        ...

    def wrap(self, entry: object) -> object:
        """A payload that holds this entry alone: what is kept of it, and tried again later."""
        ...


class Listed:
    """What sources share whose payload is a list of entries, or an object that holds one under `alerts`."""

    def entries(self, payload: object) -> Sequence[object]:
        """The entries of a payload, at the places that `Rejected.index` names."""
        inner = payload.get("alerts") if isinstance(payload, dict) else payload
        return inner if isinstance(inner, list) else [payload]

    def wrap(self, entry: object) -> object:
        """A payload that holds this entry alone."""
        return {"alerts": [entry]}


class BadField(InvalidInput):
    """One field of one entry cannot be read. `field` names it; the message never holds its value."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


def read_each(entries: Sequence[object], read: Callable[[dict[str, object]], Alert], missing: int = 0) -> Parsed:
    """`read` on every entry that is an object; what cannot be read is put aside, with its place.

    Raises
    ------
    InvalidInput
        If there are more than `MOST_ALERTS` entries.
    """
    if len(entries) > MOST_ALERTS:
        raise InvalidInput(f"alerts has more than {MOST_ALERTS} entries: send them in parts")
    alerts: list[Alert] = []
    rejected: list[Rejected] = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            rejected.append(Rejected(index, "alert", "must be a JSON object"))
            continue
        try:
            alerts.append(read(entry))
        except BadField as error:
            rejected.append(Rejected(index, error.field, error.problem))
    return Parsed(alerts=tuple(alerts), rejected=tuple(rejected), missing=missing)

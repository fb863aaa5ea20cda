"""The whole engine on one screen: what happens to an alert, what happens to a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.domain import (
    Alert,
    Incident,
    IncidentStatus,
    Membership,
    Occurrence,
    Pattern,
    Receipt,
    Resolution,
    Responder,
    Rung,
    Triage,
)
from engine.ports import Models, Revised
from engine.settings import Settings
from engine.store.records import Event, Key, NamedPattern, Sample, Scope


@dataclass(frozen=True, kw_only=True)
class Health:
    """What /readyz and /metrics tell of the engine."""

    readable: bool
    writable: bool
    rung: Rung
    model_version: str
    note: str = ""  # why the rung is not the best one, or storage not ready
    revision: int = 0  # of the store, as this process has seen it


@dataclass(frozen=True, kw_only=True)
class Upcoming:
    """One coming stretch of a stored pattern."""

    id: str  # the pattern's
    pattern: Pattern
    occurrence: Occurrence
    sentence: str


class Pathfinder:
    """Alerts in; one incident, a past fix, a person and the load pattern out."""

    def __init__(self, store: object, models: Models, *, queue: str = "", timezone: str = "UTC") -> None:
        """Of `store` and `models`; nothing is read before `start`."""
        raise NotImplementedError

    @classmethod
    def open(cls, settings: Settings) -> Pathfinder:
        """Open and migrate the database of `settings`, load the active model version, replay open incidents.

        Raises
        ------
        Unavailable
            If the database cannot be reached or locked in time.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Give back connections; the object is of no use afterwards."""
        raise NotImplementedError

    def handle(self, alerts: Sequence[Alert]) -> list[Receipt]:
        """Group and store `alerts` in one transaction; receipts in their order. When it returns, all is on disk.

        An alert that cannot be stored by itself has a receipt with outcome `refused` and no incident id.

        Raises
        ------
        Unavailable
            If storage is locked or full: nothing was stored, the same alerts may be sent again.
        """
        raise NotImplementedError

    def report(self, incident: Incident, *, actor: str = "") -> Incident:
        """Store what a person reports and return it with the id the store gave."""
        raise NotImplementedError

    def acknowledge(self, incident_id: str, responder: str, at: datetime) -> Incident:
        """Somebody has taken the incident: counts into their load. NotFound, Conflict (resolved already)."""
        raise NotImplementedError

    def resolve(self, incident_id: str, resolution: Resolution, at: datetime) -> Incident:
        """Close with what fixed it (again: replace the fix); the next suggestion and routing know it. NotFound."""
        raise NotImplementedError

    def revise(self, now: datetime) -> list[Revised]:
        """Apply the moves that later evidence speaks for; called every half minute or so."""
        raise NotImplementedError

    def incidents(  # one parameter per filter of the list
        self,
        *,
        status: IncidentStatus | None = None,
        service: str = "",
        since: datetime | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Incident]:
        """Newest first; `before` = last id of the page before."""
        raise NotImplementedError

    def incident(self, incident_id: str) -> Incident:
        """One incident with its resolution. NotFound."""
        raise NotImplementedError

    def members(self, incident_id: str, *, limit: int = 500) -> list[Membership]:
        """Its alerts and why each is there: probable roots first, then by arrival. NotFound."""
        raise NotImplementedError

    def timeline(self, incident_id: str) -> list[Event]:
        """What happened to it, oldest first. NotFound."""
        raise NotImplementedError

    def triage(self, incident_id: str, at: datetime) -> Triage:
        """Past fixes, responders and expected load for a stored incident, as known at `at`. NotFound."""
        raise NotImplementedError

    def triage_text(self, incident: Incident, at: datetime) -> Triage:
        """The same for an incident that is not stored."""
        raise NotImplementedError

    def patterns(self) -> list[NamedPattern]:
        """The patterns of the latest retrain."""
        raise NotImplementedError

    def upcoming(self, at: datetime, days: int = 7) -> list[Upcoming]:
        """Occurrences of all patterns in the `days` after `at`, soonest first."""
        raise NotImplementedError

    def record_metrics(self, samples: Sequence[Sample]) -> int:
        """Store samples; returns how many."""
        raise NotImplementedError

    def responders(self) -> list[Responder]:
        """Everybody who can be asked, by id."""
        raise NotImplementedError

    def responder(self, responder_id: str) -> Responder:
        """One of them. NotFound."""
        raise NotImplementedError

    def put_responder(self, responder: Responder) -> Responder:
        """Create or replace."""
        raise NotImplementedError

    def delete_responder(self, responder_id: str) -> None:
        """Remove. NotFound."""
        raise NotImplementedError

    def issue_key(self, name: str, scopes: frozenset[Scope], at: datetime) -> tuple[Key, str]:
        """A new API key and its token `pf_<id>_<secret>`, shown once and never stored."""
        raise NotImplementedError

    def check_key(self, token: str) -> Key | None:
        """The key of `token` if it is genuine and not revoked; takes the same time for every wrong token."""
        raise NotImplementedError

    def keys(self) -> list[Key]:
        """All keys, without secrets."""
        raise NotImplementedError

    def revoke_key(self, key_id: str, at: datetime) -> None:
        """End a key. NotFound."""
        raise NotImplementedError

    def warm(self) -> None:
        """Load the encoder (seconds): call it from a background thread; answers before it are lexical."""
        raise NotImplementedError

    def refresh(self) -> bool:
        """Serve the active model version if it is another one than served; True if it changed."""
        raise NotImplementedError

    def health(self) -> Health:
        """Facts for readiness and metrics; never raises."""
        raise NotImplementedError

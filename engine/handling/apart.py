"""What stands in for a correlator that cannot be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from engine.domain import Alert, Evidence, Match, Suspect
from engine.ports import Revised


class Apart:
    """Joins an alert to nothing and learns nothing: for one over which the correlator stumbles."""

    def predict_one(self, alert: Alert) -> Match:  # noqa: ARG002 - the port's form
        """Into an incident of its own."""
        reason = Evidence(signal="apart", weight=0.0, detail="the correlator could not judge it")
        return Match(incident_id=None, probability=0.0, score=0.0, evidence=(reason,))

    def learn_one(self, alert: Alert, incident_id: str, *, alert_of: str | None = None) -> None:
        """Nothing."""

    def close(self, incident_id: str, at: datetime) -> None:
        """Nothing."""

    def roots(self, incident_id: str) -> tuple[tuple[str, float], ...]:  # noqa: ARG002 - the port's form
        """None known."""
        return ()

    def suspects(self, alerts: Iterable[Alert]) -> tuple[Suspect, ...]:  # noqa: ARG002 - the port's form
        """None known."""
        return ()

    def revise(self, now: datetime) -> tuple[Revised, ...]:  # noqa: ARG002 - the port's form
        """None."""
        return ()

    def move(self, alert_id: str, incident_id: str) -> None:
        """Nothing."""

    def explain(self, alert_id: str) -> Match | None:  # noqa: ARG002 - the port's form
        """Nothing known."""
        return None

    def correct(self, alert_ids: Sequence[str], incident_id: str) -> None:
        """Nothing."""

    def merge(self, source_id: str, target_id: str) -> None:
        """Nothing."""

    def pin(self, alert_ids: Iterable[str]) -> None:
        """Nothing."""

    def unpin(self, alert_ids: Iterable[str]) -> None:
        """Nothing."""

    def part(self, one_id: str, other_id: str) -> None:
        """Nothing."""

    def lessons(self) -> Mapping[str, float]:
        """None."""
        return {}

    def take_lessons(self, lessons: Mapping[str, float]) -> None:
        """Nothing."""

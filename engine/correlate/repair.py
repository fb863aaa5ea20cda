"""Later evidence: alerts whose place looks different now that more is known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """A proposed move of one alert, applied by the caller through `Correlator.move`."""

    alert_id: str
    from_incident: str
    to_incident: str
    reason: str

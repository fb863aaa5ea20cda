"""How urgent an incident is, from how bad its alerts say they are."""

from __future__ import annotations

from collections.abc import Iterable

from engine.domain import Severity

PRIORITIES = {Severity.CRITICAL: "P1", Severity.ERROR: "P2", Severity.WARNING: "P3", Severity.INFO: "P4"}
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def worse(one: Severity, other: Severity) -> Severity:
    """The worse of two.

    Examples
    --------
    >>> worse(Severity.WARNING, Severity.CRITICAL)
    <Severity.CRITICAL: 'critical'>
    """
    return one if _RANK[one] <= _RANK[other] else other


def priority(severities: Iterable[Severity]) -> str:
    """P1 (most urgent) to P4: that of the worst alert; "" without alerts.

    Examples
    --------
    >>> priority([Severity.INFO, Severity.ERROR])
    'P2'
    """
    worst = min(severities, key=_RANK.__getitem__, default=None)
    return PRIORITIES[worst] if worst else ""


def raised(present: str, severity: Severity) -> str:
    """`present`, or the priority of one more alert where that is more urgent. Words of other tools stand.

    Examples
    --------
    >>> raised("P3", Severity.CRITICAL), raised("P1", Severity.INFO), raised("urgent", Severity.CRITICAL)
    ('P1', 'P1', 'urgent')
    """
    if present and present not in PRIORITIES.values():
        return present
    return min(present or "P9", PRIORITIES[severity])

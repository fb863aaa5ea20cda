"""What needs no weighing: a second delivery, the end of a known episode, a symptom that is still firing."""

from __future__ import annotations

from collections.abc import Iterable

from engine.correlate.decision import certain
from engine.correlate.profile import Member
from engine.correlate.profiles import Profiles
from engine.domain import Alert, AlertStatus, Match

_STILL_FIRING_S = 10.0  # a symptom that fired this lately, in one incident only, is the same one: storms cost O(1)
_EPISODES_READ = 16  # newest ones of a symptom in an incident


def known(profiles: Profiles, alert: Alert, at: float) -> Match | None:
    """The match of an alert that is no news at `at` (unix seconds); None where it has to be weighed."""
    incident_id = profiles.of_alert.get(alert.id)
    if incident_id is not None:
        return certain(incident_id, alert.id, "delivered before")
    holders = profiles.of_fingerprint.get(alert.fingerprint)
    if not holders:
        return None
    away, incident_id, member = _nearest_episode(profiles, alert.fingerprint, at, holders)
    if alert.status is AlertStatus.RESOLVED:
        ended = alert.ends_at.timestamp() if alert.ends_at else at
        if ended >= member.at:
            return certain(incident_id, member.alert_id, "resolves it")
    if away == 0.0:
        return certain(incident_id, member.alert_id, "same symptom, same start")
    firing = _firing(profiles, alert.fingerprint, at, holders)
    if firing is not None:
        incident_id, member = firing
        return certain(incident_id, member.alert_id, f"same symptom {at - member.last_at:.0f} s before")
    return None


def _firing(profiles: Profiles, fingerprint: str, at: float, holders: Iterable[str]) -> tuple[str, Member] | None:
    """Where the symptom fires at `at`, as (incident, member), if that is one incident only."""
    found: tuple[str, Member] | None = None
    for incident_id in holders:
        member = profiles.open[incident_id].latest(fingerprint)
        if not member.resolved and 0.0 <= at - member.last_at <= _usual(member):
            if found is not None:
                return None
            found = incident_id, member
    return found


def _nearest_episode(
    profiles: Profiles, fingerprint: str, at: float, holders: Iterable[str]
) -> tuple[float, str, Member]:
    """The episode of a symptom that began nearest to `at`: (seconds away, incident, member)."""
    found: list[tuple[float, str, Member]] = []
    for incident_id in holders:
        profile = profiles.open[incident_id]
        for alert_id in profile.ids_of(fingerprint)[-_EPISODES_READ:]:
            member = profile.members[alert_id]
            found.append((abs(member.at - at), incident_id, member))
    return found[0] if len(found) == 1 else min(found, key=lambda each: each[:2])


def _usual(member: Member) -> float:
    """Seconds within which one more delivery of a firing symptom is no news: some of its own usual gaps."""
    own = (member.last_at - member.at) / member.repeats if member.repeats else _STILL_FIRING_S
    return min(_STILL_FIRING_S, 2.0 + 8.0 * own)

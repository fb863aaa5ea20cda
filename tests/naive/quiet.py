"""Slow, obvious twins of what keeps alerts quiet: every moment is looked at by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.domain import Alert, AlertStatus
from engine.lifecycle.flapping import Change, Flapping
from engine.lifecycle.inhibition import Rule
from engine.lifecycle.maintenance import Window
from engine.lifecycle.matchers import all_hold, value_of


def runs(window: Window, moment: datetime) -> bool:
    """Whether the clock on the wall says so, for windows within a day."""
    if window.ended_at is not None and moment >= window.ended_at:
        return False
    if window.weekly is None:
        return window.starts_at <= moment < window.ends_at
    zone = ZoneInfo(window.weekly.timezone)
    local, begins = moment.astimezone(zone), window.starts_at.astimezone(zone)
    ends = window.ends_at.astimezone(zone)
    assert begins.date() == ends.date()
    inside = begins.time() <= local.replace(tzinfo=None).time() < ends.time()
    return moment >= window.starts_at and local.weekday() in window.weekly.weekdays and inside


def covered_until(alert: Alert, windows: Iterable[Window], step: timedelta = timedelta(minutes=1)) -> datetime | None:
    """Step by step from the alert's beginning, as long as a window that means it runs; None if none runs then."""
    meant = [window for window in windows if all_hold(window.matchers, alert)]
    moment = alert.starts_at
    while any(runs(window, moment) for window in meant):
        moment += step
    return moment if moment > alert.starts_at else None


def is_muted(
    alert: Alert, alerts: Sequence[Alert], windows: Sequence[Window], rules: Sequence[Rule], now: datetime
) -> bool:
    """Whether `alert` is muted at `now`, or was when it ended, out of all that ever happened."""
    at = alert.ends_at if alert.status is AlertStatus.RESOLVED else None
    until = covered_until(alert, windows)
    if until is not None and (until >= at if at is not None else until > now):
        return True
    return any(_explains(rule, one, alert, at, now) for rule in rules for one in alerts)


def _explains(rule: Rule, cause: Alert, alert: Alert, at: datetime | None, now: datetime) -> bool:
    if cause.id == alert.id or not all_hold(rule.source, cause) or not all_hold(rule.target, alert):
        return False
    if all_hold(rule.source, alert) and all_hold(rule.target, cause):
        return False
    if any(value_of(cause, name) != value_of(alert, name) for name in rule.equal):
        return False
    if at is not None and cause.starts_at > at:
        return False
    if cause.status is AlertStatus.FIRING:
        return True
    assert cause.ends_at is not None
    until = cause.ends_at + timedelta(seconds=rule.linger_s)
    return until >= at if at is not None else until > now


def flaps(changes: Iterable[Change], moment: datetime, settings: Flapping) -> bool:
    """Second by second from the first change on: the decayed count of changes, and the two thresholds."""
    ordered = sorted(changes)
    if not ordered:
        return False
    score, firing, flapping, second = 0.0, False, False, ordered[0].at
    decay = 0.5 ** (1.0 / settings.half_life_s)
    while second <= moment:
        if flapping and score <= settings.stop:
            flapping = False
        for change in ordered:
            if change.at == second and change.firing is not firing:
                firing, score = change.firing, min(settings.most, score + 1.0)
                flapping = flapping or score >= settings.start
        score *= decay
        second += timedelta(seconds=1)
    return flapping


def utc(*parts: int) -> datetime:
    """A moment in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]

"""How fast incidents are noticed, taken and ended, how often they come, and how often they come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median, quantiles

_WEEK_S = 604_800.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """The moments of one incident, UTC; None where it has not come to that. `symptom` tells which come back."""

    began_at: datetime  # event time of its first alert, or of the report
    detected_at: datetime | None = None  # arrival of its first alert, or of the report
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    symptom: str = ""  # equal for two incidents of one kind on one service; "" is never a repeat

    @property
    def detect_s(self) -> float | None:
        """Seconds from its beginning to its detection, >= 0."""
        return _seconds(self.began_at, self.detected_at)

    @property
    def acknowledge_s(self) -> float | None:
        """Seconds from its detection until somebody took it, >= 0."""
        return _seconds(self.detected_at or self.began_at, self.acknowledged_at)

    @property
    def resolve_s(self) -> float | None:
        """Seconds from its beginning to its end, >= 0."""
        return _seconds(self.began_at, self.resolved_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Durations of several incidents, seconds. None where no incident has one."""

    count: int
    mean_s: float | None = None
    median_s: float | None = None
    p90_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Measures:
    """The summary of a stretch of time."""

    incidents: int
    open: int
    per_week: float  # incidents a week
    repeats: int  # incidents of a symptom that had one before in the same stretch
    detect: Spread
    acknowledge: Spread
    resolve: Spread


def measure(courses: Sequence[Course], since: datetime, until: datetime) -> Measures:
    """The measures of the incidents that began in `[since, until)`.

    Examples
    --------
    >>> from datetime import UTC, timedelta
    >>> noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    >>> course = Course(began_at=noon, detected_at=noon, resolved_at=noon + timedelta(minutes=30))
    >>> measure([course], noon, noon + timedelta(days=7)).resolve.median_s
    1800.0
    """
    inside = [course for course in courses if since <= course.began_at < until]
    symptoms = Counter(course.symptom for course in inside if course.symptom)
    weeks = (until - since).total_seconds() / _WEEK_S
    return Measures(
        incidents=len(inside),
        open=sum(course.resolved_at is None for course in inside),
        per_week=len(inside) / weeks if weeks > 0 else 0.0,
        repeats=sum(count - 1 for count in symptoms.values()),
        detect=spread([course.detect_s for course in inside]),
        acknowledge=spread([course.acknowledge_s for course in inside]),
        resolve=spread([course.resolve_s for course in inside]),
    )


def spread(durations_s: Sequence[float | None]) -> Spread:
    """Mean, median and 90th percentile of the durations that are known.

    Examples
    --------
    >>> spread([60.0, None, 120.0]).mean_s
    90.0
    """
    known = [one for one in durations_s if one is not None]
    if not known:
        return Spread(count=0)
    p90 = quantiles(known, n=10, method="inclusive")[8] if len(known) > 1 else known[0]
    return Spread(count=len(known), mean_s=fmean(known), median_s=median(known), p90_s=p90)


def _seconds(begin: datetime, end: datetime | None) -> float | None:
    return None if end is None else max(0.0, (end - begin).total_seconds())

"""What recurs: stored patterns, their coming occurrences, their company, and what to expect of a series when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from engine.domain import Incident, Occurrence, Pattern
from engine.errors import NotFound
from engine.patterns.capacity import limit_of, weeks_until
from engine.patterns.expected import PAST_DAYS, ExpectedLevel, expected_levels
from engine.patterns.joins import Joined, joined
from engine.patterns.occurrences import occurrences, sentence
from engine.store import incidents, lives, maintenance, metrics, reference
from engine.store.records import NamedPattern
from engine.store.store import Store

_FAR_WEEKS = 520.0


@dataclass(frozen=True, kw_only=True)
class Upcoming:
    """One coming stretch of a stored pattern."""

    id: str  # the pattern's
    pattern: Pattern
    occurrence: Occurrence
    sentence: str


@dataclass(frozen=True, kw_only=True)
class JoinedPattern(Joined):
    """How often incidents came with a stored pattern."""

    id: str  # the pattern's


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """When a stored pattern passes its limit at the growth it shows."""

    id: str  # the pattern's
    pattern: Pattern
    limit: float
    weeks: float  # from its last sample on; 0: it has
    at: datetime
    sentence: str


class Recurring:
    """The part of Pathfinder that knows load and events that recur. All methods raise Unavailable."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def patterns(self) -> list[NamedPattern]:
        """The patterns of the latest retrain."""
        with self.store.read() as link:
            return reference.patterns(link)

    def replace_patterns(self, found: Sequence[Pattern]) -> None:
        """Put the patterns of a retrain in place of those before."""
        with self.store.write() as tx:
            reference.replace_patterns(tx, found)

    def upcoming(self, at: datetime, days: int = 7) -> list[Upcoming]:
        """Occurrences of all patterns in the `days` after `at`, soonest first; those running at `at` included."""
        coming = [
            Upcoming(id=named.id, pattern=named.pattern, occurrence=one, sentence=sentence(named.pattern))
            for named in self.patterns()
            for one in occurrences(named.pattern, at, days)
        ]
        return sorted(coming, key=lambda one: (one.occurrence.start, one.id))

    def joined(self, at: datetime, days: int = 90) -> list[JoinedPattern]:
        """How often incidents, alerts and changes of its service came with each pattern in the `days` before `at`.

        The clearest first. Changes are the maintenance windows of the time, whatever they cover.
        """
        since = at - timedelta(days=days)
        with self.store.read() as link:
            known = reference.patterns(link)
            opened = [record.incident for record in incidents.opened_between(link, since, at)]
            fired = {
                service: lives.moments_of_alerts(link, service, since, at)
                for service in {named.pattern.service for named in known}
            }
            changes = [window.starts_at for window in maintenance.windows(link, since)]
        rows = []
        for named in known:
            moments = {
                "incidents": _moments_of(opened, named.pattern.service),
                "alerts": [] if named.pattern.of_events else fired[named.pattern.service],
                "changes": changes,
            }
            found = [joined(named.pattern, times, since, at, what) for what, times in moments.items()]
            rows += [JoinedPattern(id=named.id, **asdict(one)) for one in found if one.with_pattern]
        return sorted(rows, key=lambda row: (row.p_value, row.id))

    def crossings(self, at: datetime, weeks: float = 26.0, limit: float | None = None) -> list[Crossing]:
        """Patterns that grow past `limit` (None: that of their metric) within `weeks` of `at`, the nearest first."""
        found: list[Crossing] = []
        for named in self.patterns():
            most = limit_of(named.pattern) if limit is None else limit
            left = None if most is None or named.pattern.state == "faded" else weeks_until(named.pattern, most)
            if most is not None and left is not None:
                when = named.pattern.last_seen_at + timedelta(weeks=min(left, _FAR_WEEKS))
                told = sentence(named.pattern)
                found.append(
                    Crossing(id=named.id, pattern=named.pattern, limit=most, weeks=left, at=when, sentence=told)
                )
        near = [one for one in found if one.at <= at + timedelta(weeks=weeks)]
        return sorted(near, key=lambda one: (one.at, one.id))

    def follow_events(self, at: datetime) -> int:
        """Let the patterns of events live on: each chance until `at` is a hit or a miss. Returns how many moved."""
        with self.store.write() as tx:
            return lives.follow_events(tx, at)

    def expected_levels(
        self, names: tuple[str, str, str], timezone: str, at: datetime, hours: int = 0
    ) -> list[ExpectedLevel]:
        """What the series of service, host and metric is expected to be at `at`, and each hour of the `hours` after.

        Read from its latest weeks by the wall clock of `timezone`.

        Raises
        ------
        NotFound
            If nothing was measured under these names, or on too few days to tell.
        """
        with self.store.read() as link:
            seconds, values = metrics.after(link, names, at - timedelta(days=PAST_DAYS), PAST_DAYS)
        moments = [at + timedelta(hours=hour) for hour in range(hours + 1)]
        told = expected_levels(seconds, values, timezone, moments, names[2])
        if not told:
            where = "/".join(names)
            raise NotFound(f"there are too few samples of {where} (service, host, metric): record a week of them first")
        return told


def _moments_of(opened: Sequence[Incident], service: str) -> list[datetime]:
    """When incidents of a service opened; of all services for ""."""
    return [incident.opened_at for incident in opened if service in ("", incident.service)]

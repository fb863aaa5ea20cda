"""The state of open and recent incidents, and the indexes that find the few that an alert could belong to."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from engine.correlate.reading import LEVELS, Reading

_POSTINGS_READ = 10  # newest incidents looked at per shared value
_STORM_S, _STORM_BEAT_S, _STORM_PAUSE_S = 8.0, 0.2, 12.0  # it kept coming so long, so often, without a longer pause
STORM_BEATS = int(_STORM_S / _STORM_BEAT_S)  # fewer are no storm
_BEATS = 16  # gaps that the pace of an incident remembers
_NEWEST = 8  # incidents that are candidates for having moved last, whatever they share


@dataclass(slots=True)
class Member:
    """One symptom episode inside an incident."""

    alert_id: str
    at: float  # unix seconds, event time
    fingerprint: str
    reading: Reading
    last_at: float  # unix seconds, latest repeat
    repeats: int = 0
    last_id: str = ""  # alert id of the latest repeat
    resolved: bool = False

    @property
    def stormed(self) -> bool:
        """Whether it alone was a storm: several a second for several seconds."""
        lasted = self.last_at - self.at
        return lasted >= _STORM_S and lasted <= _STORM_BEAT_S * self.repeats


class Profile:
    """One incident as the signals see it: counters over its members, never a scan of them."""

    __slots__ = (
        "among",
        "beat",
        "beats",
        "closed_at",
        "episodes",
        "firing",
        "id",
        "inside",
        "kinds",
        "last",
        "longest",
        "members",
        "stormed",
        "thing_times",
        "things",
        "times",
        "words",
    )

    def __init__(self, incident_id: str) -> None:
        self.id = incident_id
        self.members: dict[str, Member] = {}
        self.times: list[float] = []  # of members, sorted
        self.last = -math.inf  # latest sign of life, repeats included
        self.closed_at = math.inf
        self.beat = 0.0  # seconds, mean of the latest gaps between signs of life, repeats included
        self.beats = 0  # gaps it rests on
        self.longest = 0.0  # seconds, the longest of all gaps so far
        self.stormed = False  # whether it ever was stormy
        self.firing = 0  # members that have not ended
        self.among: dict[str, int] = {}  # members that have the field
        self.inside: dict[str, dict[str, int]] = {}  # field -> value -> members
        self.things: dict[str, int] = {}
        self.thing_times: dict[str, list[float]] = {}  # thing -> when its members began, sorted
        self.words: dict[str, int] = {}
        self.kinds: dict[str, dict[str, int]] = {level: {} for level in LEVELS}
        self.episodes: dict[str, list[str]] = {}  # fingerprint -> alert ids, in the order learned

    @property
    def first(self) -> float:
        """When it began, unix seconds."""
        return self.times[0]

    @property
    def stormy(self) -> bool:
        """Whether signs of life came several a second for several seconds, not in beats of one second."""
        lasted = self.last - self.times[0]
        return lasted >= _STORM_S and self.longest <= _STORM_PAUSE_S and lasted <= _STORM_BEAT_S * self.beats

    def gap(self, at: float) -> float:
        """Seconds between `at` and the nearest sign of life."""
        gap = _nearest(self.times, at)
        return min(gap, at - self.last) if at >= self.last else gap

    def gap_of(self, thing: str, at: float) -> float:
        """Seconds between `at` and the nearest member that names `thing`; inf where none does."""
        return _nearest(self.thing_times.get(thing, ()), at)

    def near(self, at: float, within_s: float) -> int:
        """How many members began at most `within_s` seconds from `at`."""
        return bisect_right(self.times, at + within_s) - bisect_left(self.times, at - within_s)

    def hear(self, at: float) -> None:
        """Take in a sign of life at `at`."""
        if at >= self.last:
            if self.last > -math.inf:
                self.beats += 1
                self.longest = max(self.longest, at - self.last)
                self.beat += (at - self.last - self.beat) / min(self.beats, _BEATS)
            self.last = at
            self.stormed = self.stormed or (self.beats >= STORM_BEATS and self.stormy)

    @contextmanager
    def lend(self, alert_id: str) -> Iterator[Member]:
        """The member `alert_id`, taken out for as long as the block lasts."""
        pace = self.beat, self.beats, self.longest
        member = self.remove(alert_id)
        try:
            yield member
        finally:
            self.add(member)
            self.beat, self.beats, self.longest = pace

    def end(self, member: Member, *, resolved: bool) -> None:
        """Take in that `member` has ended, or fires again."""
        self.firing += member.resolved - resolved
        member.resolved = resolved

    def add(self, member: Member) -> None:
        """Take `member` in."""
        self.members[member.alert_id] = member
        self.firing += not member.resolved
        insort(self.times, member.at)
        self.stormed = self.stormed or member.stormed
        self.hear(member.last_at)
        reading = member.reading
        for name, value in reading.fields:
            self.among[name] = self.among.get(name, 0) + 1
            _plus(self.inside.setdefault(name, {}), value)
        for thing in reading.things:
            _plus(self.things, thing)
            insort(self.thing_times.setdefault(thing, []), member.at)
        for word in reading.words:
            _plus(self.words, word)
        for level, kind in reading.kinds.items():
            _plus(self.kinds[level], kind)
        self.episodes.setdefault(member.fingerprint, []).append(member.alert_id)

    def remove(self, alert_id: str) -> Member:
        """Give the member `alert_id` up."""
        member = self.members.pop(alert_id)
        self.firing -= not member.resolved
        del self.times[bisect_left(self.times, member.at)]
        reading = member.reading
        for name, value in reading.fields:
            self.among[name] -= 1
            _minus(self.inside[name], value)
        for thing in reading.things:
            _minus(self.things, thing)
            times = self.thing_times[thing]
            del times[bisect_left(times, member.at)]
        for word in reading.words:
            _minus(self.words, word)
        for level, kind in reading.kinds.items():
            _minus(self.kinds[level], kind)
        self.episodes[member.fingerprint].remove(alert_id)
        if not self.episodes[member.fingerprint]:
            del self.episodes[member.fingerprint]
        if member.last_at >= self.last:
            self.last = max((other.last_at for other in self.members.values()), default=-math.inf)
        return member


class Profiles:
    """All incidents that can still take an alert, by id, and who shares what with whom."""

    def __init__(self, keep_s: float) -> None:
        self.keep_s = keep_s
        self.open: dict[str, Profile] = {}  # least lately touched first
        self.postings: dict[str, dict[str, None]] = {}  # value -> incident ids, least lately touched first
        self.of_alert: dict[str, str] = {}  # alert id -> incident id
        self.of_fingerprint: dict[str, dict[str, None]] = {}  # fingerprint -> incident ids
        self.changed: dict[str, None] = {}  # incidents that took an alert since they were last looked at again
        self.now = -math.inf  # latest event time seen

    def candidates(self, reading: Reading, at: float, limit: int) -> list[Profile]:
        """Incidents worth scoring for an alert at `at`: those sharing the rarest values, and the newest."""
        met: dict[str, bool] = {}  # incident id -> whether it could take the alert
        places = 0
        for ids in sorted((self.postings[key] for key in keys_of(reading) if key in self.postings), key=len):
            for incident_id in islice(reversed(ids), _POSTINGS_READ):
                if incident_id not in met:
                    met[incident_id] = alive = self._alive(incident_id, at)
                    places += alive
            if places >= limit:
                break
        for incident_id in islice(reversed(self.open), _NEWEST):
            if incident_id not in met:
                met[incident_id] = self._alive(incident_id, at)
        return [self.open[incident_id] for incident_id, alive in met.items() if alive][: limit + _NEWEST]

    def add(self, incident_id: str, member: Member) -> Profile:
        """Put `member` into the incident, which is opened if unknown."""
        profile = self.open.pop(incident_id, None) or Profile(incident_id)
        self.open[incident_id] = profile
        self.changed[incident_id] = None
        profile.add(member)
        self.of_alert[member.alert_id] = incident_id
        self.of_fingerprint.setdefault(member.fingerprint, {})[incident_id] = None
        for key in keys_of(member.reading):
            ids = self.postings.setdefault(key, {})
            ids.pop(incident_id, None)
            ids[incident_id] = None
        self.now = max(self.now, member.last_at)
        return profile

    def remove(self, alert_id: str) -> Member:
        """Take a member out of its incident; an incident without members is dropped."""
        incident_id = self.of_alert.pop(alert_id)
        profile = self.open[incident_id]
        member = profile.remove(alert_id)
        if not profile.members:
            del self.open[incident_id]
            self.changed.pop(incident_id, None)
        self._unlist(profile, member)
        return member

    def expired(self) -> Iterator[Profile]:
        """Drop, and yield, the incidents that nothing can reach any more."""
        while self.open:
            incident_id = next(iter(self.open))
            profile = self.open[incident_id]
            if max(profile.last, profile.times[-1]) + self.keep_s >= self.now:
                return
            self._drop(profile)
            yield profile

    def _drop(self, profile: Profile) -> None:
        del self.open[profile.id]
        self.changed.pop(profile.id, None)
        for member in profile.members.values():
            self.of_alert.pop(member.alert_id, None)
            self._forget(self.of_fingerprint, member.fingerprint, profile.id)
            for key in keys_of(member.reading):
                self._forget(self.postings, key, profile.id)

    def _unlist(self, profile: Profile, member: Member) -> None:
        if member.fingerprint not in profile.episodes:
            self._forget(self.of_fingerprint, member.fingerprint, profile.id)
        held = {key for other in profile.members.values() for key in keys_of(other.reading)}
        for key in keys_of(member.reading):
            if key not in held:
                self._forget(self.postings, key, profile.id)

    @staticmethod
    def _forget(table: dict[str, dict[str, None]], key: str, incident_id: str) -> None:
        ids = table.get(key)
        if ids is not None:
            ids.pop(incident_id, None)
            if not ids:
                del table[key]

    def _alive(self, incident_id: str, at: float) -> bool:
        profile = self.open[incident_id]
        if not profile.members:
            return False
        return profile.first - self.keep_s <= at <= min(profile.closed_at, profile.last + self.keep_s)


def keys_of(reading: Reading) -> Iterable[str]:
    """The values under which an alert's incident can be found again."""
    yield from reading.things
    for name, value in reading.fields:
        if name not in ("severity", "source"):
            yield f"{name}={value}"


def _nearest(times: Sequence[float], at: float) -> float:
    place = bisect_left(times, at)
    after = times[place] - at if place < len(times) else math.inf
    return min(after, at - times[place - 1]) if place else after


def _plus(counts: dict[str, int], value: str) -> None:
    counts[value] = counts.get(value, 0) + 1


def _minus(counts: dict[str, int], value: str) -> None:
    counts[value] -= 1
    if not counts[value]:
        del counts[value]

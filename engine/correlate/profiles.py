"""All open and recent incidents, and the indexes that find the few that an alert could belong to."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice

from engine.correlate.holders import Holders
from engine.correlate.profile import Member, Profile
from engine.correlate.reading import Reading

_POSTINGS_READ = 10  # newest incidents looked at per shared value
_NEWEST = 8  # incidents that are candidates for having moved last, whatever they share
_UNLISTED = ("severity", "source")  # fields that say too little to look for
Key = str | tuple[str, str]


class Profiles:
    """All incidents that can still take an alert, by id, and who shares what with whom."""

    def __init__(self, keep_s: float) -> None:
        self.keep_s = keep_s
        self.open: OrderedDict[str, Profile] = OrderedDict()  # least lately touched first
        self.postings: Holders[Key] = Holders()  # value -> incidents, least lately touched first
        self.of_alert: dict[str, str] = {}  # alert id -> incident id
        self.of_fingerprint: Holders[str] = Holders()  # fingerprint -> incidents
        self.changed: dict[str, None] = {}  # incidents that took an alert since they were last looked at again
        self.now = -math.inf  # latest event time seen

    def candidates(self, reading: Reading, at: float, limit: int) -> list[Profile]:
        """Incidents worth scoring for an alert at `at`: those sharing the rarest values, and the newest."""
        met: dict[str, bool] = {}  # incident id -> whether it could take the alert
        places = 0
        for ids in sorted(self.postings.of(keys_of(reading)), key=len):
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
        profile = self.open.get(incident_id)
        if profile is None:
            profile = self.open[incident_id] = Profile(incident_id)
        self.open.move_to_end(incident_id)
        self.changed[incident_id] = None
        profile.add(member)
        self.of_alert[member.alert_id] = profile.id
        self.of_fingerprint.put(member.fingerprint, profile.id)
        for key in keys_of(member.reading):
            self.postings.put(key, profile.id)
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
            self.of_fingerprint.forget(member.fingerprint, profile.id)
            for key in keys_of(member.reading):
                self.postings.forget(key, profile.id)

    def _unlist(self, profile: Profile, member: Member) -> None:
        if member.fingerprint not in profile.episodes:
            self.of_fingerprint.forget(member.fingerprint, profile.id)
        for thing in member.reading.things:
            if thing not in profile.things:
                self.postings.forget(thing, profile.id)
        for pair in member.reading.fields:
            if pair[1] not in profile.inside.get(pair[0], ()):
                self.postings.forget(pair, profile.id)

    def _alive(self, incident_id: str, at: float) -> bool:
        profile = self.open[incident_id]
        if not profile.members:
            return False
        return profile.first - self.keep_s <= at <= min(profile.closed_at, profile.last + self.keep_s)


def keys_of(reading: Reading) -> list[Key]:
    """The values under which an alert's incident can be found again: things, and fields with their names."""
    return [*reading.things, *(pair for pair in reading.fields if pair[0] not in _UNLISTED)]

"""All open and recent incidents, and the indexes that find the few that an alert could belong to."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from engine.correlate.holders import Holders
from engine.correlate.profile import Member, Profile
from engine.correlate.reading import Reading
from engine.correlate.state import State

_SILENT_S = 2400.0  # after its last sign of life, or after somebody asked for it, from which on an incident is packed
_LOOKED_AT = 2  # incidents asked, per alert, whether they are that silent


class Profiles:
    """All incidents that can still take an alert, by id, and who shares what with whom."""

    def __init__(self, keep_s: float, state: State) -> None:
        self.keep_s = keep_s
        self.most = 0  # alerts that are remembered, 0 = any number: beyond it, what ended first is forgotten first
        self.state = state
        self.open: OrderedDict[str, Profile] = OrderedDict()  # least lately touched first
        self.of_alert: dict[str, str] = {}  # alert id -> incident id
        self.of_fingerprint: Holders[str] = Holders()  # fingerprint -> incidents
        self.changed: dict[str, None] = {}  # incidents that took an alert since they were last looked at again
        self.now = -math.inf  # latest event time seen
        self.ended: dict[str, None] = {}  # incidents, in the order in which they ended
        self._unpacked: dict[str, float] = {}  # incident -> until when it stays so, whatever is heard of it

    def add(self, incident_id: str, member: Member) -> Profile:
        """Put `member` into the incident, which is opened if unknown."""
        profile = self.open.get(incident_id)
        if profile is None:
            profile = self.open[incident_id] = Profile(incident_id)
            self._unpacked[incident_id] = -math.inf
        self.open.move_to_end(incident_id)
        self.changed[incident_id] = None
        self.state.add(profile, member)
        profile.add(member)
        self.of_alert[member.alert_id] = profile.id
        self.of_fingerprint.put(member.fingerprint, profile.id)
        self.now = max(self.now, member.last_at)
        return profile

    def remove(self, alert_id: str) -> Member:
        """Take a member out of its incident; an incident without members is dropped."""
        incident_id = self.of_alert.pop(alert_id)
        profile = self.open[incident_id]
        self.state.remove(profile, profile.members[alert_id])
        member = profile.remove(alert_id)
        if not profile.members:
            self._forget(incident_id)
        if member.fingerprint not in profile.episodes:
            self.of_fingerprint.forget(member.fingerprint, profile.id)
        return member

    @contextmanager
    def lend(self, profile: Profile, alert_id: str) -> Iterator[Member]:
        """The member `alert_id` of `profile`, taken out for as long as the block lasts."""
        member = profile.members[alert_id]
        self.state.lend(profile, member)
        with profile.lend(alert_id):
            yield member
        self.state.give_back(profile, member)

    def close(self, profile: Profile, at: float) -> None:
        """The incident ended at `at` (unix seconds), or goes on after all where that is far from now."""
        ended = at < self.now + self.keep_s
        profile.closed_at = at if ended else math.inf  # repair leaves alone what ends, ever
        self.state.stale[profile.slot] = profile
        self.ended.pop(profile.id, None)
        if ended:
            self.ended[profile.id] = None

    def expired(self) -> Iterator[Profile]:
        """Drop, and yield, the incidents that nothing can reach any more, and those that are one too many."""
        while self.open:
            profile = next(iter(self.open.values()))
            if max(profile.last, profile.times[-1]) + self.keep_s >= self.now:
                if not self.most or len(self.of_alert) <= self.most:
                    return
                profile = self.open[next(iter(self.ended), profile.id)]
            self._drop(profile)
            yield profile

    def pack_silent(self) -> None:
        """Pack what has been silent for long: a few incidents are looked at each time, all of them in their turn."""
        for incident_id in list(islice(self._unpacked, _LOOKED_AT)):
            until, profile = self._unpacked.pop(incident_id), self.open[incident_id]
            if max(profile.last + _SILENT_S, until) >= self.now:
                self._unpacked[incident_id] = until
            else:
                self.state.pack(member.row for member in profile.members.values())
                profile.pack(self._unpack)

    def _unpack(self, profile: Profile, rows: Sequence[int]) -> Sequence[Reading]:
        self._unpacked[profile.id] = self.now + _SILENT_S
        return self.state.unpack(rows)

    def _forget(self, incident_id: str) -> None:
        del self.open[incident_id]
        self.changed.pop(incident_id, None)
        self.ended.pop(incident_id, None)
        self._unpacked.pop(incident_id, None)

    def _drop(self, profile: Profile) -> None:
        members = profile.members  # unpacked, while it can be
        self._forget(profile.id)
        self.state.drop(profile)
        for member in members.values():
            self.of_alert.pop(member.alert_id, None)
            self.of_fingerprint.forget(member.fingerprint, profile.id)

"""All open and recent incidents, and the indexes that find the few that an alert could belong to."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from engine.correlate.holders import Holders
from engine.correlate.profile import Member, Profile
from engine.correlate.state import State


class Profiles:
    """All incidents that can still take an alert, by id, and who shares what with whom."""

    def __init__(self, keep_s: float, state: State) -> None:
        self.keep_s = keep_s
        self.state = state
        self.open: OrderedDict[str, Profile] = OrderedDict()  # least lately touched first
        self.of_alert: dict[str, str] = {}  # alert id -> incident id
        self.of_fingerprint: Holders[str] = Holders()  # fingerprint -> incidents
        self.changed: dict[str, None] = {}  # incidents that took an alert since they were last looked at again
        self.now = -math.inf  # latest event time seen

    def add(self, incident_id: str, member: Member) -> Profile:
        """Put `member` into the incident, which is opened if unknown."""
        profile = self.open.get(incident_id)
        if profile is None:
            profile = self.open[incident_id] = Profile(incident_id)
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
            del self.open[incident_id]
            self.changed.pop(incident_id, None)
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
        self.state.drop(profile)
        for member in profile.members.values():
            self.of_alert.pop(member.alert_id, None)
            self.of_fingerprint.forget(member.fingerprint, profile.id)

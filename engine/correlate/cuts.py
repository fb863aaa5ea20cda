"""Incidents that look like two now: cut at a pause or along a field, both sides weighed like any pair of incidents."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from engine.correlate.constraints import Constraints
from engine.correlate.profile import Member, Profile
from engine.correlate.profiles import Profiles
from engine.correlate.repair import Merger, Revision

_PAUSES = 2  # longest pauses at which an incident is cut in thought
_FIELDS = ("service", "host")
_VALUES = 2  # commonest values of a field along which it is cut in thought
_MOST = 400  # members: a larger incident is no accident of one wrong decision, and costly to cut
_LEAST = 3
_NOT_AGAIN = 0.5  # log-odds by which two sides must miss being merged again


Side = Sequence[Member]


def cuts(profile: Profile) -> Iterator[tuple[Side, Side]]:
    """Ways to see an incident as two, each as (smaller, larger) side."""
    if not _LEAST <= len(profile.members) <= _MOST:
        return
    members = sorted(profile.members.values(), key=lambda member: (member.at, member.alert_id))
    for place in _pauses(members):
        yield _by_size(members[:place], members[place:])
    for name in _FIELDS:
        values = profile.inside.get(name, {})
        for value in sorted(values, key=lambda value: (-values[value], value))[:_VALUES] if len(values) > 1 else ():
            one = [member for member in members if (name, value) in member.reading.fields]
            yield _by_size(one, [member for member in members if (name, value) not in member.reading.fields])


def splits(profiles: Profiles, changed: Iterable[str], merger: Merger, kept: Constraints) -> Iterator[Revision]:
    """Incidents of `changed` that are two: the smaller side moves to a new one.

    Both what weighs cuts and what weighs pairs must say so, or the next look would merge them again.
    """
    for incident_id in changed if merger.two.weights else ():
        profile = profiles.open.get(incident_id)
        if profile is None or profile.closed_at < math.inf:
            continue
        apart, side = merger.repair.split_margin, None
        for small, large in cuts(profile):
            if not kept.pinned.isdisjoint(member.alert_id for member in small):
                continue
            found, again = merger.sides(small, large)
            if found > apart and again < -_NOT_AGAIN:
                apart, side = found, small
        if side is not None:
            for member in side:
                yield Revision(
                    alert_id=member.alert_id, from_incident=incident_id, to_incident="", beside=side[0].alert_id,
                    reason=f"its part of the incident stands apart: {apart:.1f} in log-odds for two",
                )  # fmt: skip


def _pauses(members: Sequence[Member]) -> list[int]:
    gaps = [(later.at - earlier.at, place) for place, (earlier, later) in enumerate(pairwise(members), start=1)]
    return [place for gap, place in sorted(gaps, key=lambda each: (-each[0], each[1]))[:_PAUSES] if gap > 0.0]


def _by_size(one: Side, other: Side) -> tuple[Side, Side]:
    return (one, other) if len(one) <= len(other) else (other, one)


def seen_apart(profile: Profile, side: Side) -> Profile:
    """One side of an incident as an incident of its own."""
    found = Profile(profile.id)
    for member in side:
        found.add(member)
    return found
